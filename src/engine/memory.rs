//! What a client remembers only while it runs: plain data, changed by turns that committed.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::event::DownReason;
use crate::link::pairing::attempt::{CodeAttempt, PasskeyAttempt};
use crate::now::{Mono, UnixMs};
use crate::ops::CallId;
use crate::records::Table;
use crate::records::credentials::Me;
use crate::wire::OwnedJid;

/// Volatile state of one client. All of it can be lost without losing a message.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Generation of the last batch, or what the host knows of one that is not in the storage any more.
    pub(crate) generation: u64,
    /// Generation that the storage holds.
    pub(crate) stored: u64,
    /// How often an older copy of the storage was put back: what was written in an earlier epoch may be behind
    /// what was used.
    pub(crate) epoch: u32,
    /// How far the connection's life is.
    pub(crate) phase: Phase,
    /// The paired account, as the credentials say.
    pub(crate) me: Option<Me>,
    /// When the session became active.
    pub(crate) ready_since: Option<UnixMs>,
    /// Random prefix of stanza ids, new per connection.
    pub(crate) id_prefix: String,
    /// How far the back-off is: connections in a row that did not last.
    pub(crate) backoff_step: u8,
    /// The last connection ended with a restart at once, and none has become ready since.
    pub(crate) restarted: bool,
    /// Where the next look for old records of a table begins.
    pub(crate) sweeps: BTreeMap<Table, Vec<u8>>,
    /// The server said why it is about to close.
    pub(crate) lingering: Option<DownReason>,
    /// When the server was last pinged.
    pub(crate) pinged: Option<Mono>,
    /// No new connection: the application shut down, or the account cannot connect again as it is.
    pub(crate) stopped: bool,
    /// The device was unlinked: nothing can be sent any more.
    pub(crate) logged_out: bool,
    /// Server clock minus ours, in milliseconds.
    pub(crate) server_offset_ms: i64,
    /// When bytes last came from the server.
    pub(crate) last_received: Mono,
    /// Whether the application announced itself available.
    pub(crate) available: bool,
    /// QR references not shown yet.
    pub(crate) qr_refs: VecDeque<String>,
    /// The QR reference on show.
    pub(crate) qr_current: Option<String>,
    /// The link code that waits for the phone.
    pub(crate) link_code: Option<CodeAttempt>,
    /// The passkey that the server wants.
    pub(crate) passkey: Option<PasskeyAttempt>,
    /// How many passkeys were wanted so far.
    pub(crate) passkeys: u32,
    /// The offline queue of this connection is delivered: what it says about devices is known.
    pub(crate) offline_done: bool,
    /// Stanzas of the offline queue seen on this connection.
    pub(crate) offline_seen: u32,
    /// How many of them were asked for so far; 0 outside the offline phase.
    pub(crate) offline_wanted: u32,
    /// Sends not acked yet: sequence number to chat. Complete after the start.
    pub(crate) outbox: BTreeMap<u64, PendingSend>,
    /// Kept events that the application has not confirmed.
    pub(crate) unseen: u32,
    /// How many messages were asked for again lately.
    pub(crate) retries: RetryPace,
    /// Messages were left at the server because the inbox was full.
    pub(crate) left_behind: bool,
    /// Users whose device list is being asked for.
    pub(crate) asking_devices: BTreeSet<OwnedJid>,
    /// Users that the server gave no devices for, and when they are worth another try.
    pub(crate) unlisted: BTreeMap<OwnedJid, Mono>,
    /// Devices whose bundle is being asked for.
    pub(crate) asking_bundles: BTreeSet<OwnedJid>,
    /// Devices that gave no usable bundle, and when they are worth another try.
    pub(crate) unreachable: BTreeMap<OwnedJid, Mono>,
    /// Messages to send again once a bundle has come.
    pub(crate) resends: Vec<Resend>,
    /// Groups that are being asked for.
    pub(crate) asking_groups: BTreeSet<OwnedJid>,
    /// Calls that wait for a group.
    pub(crate) group_calls: Vec<(OwnedJid, CallId)>,
    /// Contacts that are being given a privacy token.
    pub(crate) issuing_tokens: BTreeSet<OwnedJid>,
    /// Messages that the phone is to send again, by key of their record. Complete after the start.
    pub(crate) placeholders: BTreeMap<Vec<u8>, Question>,
    /// Whose presence the application wants to be told of.
    pub(crate) subscriptions: BTreeSet<OwnedJid>,
    /// Who writes, where, and until when that counts.
    pub(crate) writing: BTreeMap<(OwnedJid, OwnedJid), Mono>,
    /// Calls that ring, by id.
    pub(crate) calls: BTreeMap<String, Ringing>,
    /// A prekey upload is in flight.
    pub(crate) uploading_prekeys: bool,
    /// Prekeys that the server refused were given up once.
    pub(crate) gave_up_prekeys: bool,
    /// The server is being asked for the digest of what it has of ours.
    pub(crate) checking_prekeys: bool,
    /// What the server has of ours was compared, or has just been uploaded.
    pub(crate) prekeys_checked: bool,
    /// Prekeys were uploaded because the server has others than we.
    pub(crate) prekeys_repaired: bool,
    /// The server is being told of a signed prekey.
    pub(crate) rotating: bool,
}

