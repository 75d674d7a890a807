//! Plain text, and the view of any message. Reference 06.

use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::Message;
use serde::{Deserialize, Serialize};

use super::Content;

/// Plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// What it says.
    pub body: String,
}

/// A text message without previews or context.
pub(crate) fn build_text(text: &Text) -> Message {
    Message { conversation: Some(text.body.clone()), ..Message::default() }
}

/// The view of a decrypted message.
pub(crate) fn read(message: &Message) -> Content {
    if let Some(body) = &message.conversation {
        return Content::Text(Text { body: body.clone() });
    }
    if let Some(body) = message.extended_text_message.as_ref().and_then(|text| text.text.as_ref()) {
        return Content::Text(Text { body: body.clone() });
    }
    Content::Other { kind: kind_of(message).to_string() }
}

/// The protobuf field that makes up a message of a kind without a view.
fn kind_of(message: &Message) -> &'static str {
    let kinds = [
        (message.protocol_message.is_some(), "protocolMessage"),
        (message.sender_key_distribution_message.is_some(), "senderKeyDistributionMessage"),
        (message.image_message.is_some(), "imageMessage"),
        (message.video_message.is_some(), "videoMessage"),
        (message.audio_message.is_some(), "audioMessage"),
        (message.document_message.is_some(), "documentMessage"),
        (message.sticker_message.is_some(), "stickerMessage"),
        (message.reaction_message.is_some(), "reactionMessage"),
        (message.contact_message.is_some(), "contactMessage"),
        (message.location_message.is_some(), "locationMessage"),
        (message.edited_message.is_some(), "editedMessage"),
        (message.ephemeral_message.is_some(), "ephemeralMessage"),
    ];
    kinds.iter().find(|(set, _)| *set).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_text_read_the_same() {
        let text = Text { body: "hi".to_string() };
        assert_eq!(read(&build_text(&text)), Content::Text(text));
        assert_eq!(read(&Message::default()), Content::Other { kind: String::new() });
    }
}
