//! Messages on their way out: each step depends only on records, so that it can be taken again.
//! Reference 05 §1, §9.
//!
//! ```text
//! queued -> (devices known) -> (sessions known) -> sealed + written -> acked -> kept for retries
//!                 |                   |                     |
//!              ask usync          ask bundles        resent as it is after a reconnect
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::{OutboxEntry, SentIndex, SentMessage};

use super::recipients::{self, Recipients};
use super::{fanout, inbox, own_event, send, state};
use crate::content;
use crate::directory::{devices, tctoken};
use crate::engine::{PendingSend, Phase, Stop, Turn, Work};
use crate::error::{OpError, Refusal};
use crate::event::{Event, SendProgress, SendState};
use crate::limits::{OUTBOX_MESSAGES, SENT_MESSAGES};
use crate::records::{Record, RecordError, Table};
use crate::timer::Timer;
use crate::wire::{Jid, NodeRef, OwnedJid};

impl Record for OutboxEntry {
    const TABLE: Table = Table::Outbox;
}

impl Record for SentMessage {
    const TABLE: Table = Table::Sent;
}

impl Record for SentIndex {
    const TABLE: Table = Table::SentId;
}

/// Finds the messages that were not acked when the last client of this storage ended. Those of an older copy that
/// was put back end here: they may have been sent, or given up, since the copy was made.
pub(crate) fn recover(cx: &mut Turn<'_>, restored: bool) -> Result<(), Stop> {
    let limit = u32::try_from(OUTBOX_MESSAGES).unwrap_or(u32::MAX);
    let mut pending = Vec::new();
    for (key, value) in cx.scan(Table::Outbox, &[], limit)? {
        let seq = <[u8; 8]>::try_from(key.as_slice()).ok().map(u64::from_be_bytes);
        let entry = OutboxEntry::from_record(value).ok();
        let (Some(seq), Some((id, chat))) = (seq, entry.and_then(names)) else {
            // Nothing can be sent from it, and it would be in the way for ever.
            let error = RecordError::malformed(Table::Outbox).to_string();
            cx.emit(Event::Fault { error, stanza: None });
            cx.delete(Table::Outbox, &key);
            continue;
        };
        let found = PendingSend { id, chat, call: None, written: None, tries: 0 };
        if restored {
            failed(cx, seq, &found, OpError::StorageRestored)?;
        } else {
            pending.push((seq, found));
        }
    }
    cx.remember(move |memory| memory.outbox.extend(pending));
    Ok(())
}

/// Sends again everything that has no ack yet, in order: a new connection is ready, and its offline queue has
/// told what changed meanwhile.
pub(crate) fn resume(cx: &mut Turn<'_>) {
    let waiting: Vec<u64> = cx.memory.outbox.keys().copied().collect();
    cx.remember(|memory| {
        for pending in memory.outbox.values_mut() {
            pending.written = None;
        }
    });
    for seq in waiting {
        cx.schedule(Work::Advance(seq));
    }
}

/// Takes the next step with one message. Does nothing when it is not its turn.
pub(crate) fn advance(cx: &mut Turn<'_>, seq: u64) -> Result<(), Stop> {
    let Some(pending) = cx.memory.outbox.get(&seq).cloned() else { return Ok(()) };
    let ready = cx.memory.phase == Phase::Ready && cx.memory.offline_done;
    if !ready || pending.written.is_some() || !is_first(cx, seq, &pending.chat) {
        return Ok(());
    }
    let Some(mut entry) = cx.get::<OutboxEntry>(&seq.to_be_bytes())? else { return Ok(()) };
    if let Some(stanza) = &entry.stanza {
        let stanza = stanza.to_vec();
        written(cx, seq, &pending, stanza);
        return Ok(());
    }
    let recipients = match recipients::resolve(cx, &pending.chat)? {
        Recipients::Known(recipients) => recipients,
        Recipients::Asked => return Ok(()),
    };
    match fanout::seal(cx, &entry, &recipients)? {
        fanout::Sealed::Stanza { bytes, skipped } => {
            entry.stanza = Some(bytes.clone().into());
            entry.skipped_devices = skipped.iter().map(ToString::to_string).collect();
            entry.destination = Some(recipients.destination.to_string());
            put(cx, seq, &entry);
            written(cx, seq, &pending, bytes);
            Ok(())
        }
        fanout::Sealed::Asked => Ok(()),
        fanout::Sealed::Nobody => failed(cx, seq, &pending, OpError::NoDevice),
    }
}

