//! Who writes or records: telling others, and being told. Reference 08 §7, 12 §4.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::{ChatState, ChatStateChanged, Event};
use crate::limits::{CHAT_STATE_BYTES, CHAT_STATE_S, CHAT_STATES};
use crate::messaging::source;
use crate::ops::{Answer, CallId, Start};
use crate::stanza::parse;
use crate::timer::Timer;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// Tells a conversation that the user writes, records, or stopped. Say it again every ten seconds or so while it goes
/// on, and [`ChatState::Paused`] at its end. Nothing is told while there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendChatState {
    /// The conversation.
    pub chat: OwnedJid,
    /// What the user does.
    pub state: ChatState,
}

impl Start for SendChatState {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        if !(self.chat.is_pn() || self.chat.is_lid() || self.chat.is_group()) {
            cx.reply(call, Err(OpError::Argument("neither a person nor a group".to_string())));
            return Ok(());
        }
        if cx.memory.phase != Phase::Ready {
            cx.reply(call, Err(OpError::Disconnected));
            return Ok(());
        }
        let state = match self.state {
            ChatState::Composing => Node::new("composing"),
            ChatState::Recording => Node::new("composing").attr("media", "audio"),
            ChatState::Paused => Node::new("paused"),
        };
        cx.send(&Node::new("chatstate").attr("to", self.chat.bare().into_owned()).child(state));
        cx.reply(call, Ok(Answer::SendChatState(())));
        Ok(())
    }
}

/// `<chatstate>`. One without sender is the echo of our own.
pub(crate) fn received(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    if !node.has("from") {
        return Ok(());
    }
    let from = parse::jid(node, "chatstate", "from")?.into_owned();
    let Some(child) = node.first() else { return Ok(()) };
    let state = match child.tag().as_ref() {
        "composing" if child.get("media").as_deref() == Some("audio") => ChatState::Recording,
        "composing" => ChatState::Composing,
        _ => ChatState::Paused,
    };
    let sender = node.get_jid("participant").map_or_else(|| from.clone(), Jid::into_owned);
    let chat = source::person(&from);
    watch(cx, &chat, &sender, state);
    cx.emit(Event::ChatState(ChatStateChanged { chat, sender, state, expired: false }));
    Ok(())
}

/// Whoever goes away while writing does not say that they stopped.
fn watch(cx: &mut Turn<'_>, chat: &OwnedJid, sender: &OwnedJid, state: ChatState) {
    let key = (chat.clone(), sender.clone());
    let known = cx.memory.writing.contains_key(&key);
    let long = chat.user().len() + sender.user().len() > CHAT_STATE_BYTES;
    if state == ChatState::Paused {
        if known {
            if cx.memory.writing.len() == 1 {
                cx.disarm(Timer::ChatStates);
            }
            cx.remember(move |memory| {
                memory.writing.remove(&key);
            });
        }
    } else if known || (cx.memory.writing.len() < CHAT_STATES && !long) {
        let life = Duration::from_secs(CHAT_STATE_S);
        if cx.memory.writing.is_empty() {
            cx.arm(Timer::ChatStates, life);
        }
        let until = cx.now.mono.after(life);
        cx.remember(move |memory| {
            memory.writing.insert(key, until);
        });
    }
}

/// The time of some who were writing may be over.
pub(crate) fn expired(cx: &mut Turn<'_>) {
    let now = cx.now.mono;
    let (over, rest): (Vec<_>, Vec<_>) = cx.memory.writing.iter().partition(|(_, until)| **until <= now);
    let over: Vec<_> = over.into_iter().map(|(key, _)| key.clone()).collect();
    if let Some(first) = rest.iter().map(|(_, until)| **until).min() {
        cx.arm(Timer::ChatStates, first.since(now));
    }
    for (chat, sender) in over {
        let key = (chat.clone(), sender.clone());
        cx.remember(move |memory| {
            memory.writing.remove(&key);
        });
        cx.emit(Event::ChatState(ChatStateChanged { chat, sender, state: ChatState::Paused, expired: true }));
    }
}
