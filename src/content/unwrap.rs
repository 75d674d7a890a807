//! The content inside of wrappers, with what they say about it. Reference 06 §9.

use alloc::string::String;

use prost::Message as _;
use sanswire_proto::whatsapp::message::FutureProofMessage;
use sanswire_proto::whatsapp::{Message, MessageContextInfo};

use super::parts::data;
use crate::limits::MESSAGE_NESTING;

data! {
    /// What the wrappers around a received message said.
    pub struct Flags {
        /// It belongs to a conversation with disappearing messages, in their older form.
        pub ephemeral: bool,
        /// It is another form of a message sent before.
        pub edited: bool,
        /// It is addressed to, or comes from, a bot.
        pub bot: bool,
        /// It is an animated sticker of the Lottie kind.
        pub lottie: bool,
        /// It is a status of a group.
        pub group_status: bool,
        /// It mentions a group, in the older form.
        pub group_mentioned: bool,
        /// It is a status that mentions the reader.
        pub status_mention: bool,
        /// It is a question of a channel, or a reply to one.
        pub question: bool,
        /// It is hidden until tapped on.
        pub spoiler: bool,
        /// It belongs to another message: part of an album, picture of an event or of a poll's option.
        pub child: bool,
        /// It may not be shared.
        pub limited: bool,
        /// There were more wrappers than are looked into: what they hold is opaque.
        pub too_deep: bool,
    }
}

/// A message without its wrappers.
#[derive(Clone, Debug)]
pub struct Unwrapped<'a> {
    /// What was inside.
    pub message: &'a Message,
    /// The context of the innermost level that has one.
    pub info: Option<&'a MessageContextInfo>,
    /// What the wrappers said.
    pub flags: Flags,
    /// A view-once wrapper was among them.
    pub view_once: bool,
}

impl Unwrapped<'_> {
    /// The message's own secret, under which its votes, responses and edits are sealed; `None` unless 32 bytes.
    #[must_use]
    pub fn secret(&self) -> Option<[u8; 32]> {
        self.info?.message_secret.as_deref()?.try_into().ok()
    }
}

/// Removes the wrappers around a message, [`MESSAGE_NESTING`] levels at most.
///
/// The wrapper for copies among own devices is not one of them: whether it is legitimate depends on the sender.
#[must_use]
pub fn unwrap(message: &Message) -> Unwrapped<'_> {
    let mut out = Unwrapped {
        message,
        info: message.message_context_info.as_deref(),
        flags: Flags::default(),
        view_once: false,
    };
    for _ in 0..MESSAGE_NESTING {
        let Some((wrapper, kind)) = wrapper(out.message) else { return out };
        let Some(inner) = wrapper.message.as_deref() else { return out };
        kind.mark(&mut out);
        out.message = inner;
        out.info = inner.message_context_info.as_deref().or(out.info);
    }
    out.flags.too_deep = wrapper(out.message).is_some();
    out
}

/// The field of a message that makes its kind, by its protobuf name; empty when there is none. Distributed keys and
/// the context are no content, and count only when there is nothing else.
#[must_use]
pub fn kind(message: &Message) -> &'static str {
    let mut names = super::names::set(message);
    let content = names.clone().find(|name| !name.ends_with(KEYS_ONLY));
    content.or_else(|| names.next()).unwrap_or_default()
}

/// Whether a message has more than one kind of content. Nobody sends such; the first kind counts.
pub(super) fn is_several(message: &Message) -> bool {
    super::names::set(message).filter(|name| !name.ends_with(KEYS_ONLY)).count() > 1
}

/// Whether an encoded message is protocol traffic of clients rather than something that a person said.
pub(crate) fn is_protocol(message: &[u8]) -> bool {
    Message::decode(message).is_ok_and(|message| unwrap(&message).message.protocol_message.is_some())
}

const KEYS_ONLY: &str = "enderKeyDistributionMessage";

#[derive(Clone, Copy)]
enum Wrapper {
    Plain,
    Ephemeral,
    ViewOnce,
    Edited,
    Bot,
    Lottie,
    GroupStatus,
    GroupMentioned,
    StatusMention,
    Question,
    Spoiler,
    Child,
    Limited,
}

impl Wrapper {
    fn mark(self, out: &mut Unwrapped<'_>) {
        let flags = &mut out.flags;
        let flag = match self {
            Self::Plain => return,
            Self::ViewOnce => &mut out.view_once,
            Self::Ephemeral => &mut flags.ephemeral,
            Self::Edited => &mut flags.edited,
            Self::Bot => &mut flags.bot,
            Self::Lottie => &mut flags.lottie,
            Self::GroupStatus => &mut flags.group_status,
            Self::GroupMentioned => &mut flags.group_mentioned,
            Self::StatusMention => &mut flags.status_mention,
            Self::Question => &mut flags.question,
            Self::Spoiler => &mut flags.spoiler,
            Self::Child => &mut flags.child,
            Self::Limited => &mut flags.limited,
        };
        *flag = true;
    }
}

/// The outermost wrapper of a message.
fn wrapper(message: &Message) -> Option<(&FutureProofMessage, Wrapper)> {
    let wrappers = [
        (&message.ephemeral_message, Wrapper::Ephemeral),
        (&message.view_once_message, Wrapper::ViewOnce),
        (&message.document_with_caption_message, Wrapper::Plain),
        (&message.view_once_message_v2, Wrapper::ViewOnce),
        (&message.view_once_message_v2_extension, Wrapper::ViewOnce),
        (&message.edited_message, Wrapper::Edited),
        (&message.associated_child_message, Wrapper::Child),
        (&message.group_status_message, Wrapper::GroupStatus),
        (&message.group_status_message_v2, Wrapper::GroupStatus),
        (&message.bot_invoke_message, Wrapper::Bot),
        (&message.bot_task_message, Wrapper::Bot),
        (&message.bot_forwarded_message, Wrapper::Bot),
        (&message.lottie_sticker_message, Wrapper::Lottie),
        (&message.group_mentioned_message, Wrapper::GroupMentioned),
        (&message.status_mention_message, Wrapper::StatusMention),
        (&message.group_status_mention_message, Wrapper::StatusMention),
        (&message.status_add_yours, Wrapper::Plain),
        (&message.question_message, Wrapper::Question),
        (&message.question_reply_message, Wrapper::Question),
        (&message.limit_sharing_message, Wrapper::Limited),
        (&message.spoiler_message, Wrapper::Spoiler),
        (&message.poll_creation_option_image_message, Wrapper::Child),
        (&message.event_cover_image, Wrapper::Child),
        (&message.poll_creation_message_v4, Wrapper::Plain),
        (&message.newsletter_admin_profile_message, Wrapper::Plain),
        (&message.newsletter_admin_profile_message_v2, Wrapper::Plain),
        (&message.newsletter_admin_profile_status_message, Wrapper::Plain),
    ];
    wrappers.into_iter().find_map(|(field, wrapper)| Some((field.as_deref()?, wrapper)))
}

/// Name of the kind, owned.
pub(super) fn other(message: &Message) -> String {
    kind(message).into()
}
