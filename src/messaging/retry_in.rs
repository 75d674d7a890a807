//! Answering a device that could not read a message of ours. Reference 04 §12.2, 07 §4.3.

use alloc::string::ToString;

use bytes::Bytes;
use sanswire_proto::records::{OutboxEntry, RetryCounter, SentIndex, SentMessage};

use super::fanout;
use crate::content;
use crate::directory::{bundles, sessions};
use crate::engine::{Resend, Stop, Turn};
use crate::limits::{PENDING_RESENDS, RETRY_RECEIPTS};
use crate::signal::SessionRecord;
use crate::stanza::parse;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// Handles `<receipt type=retry>`: brings the session into order as the keys and the count say, then sends
/// the message again, for the asking device only and under its old id. What is not ours, too old to be kept,
/// or asked for too often is acked and nothing else.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let requester = match node.get_jid("participant") {
        Some(participant) => participant.into_owned(),
        None => parse::jid(node, "receipt", "from")?.into_owned(),
    };
    let retry = parse::child(node, "receipt", "retry")?;
    let id = parse::text(retry, "retry", "id")?;
    let count = u32::try_from(retry.get_u64("count").unwrap_or(1)).unwrap_or(u32::MAX);
    if count >= RETRY_RECEIPTS {
        return Ok(());
    }
    let Some(message) = find(cx, &id)? else { return Ok(()) };
    let asked_by_me = cx.is_me(&requester);
    let concerned = |name: &OwnedJid| name.same_user(&requester);
    if !asked_by_me && !concerned(&message.chat) && !concerned(&message.destination) {
        return Ok(());
    }
    repair_session(cx, node, &requester, &id, count)?;
    let resend = Resend { id: id.into_owned(), to: requester, count, t: retry.get_u64("t") };
    if !send(cx, &resend)? {
        let device = resend.to.clone();
        let room = cx.memory.resends.len() < PENDING_RESENDS;
        if room {
            cx.remember(move |memory| memory.resends.push(resend));
            bundles::ask(cx, &[device]);
        }
    }
    Ok(())
}

/// Sends what has a session by now; the rest could not be repaired and is given up.
pub(crate) fn resume(cx: &mut Turn<'_>) -> Result<(), Stop> {
    for resend in cx.memory.resends.clone() {
        let asked = cx.memory.asking_bundles.contains(&resend.to);
        if !asked {
            send(cx, &resend)?;
        }
    }
    cx.remember(|memory| {
        let asking = &memory.asking_bundles;
        memory.resends.retain(|resend| asking.contains(&resend.to));
    });
    Ok(())
}

/// A message of ours that can be sent again.
struct Kept {
    chat: OwnedJid,
    destination: OwnedJid,
    message: Bytes,
}

fn find(cx: &mut Turn<'_>, id: &str) -> Result<Option<Kept>, Stop> {
    let Some(seq) = cx.get::<SentIndex>(id.as_bytes())?.and_then(|index| index.sequence) else {
        return Ok(None);
    };
    let key = seq.to_be_bytes();
    let parts = match cx.get::<SentMessage>(&key)? {
        Some(sent) => (sent.chat, sent.destination, sent.message),
        None => match cx.get::<OutboxEntry>(&key)? {
            Some(entry) => (entry.chat, entry.destination, entry.message),
            None => return Ok(None),
        },
    };
    let (Some(chat), destination, Some(message)) = parts else { return Ok(None) };
    let read = |text: &str| Jid::parse(text).ok().map(Jid::into_owned);
    let Some(chat) = read(&chat) else { return Ok(None) };
    let destination = destination.as_deref().and_then(read).unwrap_or_else(|| chat.clone());
    Ok(Some(Kept { chat, destination, message }))
}

/// Steps 5 to 7 of the reference: new keys, another registration, or the same session as last time.
fn repair_session(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    requester: &OwnedJid,
    id: &str,
    count: u32,
) -> Result<(), Stop> {
    if node.find("keys").is_some() {
        let offer = bundles::parse_offer(node)?;
        bundles::start_session(cx, requester, &offer)?;
        return Ok(());
    }
    let address = sessions::address_of(cx, requester)?;
    let record = sessions::load(cx, &address)?;
    let Some(session) = record.current() else { return Ok(()) };
    let registration = parse::child_number::<4>(node, "receipt", "registration").ok();
    let known = session.parts().remote_registration_id;
    if known != 0 && registration.is_some_and(|registration| registration != known) {
        return archive(cx, &address, record);
    }
    let key = [requester.to_string().as_bytes(), b"\0", id.as_bytes()].concat();
    let base_key = Bytes::copy_from_slice(session.parts().base_key.as_bytes());
    if count == 2 {
        let mark = RetryCounter {
            base_key: Some(base_key),
            unix_s: Some(cx.now.unix.seconds()),
            ..RetryCounter::default()
        };
        cx.put(&key, &mark);
    } else if count > 2 {
        let mark = cx.get::<RetryCounter>(&key)?;
        if mark.and_then(|mark| mark.base_key) == Some(base_key) {
            cx.delete(crate::records::Table::Retry, &key);
            return archive(cx, &address, record);
        }
    }
    Ok(())
}

fn archive(cx: &mut Turn<'_>, address: &OwnedJid, mut record: SessionRecord) -> Result<(), Stop> {
    record.archive_current();
    sessions::save(cx, address, &record);
    Ok(())
}

/// Sends one message again; false when there is no session with the device.
fn send(cx: &mut Turn<'_>, resend: &Resend) -> Result<bool, Stop> {
    let Some(kept) = find(cx, &resend.id)? else { return Ok(true) };
    let address = sessions::address_of(cx, &resend.to)?;
    let record = sessions::load(cx, &address)?;
    if record.current().is_none() {
        return Ok(false);
    }
    let to_me = cx.is_me(&resend.to);
    let message = fanout::decode(&kept.message)?;
    let envelope = content::envelope(&message);
    let plaintext = match to_me {
        true => fanout::device_sent(message, &kept.destination),
        false => kept.message.to_vec(),
    };
    let Some((kind, bytes)) = fanout::encrypt(cx, &address, record, &plaintext) else { return Ok(false) };
    let stanza = Node::new("message")
        .attr("to", resend.to.clone())
        .attr("id", resend.id.clone())
        .attr("type", envelope.kind)
        .attr_opt("edit", envelope.edit)
        .attr("device_fanout", "false")
        .attr_opt("t", resend.t)
        .attr_opt("recipient", to_me.then(|| kept.destination.clone()))
        .child(fanout::enc(kind, bytes, &envelope).attr("count", u64::from(resend.count)));
    let stanza = match kind {
        crate::signal::CiphertextKind::PreKey => fanout::attach_identity(cx, stanza)?,
        crate::signal::CiphertextKind::Message => stanza,
    };
    cx.send(&stanza);
    Ok(true)
}
