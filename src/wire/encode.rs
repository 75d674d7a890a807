//! Writes nodes in their canonical form. Reference 03 §4.1, §5.2, §9.

use alloc::vec::Vec;

use super::attrs::Value;
use super::decode::{
    AD_JID, BINARY_8, BINARY_20, BINARY_32, FB_JID, G_US, HEX_8, INTEROP_JID, JID_PAIR, LID, LIST_8, LIST_16,
    LIST_EMPTY, NIBBLE_8, WHATSAPP_NET,
};
use super::jid::Jid;
use super::node::{Content, Node};
use super::packed::{Alphabet, alphabet, pack};
use super::server::Server;
use super::token::{self, DOUBLE_FIRST};
use crate::limits::{NODE_ATTRIBUTES_MAX, NODE_CHILDREN_MAX, NODE_DEPTH_MAX, PLAINTEXT_BYTES_MAX};

/// Why a node has no wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An attribute's key is empty.
    #[error("attribute without a name")]
    Attr,
    /// A JID without a server, or with a device that its server cannot have.
    #[error("jid without a wire form")]
    Jid,
    /// A node's tag is empty.
    #[error("node without a tag")]
    Node,
    /// More than [`NODE_DEPTH_MAX`] levels.
    #[error("node nested too deep")]
    TooDeep,
    /// More attributes, children or bytes than headers can count.
    #[error("node too large")]
    TooLarge,
}

impl EncodeError {
    /// The error's class in the reference's vectors.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Attr => "bad_attr",
            Self::Jid => "bad_jid",
            Self::Node => "bad_node",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
        }
    }
}

/// The plaintext of a frame with this node: flags byte 0, then the node.
///
/// # Errors
/// What in the tree has no wire form.
pub fn encode(node: &Node<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_into(node, &mut out)?;
    Ok(out)
}

