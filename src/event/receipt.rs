//! Receipts about messages that this client did not send, or that this account's other devices wrote.
//! Reference 07 §6.5.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::wire::OwnedJid;

/// What somebody did with messages. Receipts for messages that this client sent come as
/// [`SendProgress`](crate::event::SendProgress) instead, once per message, device and step; these come as often as
/// the server sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What was done.
    pub kind: ReceiptKind,
    /// The conversation, without device.
    pub chat: OwnedJid,
    /// The device that did it, or only its user where the server says no more.
    pub by: OwnedJid,
    /// Another device of this account did it: messages of others were read elsewhere.
    pub from_me: bool,
    /// Who wrote the messages, where the server says so: in groups, for receipts of this account's devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<OwnedJid>,
    /// The messages' ids.
    pub ids: Vec<String>,
    /// When, seconds since 1970.
    pub timestamp: u64,
}

/// What was done with a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReceiptKind {
    /// A device has it.
    Delivered,
    /// A device has it whose application is not in use: shows no ticks.
    Inactive,
    /// A device of this account has its copy.
    Sender,
    /// Read.
    Read,
    /// Read by this account, which does not tell.
    ReadSelf,
    /// A voice message was heard, or a message shown that can be seen once.
    Played,
    /// Played by this account, which does not tell.
    PlayedSelf,
    /// Media could not be found on the server.
    ServerError,
    /// The phone has a message of this client.
    Peer,
    /// The phone knows that history arrived.
    History,
    /// A call's keys could not be read.
    CallRekey,
    /// One that this version does not know.
    Other(String),
}

impl ReceiptKind {
    /// The kind for the `type` of a receipt.
    #[must_use]
    pub fn of(text: Option<&str>) -> Self {
        match text {
            None | Some("delivery" | "") => Self::Delivered,
            Some("inactive") => Self::Inactive,
            Some("sender") => Self::Sender,
            Some("read") => Self::Read,
            Some("read-self") => Self::ReadSelf,
            Some("played") => Self::Played,
            Some("played-self") => Self::PlayedSelf,
            Some("server-error") => Self::ServerError,
            Some("peer_msg") => Self::Peer,
            Some("hist_sync") => Self::History,
            Some("enc_rekey_retry") => Self::CallRekey,
            Some(other) => Self::Other(other.into()),
        }
    }
}
