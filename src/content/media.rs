//! Pictures, videos, sound and documents: references to files that were uploaded before. Reference 06 §4.3.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::{
    AlbumMessage, AudioMessage, DocumentMessage, FutureProofMessage, ImageMessage, VideoMessage,
};

use super::build::Building;
use super::error::ContentError;
use super::kinds::Content;
use super::parts::{Blob, Colour, blob, bytes, data, flag, signed, unsigned};
use super::text::limit;
use crate::limits::{ALBUM_PARTS, WAVEFORM_BYTES};

data! {
    /// An uploaded file.
    pub struct MediaFile {
        /// Where it can be loaded from.
        pub url: Option<String>,
        /// Its path on the media servers.
        pub direct_path: String,
        /// Key of the encrypted file, 32 bytes; files of channels have none.
        pub media_key: Option<Blob>,
        /// SHA-256 of the file.
        pub sha256: Blob,
        /// SHA-256 of the encrypted file; files of channels have none.
        pub enc_sha256: Option<Blob>,
        /// Length of the file, in bytes.
        pub length: u64,
        /// What it is; when sending, the usual one of the kind if left out.
        pub mimetype: Option<String>,
        /// When the key was made, seconds since 1970; when sending, now if left out.
        pub key_timestamp: Option<u64>,
    }

    /// A picture.
    pub struct Image {
        /// The file.
        pub file: MediaFile,
        /// Text below it.
        pub caption: Option<String>,
        /// Width in pixels.
        pub width: Option<u32>,
        /// Height in pixels.
        pub height: Option<u32>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
    }

    /// A video, a short one that plays by itself and without sound, or a round note.
    pub struct Video {
        /// The file.
        pub file: MediaFile,
        /// Text below it.
        pub caption: Option<String>,
        /// Width in pixels.
        pub width: Option<u32>,
        /// Height in pixels.
        pub height: Option<u32>,
        /// Length in seconds.
        pub seconds: Option<u32>,
        /// Plays by itself in a loop: an animation, though the file is a video.
        pub gif: bool,
        /// A round note.
        pub note: bool,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
    }

    /// Sound, or a voice message.
    pub struct Audio {
        /// The file.
        pub file: MediaFile,
        /// Length in seconds.
        pub seconds: Option<u32>,
        /// Recorded on the spot.
        pub voice: bool,
        /// Loudness over time of a voice message: 64 values of 0 to 100.
        pub waveform: Option<Blob>,
        /// Background of a voice status.
        pub background: Option<Colour>,
    }

    /// Any file.
    pub struct Document {
        /// The file.
        pub file: MediaFile,
        /// Its name; `file` if left out.
        pub name: Option<String>,
        /// Its title.
        pub title: Option<String>,
        /// Text below it.
        pub caption: Option<String>,
        /// How many pages.
        pub pages: Option<u32>,
        /// A small JPEG.
        pub thumbnail: Option<Blob>,
    }

    /// Announces an album: the pictures and videos follow, each with this message as `album` of its context.
    pub struct Album {
        /// Pictures that follow.
        pub images: Option<u32>,
        /// Videos that follow.
        pub videos: Option<u32>,
    }
}

/// Fills in the fields that all media have.
macro_rules! fill {
    ($message:ident, $file:expr, $with:expr, $mimetype:literal) => {
        let file = $file;
        let secret = file.check($with)?;
        $message.url.clone_from(&file.url);
        $message.mimetype = Some(file.mimetype.clone().unwrap_or_else(|| $mimetype.to_string()));
        $message.file_sha256 = Some(file.sha256.0.clone());
        $message.file_length = Some(file.length);
        $message.direct_path = Some(file.direct_path.clone());
        if secret {
            $message.media_key = bytes(file.media_key.as_ref());
            $message.file_enc_sha256 = bytes(file.enc_sha256.as_ref());
            $message.media_key_timestamp = Some(signed(file.key_timestamp.unwrap_or($with.now_ms / 1000)));
        }
    };
}
pub(super) use fill;

