//! What the stanza around a message says about it in the open. Reference 05 §4.1, §4.2, §4.3, §13.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::secret_encrypted_message::SecretEncType;
use sanswire_proto::whatsapp::message::{
    InteractiveMessage, ProtocolMessage, interactive_message, list_message,
};

use crate::limits::MESSAGE_NESTING;

/// What the stanza says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `type` of the message.
    pub kind: &'static str,
    /// `mediatype` of each enc.
    pub media: Option<&'static str>,
    /// `edit` of the message.
    pub edit: Option<&'static str>,
    /// `decrypt-fail=hide` on each enc: who cannot decrypt it shows no placeholder.
    pub hide: bool,
    /// Attributes of the `meta` child; none when empty.
    pub meta: Vec<(&'static str, String)>,
    /// A reporting token belongs to it, if it has a secret and something to report.
    pub reporting: bool,
    /// The child of `biz`.
    pub business: Option<Business>,
}

/// The child of `biz`: a node of this name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Business {
    /// Its name.
    pub tag: &'static str,
    /// Its attributes.
    pub attrs: Vec<(&'static str, String)>,
    /// `name` of a `native_flow` child of it.
    pub flow: Option<String>,
}

/// The envelope of a message as it is sent.
#[must_use]
pub fn envelope(message: &Message) -> Envelope {
    let inner = unwrapped(message);
    let edit = edit(inner);
    let media = media(inner);
    Envelope {
        kind: kind(inner, media),
        media,
        edit,
        hide: edit.is_some_and(|edit| edit != ADMIN_REVOKE) || hidden(inner),
        meta: meta(inner),
        reporting: reporting(inner),
        business: business(inner),
    }
}

/// Unwraps what the server unwraps: an edit stays one.
fn unwrapped(message: &Message) -> &Message {
    let mut inner = message;
    for _ in 0..MESSAGE_NESTING {
        let wrappers = [
            &inner.ephemeral_message,
            &inner.view_once_message,
            &inner.view_once_message_v2,
            &inner.view_once_message_v2_extension,
            &inner.document_with_caption_message,
            &inner.group_mentioned_message,
            &inner.bot_invoke_message,
            &inner.associated_child_message,
            &inner.poll_creation_option_image_message,
            &inner.lottie_sticker_message,
        ];
        let Some(next) = wrappers.into_iter().find_map(|wrapper| wrapper.as_deref()?.message.as_deref())
        else {
            break;
        };
        inner = next;
    }
    inner
}

fn kind(message: &Message, media: Option<&'static str>) -> &'static str {
    let sealed = sealed(message);
    let texts = message.conversation.is_some()
        || message.extended_text_message.is_some()
        || message.protocol_message.is_some()
        || message.keep_in_chat_message.is_some()
        || message.edited_message.is_some()
        || message.pin_in_chat_message.is_some()
        || message.interactive_message.is_some()
        || message.template_button_reply_message.is_some()
        || message.request_phone_number_message.is_some()
        || message.enc_comment_message.is_some()
        || message.newsletter_admin_invite_message.is_some()
        || message.newsletter_follower_invite_message_v2.is_some()
        || message.message_history_notice.is_some()
        || message.poll_result_snapshot_message.is_some()
        || message.poll_result_snapshot_message_v3.is_some()
        || message.poll_result_snapshot_message_v3_at114.is_some()
        || sealed.is_some();
    if message.reaction_message.is_some() || message.enc_reaction_message.is_some() {
        "reaction"
    } else if is_poll(message)
        || message.poll_update_message.is_some()
        || matches!(sealed, Some(SecretEncType::PollEdit | SecretEncType::PollAddOption))
    {
        "poll"
    } else if message.event_message.is_some()
        || message.enc_event_response_message.is_some()
        || sealed == Some(SecretEncType::EventEdit)
    {
        "event"
    } else if media.is_none() && texts {
        "text"
    } else {
        "media"
    }
}

fn media(message: &Message) -> Option<&'static str> {
    let kinds = [
        (message.image_message.is_some(), "image"),
        (message.video_message.as_ref().is_some_and(|video| video.gif_playback()), "gif"),
        (message.video_message.is_some(), "video"),
        (message.ptv_message.is_some(), "ptv"),
        (message.audio_message.as_ref().is_some_and(|audio| audio.ptt()), "ptt"),
        (message.audio_message.is_some(), "audio"),
        (message.document_message.is_some(), "document"),
        (message.sticker_message.is_some(), "sticker"),
        (message.sticker_pack_message.is_some(), "sticker_pack"),
        (message.location_message.as_ref().is_some_and(|location| location.is_live()), "livelocation"),
        (message.location_message.is_some(), "location"),
        (message.live_location_message.is_some(), "livelocation"),
        (message.contact_message.is_some(), "vcard"),
        (message.contacts_array_message.is_some(), "contact_array"),
        (
            message.extended_text_message.as_ref().is_some_and(|text| !text.matched_text().trim().is_empty()),
            "url",
        ),
        (message.group_invite_message.is_some(), "url"),
        (message.list_message.is_some(), "list"),
        (message.list_response_message.is_some(), "list_response"),
        (message.buttons_response_message.is_some(), "buttons_response"),
        (message.order_message.is_some(), "order"),
        (message.product_message.is_some(), "product"),
        (message.interactive_response_message.is_some(), "native_flow_response"),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, name)| name)
}

