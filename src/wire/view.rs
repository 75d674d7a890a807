//! Reading a stanza, decoded or built, without copying it. Reference 03 §6.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};

use super::attrs::{Attrs, Value};
use super::document::{Entry, Form, Indexed, Layout, Span};
use super::jid::Jid;
use super::node::{Content, Node};

/// A node to read: of a decoded [`Document`](super::Document), or of a built [`Node`].
///
/// Reading is liberal where senders differ: a JID is given where text is asked for, text is parsed where a
/// JID is asked for, and scalar content is there as bytes and as text.
#[derive(Clone, Copy)]
pub struct NodeRef<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Indexed(Indexed<'a>),
    Tree(&'a Node<'a>),
}

/// What stands inside a node.
#[derive(Clone, Debug)]
pub enum ContentRef<'a> {
    /// Nothing.
    None,
    /// Child nodes, maybe none.
    Nodes(NodeIter<'a>),
    /// Bytes as they were sent.
    Bytes(Cow<'a, [u8]>),
    /// Text that was sent as a token or packed.
    Text(Cow<'a, str>),
    /// A JID.
    Jid(Jid<'a>),
}

impl<'a> NodeRef<'a> {
    pub(super) fn indexed(node: Indexed<'a>) -> Self {
        Self(Source::Indexed(node))
    }

    pub(super) fn tree(node: &'a Node<'a>) -> Self {
        Self(Source::Tree(node))
    }

    /// The node's name.
    pub fn tag(self) -> Cow<'a, str> {
        match self.0 {
            Source::Indexed(node) => node.tag().text(node.bytes),
            Source::Tree(node) => Cow::Borrowed(&node.tag),
        }
    }

    /// Whether this is the node's name.
    pub fn is(self, tag: &str) -> bool {
        match self.0 {
            Source::Indexed(node) => node.tag().reads(node.bytes, tag),
            Source::Tree(node) => node.is(tag),
        }
    }

    /// Whether there is such an attribute.
    pub fn has(self, key: &str) -> bool {
        match self.0 {
            Source::Indexed(node) => node.value(key).is_some(),
            Source::Tree(node) => node.has(key),
        }
    }

    /// An attribute as it was typed.
    pub fn value(self, key: &str) -> Option<Value<'a>> {
        match self.0 {
            Source::Indexed(node) => node.value(key).map(|value| read(node.bytes, value)),
            Source::Tree(node) => node.value(key),
        }
    }

    /// An attribute as text; a JID is formatted.
    pub fn get(self, key: &str) -> Option<Cow<'a, str>> {
        self.value(key).map(Value::into_text)
    }

    /// An attribute as a number of decimal digits.
    pub fn get_u64(self, key: &str) -> Option<u64> {
        self.value(key)?.to_u64()
    }

    /// An attribute as JID; text is parsed.
    pub fn get_jid(self, key: &str) -> Option<Jid<'a>> {
        self.value(key)?.into_jid()
    }

    /// Keys and values in wire order. Of equal keys, the last value stands at the place of the first.
    pub fn attrs(self) -> AttrIter<'a> {
        AttrIter(match self.0 {
            Source::Indexed(node) => AttrSource::Indexed(node.bytes, node.attrs().iter()),
            Source::Tree(node) => AttrSource::Tree(node.attrs.iter()),
        })
    }

    /// The children; none when the content is something else.
    pub fn nodes(self) -> NodeIter<'a> {
        NodeIter(match self.0 {
            Source::Indexed(node) => {
                let (first, end) = node.children();
                NodeSource::Indexed(Indexed { at: first, ..node }, end)
            }
            Source::Tree(node) => NodeSource::Tree(node.nodes().iter()),
        })
    }

    /// The first child.
    pub fn first(self) -> Option<Self> {
        self.nodes().next()
    }

    /// The first child of that name.
    pub fn find(self, tag: &str) -> Option<Self> {
        self.nodes().find(|node| node.is(tag))
    }

    /// All children of that name.
    pub fn find_all<'t>(self, tag: &'t str) -> impl Iterator<Item = NodeRef<'a>> + use<'a, 't> {
        self.nodes().filter(move |node| node.is(tag))
    }

    /// What stands inside.
    pub fn content(self) -> ContentRef<'a> {
        let node = match self.0 {
            Source::Indexed(node) => node,
            Source::Tree(node) => {
                return match &node.content {
                    Content::None => ContentRef::None,
                    Content::Nodes(_) => ContentRef::Nodes(self.nodes()),
                    Content::Bytes(bytes) => ContentRef::Bytes(Cow::Borrowed(bytes)),
                    Content::Text(text) => ContentRef::Text(Cow::Borrowed(text)),
                    Content::Jid(jid) => ContentRef::Jid(jid.borrowed()),
                };
            }
        };
        match (node.layout(), node.scalar()) {
            (Layout::Nodes, _) => ContentRef::Nodes(self.nodes()),
            (_, Some(span)) if span.form() == Form::Raw => {
                ContentRef::Bytes(Cow::Borrowed(span.raw(node.bytes)))
            }
            (_, Some(span)) => match read(node.bytes, span) {
                Value::Text(text) => ContentRef::Text(text),
                Value::Jid(jid) => ContentRef::Jid(jid),
            },
            _ => ContentRef::None,
        }
    }

    /// Scalar content as bytes: text in UTF-8, a JID formatted. `None` without content or with children.
    pub fn content_bytes(self) -> Option<Cow<'a, [u8]>> {
        Some(match self.content() {
            ContentRef::None | ContentRef::Nodes(_) => return None,
            ContentRef::Bytes(bytes) => bytes,
            ContentRef::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            ContentRef::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            ContentRef::Jid(jid) => Cow::Owned(jid.to_string().into_bytes()),
        })
    }

    /// Scalar content as text; invalid UTF-8 is replaced. `None` without content or with children.
    pub fn content_text(self) -> Option<Cow<'a, str>> {
        Some(match self.content() {
            ContentRef::None | ContentRef::Nodes(_) => return None,
            ContentRef::Bytes(Cow::Borrowed(bytes)) => String::from_utf8_lossy(bytes),
            ContentRef::Bytes(Cow::Owned(bytes)) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            ContentRef::Text(text) => text,
            ContentRef::Jid(jid) => Cow::Owned(jid.to_string()),
        })
    }

    /// Scalar content as JID; text is parsed.
    pub fn content_jid(self) -> Option<Jid<'a>> {
        match self.content() {
            ContentRef::None | ContentRef::Nodes(_) => None,
            ContentRef::Bytes(Cow::Borrowed(bytes)) => Jid::parse(core::str::from_utf8(bytes).ok()?).ok(),
            ContentRef::Bytes(Cow::Owned(bytes)) => Value::from(String::from_utf8(bytes).ok()?).into_jid(),
            ContentRef::Text(text) => Value::Text(text).into_jid(),
            ContentRef::Jid(jid) => Some(jid),
        }
    }

    /// The node as a tree that borrows from the frame.
    pub fn to_node(self) -> Node<'a> {
        if let Source::Tree(node) = self.0 {
            return node.clone();
        }
        let mut attrs = Attrs::new();
        for (key, value) in self.attrs() {
            attrs.push_new(key, value);
        }
        let content = match self.content() {
            ContentRef::None => Content::None,
            ContentRef::Nodes(nodes) => Content::Nodes(nodes.map(NodeRef::to_node).collect()),
            ContentRef::Bytes(bytes) => Content::Bytes(bytes),
            ContentRef::Text(text) => Content::Text(text),
            ContentRef::Jid(jid) => Content::Jid(jid),
        };
        Node { tag: self.tag(), attrs, content }
    }

    /// The node as a tree that borrows nothing.
    pub fn to_owned_node(self) -> Node<'static> {
        self.to_node().into_owned()
    }
}

