//! Messages that set something of a conversation, or ask who somebody is. Reference 06 §4.2, §6, 05 §15.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{FutureProofMessage, ProtocolMessage, RequestPhoneNumberMessage};
use sanswire_proto::whatsapp::{
    LimitSharing as ProtoLimit, MemberLabel as ProtoLabel, Message, limit_sharing,
};

use super::build::Building;
use super::error::ContentError;
use super::key::Key;
use super::parts::{data, signed, unsigned};
use crate::limits::MEMBER_LABEL_CHARS;

data! {
    /// The timer of a conversation's disappearing messages. In groups it is set by a request, not by a message.
    pub struct Disappearing {
        /// Seconds after which messages disappear: 86,400, 604,800, 7,776,000, or 0 for never. Clients ignore others.
        pub seconds: u32,
        /// When it was set, seconds since 1970. Received only.
        pub set: Option<u64>,
    }

    /// Whether what is said here may be shared.
    pub struct LimitSharing {
        /// It may not.
        pub limited: bool,
        /// When it was set, milliseconds since 1970; when sending, now if left out.
        pub set_ms: Option<u64>,
    }

    /// The account's label as a member of the group.
    pub struct MemberLabel {
        /// The label, at most 30 characters; empty takes it away.
        pub label: String,
        /// When it was set, seconds since 1970; when sending, now if left out.
        pub set: Option<u64>,
    }

    /// Traffic between clients that nobody said: the protobuf has the rest.
    pub struct Protocol {
        /// Number of its type.
        pub number: i32,
        /// Name of its type, as the protocol has it; empty when unknown.
        pub name: String,
        /// The message that it is about.
        pub key: Option<Key>,
    }
}

impl Disappearing {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if !(with.chat.is_pn() || with.chat.is_lid()) {
            let why = "only conversations with a user are set by a message";
            return Err(ContentError::Invalid { what: "timer of disappearing messages", why });
        }
        let setting =
            ProtocolMessage { ephemeral_expiration: Some(self.seconds), ..of(Type::EphemeralSetting) };
        let wrapper = FutureProofMessage { message: Some(Box::new(protocol(setting))) };
        Ok(Message { ephemeral_message: Some(Box::new(wrapper)), ..Message::default() })
    }

    pub(super) fn read(setting: &ProtocolMessage) -> Self {
        Self {
            seconds: setting.ephemeral_expiration(),
            set: setting.ephemeral_setting_timestamp.map(unsigned),
        }
    }
}

impl LimitSharing {
    pub(super) fn build(&self, with: &Building<'_>) -> Message {
        let limit = ProtoLimit {
            sharing_limited: Some(self.limited),
            trigger: Some(limit_sharing::TriggerType::ChatSetting as i32),
            limit_sharing_setting_timestamp: Some(signed(self.set_ms.unwrap_or(with.now_ms))),
            initiated_by_me: Some(true),
        };
        protocol(ProtocolMessage { limit_sharing: Some(Box::new(limit)), ..of(Type::LimitSharing) })
    }

    pub(super) fn read(setting: &ProtocolMessage) -> Option<Self> {
        let limit = setting.limit_sharing.as_deref()?;
        Some(Self {
            limited: limit.sharing_limited(),
            set_ms: limit.limit_sharing_setting_timestamp.map(unsigned),
        })
    }
}

impl MemberLabel {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.label.chars().count() > MEMBER_LABEL_CHARS {
            return Err(ContentError::TooLong { what: "label", limit: MEMBER_LABEL_CHARS });
        }
        if !with.chat.is_group() {
            return Err(ContentError::Invalid { what: "label", why: "only members of groups have one" });
        }
        let label = ProtoLabel {
            label: Some(self.label.clone()),
            label_timestamp: Some(signed(self.set.unwrap_or(with.now_ms / 1000))),
        };
        Ok(protocol(ProtocolMessage {
            member_label: Some(Box::new(label)),
            ..of(Type::GroupMemberLabelChange)
        }))
    }

    pub(super) fn read(setting: &ProtocolMessage) -> Option<Self> {
        let label = setting.member_label.as_deref()?;
        Some(Self { label: label.label().into(), set: label.label_timestamp.map(unsigned) })
    }
}

impl Protocol {
    pub(super) fn read(protocol: &ProtocolMessage, kind: Option<Type>) -> Self {
        Self {
            number: protocol.r#type.unwrap_or_default(),
            name: kind.map(|kind| kind.as_str_name().to_string()).unwrap_or_default(),
            key: Key::read(protocol.key.as_deref()),
        }
    }
}

/// Tells the account's number to somebody who knows only its LID.
pub(super) fn share_phone_number() -> Message {
    protocol(of(Type::SharePhoneNumber))
}

/// Asks somebody for their number.
pub(super) fn request_phone_number() -> Message {
    Message {
        request_phone_number_message: Some(Box::new(RequestPhoneNumberMessage::default())),
        ..Message::default()
    }
}

fn of(kind: Type) -> ProtocolMessage {
    ProtocolMessage { r#type: Some(kind as i32), ..ProtocolMessage::default() }
}

fn protocol(protocol: ProtocolMessage) -> Message {
    Message { protocol_message: Some(Box::new(protocol)), ..Message::default() }
}
