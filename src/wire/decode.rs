//! Checks the bytes of a node and makes their index. Reference 03 §3-8.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::document::{Entry, Form, Layout, Span};
use super::jid::Jid;
use super::packed::{Alphabet, ODD, check};
use super::server::Server;
use super::token::DOUBLE_FIRST;
use crate::limits::{INFLATED_BYTES_MAX, NODE_DEPTH_MAX, NODE_ENTRIES_MAX};

/// Why a frame is not a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// An attribute's key is empty or a JID.
    #[error("attribute without a name")]
    Attr,
    /// No flags byte.
    #[error("empty frame")]
    Empty,
    /// The frame ends inside the node.
    #[error("frame ends inside the node")]
    Eof,
    /// A JID without server or user, of an unknown domain, on the wrong server, or inside another JID.
    #[error("malformed jid")]
    Jid,
    /// A byte that starts no node where a node should start.
    #[error("byte {tag:#04x} does not start a node")]
    List {
        /// The byte found.
        tag: u8,
    },
    /// A node without a tag, or with a JID as tag.
    #[error("node without a tag")]
    Node,
    /// A packed string with an unassigned character or without its last one.
    #[error("malformed packed string")]
    Packed,
    /// A byte that starts no string where a string should start.
    #[error("byte {tag:#04x} does not start a string")]
    Token {
        /// The byte found.
        tag: u8,
    },
    /// More than [`NODE_DEPTH_MAX`] levels.
    #[error("node nested too deep")]
    TooDeep,
    /// More than [`INFLATED_BYTES_MAX`] bytes once inflated, or more than [`NODE_ENTRIES_MAX`] entries.
    #[error("node too large")]
    TooLarge,
    /// Bytes after the node.
    #[error("{bytes} bytes after the node")]
    Trailing {
        /// How many.
        bytes: u32,
    },
    /// The compressed payload does not inflate.
    #[error("compressed frame does not inflate")]
    Zlib,
}

impl NodeError {
    /// The error's class in the reference's table and vectors. Reference 03 §7.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Attr => "bad_attr",
            Self::Empty => "empty",
            Self::Eof => "eof",
            Self::Jid => "bad_jid",
            Self::List { .. } => "bad_list",
            Self::Node => "bad_node",
            Self::Packed => "bad_packed",
            Self::Token { .. } => "bad_token",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Trailing { .. } => "trailing",
            Self::Zlib => "zlib",
        }
    }
}

/// Checks a payload from its first byte to its last and lists what stands in it.
pub(super) fn index(payload: &[u8]) -> Result<Vec<Entry>, NodeError> {
    if payload.len() > INFLATED_BYTES_MAX {
        return Err(NodeError::TooLarge);
    }
    let mut indexer =
        Indexer { reader: Reader::at(payload, 0), entries: Vec::with_capacity(entries_expected(payload)) };
    indexer.node(1)?;
    match payload.len() - indexer.reader.at {
        0 => Ok(indexer.entries),
        // Less than the payload, which has 24 bits.
        bytes => Err(NodeError::Trailing { bytes: bytes as u32 }),
    }
}

/// Stanzas have an entry for ten bytes or so; long lists, which are denser, grow from here.
fn entries_expected(payload: &[u8]) -> usize {
    (payload.len() / 9 + 8).min(1024)
}

/// Reads wire forms one after the other. Also used to read a JID again once its place is known.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A JID as it stands in the payload.
struct JidSpan {
    user: Span,
    server: JidServer,
    device: u16,
    integrator: u16,
}

