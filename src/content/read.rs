//! The view of any message. Reference 06 §4, §9, §13.

use alloc::boxed::Box;

use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::secret_encrypted_message::SecretEncType;
use sanswire_proto::whatsapp::message::template_message::Format;
use sanswire_proto::whatsapp::message::{ProtocolMessage, SecretEncryptedMessage};
use sanswire_proto::whatsapp::{
    Message, MessageAssociation, MessageContextInfo, MessageKey, message_association,
};

use super::bot::BotPrompt;
use super::calendar::{CalendarEvent, EventInvite};
use super::context::Context;
use super::edit::{Edit, Revoke};
use super::interactive::{Buttons, Interactive, List};
use super::invite::{GroupInvite, NewsletterInvite};
use super::key::Key;
use super::kinds::{Content, View};
use super::parts::{Blob, unsigned};
use super::place::{Contacts, LiveLocation, Location};
use super::poll::{Poll, PollOption, PollResult};
use super::reaction::{Comment, Keep, Pin, Reaction};
use super::reply::{ButtonReply, InteractiveReply, ListReply};
use super::secret::{AddOn, Sealed};
use super::settings::{Disappearing, LimitSharing, MemberLabel, Protocol};
use super::sticker::{Sticker, StickerPack};
use super::text::Text;
use super::unwrap::{self, unwrap};
use super::{commerce, media, notice};
use crate::limits::MESSAGE_NESTING;

/// The view of a message. Never fails: what has no view is [`Content::Other`].
#[must_use]
pub fn read(message: &Message) -> View {
    view(message, MESSAGE_NESTING)
}

/// What a message inside of another one says.
pub(super) fn content(message: &Message, left: usize) -> Content {
    match left.checked_sub(1) {
        Some(left) => view(message, left).content,
        None => Content::default(),
    }
}

fn view(message: &Message, left: usize) -> View {
    let whole = unwrap(message);
    let inner = whole.message;
    // Of several kinds in one message the first counts, above all where another has consequences.
    let first = unwrap::kind(inner);
    let protocol = inner.protocol_message.as_deref().filter(|_| first == PROTOCOL);
    let edited = protocol.filter(|protocol| kind(protocol) == Some(Type::MessageEdit));
    if let Some((of, new, left)) = edited.and_then(|protocol| {
        Some((Key::read(protocol.key.as_deref())?, protocol.edited_message.as_deref()?, left.checked_sub(1)?))
    }) {
        let new = view(new, left);
        let sent_ms = protocol.and_then(|protocol| protocol.timestamp_ms).map(unsigned);
        let mut flags = new.flags;
        flags.edited = true;
        return View {
            content: Content::Edit(Edit { of, content: new.content.into(), sent_ms }),
            flags,
            ..new
        };
    }
    if let Some((comment, to, left)) =
        inner.comment_message.as_deref().filter(|_| first == "commentMessage").and_then(|comment| {
            let key = Key::read(comment.target_message_key.as_ref())?;
            Some((comment.message.as_deref()?, key, left.checked_sub(1)?))
        })
    {
        let said = view(comment, left);
        let comment = Comment { to, content: said.content.into(), sealed: false };
        return View { content: Content::Comment(comment), ..said };
    }
    let mut context = Context::read(inner, left);
    context.view_once = whole.view_once || says_view_once(inner);
    context.album = whole.info.and_then(|info| album(info.message_association.as_deref()?)).map(Box::new);
    context.bot = BotPrompt::read(whole.info, whole.flags.bot).map(Box::new);
    let content = known(inner, whole.info).unwrap_or_else(|| Content::Other { kind: unwrap::other(inner) });
    View { content, context, flags: whole.flags }
}

fn says_view_once(message: &Message) -> bool {
    message.image_message.as_ref().is_some_and(|image| image.view_once())
        || message.video_message.as_ref().is_some_and(|video| video.view_once())
        || message.ptv_message.as_ref().is_some_and(|video| video.view_once())
        || message.audio_message.as_ref().is_some_and(|audio| audio.view_once())
        || message.extended_text_message.as_ref().is_some_and(|text| text.view_once())
}

