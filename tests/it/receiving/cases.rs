//! The facts of the reference's cases against the events of the client.

use core::fmt::Debug;

use prost::Message as _;
use sanswire::content::Content;
use sanswire::event::{Addressing, CallAction, CallEvent, ChatState, Event, Receipt, ReceiptKind, Received};
use sanswire::wire::{Jid, OwnedJid};
use sanswire_proto::whatsapp::Message;
use serde_json::Value;

use super::vectors::{DECISIONS, Played};
use crate::vectors::Case;

type Outcome = Result<(), String>;

/// Compares everything that the case says about what is told.
pub(super) fn facts(case: &Case, played: &Played) -> Outcome {
    let facts = &case.expected["facts"];
    match facts["kind"].as_str().unwrap_or_default() {
        "message" => message(case, facts, played),
        "receipt" => receipt(case, facts, played),
        "call" => call(facts, played),
        "presence" => presence(facts, played),
        "chatstate" => chat_state(facts, played),
        "notification" => notification(case, facts, played),
        "ack" | "ib" => nothing_but_lids(played),
        other => Err(format!("a case of unknown kind {other}")),
    }
}

fn is_decided(case: &Case) -> bool {
    DECISIONS.iter().any(|(name, _)| *name == case.name)
}

fn text<'a>(facts: &'a Value, key: &str) -> Option<&'a str> {
    facts.get(key).and_then(Value::as_str)
}

fn jid(text: &str) -> OwnedJid {
    if text == "@s.whatsapp.net" { Jid::SERVER } else { Jid::parse(text).unwrap().into_owned() }
}

fn same<T: PartialEq + Debug>(what: &str, actual: T, expected: T) -> Outcome {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, expected {expected:?}")) }
}

/// Events other than learnt pairs of names.
fn told(played: &Played) -> Vec<&Event> {
    let lid = |event: &&Event| !matches!(event, Event::Contact(sanswire::event::ContactEvent::Lid { .. }));
    played.events.iter().filter(lid).collect()
}

fn nothing_but_lids(played: &Played) -> Outcome {
    match told(played).first() {
        None => Ok(()),
        Some(event) => Err(format!("tells {event:?}")),
    }
}

fn message(case: &Case, facts: &Value, played: &Played) -> Outcome {
    if facts.get("invalid").is_some() {
        let faults = told(played).iter().filter(|event| matches!(event, Event::Fault { .. })).count();
        return same("faults", faults, 1);
    }
    let silent =
        facts["emitted"].as_bool() == Some(false) || case.name == "peer_key_share_spoofed_from_other";
    if silent {
        return nothing_but_lids(played);
    }
    if facts["undecryptable"].as_bool() == Some(true) || facts.get("unavailable").is_some() {
        let found = told(played).into_iter().find_map(|event| match event {
            Event::Undecryptable(event) => Some(event),
            _ => None,
        });
        let Some(event) = found else { return Err("not told that it cannot be read".into()) };
        same("chat", &event.chat, &jid(text(facts, "chat").unwrap()))?;
        same("sender", &event.sender, &jid(text(facts, "sender").unwrap()))?;
        same("timestamp", Some(event.timestamp), facts["timestamp"].as_u64())?;
        let unavailable =
            text(facts, "unavailable").or_else(|| (text(facts, "reason") == Some("absent")).then_some(""));
        return same("unavailable", event.unavailable.as_deref(), unavailable);
    }
    let found = told(played).into_iter().find_map(|event| match event {
        Event::Message(received) if Some(received.id.as_str()) == text(facts, "id") => Some(received),
        _ => None,
    });
    let Some(received) = found else { return Err(format!("no message: {:?}", played.events)) };
    envelope(facts, received)?;
    content(facts, received, played)
}