enum JidServer {
    Known(Server<'static>),
    Named(Span),
}

impl<'a> Reader<'a> {
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The JID at this place; only for places where checking found one.
    pub(super) fn jid(mut self) -> Option<Jid<'a>> {
        let tag = self.byte().ok()?;
        let JidSpan { user, server, device, integrator } = self.jid_span(tag).ok()?;
        let server = match server {
            JidServer::Known(server) => server,
            JidServer::Named(name) => match name.token() {
                Some(WHATSAPP_NET) => Server::Pn,
                Some(G_US) => Server::Group,
                Some(LID) => Server::Lid,
                _ => Server::from_name(name.text(self.bytes)),
            },
        };
        let user = user.text(self.bytes);
        Some(match integrator {
            0 => Jid::new(user, server, device),
            _ => Jid::interop(integrator, user, device),
        })
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8, NodeError> {
        let byte = *self.bytes.get(self.at).ok_or(NodeError::Eof)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn u16(&mut self) -> Result<u16, NodeError> {
        Ok(u16::from(self.byte()?) << 8 | u16::from(self.byte()?))
    }

    /// Steps over `length` bytes and returns their place.
    #[inline(always)]
    fn skip(&mut self, length: usize) -> Result<usize, NodeError> {
        let at = self.at;
        if length > self.bytes.len() - at {
            return Err(NodeError::Eof);
        }
        self.at += length;
        Ok(at)
    }

    /// The size in the list header that starts a node.
    fn node_size(&mut self) -> Result<usize, NodeError> {
        match self.byte()? {
            tag @ (LIST_EMPTY | LIST_8 | LIST_16) => self.list_size(tag),
            tag => Err(NodeError::List { tag }),
        }
    }

    fn list_size(&mut self, tag: u8) -> Result<usize, NodeError> {
        match tag {
            LIST_8 => self.byte().map(usize::from),
            LIST_16 => self.u16().map(usize::from),
            _ => Ok(0),
        }
    }

    /// The string that starts with `tag`. Reference 03 §4.
    #[inline(always)]
    fn string(&mut self, tag: u8) -> Result<Span, NodeError> {
        match tag {
            1..=235 => Ok(Span::token_of(u16::from(tag))),
            236..=239 => {
                let place = u16::from(tag - 236) << 8 | u16::from(self.byte()?);
                Ok(Span::token_of(DOUBLE_FIRST + place))
            }
            BINARY_8 => {
                let length = usize::from(self.byte()?);
                Ok(Span::new(Form::Raw, self.skip(length)?, length))
            }
            NIBBLE_8 => self.packed(Alphabet::Nibble),
            _ => self.rare_string(tag),
        }
    }

    /// The forms that stanzas have less often.
    fn rare_string(&mut self, tag: u8) -> Result<Span, NodeError> {
        match tag {
            BINARY_20 | BINARY_32 => self.binary(tag),
            HEX_8 => self.packed(Alphabet::Hex),
            _ => Err(NodeError::Token { tag }),
        }
    }

    fn binary(&mut self, tag: u8) -> Result<Span, NodeError> {
        let length = match tag {
            BINARY_20 => usize::from(self.byte()? & 0x0f) << 16 | usize::from(self.u16()?),
            _ => usize::from(self.u16()?) << 16 | usize::from(self.u16()?),
        };
        let at = self.skip(length)?;
        Ok(Span::new(Form::Raw, at, length))
    }

    fn packed(&mut self, alphabet: Alphabet) -> Result<Span, NodeError> {
        let header = self.byte()?;
        let (odd, length) = (header & ODD != 0, usize::from(header & !ODD));
        if odd && length == 0 {
            return Err(NodeError::Packed);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(packed) = rest.get(..length) else {
            // Characters come before the end of the frame in reading order.
            return Err(if check(rest, false, alphabet) { NodeError::Eof } else { NodeError::Packed });
        };
        if !check(packed, odd, alphabet) {
            return Err(NodeError::Packed);
        }
        let at = self.skip(length)?;
        Ok(Span::new(Form::Packed(alphabet), at, length * 2 - usize::from(odd)))
    }

    /// The value that starts with `tag`, which is a string or a JID.
    #[inline(always)]
    fn value(&mut self, tag: u8) -> Result<Span, NodeError> {
        match tag {
            AD_JID | FB_JID | INTEROP_JID | JID_PAIR => {
                let start = self.at - 1;
                self.skip_jid(tag)?;
                Ok(Span::new(Form::Jid, start, 0))
            }
            _ => self.string(tag),
        }
    }

    /// Steps over the JID that starts with `tag`.
    fn skip_jid(&mut self, tag: u8) -> Result<(), NodeError> {
        self.jid_span(tag).map(|_| ())
    }

    /// The JID that starts with `tag`. Reference 03 §5.
    #[inline(always)]
    fn jid_span(&mut self, tag: u8) -> Result<JidSpan, NodeError> {
        match tag {
            JID_PAIR => {
                let user = self.jid_part()?;
                let server = self.jid_part()?;
                if server.is_empty() {
                    return Err(NodeError::Jid);
                }
                Ok(JidSpan { user, server: JidServer::Named(server), device: 0, integrator: 0 })
            }
            AD_JID => {
                let server = Server::of_domain(self.byte()?).ok_or(NodeError::Jid)?;
                let device = u16::from(self.byte()?);
                let user = self.jid_user()?;
                Ok(JidSpan { user, server: JidServer::Known(server), device, integrator: 0 })
            }
            FB_JID => {
                let user = self.jid_user()?;
                let device = self.u16()?;
                self.jid_server("msgr")?;
                Ok(JidSpan { user, server: JidServer::Known(Server::Messenger), device, integrator: 0 })
            }
            _ => {
                let user = self.jid_user()?;
                let (device, integrator) = (self.u16()?, self.u16()?);
                self.jid_server("interop")?;
                Ok(JidSpan { user, server: JidServer::Known(Server::Interop), device, integrator })
            }
        }
    }

    /// A user or server: a string or nothing, never another JID.
    fn jid_part(&mut self) -> Result<Span, NodeError> {
        match self.byte()? {
            LIST_EMPTY => Ok(Span::EMPTY),
            AD_JID | FB_JID | INTEROP_JID | JID_PAIR => Err(NodeError::Jid),
            tag => self.string(tag),
        }
    }

    fn jid_user(&mut self) -> Result<Span, NodeError> {
        self.jid_part().and_then(|user| if user.is_empty() { Err(NodeError::Jid) } else { Ok(user) })
    }

    fn jid_server(&mut self, name: &str) -> Result<(), NodeError> {
        let server = self.jid_part()?;
        if server.reads(self.bytes, name) { Ok(()) } else { Err(NodeError::Jid) }
    }
}

/// Lists the entries of a payload while reading it.
struct Indexer<'a> {
    reader: Reader<'a>,
    entries: Vec<Entry>,
}

impl Indexer<'_> {
    fn node(&mut self, depth: usize) -> Result<(), NodeError> {
        if depth > NODE_DEPTH_MAX {
            return Err(NodeError::TooDeep);
        }
        let size = self.reader.node_size()?;
        if size == 0 {
            return Err(NodeError::Node);
        }
        let tag = match self.reader.byte()? {
            LIST_EMPTY | AD_JID | FB_JID | INTEROP_JID | JID_PAIR => return Err(NodeError::Node),
            tag => self.reader.string(tag)?,
        };
        if tag.is_empty() {
            return Err(NodeError::Node);
        }
        let place = self.entries.len();
        self.push(Entry::Node { tag, end: 0, attrs: 0, content: Layout::None })?;
        let attrs = self.attrs((size - 1) / 2)?;
        let content = if size % 2 == 0 { self.content(depth)? } else { Layout::None };
        let end = self.entries.len() as u32;
        if let Some(entry) = self.entries.get_mut(place) {
            *entry = Entry::Node { tag, end, attrs, content };
        }
        Ok(())
    }

