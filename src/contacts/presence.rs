//! Whether others are there: asking to be told, and being told. Reference 08 §7, 12 §4.

use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use crate::directory::{lid, tctoken};
use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::{Event, Presence};
use crate::limits::PRESENCE_SUBSCRIPTIONS;
use crate::ops::{Answer, CallId, Start};
use crate::stanza::parse;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// Asks to be told when somebody comes or goes ([`Event::Presence`]). It holds for the life of the client: every new
/// connection asks again, as the server forgets. Needs a connection only once there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribePresence {
    /// Who, or a group.
    pub to: OwnedJid,
}

/// Takes a subscription back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsubscribePresence {
    /// Who.
    pub from: OwnedJid,
}

impl Start for SubscribePresence {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let jid = self.to.bare().into_owned();
        let known = cx.memory.subscriptions.contains(&jid);
        if !known && cx.memory.subscriptions.len() >= PRESENCE_SUBSCRIPTIONS {
            cx.reply(call, Err(OpError::QueueFull));
            return Ok(());
        }
        if !(jid.is_pn() || jid.is_lid() || jid.is_group()) || jid.user().is_empty() {
            cx.reply(call, Err(OpError::Argument("neither a person nor a group".to_string())));
            return Ok(());
        }
        if cx.memory.phase == Phase::Ready {
            subscribe(cx, &jid)?;
        }
        cx.remember(move |memory| {
            memory.subscriptions.insert(jid);
        });
        cx.reply(call, Ok(Answer::SubscribePresence(())));
        Ok(())
    }
}

impl Start for UnsubscribePresence {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let jid = self.from.bare().into_owned();
        if cx.memory.subscriptions.contains(&jid) {
            if cx.memory.phase == Phase::Ready {
                cx.send(&Node::new("presence").attr("type", "unsubscribe").attr("to", jid.clone()));
            }
            cx.remember(move |memory| {
                memory.subscriptions.remove(&jid);
            });
        }
        cx.reply(call, Ok(Answer::UnsubscribePresence(())));
        Ok(())
    }
}

/// A new connection: the server has forgotten who we wanted to be told of.
pub(crate) fn resubscribe(cx: &mut Turn<'_>) -> Result<(), Stop> {
    for jid in cx.memory.subscriptions.clone() {
        subscribe(cx, &jid)?;
    }
    Ok(())
}

/// `<notification type=privacy_token>`: somebody trusts us now, and may let us see more than before.
pub(crate) fn token_came(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    tctoken::notified(cx, node)?;
    let Some(from) = node.get_jid("from").map(|from| from.bare().into_owned()) else { return Ok(()) };
    let alt = if cx.memory.subscriptions.is_empty() { None } else { lid::other_name(cx, &from)? };
    for name in core::iter::once(from).chain(alt) {
        if cx.memory.subscriptions.contains(&name) && cx.memory.phase == Phase::Ready {
            subscribe(cx, &name)?;
        }
    }
    Ok(())
}

/// `<presence>`: somebody came or went.
pub(crate) fn received(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let jid = parse::jid(node, "presence", "from")?.into_owned();
    cx.emit(Event::Presence(Presence {
        jid,
        available: node.get("type").as_deref() != Some("unavailable"),
        last_seen: node.get_u64("last").filter(|last| *last > 0),
        group_online: node.get_u64("count").and_then(|count| u32::try_from(count).ok()),
    }));
    Ok(())
}

fn subscribe(cx: &mut Turn<'_>, jid: &Jid<'_>) -> Result<(), Stop> {
    let token = tctoken::node_for(cx, jid)?.filter(|token| token.tag == "tctoken");
    let presence = Node::new("presence").attr("type", "subscribe").attr("to", jid.clone().into_owned());
    cx.send(&presence.children(token));
    Ok(())
}
