//! What others did with our messages: delivered, read. Reference 07 §6.5.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::{ReceiptMark, SentIndex, SentMessage};

use super::inbox;
use crate::engine::{Stop, Turn};
use crate::event::{Event, SendProgress, SendState};
use crate::limits::{RECEIPT_IDS, RECEIPT_MARKS};
use crate::records::Table;
use crate::stanza::parse;
use crate::wire::{Jid, NodeRef, OwnedJid};

/// Handles `<receipt>` of every type but `retry`; one kept event per message, device and step.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let id = parse::text(node, "receipt", "id")?;
    let from = parse::jid(node, "receipt", "from")?;
    let kind = match node.get("type").as_deref() {
        None | Some("delivery") => DELIVERED,
        Some("read" | "played") => READ,
        // `inactive` shows no ticks, `sender` and `…-self` are our own devices, the rest is the phone's.
        _ => return Ok(()),
    };
    let by = node.get_jid("participant").unwrap_or(from).into_owned();
    if cx.is_me(&by) {
        return Ok(());
    }
    let items = node.find("list").into_iter().flat_map(|list| list.find_all("item"));
    let mut ids: Vec<String> = core::iter::once(id.into_owned())
        .chain(items.filter_map(|item| item.get("id")).map(|id| id.into_owned()))
        .take(RECEIPT_IDS)
        .collect();
    ids.dedup();
    let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    let keys: Vec<_> = ids.iter().map(|id| (Table::SentId, id.as_bytes().to_vec())).collect();
    cx.prefetch(&keys)?;
    for id in ids {
        report(cx, id, &by, kind, timestamp)?;
    }
    Ok(())
}

fn report(cx: &mut Turn<'_>, id: String, by: &OwnedJid, kind: u32, timestamp: u64) -> Result<(), Stop> {
    let Some(seq) = cx.get::<SentIndex>(id.as_bytes())?.and_then(|index| index.sequence) else {
        return Ok(());
    };
    let Some(mut sent) = cx.get::<SentMessage>(&seq.to_be_bytes())? else { return Ok(()) };
    let name = by.to_string();
    let same = |mark: &ReceiptMark| mark.by.as_deref() == Some(&name) && mark.kind.unwrap_or(0) >= kind;
    if sent.receipts.iter().any(same) || sent.receipts.len() >= RECEIPT_MARKS {
        return Ok(());
    }
    let Some(chat) = sent.chat.as_deref().and_then(|chat| Jid::parse(chat).ok()).map(Jid::into_owned) else {
        return Ok(());
    };
    sent.receipts.push(ReceiptMark { by: Some(name), kind: Some(kind) });
    cx.put(&seq.to_be_bytes(), &sent);
    let by = by.clone();
    let state = match kind {
        READ => SendState::Read { by, timestamp },
        _ => SendState::Delivered { by, timestamp },
    };
    inbox::keep(cx, Event::Send(SendProgress { id, chat, call: None, state }));
    Ok(())
}

const DELIVERED: u32 = 1;
const READ: u32 = 2;