/// The server took a message, or refused it. Reference 05 §9.
pub(crate) fn acked(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(id) = node.get("id").filter(|_| node.get("class").as_deref() == Some("message")) else {
        return Ok(());
    };
    let Some(seq) = cx.get::<SentIndex>(id.as_bytes())?.and_then(|known| known.sequence) else {
        return Ok(());
    };
    let Some(pending) = cx.memory.outbox.get(&seq).cloned() else { return Ok(()) };
    let Some(entry) = cx.get::<OutboxEntry>(&seq.to_be_bytes())? else { return Ok(()) };
    if node.has("error") && node.get("error").as_deref() != Some("0") {
        let code = node.get_u64("error").and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
        let text = node.get("error").unwrap_or_default().into_owned();
        if Refusal::of(code) == Refusal::Restricted {
            tctoken::issue_now(cx, &pending.chat)?;
        }
        return failed(cx, seq, &pending, OpError::Refused { code, text, retry_after_s: None });
    }
    if node.has("phash") {
        // Somebody's devices changed: the next send asks again. Reference 05 §9.
        forget_devices(cx, &entry, &pending.chat);
    }
    if entry.message.as_ref().is_some_and(|message| !content::is_protocol(message)) {
        tctoken::issue_if_due(cx, &pending.chat)?;
    }
    let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    let skipped =
        entry.skipped_devices.iter().filter_map(|text| Jid::parse(text).ok()).map(Jid::into_owned).collect();
    cx.delete(Table::Outbox, &seq.to_be_bytes());
    let kept = SentMessage {
        id: entry.id,
        chat: entry.chat,
        destination: entry.destination,
        message: entry.message,
        created_unix_ms: entry.created_unix_ms,
        acked_unix_s: Some(timestamp),
    };
    if forget_oldest(cx, seq)? > seq {
        // So late that those after it are gone already: it would never be dropped.
        cx.delete(Table::SentId, pending.id.as_bytes());
    } else {
        cx.put(&seq.to_be_bytes(), &kept);
    }
    done(cx, seq, &pending, SendState::Acked { timestamp, skipped }, Ok(timestamp));
    own_event::keep(cx, pending.id, &pending.chat, kept.message.as_ref(), timestamp);
    Ok(())
}

/// Writes again what the server did not ack in time; gives up after
/// [`Config::send_tries`](crate::Config::send_tries).
pub(crate) fn overdue(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let limit = cx.config.timing.ack();
    let now = cx.now.mono;
    let late = |pending: &PendingSend| pending.written.is_some_and(|at| now.since(at) >= limit);
    let overdue: Vec<_> = cx
        .memory
        .outbox
        .iter()
        .filter(|(_, pending)| late(pending))
        .map(|(seq, p)| (*seq, p.clone()))
        .collect();
    for (seq, pending) in overdue {
        if pending.tries + 1 >= cx.config.send_tries {
            failed(cx, seq, &pending, OpError::TimedOut)?;
            continue;
        }
        cx.remember(move |memory| {
            if let Some(pending) = memory.outbox.get_mut(&seq) {
                pending.written = None;
                pending.tries += 1;
            }
        });
        cx.schedule(Work::Advance(seq));
    }
    if cx.memory.outbox.values().any(|pending| pending.written.is_some()) {
        cx.arm(Timer::Outbox, limit);
    }
    Ok(())
}

/// Fails every queued message to a user whose devices cannot be found out; when those are our own, all that
/// is not written, as each goes to them too.
pub(crate) fn fail_all(cx: &mut Turn<'_>, users: &[OwnedJid], error: &OpError) -> Result<(), Stop> {
    let ours = users.iter().any(|user| cx.is_me(user));
    let concerned: Vec<_> = cx.memory.outbox.iter().map(|(seq, pending)| (*seq, pending.clone())).collect();
    for (seq, pending) in concerned {
        let other = crate::directory::lid::other_name(cx, &pending.chat)?;
        let named = |user: &OwnedJid| {
            user.same_user(&pending.chat) || other.as_ref().is_some_and(|other| user.same_user(other))
        };
        if pending.written.is_none() && (ours || users.iter().any(named)) {
            failed(cx, seq, &pending, error.clone())?;
        }
    }
    Ok(())
}

/// Looks again at everything that waits: what it waited for has come.
pub(crate) fn wake(cx: &mut Turn<'_>) {
    let waiting: Vec<u64> = cx
        .memory
        .outbox
        .iter()
        .filter(|(_, pending)| pending.written.is_none())
        .map(|(seq, _)| *seq)
        .collect();
    for seq in waiting {
        cx.schedule(Work::Advance(seq));
    }
}