fn envelope(facts: &Value, received: &Received) -> Outcome {
    let details = &received.details;
    same("chat", &received.chat, &jid(text(facts, "chat").unwrap()))?;
    same("sender", &received.sender, &jid(text(facts, "sender").unwrap()))?;
    same("from_me", Some(received.from_me), facts["from_me"].as_bool())?;
    same("timestamp", Some(received.timestamp), facts["timestamp"].as_u64())?;
    same("push_name", received.push_name.as_deref(), text(facts, "push_name"))?;
    same("offline", received.offline, facts["offline"].as_bool().unwrap_or(false))?;
    let addressing =
        if text(facts, "addressing_mode") == Some("lid") { Addressing::Lid } else { Addressing::Pn };
    same("addressing", details.addressing, addressing)?;
    same("edit", details.edit.as_deref(), text(facts, "edit"))?;
    same("server_id", details.server_id, facts["server_id"].as_u64())?;
    same("verified_name", details.verified_name.as_deref(), text(facts, "verified_name"))?;
    same("retries", u64::from(details.retries), facts["retry_count"].as_u64().unwrap_or(0))?;
    same("peer", details.peer, text(facts, "category") == Some("peer"))?;
    if let Some(alt) = text(facts, "sender_alt").map(jid) {
        // The alternate has the sender's device, which the stanza leaves out.
        let ours = received.sender_alt.as_ref().map(|alt| alt.bare().into_owned());
        same("sender_alt", ours, Some(alt.bare().into_owned()))?;
    }
    if let Some(alt) = text(facts, "recipient_alt").map(jid) {
        same("chat_alt", received.chat_alt.clone(), Some(alt))?;
    }
    Ok(())
}

fn content(facts: &Value, received: &Received, played: &Played) -> Outcome {
    let expected = &facts["content"];
    let said = expected["conversation"].as_str().or_else(|| expected["extendedTextMessage"]["text"].as_str());
    if let Some(said) = said {
        let Content::Text(text) = &received.content else {
            return Err(format!("no text but {:?}", received.content));
        };
        same("text", text.body.as_str(), said)?;
    }
    if let Some(reaction) = expected.get("reactionMessage") {
        let Content::Reaction(told) = &received.content else {
            return Err(format!("no reaction but {:?}", received.content));
        };
        same("emoji", told.emoji.as_str(), reaction["text"].as_str().unwrap_or_default())?;
        same("target", Some(told.to.id.as_str()), reaction["key"]["id"].as_str())?;
        same("target from_me", Some(told.to.from_me), reaction["key"]["fromMe"].as_bool())?;
        let chat = told.to.chat.as_ref().map(ToString::to_string);
        same("target chat", chat.as_deref(), reaction["key"]["remoteJid"].as_str())?;
    }
    let protobuf = Message::decode(received.message.clone()).map_err(|error| error.to_string())?;
    let sent = played.plaintexts.iter().filter_map(|bytes| Message::decode(&bytes[..]).ok());
    let inner = sent.map(|sent| match sent.device_sent_message.as_deref() {
        Some(copy) => copy.message.as_deref().cloned().unwrap_or_default(),
        None => sent,
    });
    let mut inner = inner.filter(|inner| inner.sender_key_distribution_message.is_none()).peekable();
    let plain = inner.peek().is_none();
    if plain || inner.any(|inner| inner == protobuf) { Ok(()) } else { Err("another protobuf".into()) }
}

