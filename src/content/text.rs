//! Text, with the preview of a link in it or as a status with colours. Reference 06 §4.1.

use alloc::boxed::Box;
use alloc::string::String;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::ExtendedTextMessage;

use super::error::ContentError;
use super::parts::{Blob, Colour, blob, bytes, data, signed, unsigned};
use crate::limits::MESSAGE_TEXT_BYTES;

data! {
    /// Text.
    pub struct Text {
        /// What it says.
        pub body: String,
        /// The preview of a link in the text: whoever sends it looked the page up.
        pub preview: Option<Box<LinkPreview>>,
        /// Background of a status.
        pub background: Option<Colour>,
        /// Text colour of a status.
        pub colour: Option<Colour>,
        /// Number of the font of a status.
        pub font: Option<u32>,
    }

    /// What a link leads to.
    pub struct LinkPreview {
        /// The link as it stands in the text.
        pub url: String,
        /// The page's title.
        pub title: Option<String>,
        /// The page's description.
        pub description: Option<String>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
        /// A larger picture, uploaded as media of the type "Link Thumbnail".
        pub picture: Option<LinkPicture>,
        /// The kind of preview: 0 plain, 1 video, 5 image. Written as 0 when left out.
        pub kind: Option<i32>,
    }

    /// The large picture of a link preview.
    pub struct LinkPicture {
        /// Path on the media servers.
        pub direct_path: String,
        /// Key of the encrypted file, 32 bytes.
        pub media_key: Blob,
        /// When the key was made, seconds since 1970.
        pub timestamp: Option<u64>,
        /// SHA-256 of the file.
        pub sha256: Blob,
        /// SHA-256 of the encrypted file.
        pub enc_sha256: Blob,
        /// Width in pixels.
        pub width: Option<u32>,
        /// Height in pixels.
        pub height: Option<u32>,
    }
}

impl Text {
    /// Text and nothing else.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Always the extended form: the bare one has no place for quotes and timers, and reads the same.
    pub(super) fn build(&self) -> Result<Message, ContentError> {
        if self.body.is_empty() {
            return Err(ContentError::Empty("text"));
        }
        limit("text", &self.body)?;
        let mut text = ExtendedTextMessage {
            text: Some(self.body.clone()),
            background_argb: self.background.map(|colour| colour.0),
            text_argb: self.colour.map(|colour| colour.0),
            font: self.font.and_then(|font| i32::try_from(font).ok()),
            ..ExtendedTextMessage::default()
        };
        if let Some(preview) = &self.preview {
            preview.put(&mut text)?;
        }
        Ok(Message { extended_text_message: Some(Box::new(text)), ..Message::default() })
    }

    pub(super) fn read(text: &ExtendedTextMessage) -> Self {
        Self {
            body: text.text().into(),
            preview: LinkPreview::read(text).map(Box::new),
            background: text.background_argb.map(Colour),
            colour: text.text_argb.map(Colour),
            font: text.font.and_then(|font| u32::try_from(font).ok()),
        }
    }
}

impl LinkPreview {
    fn put(&self, text: &mut ExtendedTextMessage) -> Result<(), ContentError> {
        if self.url.is_empty() {
            return Err(ContentError::Empty("the link of the preview"));
        }
        limit("link", &self.url)?;
        text.matched_text = Some(self.url.clone());
        text.title.clone_from(&self.title);
        text.description.clone_from(&self.description);
        text.jpeg_thumbnail = bytes(self.thumbnail.as_ref());
        text.preview_type = Some(self.kind.unwrap_or(0));
        if let Some(picture) = &self.picture {
            text.thumbnail_direct_path = Some(picture.direct_path.clone());
            text.media_key = Some(picture.media_key.0.clone());
            text.media_key_timestamp = picture.timestamp.map(signed);
            text.thumbnail_sha256 = Some(picture.sha256.0.clone());
            text.thumbnail_enc_sha256 = Some(picture.enc_sha256.0.clone());
            text.thumbnail_width = picture.width;
            text.thumbnail_height = picture.height;
        }
        Ok(())
    }

    fn read(text: &ExtendedTextMessage) -> Option<Self> {
        let url = text.matched_text.clone().filter(|url| !url.is_empty())?;
        let picture = text.thumbnail_direct_path.as_ref().map(|path| LinkPicture {
            direct_path: path.clone(),
            media_key: Blob(text.media_key.clone().unwrap_or_default()),
            timestamp: text.media_key_timestamp.map(unsigned),
            sha256: Blob(text.thumbnail_sha256.clone().unwrap_or_default()),
            enc_sha256: Blob(text.thumbnail_enc_sha256.clone().unwrap_or_default()),
            width: text.thumbnail_width,
            height: text.thumbnail_height,
        });
        Some(Self {
            url,
            title: text.title.clone(),
            description: text.description.clone(),
            thumbnail: blob(text.jpeg_thumbnail.as_ref()),
            picture,
            kind: text.preview_type.filter(|kind| *kind != 0),
        })
    }
}

/// No text of a message is longer than the main one may be.
pub(super) fn limit(what: &'static str, text: &str) -> Result<(), ContentError> {
    if text.len() > MESSAGE_TEXT_BYTES {
        return Err(ContentError::TooLong { what, limit: MESSAGE_TEXT_BYTES });
    }
    Ok(())
}