impl<'a> From<&'a Node<'a>> for NodeRef<'a> {
    fn from(node: &'a Node<'a>) -> Self {
        Self::tree(node)
    }
}

/// Equal trees; the order of attributes does not matter.
impl PartialEq<NodeRef<'_>> for NodeRef<'_> {
    fn eq(&self, other: &NodeRef<'_>) -> bool {
        self.to_node() == other.to_node()
    }
}

impl PartialEq<Node<'_>> for NodeRef<'_> {
    fn eq(&self, other: &Node<'_>) -> bool {
        self.to_node() == *other
    }
}

/// The children of a node.
#[derive(Clone)]
pub struct NodeIter<'a>(NodeSource<'a>);

#[derive(Clone)]
enum NodeSource<'a> {
    /// The next child, and the place after the last one.
    Indexed(Indexed<'a>, usize),
    Tree(core::slice::Iter<'a, Node<'a>>),
}

impl<'a> Iterator for NodeIter<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        match &mut self.0 {
            NodeSource::Indexed(next, end) if next.at < *end => {
                let node = *next;
                next.at = node.end();
                Some(NodeRef::indexed(node))
            }
            NodeSource::Indexed(..) => None,
            NodeSource::Tree(nodes) => nodes.next().map(NodeRef::tree),
        }
    }
}

impl core::fmt::Debug for NodeIter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The attributes of a node.
#[derive(Clone)]
pub struct AttrIter<'a>(AttrSource<'a>);

#[derive(Clone)]
enum AttrSource<'a> {
    Indexed(&'a [u8], core::slice::Iter<'a, Entry>),
    Tree(core::slice::Iter<'a, (Cow<'a, str>, Value<'a>)>),
}

impl<'a> Iterator for AttrIter<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            AttrSource::Indexed(bytes, entries) => match entries.next()? {
                Entry::Attr { key, value } => Some((key.text(bytes), read(bytes, *value))),
                _ => None,
            },
            AttrSource::Tree(attrs) => {
                attrs.next().map(|(key, value)| (Cow::Borrowed(key.as_ref()), value.borrowed()))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            AttrSource::Indexed(_, entries) => entries.size_hint(),
            AttrSource::Tree(attrs) => attrs.size_hint(),
        }
    }
}

impl ExactSizeIterator for AttrIter<'_> {}

fn read(bytes: &[u8], span: Span) -> Value<'_> {
    match span.form() {
        Form::Jid => span.reader(bytes).jid().map_or(Value::Text(Cow::Borrowed("")), Value::Jid),
        _ => Value::Text(span.text(bytes)),
    }
}
