//! Stickers and packs of them. Reference 06 §4.3.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::{
    FutureProofMessage, StickerMessage, StickerPackMessage, sticker_pack_message,
};

use super::build::Building;
use super::error::ContentError;
use super::media::{MediaFile, file, fill};
use super::parts::{Blob, blob, bytes, data, flag, signed, unsigned};
use crate::limits::{STICKER_PACK_ID_BYTES, STICKERS_PER_PACK};

data! {
    /// A sticker.
    pub struct Sticker {
        /// The file, WebP.
        pub file: MediaFile,
        /// Width in pixels.
        pub width: Option<u32>,
        /// Height in pixels.
        pub height: Option<u32>,
        /// It moves.
        pub animated: bool,
        /// It is an animation of the Lottie kind, in a wrapper of its own.
        pub lottie: bool,
        /// A small PNG.
        pub thumbnail: Option<Blob>,
    }

    /// A pack of stickers: one file, a zip without compression.
    pub struct StickerPack {
        /// The pack's id: 1 to 128 bytes without `/`, `\`, `.` and control characters.
        pub id: String,
        /// Its name.
        pub name: String,
        /// Who made it.
        pub publisher: String,
        /// Its description.
        pub description: Option<String>,
        /// Text below it.
        pub caption: Option<String>,
        /// Its stickers, in order.
        pub stickers: Vec<PackedSticker>,
        /// The zip.
        pub file: MediaFile,
        /// Name of the cover in the zip; `{id}.webp` if left out.
        pub tray_icon: Option<String>,
        /// Path of the cover on the media servers, encrypted under the key of the zip.
        pub cover_path: Option<String>,
        /// SHA-256 of the cover.
        pub cover_sha256: Option<Blob>,
        /// SHA-256 of the encrypted cover.
        pub cover_enc_sha256: Option<Blob>,
    }

    /// A sticker of a pack.
    pub struct PackedSticker {
        /// Name of its file in the zip.
        pub file_name: String,
        /// It moves.
        pub animated: bool,
        /// Emoji for which it is suggested.
        pub emojis: Vec<String>,
        /// What it shows, in words.
        pub label: Option<String>,
        /// What its file is; `image/webp` if left out.
        pub mimetype: Option<String>,
    }
}

impl Sticker {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let mut sticker = StickerMessage {
            width: self.width,
            height: self.height,
            is_animated: flag(self.animated),
            is_lottie: flag(self.lottie),
            png_thumbnail: bytes(self.thumbnail.as_ref()),
            sticker_sent_ts: with.chat.is_newsletter().then(|| signed(with.now_ms)),
            ..StickerMessage::default()
        };
        fill!(sticker, &self.file, with, "image/webp");
        Ok(Message { sticker_message: Some(Box::new(sticker)), ..Message::default() })
    }

    pub(super) fn read(sticker: &StickerMessage) -> Self {
        Self {
            file: file!(sticker),
            width: sticker.width,
            height: sticker.height,
            animated: sticker.is_animated(),
            lottie: sticker.is_lottie(),
            thumbnail: blob(sticker.png_thumbnail.as_ref()),
        }
    }
}

/// Lottie animations go into a wrapper.
pub(super) fn wrap_lottie(message: Message) -> Message {
    if !message.sticker_message.as_ref().is_some_and(|sticker| sticker.is_lottie()) {
        return message;
    }
    let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
    Message { lottie_sticker_message: Some(Box::new(wrapper)), ..Message::default() }
}

impl StickerPack {
    pub(super) fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let wrong = |c: char| matches!(c, '/' | '\\' | '.') || c.is_control();
        if self.id.is_empty() {
            return Err(ContentError::Empty("the id of the sticker pack"));
        }
        if self.id.len() > STICKER_PACK_ID_BYTES {
            return Err(ContentError::TooLong {
                what: "id of the sticker pack",
                limit: STICKER_PACK_ID_BYTES,
            });
        }
        if self.id.contains(wrong) {
            return Err(ContentError::Invalid {
                what: "id of the sticker pack",
                why: "it has a slash, a dot or a control character",
            });
        }
        if self.stickers.is_empty() {
            return Err(ContentError::Empty("the sticker pack"));
        }
        if self.stickers.len() > STICKERS_PER_PACK {
            return Err(ContentError::TooLong { what: "sticker pack", limit: STICKERS_PER_PACK });
        }
        self.file.check(with)?;
        let file = &self.file;
        let tray = self.tray_icon.clone().unwrap_or_else(|| self.id.clone() + ".webp");
        let pack = StickerPackMessage {
            sticker_pack_id: Some(self.id.clone()),
            name: Some(self.name.clone()),
            publisher: Some(self.publisher.clone()),
            pack_description: self.description.clone(),
            caption: self.caption.clone(),
            stickers: self.stickers.iter().map(PackedSticker::build).collect(),
            file_length: Some(file.length),
            sticker_pack_size: Some(file.length),
            file_sha256: Some(file.sha256.0.clone()),
            file_enc_sha256: bytes(file.enc_sha256.as_ref()),
            media_key: bytes(file.media_key.as_ref()),
            direct_path: Some(file.direct_path.clone()),
            media_key_timestamp: Some(signed(file.key_timestamp.unwrap_or(with.now_ms / 1000))),
            tray_icon_file_name: Some(tray),
            thumbnail_direct_path: self.cover_path.clone(),
            thumbnail_sha256: bytes(self.cover_sha256.as_ref()),
            thumbnail_enc_sha256: bytes(self.cover_enc_sha256.as_ref()),
            ..StickerPackMessage::default()
        };
        Ok(Message { sticker_pack_message: Some(Box::new(pack)), ..Message::default() })
    }

    pub(super) fn read(pack: &StickerPackMessage) -> Self {
        Self {
            id: pack.sticker_pack_id().into(),
            name: pack.name().into(),
            publisher: pack.publisher().into(),
            description: pack.pack_description.clone(),
            caption: pack.caption.clone(),
            stickers: pack.stickers.iter().map(PackedSticker::read).collect(),
            file: MediaFile {
                url: None,
                direct_path: pack.direct_path().into(),
                media_key: blob(pack.media_key.as_ref()),
                sha256: Blob(pack.file_sha256.clone().unwrap_or_default()),
                enc_sha256: blob(pack.file_enc_sha256.as_ref()),
                length: pack.file_length(),
                mimetype: None,
                key_timestamp: pack.media_key_timestamp.map(unsigned),
            },
            tray_icon: pack.tray_icon_file_name.clone(),
            cover_path: pack.thumbnail_direct_path.clone(),
            cover_sha256: blob(pack.thumbnail_sha256.as_ref()),
            cover_enc_sha256: blob(pack.thumbnail_enc_sha256.as_ref()),
        }
    }
}

impl PackedSticker {
    fn build(&self) -> sticker_pack_message::Sticker {
        sticker_pack_message::Sticker {
            file_name: Some(self.file_name.clone()),
            is_animated: Some(self.animated),
            emojis: self.emojis.clone(),
            accessibility_label: self.label.clone(),
            is_lottie: Some(false),
            mimetype: Some(self.mimetype.clone().unwrap_or_else(|| "image/webp".to_string())),
            ..sticker_pack_message::Sticker::default()
        }
    }

    fn read(sticker: &sticker_pack_message::Sticker) -> Self {
        Self {
            file_name: sticker.file_name().into(),
            animated: sticker.is_animated(),
            emojis: sticker.emojis.clone(),
            label: sticker.accessibility_label.clone(),
            mimetype: sticker.mimetype.clone(),
        }
    }
}
