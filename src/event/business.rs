//! What businesses change about themselves, and media that the phone uploaded again. Reference 08 §4.6, §4.7.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::content::Blob;
use crate::wire::OwnedJid;

/// A business changed. Kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessEvent {
    /// Who the server names as the source.
    pub from: OwnedJid,
    /// The business, when the server names it by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jid: Option<OwnedJid>,
    /// The business, when the server names it by the digest of its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// What changed.
    pub update: BusinessUpdate,
    /// Seconds since 1970.
    pub timestamp: u64,
}

/// What changed about a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BusinessUpdate {
    /// It is none any more.
    Removed,
    /// It has another name.
    VerifiedName {
        /// The name, where the server says it.
        name: Option<String>,
        /// The certificate.
        certificate: Option<Blob>,
    },
    /// Its profile changed.
    Profile,
    /// Products changed.
    Products {
        /// Their ids.
        ids: Vec<String>,
    },
    /// Collections of products changed.
    Collections {
        /// Their ids.
        ids: Vec<String>,
    },
    /// Subscriptions changed.
    Subscriptions {
        /// All of them.
        subscriptions: Vec<Subscription>,
    },
    /// One that this version does not know.
    Other {
        /// The element's name.
        name: String,
    },
}

/// A subscription of a business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: Option<String>,
    /// When it begins, seconds since 1970.
    pub begins: Option<u64>,
    /// When it ends, seconds since 1970.
    pub ends: Option<u64>,
}

/// The phone answered that media was uploaded again, or cannot be. Kept. The answer is sealed under the media's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRetried {
    /// The message that has the media.
    pub id: String,
    /// The conversation.
    pub chat: OwnedJid,
    /// Who wrote the message, in groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<OwnedJid>,
    /// This account wrote it.
    pub from_me: bool,
    /// What came of it.
    pub outcome: MediaOutcome,
    /// Seconds since 1970.
    pub timestamp: u64,
}

/// What came of asking for media again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaOutcome {
    /// The sealed answer. Reference 07 §6.6 has the key.
    Sealed {
        /// Ciphertext and tag.
        payload: Blob,
        /// The iv.
        iv: Blob,
    },
    /// The phone has it not (2), or another error.
    Failed {
        /// The code; `None`: neither code nor answer was there.
        code: Option<u32>,
    },
}