/// Writes an entry.
pub(super) fn put(cx: &mut Turn<'_>, seq: u64, entry: &OutboxEntry) {
    cx.put(&seq.to_be_bytes(), entry);
}

/// The id of an entry, and its conversation as the application named it.
fn names(entry: OutboxEntry) -> Option<(String, OwnedJid)> {
    let chat = Jid::parse(entry.chat.as_deref()?).ok()?.into_owned();
    Some((entry.id?, chat))
}

/// Whether no earlier message to the chat waits unwritten: order per chat is kept.
fn is_first(cx: &Turn<'_>, seq: u64, chat: &OwnedJid) -> bool {
    !cx.memory.outbox.range(..seq).any(|(_, earlier)| earlier.written.is_none() && earlier.chat == *chat)
}

fn written(cx: &mut Turn<'_>, seq: u64, pending: &PendingSend, stanza: Vec<u8>) {
    cx.send_encoded(stanza);
    let now = cx.now.mono;
    cx.remember(move |memory| {
        if let Some(pending) = memory.outbox.get_mut(&seq) {
            pending.written = Some(now);
        }
    });
    if !cx.memory.outbox.values().any(|pending| pending.written.is_some()) {
        cx.arm(Timer::Outbox, cx.config.timing.ack());
    }
    progress(cx, pending, SendState::Written);
    advance_next(cx, seq, &pending.chat);
}

fn failed(cx: &mut Turn<'_>, seq: u64, pending: &PendingSend, error: OpError) -> Result<(), Stop> {
    cx.delete(Table::Outbox, &seq.to_be_bytes());
    cx.delete(Table::SentId, pending.id.as_bytes());
    done(cx, seq, pending, SendState::Failed { error: error.clone() }, Err(error));
    Ok(())
}

/// The end of a message's way out: a kept event, the reply, and the next message's turn.
fn done(cx: &mut Turn<'_>, seq: u64, pending: &PendingSend, state: SendState, result: Result<u64, OpError>) {
    let event =
        SendProgress { id: pending.id.clone(), chat: pending.chat.clone(), call: pending.call, state };
    inbox::keep(cx, Event::Send(event));
    if let Some(call) = pending.call {
        cx.reply(call, result.map(|timestamp| send::answer(pending.id.clone(), timestamp)));
    }
    cx.remember(move |memory| {
        memory.outbox.remove(&seq);
    });
    advance_next(cx, seq, &pending.chat);
}

fn progress(cx: &mut Turn<'_>, pending: &PendingSend, state: SendState) {
    let event =
        SendProgress { id: pending.id.clone(), chat: pending.chat.clone(), call: pending.call, state };
    cx.emit(Event::Send(event));
}

fn advance_next(cx: &mut Turn<'_>, seq: u64, chat: &OwnedJid) {
    let next = cx
        .memory
        .outbox
        .range(seq + 1..)
        .find(|(_, later)| later.written.is_none() && later.chat == *chat)
        .map(|(seq, _)| *seq);
    if let Some(next) = next {
        cx.schedule(Work::Advance(next));
    }
}

fn forget_devices(cx: &mut Turn<'_>, entry: &OutboxEntry, chat: &OwnedJid) {
    let destination = entry.destination.as_deref().and_then(|text| Jid::parse(text).ok());
    devices::forget(cx, &destination.map_or_else(|| chat.clone(), Jid::into_owned));
    if let Some(me) = cx.memory.me.clone() {
        devices::forget(cx, &me.pn);
        if let Some(lid) = me.lid {
            devices::forget(cx, &lid);
        }
    }
}

/// Keeps only the newest [`SENT_MESSAGES`] for retry receipts; gives the first number that is still kept.
fn forget_oldest(cx: &mut Turn<'_>, seq: u64) -> Result<u64, Stop> {
    let mut counters = state::load(cx)?;
    let keep_from = seq.saturating_add(1).saturating_sub(SENT_MESSAGES);
    let low = counters.first_sent.unwrap_or(0);
    if low >= keep_from {
        return Ok(low);
    }
    // A few per ack keep the turn short; the backlog shrinks with every ack.
    let until = keep_from.min(low + PRUNED_PER_ACK);
    for old in low..until {
        if let Some(sent) = cx.get::<SentMessage>(&old.to_be_bytes())? {
            cx.delete(Table::Sent, &old.to_be_bytes());
            cx.delete(Table::SentId, sent.id.unwrap_or_default().as_bytes());
        }
    }
    counters.first_sent = Some(until);
    state::save(cx, &counters);
    Ok(until)
}

/// Sent messages dropped at most in one turn.
const PRUNED_PER_ACK: u64 = 8;
