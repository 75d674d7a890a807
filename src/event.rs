//! Everything that an application can observe.

mod account;
mod business;
mod call;
mod contact;
mod newsletter;
mod presence;
mod receipt;
mod received;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use account::AccountEvent;
pub use business::{BusinessEvent, BusinessUpdate, MediaOutcome, MediaRetried, Subscription};
pub use call::{CallAction, CallEvent};
pub use contact::{ContactEvent, DeviceChange};
pub use newsletter::{Mex, NewsletterEvent, Post};
pub use presence::{ChatState, ChatStateChanged, Presence};
pub use receipt::{Receipt, ReceiptKind};
pub use received::{Addressing, BotPart, Details, Received, Undecryptable};

use crate::error::OpError;
use crate::groups::model::GroupEvent;
use crate::now::UnixMs;
use crate::ops::CallId;
use crate::wire::OwnedJid;

/// Names an event; ids grow over the life of the storage. Give it back with
/// [`Input::Seen`](crate::Input::Seen).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

/// An event with its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Confirm it with [`Input::Seen`](crate::Input::Seen): kept events come again after a restart until then.
    pub id: EventId,
    /// It may have been handed out before: the client restarted before it was confirmed.
    pub repeated: bool,
    /// Wall-clock time of the turn that handed it out.
    pub at: UnixMs,
    /// What happened.
    pub event: Event,
}

/// What happened. Variants marked *kept* are durable before they are handed out and come again after a
/// restart until confirmed; the others are handed out once.
#[expect(clippy::large_enum_variant, reason = "most events are messages")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The connection or the pairing changed. Not kept. Reference 01, 02.
    Link(LinkEvent),
    /// A message was decrypted: once per message and device. Kept. Reference 07 §3.
    Message(Received),
    /// A message arrived that cannot be decrypted yet, or has no copy for this device; its sender or the phone was
    /// asked to send it again. At most once per message. Not kept. Reference 07 §3.7, §3.8.
    Undecryptable(Undecryptable),
    /// A message of ours made progress. Kept from the server's ack on. Reference 05 §9, 07 §6.5.
    Send(SendProgress),
    /// Somebody changed a group. Kept. Reference 08 §5.
    Group(GroupEvent),
    /// Somebody did something with messages that this client did not send: another device of the account wrote
    /// them, or read them. Kept. Reference 07 §6.5.
    Receipt(Receipt),
    /// A contact changed. Kept, but for learnt LIDs. Reference 08 §2, §4.
    Contact(ContactEvent),
    /// The account's settings or limits changed. Kept. Reference 08 §3, 12 §7.
    Account(AccountEvent),
    /// Somebody came or went. Not kept. Reference 08 §7.
    Presence(Presence),
    /// Somebody writes or records. Not kept. Reference 08 §7.
    ChatState(ChatStateChanged),
    /// A call rings, or something happened to it. Kept. Reference 08 §8.
    Call(CallEvent),
    /// A channel changed. Kept. Reference 08 §6.
    Newsletter(NewsletterEvent),
    /// The server pushed GraphQL that has no event of its own. Kept. Reference 08 §6.2.
    Mex(Mex),
    /// A business changed. Kept. Reference 08 §4.6.
    Business(BusinessEvent),
    /// The phone uploaded media again, or could not. Kept. Reference 08 §4.7.
    MediaRetried(MediaRetried),
    /// A stanza that this version has no meaning for; it was acked. Not kept. Reference 08.
    Unhandled {
        /// The stanza as XML-like text.
        stanza: String,
    },
    /// Something was wrong with what the peer sent or storage held; what was done about it is in the text.
    /// Not kept.
    Fault {
        /// The named error.
        error: String,
        /// The offending stanza as XML-like text, when there is one.
        stanza: Option<String>,
    },
}

impl Event {
    /// Whether it is durable before it is handed out, and comes again after a restart until it is confirmed.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        match self {
            Self::Message(_) | Self::Group(_) => true,
            Self::Send(progress) => !matches!(progress.state, SendState::Queued | SendState::Written),
            Self::Receipt(_)
            | Self::Account(_)
            | Self::Call(_)
            | Self::Newsletter(_)
            | Self::Mex(_)
            | Self::Business(_)
            | Self::MediaRetried(_) => true,
            Self::Contact(change) => !matches!(change, ContactEvent::Lid { .. }),
            Self::Link(_)
            | Self::Undecryptable(_)
            | Self::Presence(_)
            | Self::ChatState(_)
            | Self::Unhandled { .. }
            | Self::Fault { .. } => false,
        }
    }
}

