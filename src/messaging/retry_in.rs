//! Answering a device that could not read a message of ours. Reference 04 §12.2, 07 §4.3.

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::{OutboxEntry, RetryCounter, SentIndex, SentMessage};

use super::{fanout, form, group_send};
use crate::content;
use crate::directory::{bundles, devices, lid, sender_keys, sessions};
use crate::engine::{Resend, Stop, Turn};
use crate::groups::cache as groups;
use crate::limits::{PENDING_RESENDS, RETRY_RECEIPTS};
use crate::signal::SessionRecord;
use crate::stanza::parse;
use crate::wire::{Jid, NodeRef, OwnedJid};

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
    if message.chat.is_group() || message.chat.is_status() {
        let belongs = may_ask(cx, &message.chat, &requester)?;
        if belongs == Some(false) {
            return Ok(());
        }
        sender_keys::unshare(cx, &message.chat, &requester)?;
        // A status cannot be sent to one device: it gets the key with the next one. Reference 07 §4.3.
        if message.chat.is_status() {
            return Ok(());
        }
        let group = belongs.is_none().then_some(&message.chat);
        return answer(cx, node, requester, count, group);
    }
    let asked_by_me = cx.is_me(&requester);
    let concerned = |name: &OwnedJid| name.same_user(&requester);
    if !asked_by_me && !concerned(&message.chat) && !concerned(&message.destination) {
        return Ok(());
    }
    answer(cx, node, requester, count, None)
}

/// Repairs the session and sends the message again: at once, or when a bundle has come, or once `group` is known to
/// have the device's user as a member.
fn answer(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    requester: OwnedJid,
    count: u32,
    group: Option<&OwnedJid>,
) -> Result<(), Stop> {
    let retry = parse::child(node, "receipt", "retry")?;
    let id = parse::text(retry, "retry", "id")?;
    if !counted(cx, &requester, &id)? {
        return Ok(());
    }
    repair_session(cx, node, &requester, &id, count)?;
    let t = retry.get_u64("t");
    let resend = Resend { id: id.into_owned(), to: requester, count, t, group: group.cloned() };
    if group.is_none() && send(cx, &resend)? || cx.memory.resends.len() >= PENDING_RESENDS {
        return Ok(());
    }
    match group {
        Some(group) => groups::ask(cx, group),
        None => bundles::ask(cx, core::slice::from_ref(&resend.to)),
    }
    cx.remember(move |memory| memory.resends.push(resend));
    Ok(())
}

/// Counts an answer to this device for this message, over restarts; false when there were enough, whatever count the
/// device names.
fn counted(cx: &mut Turn<'_>, requester: &OwnedJid, id: &str) -> Result<bool, Stop> {
    let key = mark_key(requester, id);
    let mut mark = cx.get::<RetryCounter>(&key)?.unwrap_or_default();
    let answered = mark.count.unwrap_or(0).saturating_add(1);
    if answered > RETRY_RECEIPTS {
        return Ok(false);
    }
    (mark.count, mark.unix_s) = (Some(answered), Some(cx.now.unix.seconds()));
    cx.put(&key, &mark);
    Ok(true)
}

/// Whether a device belongs to somebody who may read what is sent there; `None` when the group has to be asked for
/// first. A stranger who asks in a group may have our key: then a new one is due.
fn may_ask(cx: &mut Turn<'_>, chat: &OwnedJid, requester: &OwnedJid) -> Result<Option<bool>, Stop> {
    let shared = sender_keys::shared(cx, chat)?;
    let other = lid::other_name(cx, requester)?;
    let holds = shared.holders.has_user(requester)
        || other.as_ref().is_some_and(|other| shared.holders.has_user(other));
    let member = if chat.is_group() { groups::is_member(cx, chat, requester)? } else { None };
    if member == Some(false) && holds {
        sender_keys::retire(cx, chat)?;
    }
    if devices::known(cx, requester)?.is_some_and(|devices| !devices.contains(&requester.device())) {
        return Ok(Some(false));
    }
    let belongs = cx.is_me(requester) || member == Some(true) || member.is_none() && holds;
    Ok((belongs || member.is_some() || chat.is_status()).then_some(belongs))
}

/// Sends what has a session by now; the rest could not be repaired and is given up.
pub(crate) fn resume(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let mut left = Vec::new();
    for mut resend in cx.memory.resends.clone() {
        let asked = cx.memory.asking_bundles.contains(&resend.to);
        if asked || resend.group.as_ref().is_some_and(|group| cx.memory.asking_groups.contains(group)) {
            left.push(resend);
            continue;
        }
        let group = resend.group.take();
        if let Some(group) = &group
            && groups::is_member(cx, group, &resend.to)? != Some(true)
        {
            continue;
        }
        if !send(cx, &resend)? && group.is_some() {
            bundles::ask(cx, core::slice::from_ref(&resend.to));
            left.push(resend);
        }
    }
    cx.remember(|memory| memory.resends = left);
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
    let key = mark_key(requester, id);
    let base_key = Bytes::copy_from_slice(session.parts().base_key.as_bytes());
    if count == 2 {
        let mark = cx.get::<RetryCounter>(&key)?.unwrap_or_default();
        cx.put(&key, &RetryCounter { base_key: Some(base_key), ..mark });
    } else if count > 2 {
        let mark = cx.get::<RetryCounter>(&key)?.unwrap_or_default();
        if mark.base_key.as_ref() == Some(&base_key) {
            cx.put(&key, &RetryCounter { base_key: None, ..mark });
            return archive(cx, &address, record);
        }
    }
    Ok(())
}

fn mark_key(requester: &OwnedJid, id: &str) -> Vec<u8> {
    [requester.to_string().as_bytes(), b"\0", id.as_bytes()].concat()
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
    let mut message = fanout::decode(&kept.message)?;
    let envelope = content::envelope(&message);
    let in_group = kept.chat.is_group();
    // With messages still under way, the key as it is now would make those unreadable for good: the next one brings it.
    if in_group && !cx.memory.outbox.values().any(|pending| pending.chat == kept.chat) {
        group_send::add_present_key(cx, &kept.chat, &mut message)?;
    }
    let plaintext = match to_me {
        true => fanout::device_sent(message, &kept.destination),
        false => message.encode_to_vec(),
    };
    let Some((kind, bytes)) = fanout::encrypt(cx, &address, record, &plaintext) else { return Ok(false) };
    let enc = form::enc(kind, bytes, &envelope).attr("count", u64::from(resend.count));
    let to = if in_group { &kept.chat } else { &resend.to };
    let stanza = form::message(resend.id.clone(), to, &envelope).attr_opt("t", resend.t).child(enc);
    let stanza = if in_group {
        let addressing = if resend.to.is_lid() { "lid" } else { "pn" };
        stanza.attr("participant", resend.to.clone()).attr("addressing_mode", addressing)
    } else {
        stanza.attr("device_fanout", "false").attr_opt("recipient", to_me.then(|| kept.destination.clone()))
    };
    let stanza = match kind {
        crate::signal::CiphertextKind::PreKey => fanout::attach_identity(cx, stanza)?,
        crate::signal::CiphertextKind::Message => stanza,
    };
    cx.send(&stanza);
    Ok(true)
}
