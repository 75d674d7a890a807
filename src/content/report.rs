//! The token with which whoever receives a message can report it: a MAC over what a person would see.
//! Reference 05 §10.

use alloc::vec::Vec;

use super::secret::{UseCase, derive};
use crate::crypto::mac::hmac_sha256;
use crate::limits::MESSAGE_NESTING;
use crate::wire::Jid;

/// The token of a message, 16 bytes.
///
/// `message` is the encoded `Message` without padding and `secret` its own; `sender` and `remote` are the account
/// and the conversation as addressed. `None` when there is nothing in it that can be reported, or the bytes are no
/// protobuf.
#[must_use]
pub fn token(
    message: &[u8],
    secret: &[u8; 32],
    id: &str,
    sender: &Jid<'_>,
    remote: &Jid<'_>,
) -> Option<[u8; 16]> {
    let content = content(message)?;
    let key = derive(UseCase::ReportToken, secret, id, sender, remote);
    let mac = hmac_sha256(key.expose(), &[&content]);
    mac.first_chunk().copied()
}

/// What the token is computed over: the fields that can be reported, in the order of their numbers. `None` when
/// there are none, or the bytes are no protobuf.
#[must_use]
pub fn content(message: &[u8]) -> Option<Vec<u8>> {
    extract(message, ROOT, MESSAGE_NESTING).filter(|content| !content.is_empty())
}

/// What is kept of a field.
#[derive(Clone, Copy)]
enum Keep {
    /// All of it.
    Whole,
    /// The fields inside of it that are listed.
    Part(&'static [(u32, Self)]),
    /// A message inside of it: what is kept of any message.
    Message,
}

/// The listed fields of `bytes`; `left` messages may lie within each other.
fn extract(bytes: &[u8], table: &[(u32, Keep)], left: usize) -> Option<Vec<u8>> {
    let mut kept: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = rest;
        let tag = varint(&mut rest)?;
        let number = u32::try_from(tag >> 3).ok()?;
        let value = match tag & 7 {
            0 => {
                varint(&mut rest)?;
                None
            }
            1 => {
                take(&mut rest, 8)?;
                None
            }
            2 => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                Some(take(&mut rest, len)?)
            }
            5 => {
                take(&mut rest, 4)?;
                None
            }
            _ => return None,
        };
        let Some((_, keep)) = table.iter().find(|(listed, _)| *listed == number) else { continue };
        let part = match (keep, value) {
            (Keep::Part(table), Some(value)) => extract(value, table, left)?,
            (Keep::Message, Some(value)) => match left.checked_sub(1) {
                Some(left) => extract(value, ROOT, left)?,
                None => Vec::new(),
            },
            _ => {
                let len = start.len() - rest.len();
                kept.push((number, start.get(..len)?.to_vec()));
                continue;
            }
        };
        if !part.is_empty() {
            let mut field = Vec::with_capacity(part.len() + 8);
            put_varint(&mut field, tag);
            put_varint(&mut field, part.len() as u64);
            field.extend_from_slice(&part);
            kept.push((number, field));
        }
    }
    kept.sort_by_key(|(number, _)| *number);
    Some(kept.into_iter().flat_map(|(_, field)| field).collect())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

use Keep::{Part, Whole};

/// Of a context, whether it was forwarded and how often.
const CONTEXT: Keep = Part(&[(21, Whole), (22, Whole)]);
const OPTION: Keep = Part(&[(1, Whole), (2, Whole)]);
const POLL: Keep = Part(&[(2, Whole), (3, OPTION), (5, CONTEXT), (8, OPTION)]);
const VIDEO: Keep = Part(&[(2, Whole), (6, Whole), (7, Whole), (13, Whole), (17, CONTEXT), (20, Whole)]);
const WRAPPER: Keep = Part(&[(1, Keep::Message)]);

/// What is kept of a message.
const ROOT: &[(u32, Keep)] = &[
    (1, Whole), // conversation
    (3, Part(&[(2, Whole), (3, Whole), (8, Whole), (11, Whole), (17, CONTEXT), (25, Whole)])), // image
    (4, Part(&[(1, Whole), (16, Whole), (17, CONTEXT)])), // contact
    (5, Part(&[(3, Whole), (4, Whole), (5, Whole), (16, Whole), (17, CONTEXT)])), // location
    (6, Part(&[(1, Whole), (17, CONTEXT), (30, Whole)])), // extended text
    (7, Part(&[(2, Whole), (7, Whole), (10, Whole), (17, CONTEXT), (20, Whole)])), // document
    (8, Part(&[(2, Whole), (7, Whole), (9, Whole), (17, CONTEXT), (21, Whole)])), // audio
    (9, VIDEO),
    (12, Part(&[(1, Whole), (2, Whole), (14, Keep::Message), (15, Whole)])), // protocol
    (18, Part(&[(6, Whole), (16, Whole), (17, CONTEXT)])),                   // live location
    (26, Part(&[(4, Whole), (5, Whole), (8, Whole), (13, Whole), (17, CONTEXT)])), // sticker
    (28, Part(&[(1, Whole), (2, Whole), (4, Whole), (5, Whole), (6, Whole), (7, CONTEXT)])), // group invitation
    (37, WRAPPER),
    (49, POLL),
    (53, WRAPPER),
    (55, WRAPPER),
    (58, WRAPPER),
    (59, WRAPPER),
    (60, POLL),
    (64, POLL),
    (66, VIDEO),
    (74, WRAPPER),
    (87, WRAPPER),
    (88, Part(&[(1, Whole), (2, Part(&[(1, Whole)])), (3, CONTEXT)])), // result of a poll
    (92, WRAPPER),
    (93, WRAPPER),
    (94, WRAPPER),
];