/// A change of the connection or the pairing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkEvent {
    /// Show this QR code until the next one, or until paired.
    QrCode {
        /// The text that the code encodes.
        text: String,
        /// How long it is valid, in seconds.
        valid_s: u32,
    },
    /// All QR codes were shown and none was scanned; the client connects again for new ones.
    QrExhausted,
    /// The user can type this code into the phone (Linked devices, link with phone number): the answer to
    /// [`PairCode`](crate::link::PairCode). Reference 02 §3.
    Code {
        /// `XXXX-XXXX`.
        code: String,
        /// How long it can be used, in seconds.
        valid_s: u32,
    },
    /// The code is of no use any more: it is too old, the phone that used it was not heard of again, or the server
    /// wants another. Ask for a new one. Reference 02 §3.4.
    CodeRefresh {
        /// Only when the user says so.
        manual: bool,
    },
    /// Linking with the code failed, and the code is of no use any more.
    CodeFailed {
        /// Why: refused by the server, disconnected, used too often, …
        error: OpError,
    },
    /// Before the phone may link this device the server wants a passkey: have an authenticator answer, and call
    /// [`PasskeyResponse`](crate::link::PasskeyResponse). Reference 02 §4.
    PasskeyWanted {
        /// WebAuthn's options in JSON: `challenge`, `rpId`, `allowCredentials`, `userVerification`, …; binary
        /// fields are unpadded base64url.
        request: String,
        /// How long there is to link with it, in seconds.
        valid_s: u32,
    },
    /// The user compares this code with the one that the phone shows: call
    /// [`PasskeyConfirm`](crate::link::PasskeyConfirm).
    PasskeyCode {
        /// `XXXX-XXXX`.
        code: String,
    },
    /// Linking with a passkey failed.
    PasskeyFailed {
        /// Why.
        error: OpError,
        /// The phone had a part in it already.
        continuation: bool,
    },
    /// A phone linked this device. The credentials are durable; a restart of the connection follows.
    Paired {
        /// Own device under the phone number.
        pn: OwnedJid,
        /// Own device under the LID.
        lid: OwnedJid,
        /// What the phone says it is (`android`, `iphone`, …).
        platform: Option<String>,
    },
    /// The phone's answer was refused.
    PairingFailed {
        /// The named error.
        error: String,
    },
    /// The storage is older than the host knows it to have been: a copy was put back. New sessions are made
    /// with everybody, lists of devices are asked for again; messages that only the lost part held do not come
    /// back, and some that were shown may be shown again. See
    /// [`Config::known_generation`](crate::Config::known_generation).
    StorageRestored {
        /// Generation of the storage as it was found.
        stored: u64,
        /// Generation that the host knows of.
        known: u64,
    },
    /// Logged in and active: own keys are published. Sends go out once the offline queue was delivered.
    Ready,
    /// The server has delivered everything that was queued while this device was away.
    OfflineDone {
        /// How many stanzas the queue held.
        count: u32,
    },
    /// The connection ended.
    Down {
        /// Why, and with it what can be done.
        reason: DownReason,
        /// When the client connects again by itself, in milliseconds; `None`: it will not.
        retry_in_ms: Option<u64>,
    },
}

/// Why a connection ended. Reference 01 §8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DownReason {
    /// The application asked for it.
    Requested,
    /// The server asks for a new connection at once, as always after pairing (515).
    Restart,
    /// The socket closed or could not be opened.
    Closed,
    /// Nothing came for too long.
    Silence,
    /// Connecting, the handshake or the login took too long.
    TimedOut,
    /// A frame or handshake message was malformed or did not authenticate.
    Protocol,
    /// The server's certificate chain does not lead to the configured root: nothing was disclosed.
    Untrusted,
    /// All QR codes were shown and none was scanned.
    QrExhausted,
    /// The server is overloaded or restarting (500, 503), or limits the rate (429).
    Unavailable {
        /// The server's code.
        code: u32,
    },
    /// Unlinked by the phone or the server (401, 403, 406): these credentials are of no use any more.
    LoggedOut {
        /// The server's code.
        code: u32,
    },
    /// Another connection uses the same credentials.
    Replaced,
    /// The account is banned for a while (402).
    Banned {
        /// The kind of ban.
        code: Option<u32>,
        /// How long, in seconds.
        expires_s: Option<u64>,
    },
    /// The client version is too old (405): give a newer one.
    Outdated,
    /// Refused for another reason: no retry by itself.
    Refused {
        /// The server's code, 0 when it gave none.
        code: u32,
        /// The server's stanza as XML-like text.
        stanza: String,
    },
}

/// How far a message of ours is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendProgress {
    /// The message's id.
    pub id: String,
    /// The conversation.
    pub chat: OwnedJid,
    /// The call that asked for it, while the client that took the call lives.
    pub call: Option<CallId>,
    /// The new state.
    pub state: SendState,
}

/// The states of a message of ours, in their order; it never goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendState {
    /// Durable, waiting for the connection, device lists or keys.
    Queued,
    /// Encrypted and handed to the connection.
    Written,
    /// The server took it.
    Acked {
        /// The server's time, seconds since 1970.
        timestamp: u64,
        /// Devices that could not be encrypted to.
        skipped: Vec<OwnedJid>,
    },
    /// The server refused it, or nobody could be reached: it will not be sent.
    Failed {
        /// The named error with the server's code.
        error: OpError,
    },
    /// A device of the recipient has it.
    Delivered {
        /// The device.
        by: OwnedJid,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// The recipient read it.
    Read {
        /// Who read it.
        by: OwnedJid,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// The recipient heard a voice message, or looked at what can be seen once.
    Played {
        /// Who.
        by: OwnedJid,
        /// Seconds since 1970.
        timestamp: u64,
    },
}
