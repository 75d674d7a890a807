//! Where each kind keeps its context. Reference 06 §3.1.

use alloc::boxed::Box;

use sanswire_proto::whatsapp::{ContextInfo, Message};

macro_rules! each_kind {
    ($in_each:ident) => {
        $in_each! {
            image_message,
            contact_message,
            location_message,
            extended_text_message,
            document_message,
            audio_message,
            video_message,
            call,
            contacts_array_message,
            live_location_message,
            template_message,
            sticker_message,
            group_invite_message,
            template_button_reply_message,
            product_message,
            list_message,
            order_message,
            list_response_message,
            buttons_message,
            buttons_response_message,
            interactive_message,
            interactive_response_message,
            poll_creation_message,
            request_phone_number_message,
            poll_creation_message_v2,
            poll_creation_message_v3,
            ptv_message,
            message_history_bundle,
            event_message,
            newsletter_admin_invite_message,
            album_message,
            sticker_pack_message,
            poll_result_snapshot_message,
            message_history_notice,
            poll_creation_message_v5,
            newsletter_follower_invite_message_v2,
            poll_result_snapshot_message_v3_at114,
            poll_result_snapshot_message_v3,
            poll_creation_message_v6,
            event_invite_message
        }
    };
}

/// The context of a message's content.
pub(super) fn context(message: &Message) -> Option<&ContextInfo> {
    macro_rules! first {
        ($($field:ident),*) => {
            $(if let Some(content) = message.$field.as_deref() {
                return content.context_info.as_deref();
            })*
        };
    }
    each_kind!(first);
    None
}

/// The place for the context of a message's content, if its kind has one.
pub(super) fn context_mut(message: &mut Message) -> Option<&mut Option<Box<ContextInfo>>> {
    macro_rules! first {
        ($($field:ident),*) => {
            $(if let Some(content) = message.$field.as_deref_mut() {
                return Some(&mut content.context_info);
            })*
        };
    }
    each_kind!(first);
    None
}
