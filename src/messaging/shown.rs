//! Marks of messages whose event was made, so that none is made twice. Reference 07 §7.1.
//!
//! Keys begin with the week, so that old marks lie together and can be dropped in runs.

use alloc::vec::Vec;

use sanswire_proto::records::ShownMark;

use super::source::Source;
use crate::engine::{Stop, Turn};
use crate::limits::{PRUNED_MARKS, SHOWN_WEEKS};
use crate::records::{Record, Table};
use crate::wire::OwnedJid;

impl Record for ShownMark {
    const TABLE: Table = Table::Shown;
}

/// Whether the event of this message was made before.
pub(super) fn is_shown(cx: &mut Turn<'_>, source: &Source) -> Result<bool, Stop> {
    Ok(cx.get_all::<ShownMark>(keys(cx, source))?.iter().any(Option::is_some))
}

/// As [`is_shown`], for a source that may name the chat or the sender otherwise than the stanza did.
pub(super) fn is_shown_by_any_name(cx: &mut Turn<'_>, source: &Source) -> Result<bool, Stop> {
    let keys = names(cx, source).into_iter().flat_map(|key| weeks_before(cx, key)).collect::<Vec<_>>();
    Ok(cx.get_all::<ShownMark>(keys)?.iter().any(Option::is_some))
}

/// As [`mark`], for such a source: the stanza may still come.
pub(super) fn mark_by_all_names(cx: &mut Turn<'_>, source: &Source) {
    let mark = ShownMark { unix_s: Some(cx.now.unix.seconds()) };
    for key in names(cx, source) {
        cx.put(&key, &mark);
    }
}

/// This week's keys under all names of chat and sender.
fn names(cx: &Turn<'_>, source: &Source) -> Vec<Vec<u8>> {
    let chats = [Some(&source.chat), source.chat_alt.as_ref()].into_iter().flatten();
    let senders = || [Some(&source.sender), source.sender_alt.as_ref()].into_iter().flatten();
    let week = week(cx);
    chats
        .flat_map(|chat| senders().map(move |sender| key_of(week, chat, sender.user(), &source.id)))
        .collect()
}

/// Keys under which the message may be marked.
pub(super) fn keys(cx: &Turn<'_>, source: &Source) -> Vec<Vec<u8>> {
    let key = key(week(cx), source);
    weeks_before(cx, key)
}

/// Marks the message, in the batch that holds its event.
pub(super) fn mark(cx: &mut Turn<'_>, source: &Source) {
    let mark = ShownMark { unix_s: Some(cx.now.unix.seconds()) };
    cx.put(&key(week(cx), source), &mark);
}

/// Whether a stanza of another kind, with its own id, was told before.
pub(crate) fn is_marked(cx: &mut Turn<'_>, chat: &OwnedJid, kind: &str, id: &str) -> Result<bool, Stop> {
    let keys = weeks_before(cx, key_of(week(cx), chat, kind, id));
    Ok(cx.get_all::<ShownMark>(keys)?.iter().any(Option::is_some))
}

/// Marks such a stanza, in the batch that holds its event.
pub(crate) fn mark_stanza(cx: &mut Turn<'_>, chat: &OwnedJid, kind: &str, id: &str) {
    let mark = ShownMark { unix_s: Some(cx.now.unix.seconds()) };
    cx.put(&key_of(week(cx), chat, kind, id), &mark);
}

/// Drops marks older than [`SHOWN_WEEKS`]; says whether there may be more.
pub(super) fn prune(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let keep_from = week(cx).saturating_sub(SHOWN_WEEKS - 1);
    let rows = cx.scan(Table::Shown, &[], PRUNED_MARKS)?;
    let full = rows.len() >= PRUNED_MARKS as usize;
    let mut dropped = 0;
    for (key, _) in rows {
        let old = key.first_chunk().is_some_and(|week| u32::from_be_bytes(*week) < keep_from);
        if old {
            cx.delete(Table::Shown, &key);
            dropped += 1;
        }
    }
    Ok(full && dropped == PRUNED_MARKS as usize)
}

/// Weeks since 1970, as the wall clock says.
fn week(cx: &Turn<'_>) -> u32 {
    u32::try_from(cx.now.unix.seconds() / SECONDS_PER_WEEK).unwrap_or(u32::MAX)
}

/// The key of this week, and those of the weeks before it.
fn weeks_before(cx: &Turn<'_>, key: Vec<u8>) -> Vec<Vec<u8>> {
    let week = week(cx);
    let earlier = |ago| {
        let mut key = key.clone();
        if let Some(head) = key.first_chunk_mut() {
            *head = week.saturating_sub(ago).to_be_bytes();
        }
        key
    };
    (0..SHOWN_WEEKS).map(earlier).collect()
}

fn key(week: u32, source: &Source) -> Vec<u8> {
    key_of(week, &source.chat, source.sender.user(), &source.id)
}

fn key_of(week: u32, chat: &OwnedJid, sender: &str, id: &str) -> Vec<u8> {
    let chat = chat.text();
    let mut key = Vec::with_capacity(4 + chat.len() + sender.len() + id.len() + 3);
    key.extend_from_slice(&week.to_be_bytes());
    for part in [chat.as_str(), sender, id] {
        key.extend_from_slice(part.as_bytes());
        key.push(0);
    }
    key
}

const SECONDS_PER_WEEK: u64 = 7 * 24 * 3600;