    /// Lists `count` attributes and returns how many different keys they have.
    #[inline(always)]
    fn attrs(&mut self, count: usize) -> Result<u16, NodeError> {
        let first = self.entries.len();
        if first + count > NODE_ENTRIES_MAX {
            return Err(NodeError::TooLarge);
        }
        // One bit for each key so far: keys that differ there are different.
        let mut seen = 0u64;
        for _ in 0..count {
            let key = match self.reader.byte()? {
                LIST_EMPTY | AD_JID | FB_JID | INTEROP_JID | JID_PAIR => return Err(NodeError::Attr),
                tag => self.reader.string(tag)?,
            };
            if key.is_empty() {
                return Err(NodeError::Attr);
            }
            let value = match self.reader.byte()? {
                LIST_EMPTY => Span::EMPTY,
                tag => self.reader.value(tag)?,
            };
            let mask = key.mark(self.reader.bytes);
            let earlier = match seen & mask {
                0 => None,
                _ if count > KEYS_SCANNED_MAX => None,
                _ => self.find_key(first, key),
            };
            seen |= mask;
            match earlier.and_then(|place| self.entries.get_mut(place)) {
                Some(entry) => *entry = Entry::Attr { key, value },
                None => self.entries.push(Entry::Attr { key, value }),
            }
        }
        if count > KEYS_SCANNED_MAX {
            self.merge_keys(first);
        }
        // At most 32767: the list size has 16 bits.
        Ok((self.entries.len() - first) as u16)
    }

