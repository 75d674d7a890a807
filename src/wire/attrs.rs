//! Attributes of a tree node, in wire order. Reference 03 §3.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::jid::Jid;

/// The value of an attribute, as its sender typed it: text is never re-interpreted as a JID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string; numbers and booleans are their digits and words.
    Text(Cow<'a, str>),
    /// A JID.
    Jid(Jid<'a>),
}

impl<'a> Value<'a> {
    /// The value as text; a JID is formatted.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Jid(jid) => Cow::Owned(jid.to_string()),
        }
    }

    /// The value as text; a JID is formatted.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Jid(jid) => Cow::Owned(jid.to_string()),
        }
    }

    /// The value as JID; text is parsed.
    pub fn to_jid(&self) -> Option<Jid<'_>> {
        match self {
            Self::Text(text) => Jid::parse(text).ok(),
            Self::Jid(jid) => Some(jid.borrowed()),
        }
    }

    /// The value as JID; text is parsed.
    pub fn into_jid(self) -> Option<Jid<'a>> {
        match self {
            Self::Text(Cow::Borrowed(text)) => Jid::parse(text).ok(),
            Self::Text(Cow::Owned(text)) => Jid::parse(&text).ok().map(Jid::into_owned),
            Self::Jid(jid) => Some(jid),
        }
    }

    /// The value as a number: decimal digits only.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Self::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }

    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Jid(jid) => Value::Jid(jid.into_owned()),
        }
    }

    /// The same value, borrowing from this one.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Jid(jid) => Value::Jid(jid.borrowed()),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Jid<'a>> for Value<'a> {
    fn from(jid: Jid<'a>) -> Self {
        Self::Jid(jid)
    }
}

impl<'a> From<&'a Jid<'_>> for Value<'a> {
    fn from(jid: &'a Jid<'_>) -> Self {
        Self::Jid(jid.borrowed())
    }
}

/// Numbers are written as decimal digits.
macro_rules! value_from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                Self::Text(Cow::Owned(number.to_string()))
            }
        }
    )*};
}

value_from_number!(u8, u16, u32, u64, usize);

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Text(Cow::Borrowed(if value { "true" } else { "false" }))
    }
}

/// The attributes of a node: unique keys in the order in which they are written.
///
/// Two lists are equal when they have the same keys with the same values: order has no meaning.
#[derive(Clone, Debug, Default)]
pub struct Attrs<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Attrs<'a> {
    /// No attributes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets an attribute; an earlier value under the same key is replaced where it stands.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(found, _)| *found == key) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((key, value)),
        }
    }

    /// Adds an attribute whose key is known to be new.
    pub(super) fn push_new(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        self.0.push((key, value));
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(found, _)| found == key)?;
        Some(self.0.remove(place).1)
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> core::slice::Iter<'_, (Cow<'a, str>, Value<'a>)> {
        self.0.iter()
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same attributes, borrowing nothing.
    pub fn into_owned(self) -> Attrs<'static> {
        Attrs(
            self.0
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect(),
        )
    }
}

impl PartialEq for Attrs<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().all(|(key, value)| other.get(key).is_some_and(|found| found == value))
    }
}

impl Eq for Attrs<'_> {}

impl<'b, 'a> IntoIterator for &'b Attrs<'a> {
    type Item = &'b (Cow<'a, str>, Value<'a>);
    type IntoIter = core::slice::Iter<'b, (Cow<'a, str>, Value<'a>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<Value<'a>>> FromIterator<(K, V)> for Attrs<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(attrs: I) -> Self {
        let mut list = Self::new();
        for (key, value) in attrs {
            list.insert(key, value);
        }
        list
    }
}
