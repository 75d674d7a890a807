//! Who is there, and who is typing. Reference 08 §7.

use serde::{Deserialize, Serialize};

use crate::wire::OwnedJid;

/// Whether somebody is there. Not kept. Comes after
/// [`SubscribePresence`](crate::contacts::SubscribePresence), and only while this account is available itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who, or the group.
    pub jid: OwnedJid,
    /// Is there.
    pub available: bool,
    /// When they were last there, seconds since 1970, if they let us know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<u64>,
    /// How many members of a group are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_online: Option<u32>,
}

/// Somebody writes or records, or stopped. Not kept. Whoever goes away in the middle does not say that they stopped:
/// it counts as such after [`CHAT_STATE_S`](crate::limits::CHAT_STATE_S) seconds without another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatStateChanged {
    /// The conversation, without device.
    pub chat: OwnedJid,
    /// Who.
    pub sender: OwnedJid,
    /// What they do.
    pub state: ChatState,
    /// They did not say so: they were not heard of for too long.
    #[serde(default)]
    pub expired: bool,
}

/// What somebody does in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatState {
    /// Writes.
    Composing,
    /// Records a voice message.
    Recording,
    /// Stopped.
    Paused,
}