/// Reads the fields that all media have.
macro_rules! file {
    ($message:ident) => {
        MediaFile {
            url: $message.url.clone(),
            direct_path: $message.direct_path().into(),
            media_key: blob($message.media_key.as_ref()),
            sha256: Blob($message.file_sha256.clone().unwrap_or_default()),
            enc_sha256: blob($message.file_enc_sha256.as_ref()),
            length: $message.file_length(),
            mimetype: $message.mimetype.clone(),
            key_timestamp: $message.media_key_timestamp.map(unsigned),
        }
    };
}
pub(super) use file;

impl MediaFile {
    /// Whether the file is encrypted, as everywhere but in channels.
    pub(super) fn check(&self, with: &Building<'_>) -> Result<bool, ContentError> {
        if self.direct_path.is_empty() {
            return Err(ContentError::Empty("the path of the uploaded file"));
        }
        let hash = |what, hash: &[u8]| {
            if hash.len() == 32 { Ok(()) } else { Err(ContentError::Invalid { what, why: "not 32 bytes" }) }
        };
        hash("hash of the file", &self.sha256)?;
        if with.chat.is_newsletter() {
            return Ok(false);
        }
        hash("media key", self.media_key.as_deref().unwrap_or_default())?;
        hash("hash of the encrypted file", self.enc_sha256.as_deref().unwrap_or_default())?;
        Ok(true)
    }
}

impl Image {
    pub(super) fn message(&self, with: &Building<'_>) -> Result<ImageMessage, ContentError> {
        caption(self.caption.as_ref())?;
        let mut image = ImageMessage {
            caption: self.caption.clone(),
            width: self.width,
            height: self.height,
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            ..ImageMessage::default()
        };
        fill!(image, &self.file, with, "image/jpeg");
        Ok(image)
    }

    pub(super) fn read(image: &ImageMessage) -> Self {
        Self {
            file: file!(image),
            caption: image.caption.clone(),
            width: image.width,
            height: image.height,
            thumbnail: blob(image.jpeg_thumbnail.as_ref()),
        }
    }
}

impl Video {
    pub(super) fn message(&self, with: &Building<'_>) -> Result<VideoMessage, ContentError> {
        caption(self.caption.as_ref())?;
        let mut video = VideoMessage {
            caption: self.caption.clone(),
            width: self.width,
            height: self.height,
            seconds: self.seconds,
            gif_playback: flag(self.gif),
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            ..VideoMessage::default()
        };
        fill!(video, &self.file, with, "video/mp4");
        Ok(video)
    }

    fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        let video = Some(Box::new(self.message(with)?));
        Ok(if self.note {
            Message { ptv_message: video, ..Message::default() }
        } else {
            Message { video_message: video, ..Message::default() }
        })
    }

    pub(super) fn read(video: &VideoMessage, note: bool) -> Self {
        Self {
            file: file!(video),
            caption: video.caption.clone(),
            width: video.width,
            height: video.height,
            seconds: video.seconds,
            gif: video.gif_playback(),
            note,
            thumbnail: blob(video.jpeg_thumbnail.as_ref()),
        }
    }
}

impl Audio {
    fn build(&self, with: &Building<'_>) -> Result<Message, ContentError> {
        if self.waveform.as_ref().is_some_and(|waveform| waveform.len() > WAVEFORM_BYTES) {
            return Err(ContentError::TooLong { what: "waveform", limit: WAVEFORM_BYTES });
        }
        let mut audio = AudioMessage {
            seconds: self.seconds,
            ptt: flag(self.voice),
            waveform: bytes(self.waveform.as_ref().filter(|_| self.voice)),
            background_argb: self.background.filter(|_| self.voice).map(|colour| colour.0),
            ..AudioMessage::default()
        };
        fill!(audio, &self.file, with, "audio/ogg; codecs=opus");
        Ok(Message { audio_message: Some(Box::new(audio)), ..Message::default() })
    }

