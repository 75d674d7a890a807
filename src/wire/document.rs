//! One decoded frame: its bytes and a flat index of what stands where. Reference 03 §3, §8.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::decode::{NodeError, Reader, index};
use super::inflate::inflate;
use super::packed::{Alphabet, unpack};
use super::token;
use super::view::NodeRef;

/// A decoded frame, read through [`Document::root`].
///
/// It owns the frame (`Bytes`, `Vec<u8>`, or borrows it as `&[u8]`), so a stanza can wait in a queue without
/// a lifetime. Decoding checks everything at once and allocates one index, whatever the number of nodes and
/// attributes; strings, JIDs and content are taken from the frame when they are asked for.
#[derive(Clone, Debug)]
pub struct Document<B = Bytes> {
    frame: B,
    inflated: Option<Vec<u8>>,
    index: Vec<Entry>,
}

impl<B: AsRef<[u8]>> Document<B> {
    /// Decodes the plaintext of one frame: the flags byte, then one node, which may be compressed.
    ///
    /// # Errors
    /// The first thing wrong in reading order. The frame is to be dropped; the connection is still good.
    pub fn decode(frame: B) -> Result<Self, NodeError> {
        let (flags, payload) = frame.as_ref().split_first().ok_or(NodeError::Empty)?;
        let (inflated, index) = if flags & COMPRESSED == 0 {
            (None, index(payload)?)
        } else {
            let payload = inflate(payload)?;
            let index = index(&payload)?;
            (Some(payload), index)
        };
        Ok(Self { frame, inflated, index })
    }

    /// The stanza.
    pub fn root(&self) -> NodeRef<'_> {
        let bytes = match &self.inflated {
            Some(payload) => payload,
            None => self.frame.as_ref().get(1..).unwrap_or_default(),
        };
        NodeRef::indexed(Indexed { bytes, index: &self.index, at: 0 })
    }

    /// The frame that was decoded, with its flags byte.
    pub fn frame(&self) -> &B {
        &self.frame
    }

    /// Gives the frame back.
    pub fn into_frame(self) -> B {
        self.frame
    }
}

/// Decodes the plaintext of one frame: [`Document::decode`].
///
/// # Errors
/// As [`Document::decode`].
pub fn decode<B: AsRef<[u8]>>(frame: B) -> Result<Document<B>, NodeError> {
    Document::decode(frame)
}

/// Set in the flags byte when the rest of the frame is a zlib stream.
const COMPRESSED: u8 = 2;

/// One place in the index. A node is followed by its attributes, then by its scalar content or its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A node; `end` is the place after its last descendant.
    Node { tag: Span, end: u32, attrs: u16, content: Layout },
    /// An attribute of the node before.
    Attr { key: Span, value: Span },
    /// The content of the node before.
    Scalar(Span),
}

/// What follows a node's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    None,
    Nodes,
    Scalar,
}

/// Where a string, a JID or content bytes stand in the payload, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte; the token's number for [`Form::Token`].
    at: u32,
    /// The form in the top four bits, below it the length: bytes, or characters of packed strings.
    shape: u32,
}

/// The forms that a value has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A word of the dictionary.
    Token,
    /// Bytes as they stand: UTF-8 or content.
    Raw,
    /// Characters packed two to a byte.
    Packed(Alphabet),
    /// A JID; the span starts at its tag byte.
    Jid,
}

impl Span {
    /// A span; both numbers are below 2^28, as payloads end at 2^24.
    pub(super) fn new(form: Form, at: usize, length: usize) -> Self {
        let form: u32 = match form {
            Form::Token => 0,
            Form::Raw => 1,
            Form::Packed(Alphabet::Nibble) => 2,
            Form::Packed(Alphabet::Hex) => 3,
            Form::Jid => 4,
        };
        Self { at: at as u32, shape: form << 28 | length as u32 }
    }

    /// A word of the dictionary.
    #[inline(always)]
    pub(super) fn token_of(token: u16) -> Self {
        Self { at: u32::from(token), shape: 0 }
    }

    /// An empty string.
    pub(super) const EMPTY: Self = Self { at: 0, shape: 1 << 28 };

