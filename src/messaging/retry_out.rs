//! Asking a sender to send a message again. Reference 04 §12.1, 07 §4.1.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use sanswire_proto::records::RetryCounter;

use super::source::Source;
use crate::directory::own;
use crate::engine::{RetryPace, Stop, Turn, Work};
use crate::event::{Event, Undecryptable};
use crate::limits::{RETRIES_PER_SENDER, RETRIES_PER_WINDOW, RETRY_WINDOW_S, SHOWN_WEEKS};
use crate::records::{Record, Table};
use crate::signal::{DecryptError, GroupError, PreKey, next_id};
use crate::timer::Timer;
use crate::wire::{Node, NodeRef, OwnedJid};

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
    InvalidSignature = 5,
    FutureMessage = 6,
    BadMac = 7,
    UnknownCompanion = 11,
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

    /// The reason for a failure of a group message.
    pub(super) const fn of_group(error: &GroupError) -> Self {
        match error {
            GroupError::NoSenderKey | GroupError::EarlierMessage { .. } => Self::NoSession,
            GroupError::InvalidKey(_) => Self::InvalidKey,
            GroupError::InvalidMessage => Self::InvalidMessage,
            GroupError::InvalidSignature => Self::InvalidSignature,
            GroupError::FutureMessage { .. } => Self::FutureMessage,
            _ => Self::Unknown,
        }
    }

    /// Whether the sender cannot do without our keys, so that they go along at once.
    const fn needs_keys(self) -> bool {
        matches!(self, Self::NoSession | Self::InvalidKeyId | Self::UnknownCompanion)
    }
}

/// What is wrong with a message.
pub(super) struct Trouble<'a> {
    /// How often the sender says it was asked before.
    pub(super) count: u32,
    /// What to tell the sender; `None`: it cannot help.
    pub(super) reason: Option<RetryReason>,
    /// The named error.
    pub(super) error: &'a str,
    /// No placeholder shall be shown.
    pub(super) hide: bool,
    /// There was nothing to decrypt, of this kind.
    pub(super) unavailable: Option<&'a str>,
}

/// Who was asked to send a message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Its sender.
    Sender,
    /// Nobody: the sender cannot help.
    Nobody,
    /// Nobody: the sender was asked [`Config::retry_receipts`](crate::Config::retry_receipts) times.
    TooOften,
    /// Nobody for now, as too many were asked for or told of lately: nothing is written, told or sent, and the message must not
    /// be closed. The server keeps it, and gives it again on the connection that is made once the window is over.
    Later,
}

/// Asks the sender again, up to [`Config::retry_receipts`](crate::Config::retry_receipts) times per message,
/// and tells the application once. With
/// no reason it only tells.
pub(super) fn request(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    trouble: &Trouble<'_>,
) -> Result<Asked, Stop> {
    let key = key(source);
    let mut counter = cx.get::<RetryCounter>(&key)?.unwrap_or_default();
    let next = counter.count.unwrap_or(0).max(trouble.count).saturating_add(1);
    let told = counter.reported == Some(true);
    let reason = trouble.reason.filter(|_| next <= cx.config.retry_receipts);
    if (reason.is_some() || !told) && !may_ask(cx, source) {
        return Ok(Asked::Later);
    }
    let asked = match (reason, trouble.reason) {
        (Some(reason), _) => {
            counter.count = Some(next);
            send(cx, node, source, next, reason)?;
            Asked::Sender
        }
        (None, Some(_)) => Asked::TooOften,
        (None, None) => Asked::Nobody,
    };
    if !told {
        cx.emit(Event::Undecryptable(Undecryptable {
            id: source.id.clone(),
            chat: source.chat.clone(),
            sender: source.sender.clone(),
            timestamp: source.timestamp,
            error: trouble.error.to_string(),
            retried: asked == Asked::Sender,
            from_me: source.from_me,
            hide: trouble.hide,
            unavailable: trouble.unavailable.map(ToString::to_string),
        }));
    }
    if !told || asked == Asked::Sender {
        counter.reported = Some(true);
        counter.unix_s = Some(cx.now.unix.seconds());
        cx.put(&key, &counter);
    }
    Ok(asked)
}

/// Counts a retry receipt in the current window. False when the window has seen enough of them, from everybody
/// or from this user; what is left at the server is fetched when it is over.
fn may_ask(cx: &mut Turn<'_>, source: &Source) -> bool {
    let (now, window) = (cx.now.mono, Duration::from_secs(RETRY_WINDOW_S));
    let user: OwnedJid = source.sender.bare().into_owned();
    let pace = &cx.memory.retries;
    let passed = pace.since.map(|since| now.since(since)).filter(|passed| *passed < window);
    let Some(passed) = passed else {
        let by_user = BTreeMap::from([(user, 1)]);
        cx.remember(move |memory| {
            memory.retries = RetryPace { since: Some(now), sent: 1, by_user, behind: memory.retries.behind };
        });
        return true;
    };
    let of_user = pace.by_user.get(&user).copied().unwrap_or(0);
    if pace.sent < RETRIES_PER_WINDOW && of_user < RETRIES_PER_SENDER {
        cx.remember(move |memory| {
            memory.retries.sent += 1;
            *memory.retries.by_user.entry(user).or_default() += 1;
        });
        return true;
    }
    if !pace.behind {
        let error = "too many messages cannot be read: some stay with the server for now".to_string();
        cx.emit(Event::Fault { error, stanza: None });
        cx.remember(|memory| memory.retries.behind = true);
        cx.arm(Timer::Retries, window - passed);
    }
    false
}

/// The window is over: a new connection brings what was left at the server.
pub(crate) fn resume(cx: &mut Turn<'_>) {
    cx.remember(|memory| memory.retries = RetryPace::default());
    if cx.memory.phase.is_logged_in() {
        cx.schedule(Work::Reconnect);
    }
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
    let keep_from = cx.now.unix.seconds().saturating_sub(u64::from(SHOWN_WEEKS) * SECONDS_PER_WEEK);
    cx.sweep(Table::Retry, |_, value| {
        RetryCounter::from_record(value).is_ok_and(|counter| counter.unix_s() >= keep_from)
    })
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

pub(super) fn key(source: &Source) -> Vec<u8> {
    [source.chat.text().as_str(), source.sender.text().as_str(), source.id.as_str()].join("\0").into_bytes()
}

const SECONDS_PER_WEEK: u64 = 7 * 24 * 3600;
