//! What happens in channels, and what the server pushes as GraphQL. Reference 08 §6, 13 §3.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::content::{Blob, Content};
use crate::wire::OwnedJid;

/// A change of a channel. Kept. Posts come as messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NewsletterEvent {
    /// Posts got reactions or views, or were posted while live updates are on.
    Posts {
        /// The channel.
        newsletter: OwnedJid,
        /// What is known of each now.
        posts: Vec<Post>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// A member's role changed.
    Member {
        /// The channel.
        newsletter: OwnedJid,
        /// Whose role.
        user: OwnedJid,
        /// Who changed it.
        by: Option<OwnedJid>,
        /// What was done: `promote`, `demote`, …
        action: String,
        /// The role now.
        role: Option<String>,
    },
    /// Name or description changed.
    Settings {
        /// The channel.
        newsletter: OwnedJid,
        /// The new name.
        name: Option<String>,
        /// The new description.
        description: Option<String>,
    },
    /// This account follows the channel now.
    Joined {
        /// The channel.
        newsletter: OwnedJid,
        /// What the server says about it, as JSON.
        json: String,
    },
    /// This account follows the channel no more.
    Left {
        /// The channel.
        newsletter: OwnedJid,
        /// The role that is left.
        role: Option<String>,
    },
    /// The channel was muted or unmuted.
    Muted {
        /// The channel.
        newsletter: OwnedJid,
        /// `ON` or `OFF`.
        mute: String,
    },
}

/// A post of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Post {
    /// Its number.
    pub server_id: u64,
    /// Its id, where it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was posted, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// How many gave each reaction; `None`: nothing is said about reactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reactions: Option<BTreeMap<String, u64>>,
    /// How many saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<u64>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The protobuf `Message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Blob>,
}

/// Something that the server pushed as GraphQL, and for which there is no event of its own. Kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mex {
    /// The operation's name.
    pub operation: String,
    /// Who it comes from: the server, or a channel.
    pub from: OwnedJid,
    /// The JSON, as it came.
    pub json: String,
    /// Seconds since 1970.
    pub timestamp: u64,
}
