//! A message for many: encrypted once with our sender key, which those who lack it get along. Reference 05 §5, §6.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::SenderKeyDistributionMessage;

use super::audience::AudienceKind;
use super::fanout::{self, Sealed, Stanza};
use super::recipients::{self, Crowd, Found};
use super::{bot, form};
use crate::content::{self, Envelope};
use crate::directory::holders::Holders;
use crate::directory::{bundles, sender_keys, sessions};
use crate::engine::{Stop, Turn};
use crate::limits::{SENDER_KEY_MESSAGES, SHARES_PER_MESSAGE};
use crate::records::{RecordError, Table};
use crate::signal::{self, CiphertextKind, SenderKeyRecord, SessionRecord, group_encrypt};
use crate::wire::{Node, OwnedJid, participant_hash};

/// Encrypts an entry for a group or the status, once members, devices and the sessions of those who lack the key
/// are known. Our chain, the sessions and the stanza are in this turn's batch, before the frame.
pub(super) fn seal(cx: &mut Turn<'_>, chat: &OwnedJid, entry: &OutboxEntry) -> Result<Sealed, Stop> {
    let crowd = match recipients::resolve_many(cx, chat, entry)? {
        Found::Known(crowd) => crowd,
        Found::Asked(about) => return Ok(Sealed::Asked(about)),
    };
    if crowd.users.len() < 2 && chat.is_status() {
        return Ok(Sealed::Nobody);
    }
    let bytes = entry.message.clone().unwrap_or_default();
    let message =
        Message::decode(bytes.clone()).map_err(|_| Stop::Record(RecordError::malformed(Table::Outbox)))?;
    let mut key = current(cx, chat, &crowd)?;
    let lacking = lacking(&crowd.devices, &crowd.me, &key.holders);
    let called = bot::called(&message, chat);
    let bot = called.as_ref().map(|called| &called.bot);
    let needed: Vec<OwnedJid> = lacking.iter().chain(bot).cloned().collect();
    let addresses = sessions::addresses_of(cx, &needed)?;
    let mut records = sessions::load_all(cx, &addresses)?;
    let without = fanout::without_session(cx, &needed, &records);
    if !without.is_empty() {
        bundles::ask(cx, &without);
        return Ok(Sealed::Asked(without));
    }
    let of_bot = called.as_ref().and_then(|_| records.pop());
    let mut handed = hand_out(cx, chat, &key.record, &lacking, addresses.iter().zip(records))?;
    let for_bot = called.zip(of_bot).and_then(|(called, record)| match called.seal(cx, record) {
        Some((node, kind)) => {
            handed.needs_identity |= kind == CiphertextKind::PreKey;
            Some(node)
        }
        None => {
            handed.skipped.push(called.bot);
            None
        }
    });
    let mut padded = Vec::with_capacity(bytes.len() + 16);
    padded.extend_from_slice(&bytes);
    let [random] = cx.entropy.bytes::<1>();
    signal::pad(&mut padded, random);
    let Ok(ciphertext) = group_encrypt(&mut key.record, &padded, &mut cx.entropy) else {
        return Err(Stop::Record(RecordError::malformed(Table::SenderKey)));
    };
    sender_keys::save(cx, chat, &crowd.me, &key.record);
    if key.is_new {
        let shared = sender_keys::Shared { key_id: Some(key.id), ..sender_keys::Shared::default() };
        sender_keys::save_shared(cx, chat, &shared);
    }
    let envelope = content::envelope(&message);
    let id = entry.id.as_deref().unwrap_or_default();
    let report = form::reporting(cx, &message, &envelope, &bytes, &crowd.me, chat, id);
    let stanza = stanza(cx, chat, entry, &crowd, &envelope, &mut handed, ciphertext)?;
    let stanza = stanza.child_opt(for_bot).child_opt(report);
    Ok(match crate::wire::encode(&stanza) {
        Ok(bytes) => Sealed::Stanza(Stanza {
            skipped: handed.skipped,
            shared: (!handed.to.is_empty()).then(|| (key.id, Holders::of(&handed.to))),
            ..Stanza::new(bytes, chat.clone())
        }),
        Err(_) => return Err(Stop::Record(RecordError::malformed(Table::Outbox))),
    })
}

/// The devices that are to get the key with this message: those that lack it, and not more than a turn should
/// encrypt for.
fn lacking(devices: &[OwnedJid], me: &OwnedJid, holders: &Holders) -> Vec<OwnedJid> {
    let lacking = devices.iter().filter(|device| *device != me && !holders.has(device));
    lacking.take(SHARES_PER_MESSAGE).cloned().collect()
}

/// The sender key to encrypt with, and who has it.
struct Current {
    record: SenderKeyRecord,
    id: u32,
    holders: Holders,
    is_new: bool,
}

/// The sender key that we have, or a new one: the first, after somebody who had it is gone, after an older copy of
/// the storage was put back, and when it was used long enough. Reference 05 §5.2.
fn current(cx: &mut Turn<'_>, chat: &OwnedJid, crowd: &Crowd) -> Result<Current, Stop> {
    cx.prefetch(&[sender_keys::shared_key(chat), sender_keys::record_key(chat, &crowd.me)])?;
    let shared = sender_keys::shared(cx, chat)?;
    let known = sender_keys::own(cx, chat, &crowd.me)?;
    if let Some(record) = known
        && let Ok(distribution) = record.distribution()
    {
        let fresh = distribution.chain.index() < SENDER_KEY_MESSAGES;
        let everybody = Holders::of(&crowd.devices);
        let ours = shared.key_id == Some(distribution.id) && !shared.stale;
        if fresh && ours && shared.holders.is_within(&everybody) {
            let holders = shared.holders;
            return Ok(Current { record, id: distribution.id, holders, is_new: false });
        }
    }
    let mut record = SenderKeyRecord::new();
    record.create(&mut cx.entropy);
    let id = record.distribution().map(|distribution| distribution.id).unwrap_or_default();
    Ok(Current { record, id, holders: Holders::default(), is_new: true })
}

