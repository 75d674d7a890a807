//! Messages that change an earlier one: edits and revocations. Reference 06 §4.2, §4.6.

use alloc::boxed::Box;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{FutureProofMessage, ProtocolMessage};

use super::build::Building;
use super::error::ContentError;
use super::key::Key;
use super::kinds::Content;
use super::parts::{data, signed};

data! {
    /// Replaces what an earlier message of the same author says. A new caption of media comes with the media again.
    /// Polls and calendar events are edited sealed under their secret, everything else in the open.
    pub struct Edit {
        /// The message to replace.
        pub of: Key,
        /// What it says now, in full.
        pub content: Box<Content>,
        /// When, milliseconds since 1970; when sending, now if left out.
        pub sent_ms: Option<u64>,
    }

    /// Deletes a message for everybody: one's own, or as an admin of the group somebody else's.
    pub struct Revoke {
        /// The message.
        pub of: Key,
    }
}

impl Edit {
    /// The edit in the open around its new content: wrapped, as official clients send it.
    pub(super) fn wrap(&self, message: Message, with: &Building<'_>) -> Result<Message, ContentError> {
        if !self.of.from_me {
            return Err(ContentError::Invalid { what: "edit", why: "only one's own messages can be edited" });
        }
        let mut key = self.of.build(with)?;
        // In groups the author stands in the key, though it is ourselves.
        if key.participant.is_none() && self.of.chat.as_ref().unwrap_or(with.chat).is_group() {
            key.participant = Some(alloc::string::ToString::to_string(&with.me.bare()));
        }
        let protocol = ProtocolMessage {
            key: Some(Box::new(key)),
            r#type: Some(Type::MessageEdit as i32),
            edited_message: Some(Box::new(message)),
            timestamp_ms: Some(signed(self.sent_ms.unwrap_or(with.now_ms))),
            ..ProtocolMessage::default()
        };
        let inner = Message { protocol_message: Some(Box::new(protocol)), ..Message::default() };
        let wrapper = FutureProofMessage { message: Some(Box::new(inner)) };
        Ok(Message { edited_message: Some(Box::new(wrapper)), ..Message::default() })
    }
}

impl Revoke {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let key = self.of.build(with)?;
        let chat = self.of.chat.as_ref().unwrap_or(with.chat);
        if !self.of.from_me && !chat.is_group() {
            return Err(ContentError::Invalid {
                what: "revocation",
                why: "messages of others can be deleted for everybody in groups only",
            });
        }
        let protocol = ProtocolMessage {
            key: Some(Box::new(key)),
            r#type: Some(Type::Revoke as i32),
            ..ProtocolMessage::default()
        };
        Ok(Message { protocol_message: Some(Box::new(protocol)), ..Message::default() })
    }
}