    /// The place of an attribute with the same key, among those from `first` on.
    #[cold]
    fn find_key(&self, first: usize, wanted: Span) -> Option<usize> {
        let bytes = self.reader.bytes;
        let text = wanted.text(bytes);
        let same = |entry: &Entry| match entry {
            Entry::Attr { key, .. } if wanted.token().is_some() && key.token().is_some() => *key == wanted,
            Entry::Attr { key, .. } => key.reads(bytes, &text),
            _ => false,
        };
        self.entries.iter().skip(first).position(same).map(|place| first + place)
    }

    /// Lets the last of equal keys win, at the place of the first, in a long list of attributes.
    #[cold]
    fn merge_keys(&mut self, first: usize) {
        let mut places: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
        let mut kept = first;
        for place in first..self.entries.len() {
            let Some(entry @ Entry::Attr { key, .. }) = self.entries.get(place).copied() else { continue };
            let target = *places.entry(key.text(self.reader.bytes)).or_insert(kept);
            if let Some(slot) = self.entries.get_mut(target) {
                *slot = entry;
            }
            kept = kept.max(target + 1);
        }
        self.entries.truncate(kept);
    }

    #[inline(always)]
    fn content(&mut self, depth: usize) -> Result<Layout, NodeError> {
        let tag = self.reader.byte()?;
        if let LIST_EMPTY | LIST_8 | LIST_16 = tag {
            for _ in 0..self.reader.list_size(tag)? {
                self.node(depth + 1)?;
            }
            return Ok(Layout::Nodes);
        }
        let span = self.reader.value(tag)?;
        self.push(Entry::Scalar(span))?;
        Ok(Layout::Scalar)
    }

    #[inline]
    fn push(&mut self, entry: Entry) -> Result<(), NodeError> {
        if self.entries.len() >= NODE_ENTRIES_MAX {
            return Err(NodeError::TooLarge);
        }
        self.entries.push(entry);
        Ok(())
    }
}

pub(super) const LIST_EMPTY: u8 = 0;
pub(super) const INTEROP_JID: u8 = 245;
pub(super) const FB_JID: u8 = 246;
pub(super) const AD_JID: u8 = 247;
pub(super) const LIST_8: u8 = 248;
pub(super) const LIST_16: u8 = 249;
pub(super) const JID_PAIR: u8 = 250;
pub(super) const HEX_8: u8 = 251;
pub(super) const BINARY_8: u8 = 252;
pub(super) const BINARY_20: u8 = 253;
pub(super) const BINARY_32: u8 = 254;
pub(super) const NIBBLE_8: u8 = 255;

/// Tokens of the commonest servers.
pub(super) const WHATSAPP_NET: u32 = 3;
pub(super) const G_US: u32 = 28;
pub(super) const LID: u32 = 118;

/// Up to this many attributes, equal keys are found by scanning; above, by a map.
const KEYS_SCANNED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Node, encode};

    #[test]
    fn a_typical_stanza_takes_one_allocation() {
        let enc = |kind| Node::new("enc").attr("v", "2").attr("type", kind).bytes(alloc::vec![7; 80]);
        let message = Node::new("message")
            .attr("from", Jid::group("120363000000000001"))
            .attr("participant", Jid::lid("100000000000021", 21))
            .attr("id", "3EB00132F2F0D06271A97E")
            .attr("t", "1702084199")
            .attr("type", "text")
            .child(enc("pkmsg"))
            .child(enc("skmsg"));
        let receipt = Node::new("receipt").attr("to", Jid::pn("15550001111", 3)).attr("id", "3EB00132F2F0");
        let ping = Node::new("iq")
            .attr("from", Jid::SERVER)
            .attr("type", "result")
            .attr("id", "26586.36538-310")
            .child(Node::new("ping"));
        for stanza in [message, receipt, ping] {
            let frame = encode(&stanza).unwrap_or_default();
            let payload = frame.get(1..).unwrap_or_default();
            let capacity = index(payload).map(|entries| entries.capacity());
            assert_eq!(capacity, Ok(entries_expected(payload)), "{stanza}");
        }
    }
}
