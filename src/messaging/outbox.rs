//! Messages on their way out: each step depends only on records, so that it can be taken again.
//! Reference 05 §1, §9.
//!
//! ```text
//! queued -> (devices known) -> (sessions known) -> sealed + written -> acked -> kept for retries
//!                 |                   |                     |
//!              ask usync          ask bundles        resent as it is after a reconnect
//! ```

use alloc::string::ToString;
use alloc::vec::Vec;

use sanswire_proto::records::{OutboxEntry, SentIndex, SentMessage};

use super::fanout::{self, Sealed};
use super::send::Sent;
use super::{group_send, inbox, newsletter, state, status};
use crate::engine::{PendingSend, Phase, Stop, Turn, Work};
use crate::error::OpError;
use crate::event::{Event, SendProgress, SendState};
use crate::limits::{OUTBOX_MESSAGES, SENT_MESSAGES};
use crate::ops::Answer;
use crate::records::{Record, RecordError, Table};
use crate::timer::Timer;
use crate::wire::{Jid, OwnedJid};

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
        let (Some(seq), Some(found)) = (seq, entry.as_ref().and_then(found)) else {
            // Nothing can be sent from it, and it would be in the way for ever.
            let error = RecordError::malformed(Table::Outbox).to_string();
            cx.emit(Event::Fault { error, stanza: None });
            cx.delete(Table::Outbox, &key);
            continue;
        };
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
    if !ready || pending.written.is_some() || !is_first(cx, seq, &pending.chat) || is_waiting(cx, &pending) {
        return Ok(());
    }
    let Some(mut entry) = cx.get::<OutboxEntry>(&seq.to_be_bytes())? else { return Ok(()) };
    if let Some(stanza) = &entry.stanza {
        let stanza = stanza.to_vec();
        written(cx, seq, &pending, stanza);
        return Ok(());
    }
    let sealed = if pending.chat.is_newsletter() {
        newsletter::seal(&pending.chat, &entry)?
    } else if let Some(author) = status::author_of(&pending.chat, &entry) {
        status::seal_for_author(cx, &pending.chat, &author, &entry)?
    } else if pending.chat.is_group() || pending.chat.is_status() {
        group_send::seal(cx, &pending.chat, &entry)?
    } else {
        fanout::seal(cx, &pending.chat, &entry)?
    };
    match sealed {
        Sealed::Stanza(stanza) => {
            let bytes = take(&mut entry, stanza);
            put(cx, seq, &entry);
            let pending = PendingSend { waiting: None, ..described(&entry, pending) };
            written(cx, seq, &pending, bytes);
            Ok(())
        }
        Sealed::Asked(about) => {
            cx.remember(move |memory| {
                if let Some(pending) = memory.outbox.get_mut(&seq) {
                    pending.waiting = Some(about.into());
                }
            });
            Ok(())
        }
        Sealed::Nobody => failed(cx, seq, &pending, OpError::NoDevice),
    }
}

/// Puts what was sealed into the entry; gives the stanza.
fn take(entry: &mut OutboxEntry, stanza: fanout::Stanza) -> Vec<u8> {
    entry.stanza = Some(stanza.bytes.clone().into());
    entry.skipped_devices = stanza.skipped.iter().map(ToString::to_string).collect();
    entry.destination = Some(stanza.destination.to_string());
    entry.shared_key_id = stanza.shared.as_ref().map(|(key, _)| *key);
    entry.shared_with = stanza.shared.map(|(_, holders)| holders.encode().into());
    entry.stanza_id = stanza.id;
    stanza.bytes
}

/// What is known of an entry without its record.
fn described(entry: &OutboxEntry, pending: PendingSend) -> PendingSend {
    PendingSend { stanza_id: entry.stanza_id.clone(), sharing: entry.shared_key_id.is_some(), ..pending }
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
        // Members without devices are left out of a message to their group; only no answer at all fails it.
        let waits = *error != OpError::NoDevice
            && pending.waiting.iter().flat_map(|names| names.iter()).any(|name| users.contains(name));
        if pending.written.is_none() && (ours || waits || users.iter().any(named)) {
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

/// An entry that has no ack yet, with its conversation as the application named it.
fn found(entry: &OutboxEntry) -> Option<PendingSend> {
    let chat = Jid::parse(entry.chat.as_deref()?).ok()?.into_owned();
    Some(described(entry, PendingSend::new(entry.id.clone()?, chat, None)))
}

/// Whether no earlier message to the chat waits unwritten: order per chat is kept. One that hands out our sender key
/// is waited for until the server took it: who has the key is known then, and it is not handed out twice.
fn is_first(cx: &Turn<'_>, seq: u64, chat: &OwnedJid) -> bool {
    let before =
        |earlier: &PendingSend| earlier.chat == *chat && (earlier.written.is_none() || earlier.sharing);
    !cx.memory.outbox.range(..seq).any(|(_, earlier)| before(earlier))
}

/// Whether something that was asked for has no answer yet.
fn is_waiting(cx: &Turn<'_>, pending: &PendingSend) -> bool {
    let memory = &cx.memory;
    pending.waiting.iter().flat_map(|names| names.iter()).any(|name| {
        memory.asking_bundles.contains(name)
            || memory.asking_devices.contains(name)
            || memory.asking_groups.contains(name)
    })
}

fn written(cx: &mut Turn<'_>, seq: u64, pending: &PendingSend, stanza: Vec<u8>) {
    cx.send_encoded(stanza);
    let changed = PendingSend { written: Some(cx.now.mono), ..pending.clone() };
    cx.remember(move |memory| {
        if let Some(pending) = memory.outbox.get_mut(&seq) {
            *pending = changed;
        }
    });
    if !cx.memory.outbox.values().any(|pending| pending.written.is_some()) {
        cx.arm(Timer::Outbox, cx.config.timing.ack());
    }
    progress(cx, pending, SendState::Written);
    advance_next(cx, seq, &pending.chat);
}

pub(super) fn failed(cx: &mut Turn<'_>, seq: u64, pending: &PendingSend, error: OpError) -> Result<(), Stop> {
    cx.delete(Table::Outbox, &seq.to_be_bytes());
    cx.delete(Table::SentId, pending.id.as_bytes());
    done(cx, seq, pending, SendState::Failed { error: error.clone() }, Err(error));
    Ok(())
}

/// The end of a message's way out: a kept event, the reply, and the next message's turn.
pub(super) fn done(
    cx: &mut Turn<'_>,
    seq: u64,
    pending: &PendingSend,
    state: SendState,
    result: Result<Sent, OpError>,
) {
    let event =
        SendProgress { id: pending.id.clone(), chat: pending.chat.clone(), call: pending.call, state };
    inbox::keep(cx, Event::Send(event));
    if let Some(call) = pending.call {
        cx.reply(call, result.map(Answer::SendMessage));
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

/// Keeps only the newest [`SENT_MESSAGES`] for retry receipts; gives the first number that is still kept.
pub(super) fn forget_oldest(cx: &mut Turn<'_>, seq: u64) -> Result<u64, Stop> {
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
