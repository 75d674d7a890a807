//! `<call>`: what happens to calls, and which of them ring. Reference 08 §8, 13 §5.

use alloc::string::{String, ToString};
use core::time::Duration;

use crate::engine::{Ringing, Stop, Turn};
use crate::event::{CallAction, CallEvent, Event};
use crate::limits::{CALL_REMEMBERED_S, CALLS_REMEMBERED};
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// Handles the signal: an offer is answered with a receipt, which tells the caller that it rings here.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "call", "from")?.into_owned();
    let Some(child) = node.first() else { return Ok(()) };
    let Some(call) = child.get("call-id").filter(|call| !call.is_empty()).map(|call| call.into_owned())
    else {
        cx.emit(Event::Unhandled { stanza: node.to_string() });
        return Ok(());
    };
    let creator = child
        .get_jid("call-creator")
        .or_else(|| child.get_jid("from"))
        .map_or_else(|| from.clone(), Jid::into_owned);
    let known = cx.memory.calls.get(&call).cloned();
    let tag = child.tag().into_owned();
    let offered = matches!(tag.as_str(), "offer" | "offer_notice");
    let alt = child.get_jid("caller_pn").or_else(|| child.get_jid("caller_lid")).map(Jid::into_owned);
    let said_group = child.has("group-jid") || child.get("type").as_deref() == Some("group");
    let said_video = child.find("video").is_some() || child.get("media").as_deref() == Some("video");
    let offline = node.has("offline") || node.get("e").as_deref() == Some("1");
    let now = Ringing {
        at: cx.now.mono,
        video: said_video || known.as_ref().is_some_and(|known| known.video),
        is_group: said_group || known.as_ref().is_some_and(|known| known.is_group),
        group: child.get_jid("group-jid").map(Jid::into_owned).or_else(|| known.as_ref()?.group.clone()),
        creator_alt: alt.or_else(|| known.as_ref()?.creator_alt.clone()),
    };
    let action = action(&tag, child, offline, known.is_some());
    let text = |name: &str| node.get(name).filter(|value| !value.is_empty()).map(|value| value.into_owned());
    if tag == "offer" {
        ring(cx, node, &call, &creator);
    }
    let over = matches!(action, CallAction::Accept | CallAction::Reject | CallAction::Terminate { .. });
    let event = CallEvent {
        call: call.clone(),
        from,
        creator,
        creator_alt: now.creator_alt.clone(),
        group: now.group.clone(),
        is_group: now.is_group,
        video: now.video,
        timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
        offline,
        push_name: text("notify"),
        platform: text("platform"),
        version: text("version"),
        action,
    };
    remember(cx, call, now, offered, over);
    inbox::keep(cx, Event::Call(event));
    Ok(())
}

fn action(tag: &str, child: NodeRef<'_>, offline: bool, rang: bool) -> CallAction {
    match tag {
        "offer" => CallAction::Offer,
        "offer_notice" => CallAction::OfferNotice,
        "preaccept" => CallAction::PreAccept,
        "accept" => CallAction::Accept,
        "reject" => CallAction::Reject,
        "transport" => CallAction::Transport,
        "relaylatency" => {
            let latency =
                ["latency", "latency_ms", "latency-ms"].into_iter().find_map(|key| child.get_u64(key));
            CallAction::RelayLatency { latency }
        }
        "terminate" => {
            let reason = child.get("reason").map(|reason| reason.into_owned());
            // Heard of only afterwards, or rung without anybody taking it.
            let missed = reason.as_deref() == Some("timeout") && (rang || offline);
            CallAction::Terminate { missed, duration_s: child.get_u64("duration"), reason }
        }
        other => CallAction::Other { name: other.into() },
    }
}

/// Tells the caller that it rings, under the address that the caller used.
fn ring(cx: &mut Turn<'_>, node: NodeRef<'_>, call: &str, creator: &OwnedJid) {
    let (Some(id), Some(from)) = (node.get("id"), node.value("from")) else { return };
    let Some(me) = &cx.memory.me else { return };
    let own = if creator.is_lid() { me.lid.clone().unwrap_or_else(|| me.pn.clone()) } else { me.pn.clone() };
    let offer = Node::new("offer").attr("call-id", String::from(call)).attr("call-creator", creator.clone());
    let receipt = Node::new("receipt").attr("to", from).attr("id", id).attr("from", own);
    cx.send(&receipt.child(offer));
}

/// Keeps what an offer said for what follows it; the oldest go when there are too many.
fn remember(cx: &mut Turn<'_>, call: String, ringing: Ringing, offered: bool, over: bool) {
    let now = cx.now.mono;
    cx.remember(move |memory| {
        let limit = Duration::from_secs(CALL_REMEMBERED_S);
        memory.calls.retain(|_, known| now.since(known.at) < limit);
        if over {
            memory.calls.remove(&call);
        } else if offered || memory.calls.contains_key(&call) {
            memory.calls.insert(call, ringing);
        }
        while memory.calls.len() > CALLS_REMEMBERED {
            let oldest = memory.calls.iter().min_by_key(|(_, known)| known.at).map(|(call, _)| call.clone());
            let Some(oldest) = oldest else { break };
            memory.calls.remove(&oldest);
        }
    });
}