fn edit(message: &Message) -> Option<&'static str> {
    if message.pin_in_chat_message.is_some() {
        return Some("2");
    }
    let edited = message.edited_message.as_deref().and_then(|edited| edited.message.as_deref());
    let protocol = edited.unwrap_or(message).protocol_message.as_deref()?;
    let from_me = protocol.key.as_deref().is_some_and(|key| key.from_me());
    match protocol_type(protocol)? {
        Type::MessageEdit if protocol.edited_message.is_some() => Some("1"),
        Type::Revoke if from_me => Some("7"),
        Type::Revoke => Some(ADMIN_REVOKE),
        _ => None,
    }
}

/// Small changes to other messages: nobody waits for them.
fn hidden(message: &Message) -> bool {
    let protocol = message.protocol_message.as_deref().and_then(protocol_type);
    message.reaction_message.is_some()
        || message.enc_reaction_message.is_some()
        || message.edited_message.is_some()
        || message.keep_in_chat_message.is_some()
        || message.enc_event_response_message.is_some()
        || message.poll_update_message.as_ref().is_some_and(|update| update.vote.is_some())
        || message.message_history_notice.is_some()
        || matches!(
            sealed(message),
            Some(SecretEncType::EventEdit | SecretEncType::PollEdit | SecretEncType::PollAddOption)
        )
        || matches!(
            protocol,
            Some(Type::EphemeralSyncResponse | Type::RequestWelcomeMessage | Type::GroupMemberLabelChange)
        )
}

fn meta(message: &Message) -> Vec<(&'static str, String)> {
    let one = |name, value: &str| vec![(name, value.to_string())];
    let protocol = message.protocol_message.as_deref().and_then(protocol_type);
    if is_poll(message) {
        one("polltype", "creation")
    } else if message.poll_update_message.as_ref().is_some_and(|update| update.vote.is_some()) {
        one("polltype", "vote")
    } else if message.event_message.is_some() {
        one("event_type", "creation")
    } else if message.enc_event_response_message.is_some() {
        one("event_type", "response")
    } else if sealed(message) == Some(SecretEncType::EventEdit) {
        one("event_type", "edit")
    } else if protocol == Some(Type::GroupMemberLabelChange) {
        vec![("tag_reason", "user_update".to_string()), ("appdata", "member_tag".to_string())]
    } else {
        Vec::new()
    }
}

fn reporting(message: &Message) -> bool {
    message.reaction_message.is_none()
        && message.enc_reaction_message.is_none()
        && message.enc_event_response_message.is_none()
        && message.poll_update_message.is_none()
}

fn business(message: &Message) -> Option<Business> {
    let plain = |tag| Some(Business { tag, ..Business::default() });
    if let Some(interactive) = &message.interactive_message {
        return native_flow(interactive);
    }
    if let Some(list) = &message.list_message {
        let kind = match list.list_type() {
            list_message::ListType::Unknown => "unknown",
            list_message::ListType::SingleSelect => "single_select",
            list_message::ListType::ProductList => "product_list",
        };
        let attrs = vec![("v", "2".to_string()), ("type", kind.to_string())];
        return Some(Business { tag: "list", attrs, flow: None });
    }
    if message.buttons_message.is_some() {
        return plain("buttons");
    }
    if message.buttons_response_message.is_some() {
        return plain("buttons_response");
    }
    if message.list_response_message.is_some() {
        return plain("list_response");
    }
    if message.interactive_response_message.is_some() {
        return plain("interactive_response");
    }
    None
}

/// What the first button does names the flow.
fn native_flow(message: &InteractiveMessage) -> Option<Business> {
    let Some(interactive_message::InteractiveMessage::NativeFlowMessage(flow)) = &message.interactive_message
    else {
        return None;
    };
    let name = match flow.buttons.first()?.name() {
        "review_and_pay" => "order_details",
        "review_order" => "order_status",
        "open_webview" => "message_with_link",
        other => other,
    };
    Some(Business {
        tag: "interactive",
        attrs: vec![("type", "native_flow".to_string()), ("v", "1".to_string())],
        flow: Some(name.to_string()),
    })
}

fn is_poll(message: &Message) -> bool {
    message.poll_creation_message.is_some()
        || message.poll_creation_message_v2.is_some()
        || message.poll_creation_message_v3.is_some()
        || message.poll_creation_message_v4.is_some()
        || message.poll_creation_message_v5.is_some()
        || message.poll_creation_message_v6.is_some()
}

fn sealed(message: &Message) -> Option<SecretEncType> {
    let number = message.secret_encrypted_message.as_deref()?.secret_enc_type.unwrap_or_default();
    Some(SecretEncType::try_from(number).unwrap_or(SecretEncType::Unknown))
}

fn protocol_type(protocol: &ProtocolMessage) -> Option<Type> {
    Type::try_from(protocol.r#type?).ok()
}

const ADMIN_REVOKE: &str = "8";