fn receipt(case: &Case, facts: &Value, played: &Played) -> Outcome {
    let found: Vec<&Receipt> = told(played)
        .into_iter()
        .filter_map(|event| if let Event::Receipt(receipt) = event { Some(receipt) } else { None })
        .collect();
    let kind = ReceiptKind::of(text(facts, "type"));
    let quiet = kind == ReceiptKind::Sender || text(facts, "type") == Some("retry");
    if quiet {
        assert!(is_decided(case), "{}", case.name);
        return nothing_but_lids(played);
    }
    let ids: Vec<&str> = facts["ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let users = facts["users"].as_array().cloned().unwrap_or_default();
    let by: Vec<(OwnedJid, u64)> = match users.is_empty() {
        true => vec![(jid(text(facts, "sender").unwrap()), facts["timestamp"].as_u64().unwrap())],
        false => {
            let user = |user: &Value| (jid(text(user, "jid").unwrap()), user["timestamp"].as_u64().unwrap());
            users.iter().map(user).collect()
        }
    };
    same("receipts", found.len(), by.len())?;
    for (receipt, (by, timestamp)) in found.into_iter().zip(by) {
        same("kind", &receipt.kind, &kind)?;
        same("chat", &receipt.chat, &jid(text(facts, "chat").unwrap()))?;
        same("by", &receipt.by, &by)?;
        same("from_me", Some(receipt.from_me), facts["from_me"].as_bool())?;
        same("ids", receipt.ids.iter().map(String::as_str).collect::<Vec<_>>(), ids.clone())?;
        same("timestamp", receipt.timestamp, timestamp)?;
    }
    Ok(())
}

fn call(facts: &Value, played: &Played) -> Outcome {
    if facts.get("invalid").is_some() {
        return nothing_but_lids(played);
    }
    let found = told(played).into_iter().find_map(|event| match event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    let Some(call) = found else { return Err("no call".into()) };
    same("call", Some(call.call.as_str()), text(facts, "call_id"))?;
    same("from", &call.from, &jid(text(facts, "from").unwrap()))?;
    same("creator", &call.creator, &jid(text(facts, "call_creator").unwrap()))?;
    same("alt", call.creator_alt.clone(), text(facts, "caller_pn").map(jid))?;
    same("group", call.group.clone(), text(facts, "group").map(jid))?;
    let is_group = facts["is_group"].as_bool().unwrap_or_else(|| facts.get("group").is_some());
    same("is_group", call.is_group, is_group)?;
    same("video", call.video, facts["video"].as_bool().unwrap_or(false))?;
    same("offline", Some(call.offline), facts["offline"].as_bool())?;
    same("timestamp", Some(call.timestamp), facts["timestamp"].as_u64())?;
    same("platform", call.platform.as_deref(), text(facts, "platform"))?;
    same("version", call.version.as_deref(), text(facts, "version"))?;
    same("action", action(call), text(facts, "action").unwrap())?;
    if let CallAction::Terminate { reason, duration_s, .. } = &call.action {
        same("reason", reason.as_deref(), text(facts, "reason"))?;
        same("duration", *duration_s, facts["duration"].as_u64())?;
    }
    let rings = played.sent.iter().any(|node| node.find("offer").is_some());
    same("rings", rings, call.action == CallAction::Offer)
}

fn action(call: &CallEvent) -> &str {
    match &call.action {
        CallAction::Offer => "offer",
        CallAction::OfferNotice => "offer_notice",
        CallAction::PreAccept => "preaccept",
        CallAction::Accept => "accept",
        CallAction::Reject => "reject",
        CallAction::Transport => "transport",
        CallAction::RelayLatency { .. } => "relaylatency",
        CallAction::Terminate { .. } => "terminate",
        _ => "other",
    }
}

fn presence(facts: &Value, played: &Played) -> Outcome {
    let [Event::Presence(presence)] = told(played)[..] else { return Err("not one presence".into()) };
    same("from", &presence.jid, &jid(text(facts, "from").unwrap()))?;
    same("available", Some(presence.available), facts["available"].as_bool())?;
    same("last_seen", presence.last_seen, facts["last_seen"].as_u64())?;
    same("online", presence.group_online.map(u64::from), facts["group_online_count"].as_u64())
}

fn chat_state(facts: &Value, played: &Played) -> Outcome {
    let [Event::ChatState(changed)] = told(played)[..] else { return Err("not one chat state".into()) };
    let state = match changed.state {
        ChatState::Composing => "composing",
        ChatState::Recording => "recording",
        _ => "paused",
    };
    same("state", Some(state), text(facts, "state"))?;
    same("chat", &changed.chat, &jid(text(facts, "chat").unwrap()))?;
    same("sender", &changed.sender, &jid(text(facts, "sender").unwrap()))
}

/// Cases that say nothing to an application.
const SILENT: &[&str] = &[
    "notif_prekey_low",
    "notif_prekey_enough",
    "notif_identity_change_companion",
    "notif_identity_change_self",
    "notif_mex_bad_json",
    "notif_privacy_token",
];

/// Each notification has one event, or none for a reason; its users, times and texts are in the snapshot.
fn notification(case: &Case, facts: &Value, played: &Played) -> Outcome {
    if SILENT.contains(&case.name.as_str()) {
        return nothing_but_lids(played);
    }
    let [event] = told(played)[..] else { return Err(format!("tells {:?}", told(played))) };
    if let Event::Group(change) = event {
        same("group", &change.group, &jid(text(facts, "group").unwrap()))?;
        same("actor", change.actor.clone(), text(facts, "actor").map(jid))?;
        let alt = text(facts, "actor_pn").map(jid).filter(|alt| Some(alt) != change.actor.as_ref());
        same("actor_alt", change.actor_alt.clone(), alt)?;
        let json = serde_json::to_string(&change.change).unwrap();
        for member in facts["participants"].as_array().into_iter().flatten() {
            let name = text(member, "jid").unwrap();
            assert!(json.contains(name), "{}: no {name} in {json}", case.name);
        }
        return same("timestamp", Some(change.timestamp), facts["timestamp"].as_u64());
    }
    let raw = matches!(event, Event::Unhandled { .. });
    same("raw", raw, case.name == "notif_unknown_type")
}