    fn read(audio: &AudioMessage) -> Self {
        Self {
            file: file!(audio),
            seconds: audio.seconds,
            voice: audio.ptt(),
            waveform: blob(audio.waveform.as_ref()),
            background: audio.background_argb.map(Colour),
        }
    }
}

impl Document {
    pub(super) fn message(&self, with: &Building<'_>) -> Result<DocumentMessage, ContentError> {
        caption(self.caption.as_ref())?;
        let mut document = DocumentMessage {
            file_name: Some(self.name.clone().unwrap_or_else(|| "file".to_string())),
            title: self.title.clone(),
            caption: self.caption.clone(),
            page_count: self.pages,
            jpeg_thumbnail: bytes(self.thumbnail.as_ref()),
            ..DocumentMessage::default()
        };
        fill!(document, &self.file, with, "application/octet-stream");
        Ok(document)
    }

    pub(super) fn read(document: &DocumentMessage) -> Self {
        Self {
            file: file!(document),
            name: document.file_name.clone(),
            title: document.title.clone(),
            caption: document.caption.clone(),
            pages: document.page_count,
            thumbnail: blob(document.jpeg_thumbnail.as_ref()),
        }
    }
}

impl Album {
    fn build(&self) -> Result<Message, ContentError> {
        let parts = u64::from(self.images.unwrap_or(0)) + u64::from(self.videos.unwrap_or(0));
        if parts == 0 {
            return Err(ContentError::Empty("album"));
        }
        if parts > u64::from(ALBUM_PARTS) {
            return Err(ContentError::TooLong { what: "album", limit: ALBUM_PARTS as usize });
        }
        let album = AlbumMessage {
            expected_image_count: self.images,
            expected_video_count: self.videos,
            context_info: None,
        };
        Ok(Message { album_message: Some(Box::new(album)), ..Message::default() })
    }
}

/// The message of a kind of media; `None` for other kinds.
pub(super) fn build(content: &Content, with: &Building<'_>) -> Option<Result<Message, ContentError>> {
    let empty = Message::default;
    Some(match content {
        Content::Image(image) => {
            image.message(with).map(|image| Message { image_message: Some(Box::new(image)), ..empty() })
        }
        Content::Video(video) => video.build(with),
        Content::Audio(audio) => audio.build(with),
        Content::Document(document) => document
            .message(with)
            .map(|document| Message { document_message: Some(Box::new(document)), ..empty() }),
        Content::Album(album) => album.build(),
        _ => return None,
    })
}

/// A document with a caption goes into a wrapper, as official clients send it.
pub(super) fn wrap_caption(message: Message) -> Message {
    let captioned = message.document_message.as_ref().is_some_and(|document| !document.caption().is_empty());
    if !captioned {
        return message;
    }
    let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
    Message { document_with_caption_message: Some(Box::new(wrapper)), ..Message::default() }
}

/// The view of media; `None` for other kinds.
pub(super) fn read(message: &Message) -> Option<Content> {
    if let Some(image) = message.image_message.as_deref() {
        return Some(Content::Image(Image::read(image)));
    }
    if let Some(video) = message.video_message.as_deref() {
        return Some(Content::Video(Video::read(video, false)));
    }
    if let Some(video) = message.ptv_message.as_deref() {
        return Some(Content::Video(Video::read(video, true)));
    }
    if let Some(audio) = message.audio_message.as_deref() {
        return Some(Content::Audio(Audio::read(audio)));
    }
    if let Some(document) = message.document_message.as_deref() {
        return Some(Content::Document(Document::read(document)));
    }
    let album = message.album_message.as_deref()?;
    Some(Content::Album(Album { images: album.expected_image_count, videos: album.expected_video_count }))
}

fn caption(caption: Option<&String>) -> Result<(), ContentError> {
    caption.map_or(Ok(()), |caption| limit("caption", caption))
}