/// Appends the plaintext of a frame to `out`, which grows at most once. Leave room for what comes before it,
/// and for the tag after it when it will be sealed in place.
///
/// # Errors
/// What in the tree has no wire form; `out` is as it was.
pub fn encode_into(node: &Node<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.reserve(1 + size_bound(node, 1));
    out.push(FLAGS);
    let written = write_node(out, node, 1).and_then(|()| match out.len() - start {
        0..=PLAINTEXT_BYTES_MAX => Ok(()),
        _ => Err(EncodeError::TooLarge),
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Never compressed.
const FLAGS: u8 = 0;

/// At least as many bytes as the node takes: every string written raw, every header at its longest.
fn size_bound(node: &Node<'_>, depth: usize) -> usize {
    let attrs: usize = node
        .attrs
        .iter()
        .map(|(key, value)| {
            STRING_HEADER_MAX
                + key.len()
                + match value {
                    Value::Text(text) => STRING_HEADER_MAX + text.len(),
                    Value::Jid(jid) => jid_bound(jid),
                }
        })
        .sum();
    let content = match &node.content {
        Content::Nodes(nodes) if depth < NODE_DEPTH_MAX => {
            nodes.iter().map(|node| size_bound(node, depth + 1)).sum()
        }
        Content::None | Content::Nodes(_) => 0,
        Content::Bytes(bytes) => bytes.len(),
        Content::Text(text) => text.len(),
        Content::Jid(jid) => jid_bound(jid),
    };
    // The list headers of the node and of its children, or the header of scalar content.
    3 + STRING_HEADER_MAX + node.tag.len() + attrs + STRING_HEADER_MAX + content
}

fn jid_bound(jid: &Jid<'_>) -> usize {
    5 + 2 * STRING_HEADER_MAX + jid.user().len() + jid.server().as_str().len()
}

/// A tag byte and a 32-bit length.
const STRING_HEADER_MAX: usize = 5;

fn write_node(out: &mut Vec<u8>, node: &Node<'_>, depth: usize) -> Result<(), EncodeError> {
    if depth > NODE_DEPTH_MAX {
        return Err(EncodeError::TooDeep);
    }
    if node.tag.is_empty() {
        return Err(EncodeError::Node);
    }
    if node.attrs.len() > NODE_ATTRIBUTES_MAX {
        return Err(EncodeError::TooLarge);
    }
    let has_content = !matches!(node.content, Content::None);
    write_list(out, 1 + 2 * node.attrs.len() + usize::from(has_content))?;
    write_string(out, &node.tag)?;
    for (key, value) in &node.attrs {
        if key.is_empty() {
            return Err(EncodeError::Attr);
        }
        write_string(out, key)?;
        match value {
            Value::Text(text) => write_string(out, text)?,
            Value::Jid(jid) => write_jid(out, jid)?,
        }
    }
    match &node.content {
        Content::None => Ok(()),
        Content::Nodes(nodes) => {
            write_list(out, nodes.len())?;
            nodes.iter().try_for_each(|node| write_node(out, node, depth + 1))
        }
        Content::Bytes(bytes) => write_binary(out, bytes),
        Content::Text(text) => write_string(out, text),
        Content::Jid(jid) => write_jid(out, jid),
    }
}

fn write_list(out: &mut Vec<u8>, size: usize) -> Result<(), EncodeError> {
    if size > NODE_CHILDREN_MAX {
        return Err(EncodeError::TooLarge);
    }
    match size {
        0 => out.push(LIST_EMPTY),
        1..=255 => out.extend_from_slice(&[LIST_8, size as u8]),
        _ => out.extend_from_slice(&[LIST_16, (size >> 8) as u8, size as u8]),
    }
    Ok(())
}

/// A token, else packed, else raw.
fn write_string(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    if let Some(token) = token::lookup(text) {
        match token.checked_sub(DOUBLE_FIRST) {
            None => out.push(token as u8),
            Some(double) => out.extend_from_slice(&[236 + (double >> 8) as u8, double as u8]),
        }
        return Ok(());
    }
    match alphabet(text.as_bytes()) {
        Some(Alphabet::Nibble) => out.push(NIBBLE_8),
        Some(Alphabet::Hex) => out.push(HEX_8),
        None => return write_binary(out, text.as_bytes()),
    }
    pack(text.as_bytes(), out);
    Ok(())
}

fn write_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), EncodeError> {
    let length = bytes.len();
    match length {
        0..=0xff => out.extend_from_slice(&[BINARY_8, length as u8]),
        0x100..=0xf_ffff => {
            out.extend_from_slice(&[BINARY_20, (length >> 16) as u8, (length >> 8) as u8, length as u8]);
        }
        0x10_0000..=PLAINTEXT_BYTES_MAX => {
            out.push(BINARY_32);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => return Err(EncodeError::TooLarge),
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// The form that the server has: a pair without device, a device form with one. Devices that the server
/// cannot have are errors: dropping or masking them would address someone else.
fn write_jid(out: &mut Vec<u8>, jid: &Jid<'_>) -> Result<(), EncodeError> {
    let (user, server, device) = (jid.user(), jid.server(), jid.device());
    if server.as_str().is_empty() || device > server.device_max() || (user.is_empty() && device != 0) {
        return Err(EncodeError::Jid);
    }
    match server {
        Server::Messenger if !user.is_empty() => {
            out.push(FB_JID);
            write_string(out, user)?;
            out.extend_from_slice(&device.to_be_bytes());
            write_string(out, server.as_str())
        }
        // Readers of client stanzas take the server as given; only server stanzas spell it out.
        Server::Interop if !user.is_empty() => {
            out.push(INTEROP_JID);
            write_string(out, user)?;
            out.extend_from_slice(&device.to_be_bytes());
            out.extend_from_slice(&jid.integrator().to_be_bytes());
            Ok(())
        }
        _ => match server.domain() {
            Some(domain) if device != 0 => {
                out.extend_from_slice(&[AD_JID, domain, device as u8]);
                write_string(out, user)
            }
            _ => {
                out.push(JID_PAIR);
                if user.is_empty() {
                    out.push(LIST_EMPTY);
                } else {
                    write_string(out, user)?;
                }
                write_server(out, server)
            }
        },
    }
}

fn write_server(out: &mut Vec<u8>, server: &Server<'_>) -> Result<(), EncodeError> {
    match server {
        Server::Pn => out.push(WHATSAPP_NET as u8),
        Server::Group => out.push(G_US as u8),
        Server::Lid => out.push(LID as u8),
        other => return write_string(out, other.as_str()),
    }
    Ok(())
}