fn album(association: &MessageAssociation) -> Option<Key> {
    let is_album = association.association_type() == message_association::AssociationType::MediaAlbum;
    Key::read(association.parent_message_key.as_ref()).filter(|_| is_album)
}

/// The content of a message without wrappers; `None` when this version has no view for its kind. Of several kinds
/// in one message the first counts.
fn known(message: &Message, info: Option<&MessageContextInfo>) -> Option<Content> {
    spoken(message)
        .or_else(|| media::read(message))
        .or_else(|| shared(message))
        .or_else(|| offered(message))
        .or_else(|| about_another(message, info))
        .or_else(|| commerce::read(message))
        .or_else(|| notice::read(message))
        .or_else(|| sealed(message).map(Content::Sealed))
}

fn spoken(message: &Message) -> Option<Content> {
    if let Some(body) = &message.conversation {
        return Some(Content::Text(Text::new(body.clone())));
    }
    if let Some(text) = message.extended_text_message.as_deref() {
        return Some(Content::Text(Text::read(text)));
    }
    let protocol = message.protocol_message.as_deref().filter(|_| unwrap::kind(message) == PROTOCOL);
    protocol.map(protocol_content)
}

/// Stickers, places, people, polls, events, invitations.
fn shared(message: &Message) -> Option<Content> {
    if let Some(sticker) = message.sticker_message.as_deref() {
        return Some(Content::Sticker(Sticker::read(sticker)));
    }
    if let Some(pack) = message.sticker_pack_message.as_deref() {
        return Some(Content::StickerPack(StickerPack::read(pack)));
    }
    if let Some(location) = message.location_message.as_deref() {
        return Some(Content::Location(Location::read(location)));
    }
    if let Some(live) = message.live_location_message.as_deref() {
        return Some(Content::LiveLocation(LiveLocation::read(live)));
    }
    if let Some(event) = message.event_message.as_deref() {
        return Some(Content::Event(CalendarEvent::read(event)));
    }
    if let Some(invite) = message.event_invite_message.as_deref() {
        return Some(Content::EventInvite(EventInvite::read(invite)));
    }
    if let Some(invite) = message.group_invite_message.as_deref() {
        return Some(Content::GroupInvite(GroupInvite::read(invite)));
    }
    Contacts::read(message)
        .map(Content::Contacts)
        .or_else(|| Poll::read(message).map(Content::Poll))
        .or_else(|| PollResult::read(message).map(Content::PollResult))
        .or_else(|| NewsletterInvite::read(message).map(Content::NewsletterInvite))
}

/// Buttons, lists, flows, and the replies to them.
fn offered(message: &Message) -> Option<Content> {
    if let Some(buttons) = message.buttons_message.as_deref() {
        return Some(Content::Buttons(Buttons::read(buttons)));
    }
    if let Some(template) = message.template_message.as_deref() {
        if let Some(Format::InteractiveMessageTemplate(flow)) = &template.format {
            return Some(Content::Interactive(Interactive::read(flow)));
        }
        return Buttons::read_template(template).map(Content::Buttons);
    }
    if let Some(list) = message.list_message.as_deref() {
        return Some(Content::List(List::read(list)));
    }
    if let Some(flow) = message.interactive_message.as_deref() {
        return Some(Content::Interactive(Interactive::read(flow)));
    }
    if let Some(reply) = message.list_response_message.as_deref() {
        return Some(Content::ListReply(ListReply::read(reply)));
    }
    if let Some(reply) = message.interactive_response_message.as_deref() {
        return Some(Content::InteractiveReply(InteractiveReply::read(reply)));
    }
    ButtonReply::read(message).map(Content::ButtonReply)
}

