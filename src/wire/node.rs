//! A stanza as a tree: built with chained calls, written by [`encode`](super::encode()). Reference 03 §3.

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::attrs::{Attrs, Value};
use super::jid::Jid;
use super::view::NodeRef;

/// One node of a stanza. Names and content may be borrowed: building from constants copies nothing.
///
/// Equality ignores the order of attributes.
#[derive(Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// The node's name; never empty on the wire.
    pub tag: Cow<'a, str>,
    /// The attributes.
    pub attrs: Attrs<'a>,
    /// What is inside.
    pub content: Content<'a>,
}

/// What stands inside a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Nothing. Not the same on the wire as no children, although both look up alike.
    None,
    /// Child nodes.
    Nodes(Vec<Node<'a>>),
    /// Bytes, written as they are.
    Bytes(Cow<'a, [u8]>),
    /// Text, written by the rules for strings: it comes back as bytes unless it is a token or packs.
    Text(Cow<'a, str>),
    /// A JID.
    Jid(Jid<'a>),
}

impl<'a> Node<'a> {
    /// A node without attributes and content.
    pub fn new(tag: impl Into<Cow<'a, str>>) -> Self {
        Self { tag: tag.into(), attrs: Attrs::new(), content: Content::None }
    }

    /// Sets an attribute.
    #[must_use]
    pub fn attr(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.attrs.insert(key, value);
        self
    }

    /// Sets an attribute when there is a value.
    #[must_use]
    pub fn attr_opt(self, key: impl Into<Cow<'a, str>>, value: Option<impl Into<Value<'a>>>) -> Self {
        match value {
            Some(value) => self.attr(key, value),
            None => self,
        }
    }

    /// Adds a child, in place of content that is not nodes.
    #[must_use]
    pub fn child(mut self, node: Self) -> Self {
        self.push(node);
        self
    }

    /// Adds a child when there is one.
    #[must_use]
    pub fn child_opt(self, node: Option<Self>) -> Self {
        match node {
            Some(node) => self.child(node),
            None => self,
        }
    }

    /// Adds children, in place of content that is not nodes. Without any, the content becomes an empty list.
    #[must_use]
    pub fn children(mut self, nodes: impl IntoIterator<Item = Self>) -> Self {
        match &mut self.content {
            Content::Nodes(list) => list.extend(nodes),
            content => *content = Content::Nodes(nodes.into_iter().collect()),
        }
        self
    }

    /// Makes bytes the content.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// Makes text the content. Scalar content that servers check is bytes; most stanzas want [`Node::bytes`].
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.content = Content::Text(text.into());
        self
    }

    /// Makes a JID the content.
    #[must_use]
    pub fn jid(mut self, jid: Jid<'a>) -> Self {
        self.content = Content::Jid(jid);
        self
    }

    /// Adds a child in place, replacing content that is not nodes.
    pub fn push(&mut self, node: Self) {
        match &mut self.content {
            Content::Nodes(list) => list.push(node),
            content => *content = Content::Nodes(alloc::vec![node]),
        }
    }

    /// The tree for code that reads decoded stanzas.
    pub fn view(&self) -> NodeRef<'_> {
        NodeRef::tree(self)
    }

    /// Whether this is the node's name.
    pub fn is(&self, tag: &str) -> bool {
        self.tag == tag
    }

    /// The children; none when the content is something else.
    pub fn nodes(&self) -> &[Self] {
        match &self.content {
            Content::Nodes(nodes) => nodes,
            _ => &[],
        }
    }

    /// The first child.
    pub fn first(&self) -> Option<&Self> {
        self.nodes().first()
    }

    /// The first child of that name.
    pub fn find(&self, tag: &str) -> Option<&Self> {
        self.nodes().iter().find(|node| node.tag == tag)
    }

    /// All children of that name.
    pub fn find_all<'b>(&'b self, tag: &'b str) -> impl Iterator<Item = &'b Self> + 'b {
        self.nodes().iter().filter(move |node| node.tag == tag)
    }

    /// Whether there is such an attribute.
    pub fn has(&self, key: &str) -> bool {
        self.attrs.get(key).is_some()
    }

    /// An attribute as it is typed.
    pub fn value(&self, key: &str) -> Option<Value<'_>> {
        self.attrs.get(key).map(Value::borrowed)
    }

    /// An attribute as text; a JID is formatted.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attrs.get(key).map(Value::to_text)
    }

    /// An attribute as a number of decimal digits.
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        self.attrs.get(key)?.to_u64()
    }

    /// An attribute as JID; text is parsed.
    pub fn get_jid(&self, key: &str) -> Option<Jid<'_>> {
        self.attrs.get(key)?.to_jid()
    }

    /// Scalar content as bytes: text in UTF-8, a JID formatted. `None` without content or with children.
    pub fn content_bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match &self.content {
            Content::None | Content::Nodes(_) => return None,
            Content::Bytes(bytes) => Cow::Borrowed(bytes),
            Content::Text(text) => Cow::Borrowed(text.as_bytes()),
            Content::Jid(jid) => Cow::Owned(jid.to_string().into_bytes()),
        })
    }

    /// Scalar content as text; invalid UTF-8 is replaced. `None` without content or with children.
    pub fn content_text(&self) -> Option<Cow<'_, str>> {
        Some(match &self.content {
            Content::None | Content::Nodes(_) => return None,
            Content::Bytes(bytes) => alloc::string::String::from_utf8_lossy(bytes),
            Content::Text(text) => Cow::Borrowed(text),
            Content::Jid(jid) => Cow::Owned(jid.to_string()),
        })
    }

    /// Scalar content as JID; text is parsed.
    pub fn content_jid(&self) -> Option<Jid<'_>> {
        match &self.content {
            Content::None | Content::Nodes(_) => None,
            Content::Bytes(bytes) => Jid::parse(core::str::from_utf8(bytes).ok()?).ok(),
            Content::Text(text) => Jid::parse(text).ok(),
            Content::Jid(jid) => Some(jid.borrowed()),
        }
    }

    /// The same tree, borrowing nothing.
    pub fn into_owned(self) -> Node<'static> {
        Node {
            tag: Cow::Owned(self.tag.into_owned()),
            attrs: self.attrs.into_owned(),
            content: match self.content {
                Content::None => Content::None,
                Content::Nodes(nodes) => Content::Nodes(nodes.into_iter().map(Node::into_owned).collect()),
                Content::Bytes(bytes) => Content::Bytes(Cow::Owned(bytes.into_owned())),
                Content::Text(text) => Content::Text(Cow::Owned(text.into_owned())),
                Content::Jid(jid) => Content::Jid(jid.into_owned()),
            },
        }
    }
}
