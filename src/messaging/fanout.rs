//! One message, encrypted for every device it goes to. Reference 05 §4.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::DeviceSentMessage;

use super::recipients::Addressed;
use crate::directory::{bundles, own, sessions, tctoken};
use crate::engine::{Stop, Turn};
use crate::records::{RecordError, Table};
use crate::signal::{self, CiphertextKind, SessionRecord};
use crate::wire::{self, Node, OwnedJid};

/// The outcome of trying.
pub(super) enum Sealed {
    /// The encoded stanza; sessions have moved on and are in this turn's batch.
    Stanza { bytes: Vec<u8>, skipped: Vec<OwnedJid> },
    /// Bundles were asked for; the outbox wakes up when they come.
    Asked,
    /// No device of the recipient can be encrypted to.
    Nobody,
}

/// Encrypts an entry for its recipients once there is a session with each reachable one.
pub(super) fn seal(cx: &mut Turn<'_>, entry: &OutboxEntry, to: &Addressed) -> Result<Sealed, Stop> {
    let now = cx.now.mono;
    let devices: Vec<OwnedJid> = to.theirs.iter().chain(&to.ours).cloned().collect();
    let addresses =
        devices.iter().map(|device| sessions::address_of(cx, device)).collect::<Result<Vec<_>, _>>()?;
    let records = sessions::load_all(cx, &addresses)?;
    let given_up = |device: &OwnedJid| cx.memory.unreachable.get(device).is_some_and(|until| *until > now);
    let without: Vec<OwnedJid> = devices
        .iter()
        .zip(&records)
        .filter(|(device, record)| record.current().is_none() && !given_up(device))
        .map(|(device, _)| device.clone())
        .collect();
    if !without.is_empty() {
        bundles::ask(cx, &without);
        return Ok(Sealed::Asked);
    }
    let message = entry.message.clone().unwrap_or_default();
    let copy = device_sent(&message, &to.destination)?;
    let mut children = Vec::with_capacity(devices.len());
    let mut skipped = Vec::new();
    let mut reached = 0;
    let mut needs_identity = false;
    for (index, ((device, address), record)) in devices.iter().zip(&addresses).zip(records).enumerate() {
        let theirs = index < to.theirs.len();
        let plaintext = if theirs { &message[..] } else { &copy[..] };
        match encrypt(cx, address, record, plaintext) {
            Some((kind, bytes)) => {
                needs_identity |= kind == CiphertextKind::PreKey;
                reached += usize::from(theirs);
                children.push(Node::new("to").attr("jid", device.clone()).child(enc(kind, bytes)));
            }
            None => skipped.push(device.clone()),
        }
    }
    if (reached == 0 && !to.to_self) || children.is_empty() {
        return Ok(Sealed::Nobody);
    }
    let mut stanza = Node::new("message")
        .attr("id", entry.id.clone().unwrap_or_default())
        .attr("to", to.destination.clone())
        .attr("type", "text")
        .attr_opt("peer_recipient_pn", to.number.clone())
        .child(Node::new("participants").children(children));
    if let Some(token) = tctoken::node_for(cx, &to.destination)? {
        stanza = stanza.child(token);
    }
    if needs_identity {
        stanza = attach_identity(cx, stanza)?;
    }
    match wire::encode(&stanza) {
        Ok(bytes) => Ok(Sealed::Stanza { bytes, skipped }),
        Err(_) => Err(Stop::Record(RecordError::malformed(Table::Outbox))),
    }
}

/// `<enc v=2 type=…>`.
pub(super) fn enc(kind: CiphertextKind, bytes: Vec<u8>) -> Node<'static> {
    Node::new("enc").attr("v", "2").attr("type", kind.as_str()).bytes(bytes)
}

/// Pads and encrypts for one device and stores its session; `None` when there is no session to use.
pub(super) fn encrypt(
    cx: &mut Turn<'_>,
    address: &OwnedJid,
    mut record: SessionRecord,
    plaintext: &[u8],
) -> Option<(CiphertextKind, Vec<u8>)> {
    let mut padded = Vec::with_capacity(plaintext.len() + 16);
    padded.extend_from_slice(plaintext);
    let [random] = cx.entropy.bytes::<1>();
    signal::pad(&mut padded, random);
    let ciphertext = signal::encrypt(&mut record, &padded).ok()?;
    sessions::save(cx, address, &record);
    Some((ciphertext.kind, ciphertext.bytes))
}

/// Adds our device identity, which every stanza with a `pkmsg` must carry. Reference 04 §11.
pub(super) fn attach_identity<'a>(cx: &mut Turn<'_>, stanza: Node<'a>) -> Result<Node<'a>, Stop> {
    let account = own::credentials(cx)?.and_then(|keys| keys.account);
    Ok(match account {
        Some(account) => stanza.child(Node::new("device-identity").bytes(account.to_vec())),
        None => stanza,
    })
}

/// The form in which our other devices get a message that we send. Reference 05 §4.
pub(super) fn device_sent(message: &Bytes, destination: &OwnedJid) -> Result<Vec<u8>, Stop> {
    let inner =
        Message::decode(message.clone()).map_err(|_| Stop::Record(RecordError::malformed(Table::Outbox)))?;
    let context = inner.message_context_info.clone();
    let wrapper = DeviceSentMessage {
        destination_jid: Some(destination.to_string()),
        message: Some(Box::new(inner)),
        ..DeviceSentMessage::default()
    };
    let outer = Message {
        device_sent_message: Some(Box::new(wrapper)),
        message_context_info: context,
        ..Message::default()
    };
    Ok(outer.encode_to_vec())
}
