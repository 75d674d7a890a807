//! What others did with messages: delivered, read, played. Reference 07 §6.5.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::{MessagingMeta, ReceiptMark, SentIndex, SentMessage};

use super::{inbox, source, state};
use crate::engine::{Stop, Turn};
use crate::event::{Event, Receipt, ReceiptKind, SendProgress, SendState};
use crate::limits::{PRUNED_MARKS, RECEIPT_IDS, RECEIPT_MARKS, RECEIPT_USERS};
use crate::records::Table;
use crate::stanza::{StanzaError, parse};
use crate::wire::{Jid, NodeRef, OwnedJid};

/// Handles `<receipt>` of every type but `retry`. For messages of this client, one kept event per message, device and
/// step; for others, one per receipt and user.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "receipt", "from")?.into_owned();
    let kind = ReceiptKind::of(node.get("type").as_deref());
    let stanza_time = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    if let Some(grouped) = node.find("participants") {
        return handle_grouped(cx, &from, &kind, grouped, stanza_time);
    }
    let many = from.is_group() || from.is_broadcast();
    let by = match node.get_jid("participant") {
        Some(participant) => participant.into_owned(),
        None if many => return Err(StanzaError::MissingAttr { tag: "receipt", attr: "participant" }.into()),
        None => from.clone(),
    };
    let from_me = cx.is_me(&by);
    let recipient = node.get_jid("recipient").filter(|_| from_me).map(|jid| source::person(&jid));
    let (chat, author) = match recipient {
        Some(author) if many => (from, Some(author)),
        Some(chat) => (chat, None),
        None => (source::person(&from), None),
    };
    let receipt = Receipt { kind, chat, by, from_me, author, ids: ids(node)?, timestamp: stanza_time };
    report(cx, receipt)
}

/// The first id is the receipt's own, the others are listed.
fn ids(node: NodeRef<'_>) -> Result<Vec<String>, StanzaError> {
    let id = parse::text(node, "receipt", "id")?;
    let items = node.find("list").into_iter().flat_map(|list| list.find_all("item"));
    let items = items.filter_map(|item| item.get("id").or_else(|| item.get("server_id")));
    let mut ids: Vec<String> =
        core::iter::once(id).chain(items).map(|id| id.into_owned()).take(RECEIPT_IDS).collect();
    ids.dedup();
    Ok(ids)
}

/// Several users in one receipt about one message of a group.
fn handle_grouped(
    cx: &mut Turn<'_>,
    group: &OwnedJid,
    kind: &ReceiptKind,
    grouped: NodeRef<'_>,
    stanza_time: u64,
) -> Result<(), Stop> {
    let id = parse::text(grouped, "participants", "key")?.into_owned();
    for user in grouped.find_all("user").take(RECEIPT_USERS) {
        let Some(by) = user.get_jid("jid").map(Jid::into_owned) else { continue };
        let receipt = Receipt {
            kind: kind.clone(),
            chat: group.clone(),
            from_me: cx.is_me(&by),
            by,
            author: None,
            ids: alloc::vec![id.clone()],
            timestamp: user.get_u64("t").unwrap_or(stanza_time),
        };
        report(cx, receipt)?;
    }
    Ok(())
}

/// Tells of the progress of our own messages, and of the rest in one event.
fn report(cx: &mut Turn<'_>, mut receipt: Receipt) -> Result<(), Stop> {
    let step = match receipt.kind {
        ReceiptKind::Delivered => DELIVERED,
        ReceiptKind::Read => READ,
        ReceiptKind::Played => PLAYED,
        _ => NO_STEP,
    };
    if step != NO_STEP && !receipt.from_me {
        let keys: Vec<_> = receipt.ids.iter().map(|id| (Table::SentId, id.as_bytes().to_vec())).collect();
        cx.prefetch(&keys)?;
        let mut others = Vec::new();
        for id in core::mem::take(&mut receipt.ids) {
            if let Some(id) = progress(cx, id, &receipt.by, step, receipt.timestamp)? {
                others.push(id);
            }
        }
        receipt.ids = others;
    }
    // That one of our devices has its copy changes nothing for anybody.
    let dull = matches!(receipt.kind, ReceiptKind::Sender | ReceiptKind::Peer | ReceiptKind::History);
    if !receipt.ids.is_empty() && !dull {
        inbox::keep(cx, Event::Receipt(receipt));
    }
    Ok(())
}

/// Takes a step of one device with one message, once and never back; gives the id back when the message is not ours.
fn progress(
    cx: &mut Turn<'_>,
    id: String,
    by: &OwnedJid,
    step: u32,
    timestamp: u64,
) -> Result<Option<String>, Stop> {
    let Some(seq) = cx.get::<SentIndex>(id.as_bytes())?.and_then(|index| index.sequence) else {
        return Ok(Some(id));
    };
    // A message that the server did not ack yet, or that was dropped meanwhile.
    let Some(sent) = cx.get::<SentMessage>(&seq.to_be_bytes())? else { return Ok(None) };
    let (all, own) = (key(seq, None), key(seq, Some(by)));
    cx.prefetch(&[(Table::Receipt, all.clone()), (Table::Receipt, own.clone())])?;
    let known = cx.get::<ReceiptMark>(&own)?;
    let reached = known.as_ref().map_or(NO_STEP, ReceiptMark::kind);
    if reached >= step {
        return Ok(None);
    }
    if known.is_none() {
        let devices = cx.get::<ReceiptMark>(&all)?.map_or(0, |mark| mark.devices());
        if devices >= RECEIPT_MARKS {
            return Ok(None);
        }
        cx.put(&all, &ReceiptMark { devices: Some(devices.saturating_add(1)), kind: None });
    }
    let Some(chat) = sent.chat.as_deref().and_then(|chat| Jid::parse(chat).ok()).map(Jid::into_owned) else {
        return Ok(None);
    };
    cx.put(&own, &ReceiptMark { kind: Some(step), devices: None });
    let by = by.clone();
    let state = match step {
        PLAYED => SendState::Played { by, timestamp },
        READ => SendState::Read { by, timestamp },
        _ => SendState::Delivered { by, timestamp },
    };
    inbox::keep(cx, Event::Send(SendProgress { id, chat, call: None, state }));
    Ok(None)
}

/// Drops marks of messages that are not kept any more; says whether there may be more.
pub(super) fn prune(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let MessagingMeta { first_sent, .. } = state::load(cx)?;
    let rows = cx.scan(Table::Receipt, &[], PRUNED_MARKS)?;
    let full = rows.len() >= PRUNED_MARKS as usize;
    let mut dropped = 0;
    for (key, _) in rows {
        let old = key.first_chunk().is_none_or(|seq| u64::from_be_bytes(*seq) < first_sent.unwrap_or(0));
        if old {
            cx.delete(Table::Receipt, &key);
            dropped += 1;
        }
    }
    Ok(full && dropped == PRUNED_MARKS as usize)
}

fn key(seq: u64, by: Option<&OwnedJid>) -> Vec<u8> {
    let mut key = seq.to_be_bytes().to_vec();
    key.extend(by.into_iter().flat_map(|by| by.to_string().into_bytes()));
    key
}

const NO_STEP: u32 = 0;
const DELIVERED: u32 = 1;
const READ: u32 = 2;
const PLAYED: u32 = 3;
