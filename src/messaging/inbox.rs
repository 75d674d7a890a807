//! Events that are kept until the application confirms them. Reference 07 §7.2.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::{InboxEntry, ProgressEntry, ReceivedEntry};
use sanswire_proto::whatsapp::Message;

use serde::Serialize;

use super::{perspective, placeholder, receipts, retry_out, secrets, shown};
use crate::content::{self, View};
use crate::directory::tctoken;
use crate::engine::{Stop, Turn, Work};
use crate::error::OpError;
use crate::event::{Details, Event, EventId, Received, SendProgress, SendState};
use crate::limits::{INBOX_EVENTS, PRUNE_EVERY_S};
use crate::records::{Record, Table};
use crate::timer::Timer;
use crate::wire::{Jid, OwnedJid};

impl Record for InboxEntry {
    const TABLE: Table = Table::Inbox;
}

/// Whether the application has left so much unconfirmed that nothing more is taken from the server.
pub(crate) const fn is_full(cx: &Turn<'_>) -> bool {
    cx.memory.unseen >= INBOX_EVENTS
}

/// Whether there is room for what a stanza may have to tell. Without, the stanza is to be left unclosed: the server
/// keeps it, and sends it again on the next connection. What comes after it is left as well, room or not: it would be
/// shown before it otherwise.
pub(crate) fn has_room(cx: &mut Turn<'_>) -> bool {
    if cx.memory.left_behind {
        return false;
    }
    if is_full(cx) {
        cx.emit(Event::Fault { error: "inbox is full".to_string(), stanza: None });
        cx.remember(|memory| memory.left_behind = true);
        return false;
    }
    true
}

/// Hands an event out, durable in the same batch; events without a stored form are handed out only.
pub(crate) fn keep(cx: &mut Turn<'_>, event: Event) {
    let id = cx.new_event_id();
    if let Some(entry) = to_entry(&event, cx.now.unix.0) {
        cx.put(&id.0.to_be_bytes(), &entry);
        cx.remember(|memory| memory.unseen = memory.unseen.saturating_add(1));
    }
    cx.emit_as(id, false, event);
}

/// Hands out again what the application did not confirm before the last client of this storage ended.
pub(crate) fn recover(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let kept = cx.scan(Table::Inbox, &[], INBOX_EVENTS)?;
    if !kept.is_empty() {
        // Another process over this storage must not confirm what is handed out here again.
        cx.fence();
    }
    for (key, value) in kept {
        let Ok(id) = <[u8; 8]>::try_from(key.as_slice()) else { continue };
        let event = InboxEntry::from_record(value).ok().and_then(from_entry);
        match event {
            Some(event) => {
                cx.emit_as(EventId(u64::from_be_bytes(id)), true, event);
                cx.remember(|memory| memory.unseen = memory.unseen.saturating_add(1));
            }
            // Unreadable: nothing can be handed out, and it would stay for ever.
            None => cx.delete(Table::Inbox, &key),
        }
    }
    cx.arm(Timer::Prune, Duration::from_secs(PRUNE_EVERY_S));
    Ok(())
}

/// The application confirmed an event.
pub(crate) fn seen(cx: &mut Turn<'_>, event: EventId) -> Result<(), Stop> {
    let key = event.0.to_be_bytes();
    // Events that are not kept have no record: then there is nothing to write.
    if cx.get::<InboxEntry>(&key)?.is_some() {
        cx.delete(Table::Inbox, &key);
        cx.remember(|memory| memory.unseen = memory.unseen.saturating_sub(1));
        if cx.memory.left_behind && cx.memory.unseen <= INBOX_EVENTS / 2 {
            // The server sends what was left there only on a new connection.
            cx.remember(|memory| memory.left_behind = false);
            cx.schedule(Work::Reconnect);
        }
    }
    Ok(())
}

/// Drops old marks now and then.
pub(crate) fn prune(cx: &mut Turn<'_>) -> Result<(), Stop> {
    placeholder::prune(cx)?;
    let more = shown::prune(cx)?
        | retry_out::prune(cx)?
        | secrets::prune(cx)?
        | tctoken::prune(cx)?
        | receipts::prune(cx)?;
    cx.arm(Timer::Prune, Duration::from_secs(if more { 1 } else { PRUNE_EVERY_S }));
    Ok(())
}

fn to_entry(event: &Event, now_ms: u64) -> Option<InboxEntry> {
    let mut entry = InboxEntry { created_unix_ms: Some(now_ms), ..InboxEntry::default() };
    match event {
        Event::Message(received) => {
            entry.received = Some(ReceivedEntry {
                id: Some(received.id.clone()),
                chat: Some(received.chat.to_string()),
                sender: Some(received.sender.to_string()),
                sender_alt: received.sender_alt.as_ref().map(ToString::to_string),
                from_me: Some(received.from_me),
                timestamp: Some(received.timestamp),
                push_name: received.push_name.clone(),
                offline: Some(received.offline),
                message: Some(received.message.clone()),
                chat_alt: received.chat_alt.as_ref().map(ToString::to_string),
                details: Some(&*received.details).filter(|it| **it != Details::default()).and_then(to_json),
                view: if perspective::changes(received) { to_json(&view_of(received)) } else { None },
            });
        }
        Event::Send(progress) => entry.progress = Some(progress_entry(progress)?),
        other if other.is_kept() => entry.event = Some(serde_json::to_vec(other).ok()?.into()),
        _ => return None,
    }
    Some(entry)
}