    pub(super) fn form(self) -> Form {
        match self.shape >> 28 {
            0 => Form::Token,
            1 => Form::Raw,
            2 => Form::Packed(Alphabet::Nibble),
            3 => Form::Packed(Alphabet::Hex),
            _ => Form::Jid,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.length() == 0 && self.form() != Form::Token
    }

    /// The token's number, for spans of that form.
    pub(super) fn token(self) -> Option<u32> {
        (self.form() == Form::Token).then_some(self.at)
    }

    /// One bit that equal strings have in common, or all bits where finding it takes unpacking.
    #[inline(always)]
    pub(super) fn mark(self, bytes: &[u8]) -> u64 {
        match self.form() {
            Form::Token => token::mark(self.at as u16),
            Form::Raw => token::mark_of(self.raw(bytes)),
            Form::Packed(_) | Form::Jid => u64::MAX,
        }
    }

    /// The bytes of a raw span.
    pub(super) fn raw(self, bytes: &[u8]) -> &[u8] {
        let at = self.at as usize;
        bytes.get(at..at + self.length()).unwrap_or_default()
    }

    /// The text of a string span. Invalid UTF-8 is replaced, valid text borrowed. Reference 03 §4.3.
    pub(super) fn text(self, bytes: &[u8]) -> Cow<'_, str> {
        match self.form() {
            Form::Token => Cow::Borrowed(token::word(self.at as u16).unwrap_or_default()),
            Form::Raw => match str::from_utf8(self.raw(bytes)) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(self.raw(bytes)),
            },
            Form::Packed(alphabet) => {
                let at = self.at as usize;
                let packed = bytes.get(at..at + self.length().div_ceil(2)).unwrap_or_default();
                Cow::Owned(unpack(packed, self.length(), alphabet))
            }
            Form::Jid => Cow::Borrowed(""),
        }
    }

    /// Whether a string span reads as `text`.
    pub(super) fn reads(self, bytes: &[u8], text: &str) -> bool {
        match self.form() {
            Form::Token => token::word(self.at as u16) == Some(text),
            Form::Raw if text.is_ascii() => self.raw(bytes) == text.as_bytes(),
            _ => self.text(bytes) == text,
        }
    }

    /// A reader placed at the tag byte of a JID span.
    pub(super) fn reader(self, bytes: &[u8]) -> Reader<'_> {
        Reader::at(bytes, self.at as usize)
    }

    fn length(self) -> usize {
        (self.shape & 0x0fff_ffff) as usize
    }
}

/// A node of an index, with the bytes that the index points into.
#[derive(Clone, Copy)]
pub(super) struct Indexed<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) index: &'a [Entry],
    pub(super) at: usize,
}

impl<'a> Indexed<'a> {
    pub(super) fn tag(self) -> Span {
        match self.index.get(self.at) {
            Some(Entry::Node { tag, .. }) => *tag,
            _ => Span::EMPTY,
        }
    }

    pub(super) fn attrs(self) -> &'a [Entry] {
        let first = self.at + 1;
        self.index.get(first..first + self.attr_count()).unwrap_or_default()
    }

    /// The value of an attribute by key.
    pub(super) fn value(self, key: &str) -> Option<Span> {
        self.attrs().iter().find_map(|entry| match entry {
            Entry::Attr { key: found, value } if found.reads(self.bytes, key) => Some(*value),
            _ => None,
        })
    }

    pub(super) fn layout(self) -> Layout {
        match self.index.get(self.at) {
            Some(Entry::Node { content, .. }) => *content,
            _ => Layout::None,
        }
    }

    /// The scalar content.
    pub(super) fn scalar(self) -> Option<Span> {
        match self.index.get(self.at + 1 + self.attr_count()) {
            Some(Entry::Scalar(span)) if self.layout() == Layout::Scalar => Some(*span),
            _ => None,
        }
    }

    /// The places of the first child and after the last one; equal when there are none.
    pub(super) fn children(self) -> (usize, usize) {
        let first = self.at + 1 + self.attr_count();
        match self.layout() {
            Layout::Nodes => (first, self.end()),
            _ => (first, first),
        }
    }

    /// The place after this node's last descendant.
    pub(super) fn end(self) -> usize {
        match self.index.get(self.at) {
            Some(Entry::Node { end, .. }) => *end as usize,
            _ => self.index.len(),
        }
    }

    fn attr_count(self) -> usize {
        match self.index.get(self.at) {
            Some(Entry::Node { attrs, .. }) => usize::from(*attrs),
            _ => 0,
        }
    }
}
