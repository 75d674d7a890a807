//! Reactions, and the comments and keeps and pins beside them: small messages about another one. Reference 06 §4.2.

use alloc::boxed::Box;
use alloc::string::String;

use sanswire_proto::whatsapp::message::{
    CommentMessage, KeepInChatMessage, PinInChatMessage, ReactionMessage, pin_in_chat_message,
};
use sanswire_proto::whatsapp::{KeepType, Message, MessageContextInfo};

use super::build::Building;
use super::error::ContentError;
use super::key::Key;
use super::kinds::Content;
use super::parts::{data, signed, unsigned};
use super::text::limit;
use crate::limits::PIN_DURATIONS_S;

data! {
    /// An emoji on a message. Each user has at most one on each message: a later one replaces it.
    pub struct Reaction {
        /// The message reacted to.
        pub to: Key,
        /// The emoji; empty takes the reaction back.
        pub emoji: String,
        /// The emoji under which others group it, when it differs.
        pub grouping_key: Option<String>,
        /// When it was made, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
        /// Sealed under the secret of the message reacted to, as community announcement groups want it.
        pub sealed: bool,
    }

    /// Pins a message in the conversation for everybody, or unpins it.
    pub struct Pin {
        /// The message.
        pub to: Key,
        /// Take the pin away.
        pub unpin: bool,
        /// How long: 86,400, 604,800 or 2,592,000 seconds; a day if left out.
        pub duration_s: Option<u32>,
        /// When, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
    }

    /// Keeps a message of a conversation with disappearing messages, or lets it go.
    pub struct Keep {
        /// The message.
        pub to: Key,
        /// Let it disappear after all.
        pub undo: bool,
        /// When, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
    }

    /// A comment under a message of a community announcement group.
    pub struct Comment {
        /// The message.
        pub to: Key,
        /// What it says.
        pub content: Box<Content>,
        /// Sealed under the secret of the message commented on, as clients send it.
        pub sealed: bool,
    }
}

impl Reaction {
    /// Reacts to a message.
    #[must_use]
    pub fn new(to: Key, emoji: impl Into<String>) -> Self {
        Self { to, emoji: emoji.into(), ..Self::default() }
    }

    pub(super) fn message(&self, with: &Building<'_>) -> Result<ReactionMessage, ContentError> {
        limit("emoji", &self.emoji)?;
        Ok(ReactionMessage {
            key: Some(self.to.build(with)?),
            text: Some(self.emoji.clone()),
            grouping_key: self.grouping_key.clone(),
            sender_timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
        })
    }

    /// `key` stands outside of a sealed one.
    pub(super) fn read(reaction: &ReactionMessage, key: Option<Key>, sealed: bool) -> Option<Self> {
        Some(Self {
            to: key.or_else(|| Key::read(reaction.key.as_ref()))?,
            emoji: reaction.text().into(),
            grouping_key: reaction.grouping_key.clone(),
            sent_ms: reaction.sender_timestamp_ms.map(unsigned),
            sealed,
        })
    }
}

impl Pin {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let duration = match (self.unpin, self.duration_s) {
            (true, _) => 0,
            (false, None) => PIN_DURATIONS_S[0],
            (false, Some(duration)) if PIN_DURATIONS_S.contains(&duration) => duration,
            (false, Some(_)) => {
                return Err(ContentError::Invalid { what: "pin duration", why: "not one that clients know" });
            }
        };
        let kind = if self.unpin {
            pin_in_chat_message::Type::UnpinForAll
        } else {
            pin_in_chat_message::Type::PinForAll
        };
        let pin = PinInChatMessage {
            key: Some(self.to.build(with)?),
            r#type: Some(kind as i32),
            sender_timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
        };
        let info = MessageContextInfo {
            message_add_on_duration_in_secs: Some(duration),
            ..MessageContextInfo::default()
        };
        Ok(Message {
            pin_in_chat_message: Some(Box::new(pin)),
            message_context_info: Some(Box::new(info)),
            ..Message::default()
        })
    }

    pub(super) fn read(pin: &PinInChatMessage, info: Option<&MessageContextInfo>) -> Option<Self> {
        let unpin = pin.r#type() == pin_in_chat_message::Type::UnpinForAll;
        Some(Self {
            to: Key::read(pin.key.as_ref())?,
            unpin,
            duration_s: info.and_then(|info| info.message_add_on_duration_in_secs).filter(|_| !unpin),
            sent_ms: pin.sender_timestamp_ms.map(unsigned),
        })
    }
}

impl Keep {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let kind = if self.undo { KeepType::UndoKeepForAll } else { KeepType::KeepForAll };
        let keep = KeepInChatMessage {
            key: Some(self.to.build(with)?),
            keep_type: Some(kind as i32),
            timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
        };
        Ok(Message { keep_in_chat_message: Some(Box::new(keep)), ..Message::default() })
    }

    pub(super) fn read(keep: &KeepInChatMessage) -> Option<Self> {
        Some(Self {
            to: Key::read(keep.key.as_ref())?,
            undo: keep.keep_type() == KeepType::UndoKeepForAll,
            sent_ms: keep.timestamp_ms.map(unsigned),
        })
    }
}

impl Comment {
    /// The comment around its message, not sealed.
    pub(super) fn wrap(&self, message: Message, with: &Building<'_>) -> Result<Message, ContentError> {
        let comment = CommentMessage {
            message: Some(Box::new(message)),
            target_message_key: Some(self.to.build(with)?),
        };
        Ok(Message { comment_message: Some(Box::new(comment)), ..Message::default() })
    }
}