fn from_entry(entry: InboxEntry) -> Option<Event> {
    if let Some(stored) = entry.received {
        return from_received(stored).map(Event::Message);
    }
    if let Some(event) = entry.event {
        return serde_json::from_slice(&event).ok();
    }
    entry.progress.and_then(from_progress).map(Event::Send)
}

fn from_received(stored: ReceivedEntry) -> Option<Received> {
    let message = stored.message.unwrap_or_default();
    let view = match &stored.view {
        Some(view) => serde_json::from_slice(view).ok()?,
        None => read(&message),
    };
    let details = match &stored.details {
        Some(details) => serde_json::from_slice(details).ok()?,
        None => Details::default(),
    };
    Some(Received {
        id: stored.id?,
        chat: jid(stored.chat.as_deref()?)?,
        chat_alt: stored.chat_alt.as_deref().and_then(jid),
        sender: jid(stored.sender.as_deref()?)?,
        sender_alt: stored.sender_alt.as_deref().and_then(jid),
        from_me: stored.from_me.unwrap_or(false),
        timestamp: stored.timestamp.unwrap_or(0),
        push_name: stored.push_name,
        offline: stored.offline.unwrap_or(false),
        content: view.content,
        context: view.context,
        flags: view.flags,
        details: Box::new(details),
        message,
    })
}

/// What follows from the message alone.
fn read(message: &Bytes) -> View {
    content::read(&Message::decode(message.clone()).unwrap_or_default())
}

fn view_of(received: &Received) -> View {
    View {
        content: received.content.clone(),
        context: received.context.clone(),
        flags: received.flags.clone(),
    }
}

fn to_json<T: Serialize>(value: &T) -> Option<Bytes> {
    serde_json::to_vec(value).ok().map(Bytes::from)
}

fn progress_entry(progress: &SendProgress) -> Option<ProgressEntry> {
    let mut entry = ProgressEntry {
        id: Some(progress.id.clone()),
        chat: Some(progress.chat.to_string()),
        ..ProgressEntry::default()
    };
    let names = |devices: &[OwnedJid]| devices.iter().map(ToString::to_string).collect::<Vec<String>>();
    let (state, timestamp, devices) = match &progress.state {
        SendState::Acked { timestamp, skipped } => (ACKED, *timestamp, names(skipped)),
        SendState::Delivered { by, timestamp } => (DELIVERED, *timestamp, names(core::slice::from_ref(by))),
        SendState::Read { by, timestamp } => (READ, *timestamp, names(core::slice::from_ref(by))),
        SendState::Played { by, timestamp } => (PLAYED, *timestamp, names(core::slice::from_ref(by))),
        SendState::Failed { error } => {
            (entry.failure, entry.code, entry.text) = failure_entry(error);
            (FAILED, 0, Vec::new())
        }
        SendState::Queued | SendState::Written => return None,
    };
    (entry.state, entry.timestamp, entry.devices) = (Some(state), Some(timestamp), devices);
    Some(entry)
}

fn from_progress(entry: ProgressEntry) -> Option<SendProgress> {
    let timestamp = entry.timestamp.unwrap_or(0);
    let mut devices = entry.devices.iter().filter_map(|device| jid(device));
    let state = match entry.state? {
        ACKED => SendState::Acked { timestamp, skipped: devices.collect() },
        DELIVERED => SendState::Delivered { by: devices.next()?, timestamp },
        READ => SendState::Read { by: devices.next()?, timestamp },
        PLAYED => SendState::Played { by: devices.next()?, timestamp },
        FAILED => SendState::Failed { error: from_failure(entry.failure?, entry.code, entry.text) },
        _ => return None,
    };
    Some(SendProgress { id: entry.id?, chat: jid(entry.chat.as_deref()?)?, call: None, state })
}

fn failure_entry(error: &OpError) -> (Option<u32>, Option<u32>, Option<String>) {
    match error {
        OpError::NoDevice => (Some(0), None, None),
        OpError::Refused { code, text, .. } => (Some(1), Some(*code), Some(text.clone())),
        OpError::TimedOut => (Some(2), None, None),
        OpError::NotLoggedIn => (Some(4), None, None),
        other => (Some(3), None, Some(other.to_string())),
    }
}

fn from_failure(failure: u32, code: Option<u32>, text: Option<String>) -> OpError {
    let text = text.unwrap_or_default();
    match failure {
        0 => OpError::NoDevice,
        1 => OpError::Refused { code: code.unwrap_or(0), text, retry_after_s: None },
        2 => OpError::TimedOut,
        4 => OpError::NotLoggedIn,
        _ => OpError::Malformed(text),
    }
}

fn jid(text: &str) -> Option<OwnedJid> {
    Jid::parse(text).ok().map(Jid::into_owned)
}

const ACKED: u32 = 1;
const FAILED: u32 = 2;
const DELIVERED: u32 = 3;
const READ: u32 = 4;
const PLAYED: u32 = 5;
