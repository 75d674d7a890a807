//! The server's word on a message of ours: taken, refused, or addressed by what is out of date. Reference 05 §9.

use alloc::vec::Vec;

use sanswire_proto::records::{OutboxEntry, SentIndex, SentMessage};

use super::outbox::{self, done, failed};
use super::send::Sent;
use super::{own_event, placeholder};
use crate::content;
use crate::directory::holders::Holders;
use crate::directory::{devices, lid, sender_keys, tctoken};
use crate::engine::{PendingSend, Stop, Turn, Work};
use crate::error::{OpError, Refusal};
use crate::event::SendState;
use crate::groups::cache as groups;
use crate::records::Table;
use crate::wire::{Jid, NodeRef, OwnedJid};

/// Handles `<ack class=message>`.
pub(crate) fn acked(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(id) = node.get("id").filter(|_| node.get("class").as_deref() == Some("message")) else {
        return Ok(());
    };
    let Some((seq, pending)) = find(cx, &id, node.get_jid("from").as_ref())? else {
        return placeholder::acked(cx, &id);
    };
    let Some(entry) = cx.get::<OutboxEntry>(&seq.to_be_bytes())? else { return Ok(()) };
    if node.has("error") && node.get("error").as_deref() != Some("0") {
        return refused(cx, node, seq, &pending, entry);
    }
    shared(cx, &pending.chat, &entry)?;
    if node.has("phash") {
        // Somebody's devices changed: the next send asks again.
        forget_addresses(cx, &pending.chat, &entry)?;
    }
    if entry.message.as_ref().is_some_and(|message| !content::is_protocol(message)) {
        tctoken::issue_if_due(cx, &pending.chat)?;
    }
    let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    let skipped =
        entry.skipped_devices.iter().filter_map(|text| Jid::parse(text).ok()).map(Jid::into_owned).collect();
    cx.delete(Table::Outbox, &seq.to_be_bytes());
    let message = entry.message.clone();
    let kept = SentMessage {
        id: entry.id,
        chat: entry.chat,
        destination: entry.destination,
        message: entry.message,
        created_unix_ms: entry.created_unix_ms,
        acked_unix_s: Some(timestamp),
    };
    if outbox::forget_oldest(cx, seq)? > seq {
        // So late that those after it are gone already: it would never be dropped.
        cx.delete(Table::SentId, pending.id.as_bytes());
    } else {
        cx.put(&seq.to_be_bytes(), &kept);
    }
    let sent = Sent { id: pending.id.clone(), timestamp, server_id: node.get_u64("server_id") };
    done(cx, seq, &pending, SendState::Acked { timestamp, skipped }, Ok(sent));
    own_event::keep(cx, pending.id, &pending.chat, message.as_ref(), timestamp);
    Ok(())
}

/// The message that an ack is about: by the id of its stanza, which edits in channels share with what they edit.
fn find(cx: &mut Turn<'_>, id: &str, from: Option<&Jid<'_>>) -> Result<Option<(u64, PendingSend)>, Stop> {
    let by_stanza = |(_, pending): &(&u64, &PendingSend)| {
        pending.stanza_id.as_deref() == Some(id)
            && pending.written.is_some()
            && from.is_none_or(|from| *from == pending.chat)
    };
    if let Some((seq, pending)) = cx.memory.outbox.iter().find(by_stanza) {
        return Ok(Some((*seq, pending.clone())));
    }
    let Some(seq) = cx.get::<SentIndex>(id.as_bytes())?.and_then(|known| known.sequence) else {
        return Ok(None);
    };
    Ok(cx.memory.outbox.get(&seq).map(|pending| (seq, pending.clone())))
}

fn refused(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    seq: u64,
    pending: &PendingSend,
    mut entry: OutboxEntry,
) -> Result<(), Stop> {
    let code = node.get_u64("error").and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
    let text = node.get("error").unwrap_or_default().into_owned();
    let refusal = Refusal::of(code);
    if refusal == Refusal::StaleAddressing && entry.readdressed != Some(true) {
        // It reached nobody: once, it is encrypted anew for what the server says now, under the same id.
        forget_addresses(cx, &pending.chat, &entry)?;
        (entry.stanza, entry.shared_key_id, entry.shared_with) = (None, None, None);
        entry.readdressed = Some(true);
        outbox::put(cx, seq, &entry);
        cx.remember(move |memory| {
            if let Some(pending) = memory.outbox.get_mut(&seq) {
                (pending.written, pending.sharing) = (None, false);
            }
        });
        cx.schedule(Work::Advance(seq));
        return Ok(());
    }
    if refusal == Refusal::Restricted {
        tctoken::issue_now(cx, &pending.chat)?;
    }
    failed(cx, seq, pending, OpError::Refused { code, text, retry_after_s: None })
}

/// Those who got our sender key with the message have it, unless there is another one by now.
fn shared(cx: &mut Turn<'_>, chat: &OwnedJid, entry: &OutboxEntry) -> Result<(), Stop> {
    let (Some(key), Some(with)) = (entry.shared_key_id, &entry.shared_with) else { return Ok(()) };
    let mut shared = sender_keys::shared(cx, chat)?;
    if shared.key_id == Some(key)
        && let Some(with) = Holders::decode(with)
    {
        shared.holders.add(&with);
        sender_keys::save_shared(cx, chat, &shared);
    }
    Ok(())
}

/// Drops what an entry was addressed by: the group's members, and the lists of everybody's devices and our own.
fn forget_addresses(cx: &mut Turn<'_>, chat: &OwnedJid, entry: &OutboxEntry) -> Result<(), Stop> {
    let destination = entry.destination.as_deref().and_then(|text| Jid::parse(text).ok());
    let mut users = Vec::new();
    if chat.is_group() {
        users.extend(groups::members(cx, chat)?.into_iter().flat_map(|members| members.users));
        groups::forget(cx, chat);
    } else if chat.is_status() {
        let named = entry.audience.iter().filter_map(|text| Jid::parse(text).ok());
        users.extend(named.map(Jid::into_owned));
        cx.prefetch(&users.iter().map(|user| lid::record_key(user)).collect::<Vec<_>>())?;
        for user in users.clone() {
            users.extend(lid::other_name(cx, &user)?);
        }
    } else {
        users.push(destination.map_or_else(|| chat.clone(), Jid::into_owned));
    }
    if let Some(me) = cx.memory.me.clone() {
        users.push(me.pn);
        users.extend(me.lid);
    }
    devices::forget_all(cx, &users)
}
