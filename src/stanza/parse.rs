//! Attributes and children as typed values, with named errors. After these lines of a handler nothing can be
//! malformed any more.

use alloc::borrow::Cow;

use super::reject::StanzaError;
use crate::wire::{Jid, NodeRef};

/// A required attribute as text.
pub(crate) fn text<'a>(
    node: NodeRef<'a>,
    tag: &'static str,
    attr: &'static str,
) -> Result<Cow<'a, str>, StanzaError> {
    node.get(attr).filter(|value| !value.is_empty()).ok_or(StanzaError::MissingAttr { tag, attr })
}

/// A required attribute as a JID.
pub(crate) fn jid<'a>(
    node: NodeRef<'a>,
    tag: &'static str,
    attr: &'static str,
) -> Result<Jid<'a>, StanzaError> {
    match node.get_jid(attr) {
        Some(jid) => Ok(jid),
        None if node.has(attr) => Err(StanzaError::BadAttr { tag, attr }),
        None => Err(StanzaError::MissingAttr { tag, attr }),
    }
}

/// A required child.
pub(crate) fn child<'a>(
    node: NodeRef<'a>,
    tag: &'static str,
    child: &'static str,
) -> Result<NodeRef<'a>, StanzaError> {
    node.find(child).ok_or(StanzaError::MissingChild { tag, child })
}

/// The bytes of a required child.
pub(crate) fn child_bytes<'a>(
    node: NodeRef<'a>,
    tag: &'static str,
    name: &'static str,
) -> Result<Cow<'a, [u8]>, StanzaError> {
    child(node, tag, name)?.content_bytes().ok_or(StanzaError::BadContent { tag: name })
}

/// The content of a required child with exactly `N` bytes.
pub(crate) fn child_array<const N: usize>(
    node: NodeRef<'_>,
    tag: &'static str,
    name: &'static str,
) -> Result<[u8; N], StanzaError> {
    let bytes = child_bytes(node, tag, name)?;
    bytes.as_ref().try_into().map_err(|_| StanzaError::BadContent { tag: name })
}

/// A required child's content as a big-endian number of exactly `N` bytes (at most 4).
pub(crate) fn child_number<const N: usize>(
    node: NodeRef<'_>,
    tag: &'static str,
    name: &'static str,
) -> Result<u32, StanzaError> {
    let bytes = child_array::<N>(node, tag, name)?;
    Ok(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}
