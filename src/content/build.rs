//! A draft as protobuf, with everything that follows from it filled in. Reference 06 §1, §2, §3.4, §4.

use alloc::boxed::Box;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::message::secret_encrypted_message::SecretEncType;
use sanswire_proto::whatsapp::message::{
    EncCommentMessage, EncReactionMessage, FutureProofMessage, SecretEncryptedMessage,
};
use sanswire_proto::whatsapp::{
    ContextInfo, Message, MessageAssociation, MessageContextInfo, message_association,
};

use super::context::Context;
use super::error::ContentError;
use super::key::Key;
use super::kinds::{Content, Draft, Forward};
use super::parts::flag;
use super::reaction::{Comment, Reaction};
use super::secret::{self, UseCase};
use super::text::Text;
use super::unwrap::{is_several, kind, unwrap};
use super::{interactive, media, settings, slots, sticker};
use crate::wire::Jid;

/// What building takes besides the draft.
pub struct Building<'a> {
    /// The time, milliseconds since 1970.
    pub now_ms: u64,
    /// 32 random bytes: the message's secret.
    pub secret: [u8; 32],
    /// 12 random bytes: the iv of what is sealed.
    pub iv: [u8; 12],
    /// The account, in the conversation's addressing.
    pub me: &'a Jid<'a>,
    /// The conversation.
    pub chat: &'a Jid<'a>,
    /// What is known of the message that [`needs_secret_of`] asked for.
    pub parent: Option<Parent<'a>>,
}

/// The message under whose secret content is sealed.
#[derive(Clone, Copy)]
pub struct Parent<'a> {
    /// Its secret.
    pub secret: &'a [u8; 32],
    /// Who wrote it, in the address under which the secret was stored.
    pub author: &'a Jid<'a>,
}

/// The message whose secret is needed to build a draft, if any: look it up and give it as [`Building::parent`].
#[must_use]
pub fn needs_secret_of(draft: &Draft) -> Option<&Key> {
    match &draft.content {
        Content::Reaction(reaction) if reaction.sealed => Some(&reaction.to),
        Content::Comment(comment) if comment.sealed => Some(&comment.to),
        Content::Edit(edit) => sealed_edit(&edit.content).map(|_| &edit.of),
        Content::PollVote(vote) => Some(&vote.poll),
        Content::PollOption(option) => Some(&option.poll),
        Content::EventResponse(response) => Some(&response.event),
        _ => None,
    }
}

/// Builds the message of a draft.
///
/// # Errors
/// [`ContentError`]: what is wrong with the draft.
pub fn build(draft: &Draft, with: &Building<'_>) -> Result<Message, ContentError> {
    if let Content::Raw { message } = &draft.content {
        return decode(message, "raw content");
    }
    let mut message = with_context(&draft.content, &draft.context, with)?;
    if takes_secret(&message) {
        let info = message.message_context_info.get_or_insert_default();
        info.message_secret.get_or_insert_with(|| Bytes::copy_from_slice(&with.secret));
    }
    Ok(message)
}

/// Content as it is quoted: without context or secret.
pub(super) fn quoted(content: &Content, with: &Building<'_>) -> Result<Message, ContentError> {
    match content {
        Content::Raw { message } => decode(message, "the quoted message"),
        content => plain(content, with),
    }
}

/// All kinds have a secret but those that are small change to other messages.
fn takes_secret(message: &Message) -> bool {
    message.reaction_message.is_none()
        && message.enc_reaction_message.is_none()
        && message.enc_event_response_message.is_none()
        && message.poll_update_message.is_none()
}

/// The context belongs to what is said, inside of edits and comments.
fn with_context(content: &Content, context: &Context, with: &Building<'_>) -> Result<Message, ContentError> {
    match content {
        Content::Edit(edit) => {
            let inner = with_context(&edit.content, context, with)?;
            match sealed_edit(&edit.content) {
                Some((kind, use_case)) => sealed_message(kind, use_case, &edit.of, &inner, with),
                None => edit.wrap(inner, with),
            }
        }
        Content::Comment(comment) => {
            let inner = with_context(&comment.content, context, with)?;
            if comment.sealed { sealed_comment(comment, &inner, with) } else { comment.wrap(inner, with) }
        }
        content => {
            let mut message = plain(content, with)?;
            context.put(&mut message, with)?;
            message = interactive::wrap_flow(sticker::wrap_lottie(media::wrap_caption(message)));
            if context.view_once {
                message = view_once(message)?;
            }
            if let Some(album) = &context.album {
                message = album_child(message, album, with)?;
            }
            if let Some(bot) = &context.bot {
                message = bot.put(message);
            }
            Ok(message)
        }
    }
}