/// What was encrypted for the devices that lack the key.
struct HandedOut {
    nodes: Vec<Node<'static>>,
    to: Vec<OwnedJid>,
    skipped: Vec<OwnedJid>,
    needs_identity: bool,
}

fn hand_out<'a>(
    cx: &mut Turn<'_>,
    chat: &OwnedJid,
    key: &SenderKeyRecord,
    devices: &[OwnedJid],
    sessions: impl Iterator<Item = (&'a OwnedJid, SessionRecord)>,
) -> Result<HandedOut, Stop> {
    let mut handed = HandedOut {
        nodes: Vec::with_capacity(devices.len()),
        to: Vec::with_capacity(devices.len()),
        skipped: Vec::new(),
        needs_identity: false,
    };
    let plaintext = distribution(chat, key)?.encode_to_vec();
    for (device, (address, record)) in devices.iter().zip(sessions) {
        match fanout::encrypt(cx, address, record, &plaintext) {
            Some((kind, bytes)) => {
                handed.needs_identity |= kind == CiphertextKind::PreKey;
                let to = Node::new("to").attr("jid", device.clone());
                handed.nodes.push(to.child(form::key_enc(kind, bytes)));
                handed.to.push(device.clone());
            }
            None => handed.skipped.push(device.clone()),
        }
    }
    Ok(handed)
}

/// The message that brings our sender key.
fn distribution(chat: &OwnedJid, key: &SenderKeyRecord) -> Result<Message, Stop> {
    let mut message = Message::default();
    add_key(&mut message, chat, key)?;
    Ok(message)
}

/// Puts our sender key into a message.
fn add_key(message: &mut Message, chat: &OwnedJid, key: &SenderKeyRecord) -> Result<(), Stop> {
    let Ok(distribution) = key.distribution() else {
        return Err(Stop::Record(RecordError::malformed(Table::SenderKey)));
    };
    message.sender_key_distribution_message = Some(Box::new(SenderKeyDistributionMessage {
        group_id: Some(chat.to_string()),
        axolotl_sender_key_distribution_message: Some(Bytes::from(distribution.encode())),
    }));
    Ok(())
}

/// Puts our present sender key of a group, if there is one, into a message that is sent again to one device.
pub(super) fn add_present_key(
    cx: &mut Turn<'_>,
    group: &OwnedJid,
    message: &mut Message,
) -> Result<(), Stop> {
    let Some(me) = cx.memory.me.clone() else { return Ok(()) };
    let by_lid = crate::groups::cache::members(cx, group)?.is_some_and(|members| members.lid);
    let own = if by_lid { me.lid.unwrap_or(me.pn) } else { me.pn };
    match sender_keys::own(cx, group, &own)? {
        Some(key) => add_key(message, group, &key),
        None => Ok(()),
    }
}

fn stanza(
    cx: &mut Turn<'_>,
    chat: &OwnedJid,
    entry: &OutboxEntry,
    crowd: &Crowd,
    envelope: &Envelope,
    handed: &mut HandedOut,
    ciphertext: Vec<u8>,
) -> Result<Node<'static>, Stop> {
    let mut participants = core::mem::take(&mut handed.nodes);
    if chat.is_status() {
        participants.extend(bare_recipients(crowd, &handed.to));
    }
    let mut stanza = form::message(entry.id.clone().unwrap_or_default(), chat, envelope)
        .attr("addressing_mode", crowd.addressing)
        .attr("phash", participant_hash(&crowd.devices));
    if !participants.is_empty() {
        stanza = stanza.child(Node::new("participants").children(participants));
    }
    if handed.needs_identity {
        stanza = fanout::attach_identity(cx, stanza)?;
    }
    let stanza = form::with_extras(stanza.child(form::group_enc(ciphertext, envelope)), envelope);
    // A post says how its audience was chosen; what takes it back or reacts to it may not. Reference 05 §6.
    let is_post = chat.is_status() && envelope.edit.is_none() && envelope.kind != "reaction";
    let setting = || Node::new("meta").attr("status_setting", AudienceKind::word(entry.audience_kind));
    Ok(stanza.child_opt(is_post.then(setting)))
}

/// A status names each user of its audience, and its author for the author's other devices, also those who get no key
/// with it.
fn bare_recipients(crowd: &Crowd, named: &[OwnedJid]) -> Vec<Node<'static>> {
    let named: alloc::collections::BTreeSet<&str> = named.iter().map(|device| device.user()).collect();
    let bare = |user: &OwnedJid| Node::new("to").attr("jid", user.clone());
    crowd.users.iter().filter(|user| !named.contains(user.user())).map(bare).collect()
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::wire::Jid;

    #[test]
    fn key_goes_to_those_who_lack_it_and_to_a_bounded_number_at_a_time() {
        let devices: Vec<OwnedJid> =
            (0..SHARES_PER_MESSAGE + 10).map(|n| Jid::lid(format!("{}", n + 1), 0)).collect();
        let (me, holders) = (devices[0].clone(), Holders::of(&devices[1..4]));
        let first = lacking(&devices, &me, &holders);
        assert_eq!((first.len(), &first[0]), (SHARES_PER_MESSAGE, &devices[4]));
        let mut all = holders;
        all.add(&Holders::of(&first));
        assert_eq!(lacking(&devices, &me, &all), devices[SHARES_PER_MESSAGE + 4..]);
    }
}
