//! Asking a sender to send a message again. Reference 04 §12.1, 07 §4.1.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::RetryCounter;

use super::source::Source;
use crate::directory::own;
use crate::engine::{Stop, Turn};
use crate::event::{Event, Undecryptable};
use crate::limits::{PRUNED_MARKS, RETRY_RECEIPTS, SHOWN_WEEKS};
use crate::records::{Record, Table};
use crate::signal::{DecryptError, PreKey, next_id};
use crate::wire::{Node, NodeRef};

impl Record for RetryCounter {
    const TABLE: Table = Table::Retry;
}

/// The `error` of a retry receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum RetryReason {
    Unknown = 0,
    NoSession = 1,
    InvalidKey = 2,
    InvalidKeyId = 3,
    InvalidMessage = 4,
    FutureMessage = 6,
    BadMac = 7,
    AdvFailure = 12,
}

impl RetryReason {
    /// The reason for a failure. Reference 04 §12.1, §13.
    pub(super) const fn of(error: &DecryptError) -> Self {
        match error {
            DecryptError::NoSession => Self::NoSession,
            DecryptError::InvalidKey(_) => Self::InvalidKey,
            DecryptError::InvalidPreKeyId(_) | DecryptError::InvalidSignedPreKeyId(_) => Self::InvalidKeyId,
            DecryptError::InvalidMessage => Self::InvalidMessage,
            DecryptError::FutureMessage { .. } => Self::FutureMessage,
            DecryptError::BadMac => Self::BadMac,
            _ => Self::Unknown,
        }
    }

    /// Whether the sender cannot do without our keys, so that they go along at once.
    const fn needs_keys(self) -> bool {
        matches!(self, Self::NoSession | Self::InvalidKeyId)
    }
}

/// Asks the sender again, up to [`RETRY_RECEIPTS`] times per message, and tells the application once. With
/// no reason it only tells. `count` is what the sender says it was asked before.
pub(super) fn request(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    count: u32,
    reason: Option<RetryReason>,
    error: &str,
) -> Result<(), Stop> {
    let key = key(source);
    let mut counter = cx.get::<RetryCounter>(&key)?.unwrap_or_default();
    let next = counter.count.unwrap_or(0).max(count).saturating_add(1);
    let retried = reason.is_some() && next <= RETRY_RECEIPTS;
    if let Some(reason) = reason.filter(|_| retried) {
        counter.count = Some(next);
        send(cx, node, source, next, reason)?;
    }
    if counter.reported != Some(true) {
        cx.emit(Event::Undecryptable(Undecryptable {
            id: source.id.clone(),
            chat: source.chat.clone(),
            sender: source.sender.clone(),
            timestamp: source.timestamp,
            error: error.to_string(),
            retried,
        }));
    }
    if retried {
        counter.reported = Some(true);
        counter.unix_s = Some(cx.now.unix.seconds());
        cx.put(&key, &counter);
    }
    Ok(())
}

/// The message was read after all.
pub(super) fn forget(cx: &mut Turn<'_>, source: &Source) -> Result<(), Stop> {
    let key = key(source);
    if cx.get::<RetryCounter>(&key)?.is_some() {
        cx.delete(Table::Retry, &key);
    }
    Ok(())
}

/// Drops counters older than [`SHOWN_WEEKS`], a run at a time; says whether there may be more.
pub(super) fn prune(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let rows = cx.scan(Table::Retry, &cx.memory.prune_from.clone(), PRUNED_MARKS)?;
    let keep_from = cx.now.unix.seconds().saturating_sub(u64::from(SHOWN_WEEKS) * SECONDS_PER_WEEK);
    let full = rows.len() >= PRUNED_MARKS as usize;
    // The next run begins behind this one; after the last it begins at the start.
    let next =
        rows.last().filter(|_| full).map(|(key, _)| [key.as_slice(), &[0]].concat()).unwrap_or_default();
    for (key, value) in rows {
        let kept = RetryCounter::from_record(value).is_ok_and(|counter| counter.unix_s() >= keep_from);
        if !kept {
            cx.delete(Table::Retry, &key);
        }
    }
    cx.remember(move |memory| memory.prune_from = next);
    Ok(full)
}

fn send(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    count: u32,
    reason: RetryReason,
) -> Result<(), Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    let retry = Node::new("retry")
        .attr("count", u64::from(count))
        .attr("id", source.id.clone())
        .attr("t", source.timestamp)
        .attr("v", "1")
        .attr_opt("error", (reason as u8 != 0).then_some(u64::from(reason as u8)));
    let mut receipt = Node::new("receipt")
        .attr("id", source.id.clone())
        .attr_opt("to", node.value("from"))
        .attr("type", "retry")
        .attr_opt("participant", node.value("participant"))
        .attr_opt("recipient", node.value("recipient"))
        .attr_opt("category", source.peer.then_some("peer"))
        .child(retry)
        .child(Node::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()));
    if count >= 2 || reason.needs_keys() {
        let prekey = PreKey::new(keys.next_prekey_id, cx.entropy.bytes());
        keys.next_prekey_id = next_id(keys.next_prekey_id);
        own::save_prekey(cx, &prekey, true);
        own::save_credentials(cx, &keys);
        receipt = receipt.child(own::build_keys(&keys, &prekey));
    }
    cx.send(&receipt);
    Ok(())
}

fn key(source: &Source) -> Vec<u8> {
    let parts: [String; 3] = [source.chat.to_string(), source.sender.to_string(), source.id.clone()];
    parts.join("\0").into_bytes()
}

const SECONDS_PER_WEEK: u64 = 7 * 24 * 3600;
