//! What the kinds of content are made of: structs that JSON may leave parts out of, bytes, numbers. Reference 06 §3.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{Jid, OwnedJid};

/// Defines plain structs: in JSON, a field that is left out has its default, and defaults are left out.
macro_rules! data {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_meta])*
            #[serde(skip_serializing_if = "crate::content::parts::is_default")]
            pub $field: $kind,)*
        }
    )*};
}
pub(super) use data;

/// Bytes, base64 in JSON. `Debug` shows only how many, for they may be keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Bytes);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<Blob> for Bytes {
    fn from(blob: Blob) -> Self {
        blob.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Self::from).map_err(D::Error::custom)
    }
}

/// A colour, `0xAARRGGBB`. JSON: `"#AARRGGBB"`, or read from shorter ones (`"#1E6E4F"` is opaque, `"#abc"` is
/// `"#FF000ABC"` as other clients have it) and from numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour(pub u32);

impl Colour {
    /// Reads hex digits with or without `#`: up to six are filled up with zeros on the left and opaque.
    /// `None` when they are not digits or more than eight.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        Some(Self(if digits.len() <= 6 { value | 0xff00_0000 } else { value }))
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("#{:08X}", self.0))
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        let colour = match Form::deserialize(deserializer)? {
            // Negative numbers are how Java prints colours: the same 32 bits.
            Form::Number(number) => u32::try_from(number)
                .ok()
                .or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
                .map(Self),
            Form::Text(text) => Self::parse(&text),
        };
        colour.ok_or_else(|| D::Error::custom("not a colour"))
    }
}

/// Is it what a field that was left out has?
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A flag as protobuf: absent when not set.
pub(super) fn flag(set: bool) -> Option<bool> {
    set.then_some(true)
}

/// Bytes as protobuf.
pub(super) fn bytes(blob: Option<&Blob>) -> Option<Bytes> {
    blob.map(|blob| blob.0.clone())
}

/// Bytes from protobuf.
pub(super) fn blob(bytes: Option<&Bytes>) -> Option<Blob> {
    bytes.cloned().map(Blob)
}

/// A time or count as protobuf: what does not fit is as large as fits.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time or count from protobuf: negative ones are zero. Reference 06 §13.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A JID from protobuf: whatever does not parse was not there.
pub(super) fn jid(text: Option<&String>) -> Option<OwnedJid> {
    text.filter(|text| !text.is_empty()).and_then(|text| Jid::parse(text).ok()).map(Jid::into_owned)
}
