//! The view of any message. Reference 06 §4, §9, §13.

use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::secret_encrypted_message::SecretEncType;
use sanswire_proto::whatsapp::message::{ProtocolMessage, SecretEncryptedMessage};
use sanswire_proto::whatsapp::{
    Message, MessageAssociation, MessageContextInfo, MessageKey, message_association,
};

use super::context::Context;
use super::edit::{Edit, Revoke};
use super::key::Key;
use super::kinds::{Content, View};
use super::parts::{Blob, unsigned};
use super::reaction::{Comment, Keep, Pin, Reaction};
use super::secret::{AddOn, Sealed};
use super::text::Text;
use super::unwrap::{self, unwrap};
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
    let protocol = inner.protocol_message.as_deref();
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
    if let Some((comment, to, left)) = inner.comment_message.as_deref().and_then(|comment| {
        let key = Key::read(comment.target_message_key.as_ref())?;
        Some((comment.message.as_deref()?, key, left.checked_sub(1)?))
    }) {
        let said = view(comment, left);
        let comment = Comment { to, content: said.content.into(), sealed: false };
        return View { content: Content::Comment(comment), ..said };
    }
    let mut context = Context::read(inner, left);
    context.view_once = whole.view_once || says_view_once(inner);
    context.album = whole.info.and_then(|info| album(info.message_association.as_deref()?));
    let content =
        known(inner, whole.info, left).unwrap_or_else(|| Content::Other { kind: unwrap::other(inner) });
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
fn known(message: &Message, info: Option<&MessageContextInfo>, left: usize) -> Option<Content> {
    let _ = left;
    if let Some(body) = &message.conversation {
        return Some(Content::Text(Text::new(body.clone())));
    }
    if let Some(text) = message.extended_text_message.as_deref() {
        return Some(Content::Text(Text::read(text)));
    }
    if let Some(protocol) = message.protocol_message.as_deref() {
        return protocol_content(protocol);
    }
    if let Some(reaction) = message.reaction_message.as_deref() {
        return Reaction::read(reaction, None, false).map(Content::Reaction);
    }
    if let Some(keep) = message.keep_in_chat_message.as_deref() {
        return Keep::read(keep).map(Content::Keep);
    }
    if let Some(pin) = message.pin_in_chat_message.as_deref() {
        return Pin::read(pin, info).map(Content::Pin);
    }
    sealed(message).map(Content::Sealed)
}

fn protocol_content(protocol: &ProtocolMessage) -> Option<Content> {
    match kind(protocol)? {
        Type::Revoke => Some(Content::Revoke(Revoke { of: Key::read(protocol.key.as_deref())? })),
        _ => None,
    }
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