/// What changes another message, or asks for something.
fn about_another(message: &Message, info: Option<&MessageContextInfo>) -> Option<Content> {
    if let Some(reaction) = message.reaction_message.as_deref() {
        return Reaction::read(reaction, None, false).map(Content::Reaction);
    }
    if let Some(keep) = message.keep_in_chat_message.as_deref() {
        return Keep::read(keep).map(Content::Keep);
    }
    if let Some(pin) = message.pin_in_chat_message.as_deref() {
        return Pin::read(pin, info).map(Content::Pin);
    }
    if let Some(added) = message.poll_add_option_message.as_deref() {
        return PollOption::read(added).map(Content::PollOption);
    }
    message.request_phone_number_message.as_ref().map(|_| Content::RequestPhoneNumber)
}

fn protocol_content(protocol: &ProtocolMessage) -> Content {
    let kind = kind(protocol);
    let content = match kind {
        Some(Type::Revoke) => Key::read(protocol.key.as_deref()).map(|of| Content::Revoke(Revoke { of })),
        Some(Type::EphemeralSetting) => Some(Content::Disappearing(Disappearing::read(protocol))),
        Some(Type::SharePhoneNumber) => Some(Content::SharePhoneNumber),
        Some(Type::LimitSharing) => LimitSharing::read(protocol).map(Content::LimitSharing),
        Some(Type::GroupMemberLabelChange) => MemberLabel::read(protocol).map(Content::MemberLabel),
        _ => None,
    };
    content.unwrap_or_else(|| Content::Protocol(Protocol::read(protocol, kind)))
}

/// An absent or unknown number is not the first of the list, which would be a revocation.
fn kind(protocol: &ProtocolMessage) -> Option<Type> {
    Type::try_from(protocol.r#type?).ok()
}

/// What is sealed under another message's secret.
fn sealed(message: &Message) -> Option<Sealed> {
    let whole =
        |kind, key: Option<&MessageKey>, payload: &Option<bytes::Bytes>, iv: &Option<bytes::Bytes>| {
            let to = Key::read(key)?;
            Some(Sealed {
                kind,
                to,
                payload: Blob(payload.clone().unwrap_or_default()),
                iv: Blob(iv.clone().unwrap_or_default()),
                sent_ms: None,
            })
        };
    if let Some(update) = message.poll_update_message.as_deref() {
        let vote = update.vote.as_ref()?;
        let key = update.poll_creation_message_key.as_ref();
        let sealed = whole(AddOn::PollVote, key, &vote.enc_payload, &vote.enc_iv)?;
        return Some(Sealed { sent_ms: update.sender_timestamp_ms.map(unsigned), ..sealed });
    }
    if let Some(add_on) = message.enc_reaction_message.as_deref() {
        return whole(
            AddOn::Reaction,
            add_on.target_message_key.as_ref(),
            &add_on.enc_payload,
            &add_on.enc_iv,
        );
    }
    if let Some(add_on) = message.enc_comment_message.as_deref() {
        return whole(
            AddOn::Comment,
            add_on.target_message_key.as_ref(),
            &add_on.enc_payload,
            &add_on.enc_iv,
        );
    }
    if let Some(add_on) = message.enc_event_response_message.as_deref() {
        let key = add_on.event_creation_message_key.as_ref();
        return whole(AddOn::EventResponse, key, &add_on.enc_payload, &add_on.enc_iv);
    }
    let add_on = message.secret_encrypted_message.as_deref()?;
    whole(edit_kind(add_on), add_on.target_message_key.as_ref(), &add_on.enc_payload, &add_on.enc_iv)
}

fn edit_kind(message: &SecretEncryptedMessage) -> AddOn {
    let number = message.secret_enc_type.unwrap_or_default();
    match SecretEncType::try_from(number) {
        Ok(SecretEncType::EventEdit) => AddOn::EventEdit,
        Ok(SecretEncType::MessageEdit) => AddOn::MessageEdit,
        Ok(SecretEncType::PollEdit) => AddOn::PollEdit,
        Ok(SecretEncType::PollAddOption) => AddOn::PollAddOption,
        Ok(SecretEncType::Unknown | SecretEncType::MessageSchedule) | Err(_) => AddOn::Unknown(number),
    }
}

const PROTOCOL: &str = "protocolMessage";
