//! Messages as they are handed to the application, and those that cannot be read yet. Reference 07 §2, §3.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::content::{Content, Context, Flags};
use crate::wire::OwnedJid;

/// A message as received. `Debug` shows the parsed content, but not the protobuf, which may hold keys.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// The message's id, unique per chat and sender.
    pub id: String,
    /// The conversation, without device, as the stanza names it.
    pub chat: OwnedJid,
    /// The conversation's other address (LID for a number, number for a LID) when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_alt: Option<OwnedJid>,
    /// The device that sent it.
    pub sender: OwnedJid,
    /// The sender's other address (LID for a number, number for a LID) when known.
    pub sender_alt: Option<OwnedJid>,
    /// Sent by another device of this account.
    pub from_me: bool,
    /// When the server took it, seconds since 1970.
    pub timestamp: u64,
    /// The sender's name for itself.
    pub push_name: Option<String>,
    /// It waited in the offline queue.
    pub offline: bool,
    /// What it says.
    pub content: Content,
    /// What surrounds what it says: quote, mentions, timer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: Context,
    /// What the wrappers around it said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: Flags,
    /// The rest of what the stanza said, for those who need it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub details: Box<Details>,
    /// The whole protobuf `Message`, unpadded, as decrypted.
    #[serde(with = "crate::content::base64_bytes")]
    pub message: Bytes,
}

impl Received {
    /// The conversation under the name that stays the same whichever address a message came from: the LID of a
    /// person once it is known, else what the stanza says. Messages of one person that came before its LID was known
    /// have the number here; [`ContactEvent::Lid`](crate::event::ContactEvent::Lid) says when that changes.
    #[must_use]
    pub fn conversation(&self) -> &OwnedJid {
        match &self.chat_alt {
            Some(alt) if alt.is_lid() => alt,
            _ => &self.chat,
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("id", &self.id)
            .field("chat", &self.chat)
            .field("chat_alt", &self.chat_alt)
            .field("sender", &self.sender)
            .field("sender_alt", &self.sender_alt)
            .field("from_me", &self.from_me)
            .field("timestamp", &self.timestamp)
            .field("push_name", &self.push_name)
            .field("offline", &self.offline)
            .field("content", &self.content)
            .field("context", &self.context)
            .field("flags", &self.flags)
            .field("details", &self.details)
            .field("message_len", &self.message.len())
            .finish()
    }
}

/// What a stanza says about its message besides the essentials. Reference 07 §2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Which kind of address the conversation uses.
    #[serde(skip_serializing_if = "is_default")]
    pub addressing: Addressing,
    /// Protocol traffic between devices of this account.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: bool,
    /// What it changes: `1` an edit, `2` a pin, `3` an administrator's edit, `7` deleted by its sender, `8` deleted
    /// by an administrator. Others as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// Number of a channel's post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_id: Option<u64>,
    /// Name of a business, from the certificate that came along; nobody has checked its signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_name: Option<String>,
    /// The sender's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// How often the sender was asked for it before it could be read.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: u32,
    /// The phone sent it again: the id of the request that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resent: Option<String>,
    /// It came sealed under the secret of another message, and was opened: `message` is still sealed.
    #[serde(skip_serializing_if = "is_default")]
    pub unsealed: bool,
    /// Attributes of `<meta>`: `target_id`, `target_sender_jid` and `target_chat_jid` of what a bot answers,
    /// `thread_msg_id` and `thread_msg_sender_jid` of what is commented on, `polltype`, `msg_edit_t` (milliseconds)
    /// and `original_msg_t` (seconds) of an edited post, and whatever else there was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
    /// Which part of a bot's answer it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotPart>,
}

/// The kind of address of a conversation's members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// Phone numbers.
    #[default]
    Pn,
    /// LIDs.
    Lid,
}

/// A part of a bot's answer, which comes in several messages that replace each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotPart {
    /// `first`, `inner`, `last`, or what else the server says.
    pub step: String,
    /// The message that this part replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<String>,
    /// When the bot sent it, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_ms: Option<u64>,
}

/// A message that cannot be read yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undecryptable {
    /// The message's id.
    pub id: String,
    /// The conversation.
    pub chat: OwnedJid,
    /// The device that sent it.
    pub sender: OwnedJid,
    /// When the server took it, seconds since 1970.
    pub timestamp: u64,
    /// The named error. Reference 04 §13.
    pub error: String,
    /// The sender was asked to send it again.
    pub retried: bool,
    /// Sent by another device of this account.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from_me: bool,
    /// No placeholder shall be shown: it is an edit, a reaction, a vote or the like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hide: bool,
    /// There was nothing to decrypt: the server has no copy for this device. The kind that it names, empty for
    /// none; `view_once` for what only phones may show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
