//! Calls as they ring, are taken or missed. Reference 08 §8, 13 §5.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::wire::OwnedJid;

/// Something happened to a call. Kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    /// The call's id.
    pub call: String,
    /// Who this comes from.
    pub from: OwnedJid,
    /// The device that began the call.
    pub creator: OwnedJid,
    /// Its other address: the number of a LID, the LID of a number, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_alt: Option<OwnedJid>,
    /// The group that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<OwnedJid>,
    /// It is a call of several, whether or not the group is named.
    pub is_group: bool,
    /// With a picture, as far as known.
    pub video: bool,
    /// When, seconds since 1970.
    pub timestamp: u64,
    /// It waited in the offline queue: the telephone must not ring.
    pub offline: bool,
    /// The caller's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// What the caller's device is (`android`, `iphone`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Version of the caller's application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What happened.
    pub action: CallAction,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallAction {
    /// It rings. [`RejectCall`](crate::calls::RejectCall) refuses it.
    Offer,
    /// A call of a group was begun.
    OfferNotice,
    /// The device called is being prepared.
    PreAccept,
    /// Somebody took it.
    Accept,
    /// Somebody refused it.
    Reject,
    /// The way of the media changed.
    Transport,
    /// How long a relay takes.
    RelayLatency {
        /// As the stanza says.
        latency: Option<u64>,
    },
    /// It ended.
    Terminate {
        /// Why: `timeout` when nobody took it.
        reason: Option<String>,
        /// How long it was, in seconds.
        duration_s: Option<u64>,
        /// It rang here, and nobody took or refused it.
        missed: bool,
    },
    /// One that this version does not know.
    Other {
        /// The element's name.
        name: String,
    },
}
