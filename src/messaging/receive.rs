//! An incoming message, in one turn: decrypt, keep the event, close the stanza. Reference 07 §2, §3.

use alloc::string::ToString;
use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::open::{Failure, Opened, open_all};
use super::source::{self, Source};
use super::{arrive, ignore, inbox, placeholder, retry_out, secrets, shown};
use crate::engine::{Stop, Turn};
use crate::event::Event;
use crate::limits::{PLACEHOLDER_AFTER_RETRY_S, PLACEHOLDER_WAIT_S, STATUS_LIFETIME_S};
use crate::records::Table;
use crate::stanza::{NackCode, ack, nack};
use crate::wire::{Node, NodeRef};

/// Handles `<message>` and `<appdata>`: exactly one of a receipt, an ack, or a retry receipt with an ack closes it.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let mut source = source::parse(cx, node)?;
    if ignore::is_ignored(cx, &source) {
        ack(cx, node);
        return Ok(());
    }
    if !inbox::has_room(cx) {
        return Ok(());
    }
    source.learn(cx)?;
    // What the outcome asks for comes with one load, before it: a turn that lacks a record runs again from its
    // start, and would decrypt again.
    let mut wanted: Vec<_> = shown::keys(cx, &source).into_iter().map(|key| (Table::Shown, key)).collect();
    wanted.push((Table::Retry, retry_out::key(&source)));
    wanted.push((Table::Secret, secrets::key(&source.sender, &source.id)));
    cx.prefetch(&wanted)?;
    source.complete(cx)?;
    if source.chat.is_newsletter() {
        return post(cx, node, source);
    }
    match open_all(cx, node, &source)? {
        Opened::Message(message) => arrived(cx, node, source, *message),
        Opened::Unreadable => {
            unreadable(cx, node);
            Ok(())
        }
        Opened::Seen => {
            close(cx, node, &source);
            Ok(())
        }
        Opened::Failed(enc, failure) => undecryptable(cx, node, &source, enc, &failure),
        Opened::Nothing => nothing(cx, node, &source),
    }
}

/// Handles `<status>`: posts of channels' stories; from anybody else it says nothing. Reference 07 §2.
pub(crate) fn status(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    if node.get_jid("from").is_some_and(|from| from.is_newsletter()) {
        return handle(cx, node);
    }
    cx.emit(Event::Unhandled { stanza: node.to_string() });
    ack(cx, node);
    Ok(())
}

/// A channel's post: not encrypted, not padded, never answered with a receipt.
fn post(cx: &mut Turn<'_>, node: NodeRef<'_>, source: Source) -> Result<(), Stop> {
    let Some(bytes) = node.find("plaintext").map(|plain| plain.content_bytes().unwrap_or_default()) else {
        return nothing(cx, node, &source);
    };
    let Ok(message) = Message::decode(&bytes[..]) else {
        unreadable(cx, node);
        return Ok(());
    };
    ack(cx, node);
    // An edited post comes again under its id.
    if source.details.edit.is_some() || !shown::is_shown(cx, &source)? {
        arrive::take(cx, source, message)?;
    }
    Ok(())
}

fn unreadable(cx: &mut Turn<'_>, node: NodeRef<'_>) {
    let error = "decrypted, but not a message".to_string();
    cx.emit(Event::Fault { error, stanza: Some(node.to_string()) });
    nack(cx, node, NackCode::InvalidProtobuf);
}

/// A decrypted message: the ratchet has moved on whatever comes out of it.
fn arrived(cx: &mut Turn<'_>, node: NodeRef<'_>, source: Source, message: Message) -> Result<(), Stop> {
    if shown::is_shown(cx, &source)? {
        close(cx, node, &source);
        return Ok(());
    }
    retry_out::forget(cx, &source)?;
    placeholder::cancel(cx, &source);
    close(cx, node, &source);
    arrive::take(cx, source, message)
}

/// The receipt that closes a message. Reference 07 §6.3.
fn close(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source) {
    let kind = match (source.peer, source.from_me) {
        (true, _) => Some("peer_msg"),
        (false, true) => Some("sender"),
        (false, false) if cx.memory.available => None,
        (false, false) => Some("inactive"),
    };
    let receipt = Node::new("receipt")
        .attr("id", source.id.clone())
        .attr_opt("to", node.value("from"))
        .attr_opt("type", kind)
        .attr_opt("participant", node.value("participant").filter(|_| source.many))
        .attr_opt("recipient", node.value("recipient").filter(|_| source.from_me));
    cx.send(&receipt);
}

fn undecryptable(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    enc: NodeRef<'_>,
    failure: &Failure,
) -> Result<(), Stop> {
    // A second copy of what was shown needs no repair.
    if shown::is_shown(cx, source)? {
        close(cx, node, source);
        return Ok(());
    }
    // Nobody could look at it any more.
    if source.chat.is_status() && age(cx, source) > STATUS_LIFETIME_S {
        ack(cx, node);
        return Ok(());
    }
    let count = enc.get_u64("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let hide = node.find_all("enc").any(|enc| enc.get("decrypt-fail").as_deref() == Some("hide"));
    // Bots answer no retry receipts.
    let reason = failure.reason.filter(|_| !source.sender.is_bot());
    let trouble = retry_out::Trouble { count, reason, error: &failure.error, hide, unavailable: None };
    match retry_out::request(cx, node, source, &trouble)? {
        retry_out::Asked::Later => return Ok(()),
        retry_out::Asked::TooOften => placeholder::want(cx, source, PLACEHOLDER_WAIT_S)?,
        // The sender may be away, or have lost it.
        retry_out::Asked::Sender => placeholder::want(cx, source, PLACEHOLDER_AFTER_RETRY_S)?,
        retry_out::Asked::Nobody => {}
    }
    match failure.nack {
        Some(code) => nack(cx, node, code),
        None => ack(cx, node),
    }
    Ok(())
}

/// A message without anything that could be opened. Reference 07 §3.7, §3.8.
fn nothing(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source) -> Result<(), Stop> {
    let Some(unavailable) = node.find("unavailable") else {
        let error = "message without content".to_string();
        cx.emit(Event::Fault { error, stanza: Some(node.to_string()) });
        nack(cx, node, NackCode::UnrecognizedStanza);
        return Ok(());
    };
    let kind = unavailable.get("type").unwrap_or_default();
    let meant = kind.ends_with("_unavailable_fanout");
    if !meant && !placeholder::is_too_old(cx, source.timestamp) && !shown::is_shown(cx, source)? {
        let trouble = retry_out::Trouble {
            count: 0,
            reason: None,
            error: "unavailable",
            hide: false,
            unavailable: Some(&kind),
        };
        if retry_out::request(cx, node, source, &trouble)? == retry_out::Asked::Later {
            return Ok(());
        }
        placeholder::want(cx, source, PLACEHOLDER_WAIT_S)?;
    }
    ack(cx, node);
    Ok(())
}

/// How long ago the server took the message, in seconds.
fn age(cx: &Turn<'_>, source: &Source) -> u64 {
    cx.now.unix.seconds().saturating_sub(source.timestamp)
}
