//! One message, encrypted for every device it goes to. Reference 05 §4.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::DeviceSentMessage;

use super::recipients::Addressed;
use crate::content::{self, Envelope};
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
    let parsed = decode(&message)?;
    let envelope = content::envelope(&parsed);
    let copy = device_sent(parsed, &to.destination);
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
                children.push(Node::new("to").attr("jid", device.clone()).child(enc(kind, bytes, &envelope)));
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
        .attr("type", envelope.kind)
        .attr_opt("edit", envelope.edit)
        .attr_opt("peer_recipient_pn", to.number.clone())
        .child(Node::new("participants").children(children))
        .children(around(&envelope));
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

/// `<enc v=2 type=…>` with what the envelope says about its content.
pub(super) fn enc(kind: CiphertextKind, bytes: Vec<u8>, envelope: &Envelope) -> Node<'static> {
    Node::new("enc")
        .attr("v", "2")
        .attr("type", kind.as_str())
        .attr_opt("mediatype", envelope.media)
        .attr_opt("decrypt-fail", envelope.hide.then_some("hide"))
        .bytes(bytes)
}

/// The children that tell the server what a message is: `<meta>`, `<biz>`. Reference 05 §13.
pub(super) fn around(envelope: &Envelope) -> Vec<Node<'static>> {
    let attributes = |node: Node<'static>, attrs: &[(&'static str, String)]| {
        attrs.iter().fold(node, |node, (name, value)| node.attr(*name, value.clone()))
    };
    let mut children = Vec::new();
    if !envelope.meta.is_empty() {
        children.push(attributes(Node::new("meta"), &envelope.meta));
    }
    if let Some(business) = &envelope.business {
        let flow = business.flow.clone().map(|flow| Node::new("native_flow").attr("name", flow));
        let inner = attributes(Node::new(business.tag), &business.attrs).children(flow);
        children.push(Node::new("biz").child(inner));
    }
    children
}

/// The protobuf of a stored message.
pub(super) fn decode(message: &Bytes) -> Result<Message, Stop> {
    Message::decode(message.clone()).map_err(|_| Stop::Record(RecordError::malformed(Table::Outbox)))
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
pub(super) fn device_sent(message: Message, destination: &OwnedJid) -> Vec<u8> {
    let context = message.message_context_info.clone();
    let wrapper = DeviceSentMessage {
        destination_jid: Some(destination.to_string()),
        message: Some(Box::new(message)),
        ..DeviceSentMessage::default()
    };
    let outer = Message {
        device_sent_message: Some(Box::new(wrapper)),
        message_context_info: context,
        ..Message::default()
    };
    outer.encode_to_vec()
}