/// What the offer of a call said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ringing {
    /// When it came.
    pub(crate) at: Mono,
    /// With a picture.
    pub(crate) video: bool,
    /// A call of several.
    pub(crate) is_group: bool,
    /// The group.
    pub(crate) group: Option<OwnedJid>,
    /// The caller's other address.
    pub(crate) creator_alt: Option<OwnedJid>,
}

/// How far the question to the phone about a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// To be asked then.
    Due(Mono),
    /// Sent on this connection under this id; the server has not said that it has it.
    Sent(String),
    /// The server has it.
    Asked,
}

impl Question {
    /// When it is to be asked, while it was not.
    pub(crate) fn due(&self) -> Option<Mono> {
        match self {
            Self::Due(due) => Some(*due),
            Self::Sent(_) | Self::Asked => None,
        }
    }
}

/// What is known without a record about a message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingSend {
    /// The stanza's id.
    pub(crate) id: String,
    /// The chat: later messages to it wait for earlier ones.
    pub(crate) chat: OwnedJid,
    /// The call that waits for the ack.
    pub(crate) call: Option<CallId>,
    /// When it was written to this connection; waiting for the ack since.
    pub(crate) written: Option<Mono>,
    /// How often it was written without an ack in time.
    pub(crate) tries: u32,
    /// Id of the stanza, when it is another one.
    pub(crate) stanza_id: Option<String>,
    /// The stanza hands out a sender key: later messages of the chat wait for the ack.
    pub(crate) sharing: bool,
    /// Users, groups or devices that were asked for: nothing to do until all answers are here.
    pub(crate) waiting: Option<Arc<[OwnedJid]>>,
}

impl PendingSend {
    /// A message that was just queued, or found in storage.
    pub(crate) const fn new(id: String, chat: OwnedJid, call: Option<CallId>) -> Self {
        Self { id, chat, call, written: None, tries: 0, stanza_id: None, sharing: false, waiting: None }
    }
}

/// A message that a device asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resend {
    /// The message's id.
    pub(crate) id: String,
    /// The device that asked.
    pub(crate) to: OwnedJid,
    /// How often it has asked.
    pub(crate) count: u32,
    /// The message's time, as the device says.
    pub(crate) t: Option<u64>,
    /// The group of which the device's user has to prove a member first.
    pub(crate) group: Option<OwnedJid>,
}

/// Retry receipts of the current window, and messages that were told of without one. Not kept over a restart: the
/// count of each message is, so that a client that starts again and again still asks for no message more often than
/// it may, and what the server gives it is bounded by one connection per start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryPace {
    /// When the first one was written.
    pub(crate) since: Option<Mono>,
    /// How many there were.
    pub(crate) sent: u32,
    /// How many for each user's messages; no more users than receipts.
    pub(crate) by_user: BTreeMap<OwnedJid, u32>,
    /// Messages were left at the server because there were too many.
    pub(crate) behind: bool,
}

/// The connection's life. Reference 01 §1.
///
/// ```text
/// Idle -> Dialing -> HelloSent -> FinishSent -> Registering -> (515) -> Dialing
///                                      |                                  |
///                                      +------------> Ready <-------------+
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No connection; perhaps a timer to make one.
    #[default]
    Idle,
    /// Waiting for the adapter to connect.
    Dialing,
    /// Waiting for the server's half of the handshake.
    HelloSent,
    /// The payload is sent: waiting for `success`, `failure` or `pair-device`.
    FinishSent,
    /// Waiting for a phone to scan.
    Registering,
    /// Logged in, still passive: own keys are being checked and the offline queue arrives.
    LoggingIn,
    /// Logged in and active.
    Ready,
}

impl Phase {
    /// Whether messages and requests can be sent.
    pub(crate) const fn is_logged_in(self) -> bool {
        matches!(self, Self::LoggingIn | Self::Ready)
    }
}