/// Polls and events are edited sealed.
fn sealed_edit(content: &Content) -> Option<(SecretEncType, UseCase)> {
    match content {
        Content::Poll(_) => Some((SecretEncType::PollEdit, UseCase::PollEdit)),
        Content::Event(_) => Some((SecretEncType::EventEdit, UseCase::EventEdit)),
        _ => None,
    }
}

/// The message of a kind, without context.
fn plain(content: &Content, with: &Building<'_>) -> Result<Message, ContentError> {
    match content {
        Content::Text(text) => text.build(),
        Content::Sticker(sticker) => sticker.build(with),
        Content::StickerPack(pack) => pack.build(with),
        Content::Location(location) => location.build(),
        Content::LiveLocation(live) => live.build(),
        Content::Contacts(contacts) => contacts.build(),
        Content::Poll(poll) => poll.build(),
        Content::PollVote(vote) => vote.build(with),
        Content::PollOption(option) => option.build(with),
        Content::Event(event) => event.build(),
        Content::EventResponse(response) => response.build(with),
        Content::GroupInvite(invite) => invite.build(),
        Content::NewsletterInvite(invite) => invite.build(),
        Content::Buttons(buttons) => buttons.build(with),
        Content::List(list) => list.build(),
        Content::Interactive(flow) => flow.build(with),
        Content::ButtonReply(reply) => reply.build(),
        Content::ListReply(reply) => reply.build(),
        Content::InteractiveReply(reply) => reply.build(),
        Content::Product(product) => product.build(with),
        Content::Disappearing(timer) => timer.build(with),
        Content::LimitSharing(limit) => Ok(limit.build(with)),
        Content::MemberLabel(label) => label.build(with),
        Content::SharePhoneNumber => Ok(settings::share_phone_number()),
        Content::RequestPhoneNumber => Ok(settings::request_phone_number()),
        Content::Reaction(reaction) => build_reaction(reaction, with),
        Content::Revoke(revoke) => revoke.build(with),
        Content::Pin(pin) => pin.build(with),
        Content::Keep(keep) => keep.build(with),
        Content::Forward(forward) => forwarded(forward),
        Content::Comment(_) | Content::Edit(_) => {
            Err(ContentError::NotSendable("a change inside of another"))
        }
        Content::Sealed(_) => Err(ContentError::NotSendable("sealed content")),
        Content::Raw { .. } => Err(ContentError::NotSendable("raw content inside of other content")),
        content => media::build(content, with)
            .unwrap_or(Err(ContentError::NotSendable("content of a kind that is only received"))),
    }
}

fn build_reaction(reaction: &Reaction, with: &Building<'_>) -> Result<Message, ContentError> {
    let mut plain = reaction.message(with)?;
    if !reaction.sealed {
        return Ok(Message { reaction_message: Some(Box::new(plain)), ..Message::default() });
    }
    let key = plain.key.take();
    let payload = sealed(UseCase::Reaction, &reaction.to, &plain.encode_to_vec(), with)?;
    let message =
        EncReactionMessage { target_message_key: key, enc_payload: Some(payload), enc_iv: Some(iv(with)) };
    Ok(Message { enc_reaction_message: Some(Box::new(message)), ..Message::default() })
}

fn sealed_comment(comment: &Comment, inner: &Message, with: &Building<'_>) -> Result<Message, ContentError> {
    let payload = sealed(UseCase::Comment, &comment.to, &inner.encode_to_vec(), with)?;
    let message = EncCommentMessage {
        target_message_key: Some(comment.to.build(with)?),
        enc_payload: Some(payload),
        enc_iv: Some(iv(with)),
    };
    Ok(Message { enc_comment_message: Some(Box::new(message)), ..Message::default() })
}

/// Seals under the secret of the message that `key` names.
pub(super) fn sealed(
    use_case: UseCase,
    key: &Key,
    plaintext: &[u8],
    with: &Building<'_>,
) -> Result<Bytes, ContentError> {
    let parent = with.parent.ok_or_else(|| ContentError::NoSecret(key.id.clone()))?;
    secret::seal(use_case, parent.secret, &key.id, [parent.author, with.me], &with.iv, plaintext)
        .map(Bytes::from)
}

/// A whole message sealed under the secret of the one that `key` names.
pub(super) fn sealed_message(
    kind: SecretEncType,
    use_case: UseCase,
    key: &Key,
    inner: &Message,
    with: &Building<'_>,
) -> Result<Message, ContentError> {
    let message = SecretEncryptedMessage {
        target_message_key: Some(key.build(with)?),
        enc_payload: Some(sealed(use_case, key, &inner.encode_to_vec(), with)?),
        enc_iv: Some(iv(with)),
        secret_enc_type: Some(kind as i32),
        remote_key_id: None,
    };
    Ok(Message { secret_encrypted_message: Some(Box::new(message)), ..Message::default() })
}

pub(super) fn iv(with: &Building<'_>) -> Bytes {
    Bytes::copy_from_slice(&with.iv)
}

/// The newest of the three wrappers, the one of voice messages for those, and the flag inside.
fn view_once(mut message: Message) -> Result<Message, ContentError> {
    let mut voice = false;
    if let Some(image) = message.image_message.as_deref_mut() {
        image.view_once = flag(true);
    } else if let Some(video) = message.video_message.as_deref_mut().or(message.ptv_message.as_deref_mut()) {
        video.view_once = flag(true);
    } else if let Some(audio) = message.audio_message.as_deref_mut() {
        audio.view_once = flag(true);
        voice = true;
    } else if let Some(text) = message.extended_text_message.as_deref_mut() {
        text.view_once = flag(true);
    } else if message.location_message.is_none() {
        return Err(ContentError::Invalid { what: "view once", why: "not for this kind of content" });
    }
    let wrapper = Some(Box::new(FutureProofMessage { message: Some(Box::new(message)) }));
    Ok(if voice {
        Message { view_once_message_v2_extension: wrapper, ..Message::default() }
    } else {
        Message { view_once_message_v2: wrapper, ..Message::default() }
    })
}

/// A part of an album: wrapped, with the album named beside it.
fn album_child(message: Message, album: &Key, with: &Building<'_>) -> Result<Message, ContentError> {
    let association = MessageAssociation {
        association_type: Some(message_association::AssociationType::MediaAlbum as i32),
        parent_message_key: Some(album.build(with)?),
        message_index: None,
    };
    let info = MessageContextInfo {
        message_association: Some(Box::new(association)),
        ..MessageContextInfo::default()
    };
    let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
    Ok(Message {
        associated_child_message: Some(Box::new(wrapper)),
        message_context_info: Some(Box::new(info)),
        ..Message::default()
    })
}

/// A message handed on: unwrapped, its context replaced by the score. Its secret stays behind: each message has
/// its own.
fn forwarded(forward: &Forward) -> Result<Message, ContentError> {
    let whole = decode(&forward.message, "the forwarded message")?;
    let inner = unwrap(&whole).message;
    let mut message = Message {
        message_context_info: None,
        sender_key_distribution_message: None,
        fast_ratchet_key_sender_key_distribution_message: None,
        ..inner.clone()
    };
    if kind(&message).is_empty() {
        return Err(ContentError::NotAMessage("the forwarded message"));
    }
    // What hides behind the first kind would go out in the account's name.
    if is_several(&message) {
        return Err(ContentError::NotSendable("a forwarded message of several kinds"));
    }
    if let Some(body) = message.conversation.take() {
        message = Text::new(body).build()?;
    }
    let before = slots::context(inner).map_or(0, ContextInfo::forwarding_score);
    let score = if forward.own && !forward.force { before } else { before.saturating_add(1) };
    let Some(slot) = slots::context_mut(&mut message) else {
        return Err(ContentError::NotSendable("a forwarded message of this kind"));
    };
    *slot = Some(Box::new(ContextInfo {
        forwarding_score: Some(score).filter(|score| *score > 0),
        is_forwarded: flag(score > 0),
        ..ContextInfo::default()
    }));
    Ok(message)
}

fn decode(bytes: &super::Blob, what: &'static str) -> Result<Message, ContentError> {
    let message = Message::decode(bytes.0.clone()).map_err(|_| ContentError::NotAMessage(what))?;
    if message == Message::default() {
        return Err(ContentError::NotAMessage(what));
    }
    Ok(message)
}
