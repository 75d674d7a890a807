//! One message, encrypted for every device it goes to. Reference 05 §4.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::DeviceSentMessage;

use super::recipients::{self, Addressed, Found};
use super::{bot, form};
use crate::content;
use crate::directory::holders::Holders;
use crate::directory::{bundles, own, sessions, tctoken};
use crate::engine::{Stop, Turn};
use crate::records::{RecordError, Table};
use crate::signal::{self, CiphertextKind, SessionRecord};
use crate::wire::{self, Jid, Node, OwnedJid};

/// The outcome of trying.
pub(super) enum Sealed {
    /// Sessions and chains have moved on and are in this turn's batch.
    Stanza(Stanza),
    /// The server was asked about these; the outbox wakes up when the answers come.
    Asked(Vec<OwnedJid>),
    /// No device of the recipient can be encrypted to.
    Nobody,
}

/// A stanza that is ready to be sent.
pub(super) struct Stanza {
    /// Encoded.
    pub(super) bytes: Vec<u8>,
    /// Where it goes.
    pub(super) destination: OwnedJid,
    /// Devices that it is not encrypted for.
    pub(super) skipped: Vec<OwnedJid>,
    /// The sender key that it hands out, and to whom.
    pub(super) shared: Option<(u32, Holders)>,
    /// Its id, when it is not the message's.
    pub(super) id: Option<String>,
}

impl Stanza {
    /// A stanza that reaches everybody it should.
    pub(super) const fn new(bytes: Vec<u8>, destination: OwnedJid) -> Self {
        Self { bytes, destination, skipped: Vec::new(), shared: None, id: None }
    }
}

/// Encrypts an entry for a user's devices and our own others, once there is a session with each reachable one.
pub(super) fn seal(cx: &mut Turn<'_>, chat: &OwnedJid, entry: &OutboxEntry) -> Result<Sealed, Stop> {
    match recipients::resolve(cx, chat)? {
        Found::Known(recipients) => seal_for(cx, entry, &recipients, None),
        Found::Asked(about) => Ok(Sealed::Asked(about)),
    }
}

/// Encrypts an entry for these devices; the stanza goes to `via`, if that is not where they are.
pub(super) fn seal_for(
    cx: &mut Turn<'_>,
    entry: &OutboxEntry,
    to: &Addressed,
    via: Option<&OwnedJid>,
) -> Result<Sealed, Stop> {
    let bytes = entry.message.clone().unwrap_or_default();
    let message = decode(&bytes)?;
    let destination = via.unwrap_or(&to.destination);
    let called = bot::called(&message, destination);
    let bot = called.as_ref().map(|called| &called.bot);
    let devices: Vec<OwnedJid> = to.theirs.iter().chain(&to.ours).chain(bot).cloned().collect();
    let addresses = sessions::addresses_of(cx, &devices)?;
    let records = sessions::load_all(cx, &addresses)?;
    let without = without_session(cx, &devices, &records);
    if !without.is_empty() {
        bundles::ask(cx, &without);
        return Ok(Sealed::Asked(without));
    }
    let envelope = content::envelope(&message);
    let id = entry.id.clone().unwrap_or_default();
    let report = form::reporting(cx, &message, &envelope, &bytes, &to.me, destination, &id);
    let copy = device_sent(message, destination);
    let mut children = Vec::with_capacity(devices.len());
    let mut for_bot = None;
    let mut skipped = Vec::new();
    let mut reached = 0;
    let mut needs_identity = false;
    for (index, ((device, address), record)) in devices.iter().zip(&addresses).zip(records).enumerate() {
        let theirs = index < to.theirs.len();
        let sealed = match &called {
            Some(called) if called.bot == *device => called.seal(cx, record).map(|(node, kind)| {
                for_bot = Some(node);
                kind
            }),
            _ => {
                let plaintext = if theirs { &bytes[..] } else { &copy[..] };
                encrypt(cx, address, record, plaintext).map(|(kind, bytes)| {
                    reached += usize::from(theirs);
                    let enc = form::enc(kind, bytes, &envelope);
                    children.push(Node::new("to").attr("jid", device.clone()).child(enc));
                    kind
                })
            }
        };
        match sealed {
            Some(kind) => needs_identity |= kind == CiphertextKind::PreKey,
            None => skipped.push(device.clone()),
        }
    }
    if (reached == 0 && !to.to_self) || children.is_empty() {
        return Ok(Sealed::Nobody);
    }
    let mut stanza = form::message(id, destination, &envelope)
        .attr_opt("peer_recipient_pn", to.number.clone().filter(|_| via.is_none()))
        .child(Node::new("participants").children(children))
        .child_opt(for_bot)
        .child_opt(report);
    if via.is_none()
        && let Some(token) = tctoken::node_for(cx, &to.destination)?
    {
        stanza = stanza.child(token);
    }
    if needs_identity {
        stanza = attach_identity(cx, stanza)?;
    }
    let stanza = form::with_extras(stanza, &envelope);
    Ok(Sealed::Stanza(Stanza { skipped, ..Stanza::new(encode(&stanza)?, destination.clone()) }))
}

/// Those of the devices that have no session yet and have not proved unreachable.
pub(super) fn without_session(
    cx: &Turn<'_>,
    devices: &[OwnedJid],
    records: &[SessionRecord],
) -> Vec<OwnedJid> {
    let now = cx.now.mono;
    let given_up = |device: &OwnedJid| cx.memory.unreachable.get(device).is_some_and(|until| *until > now);
    let all = devices.iter().zip(records);
    let without = all.filter(|(device, record)| record.current().is_none() && !given_up(device));
    without.map(|(device, _)| device.clone()).collect()
}

/// Pads and encrypts for one device and stores its session; `None` when there is no session to use.
pub(super) fn encrypt(
    cx: &mut Turn<'_>,
    address: &OwnedJid,
    mut record: SessionRecord,
    plaintext: &[u8],
) -> Option<(CiphertextKind, Vec<u8>)> {
    record.current()?;
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
pub(super) fn device_sent(inner: Message, destination: &Jid<'_>) -> Vec<u8> {
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
    outer.encode_to_vec()
}

/// The message of an entry.
pub(super) fn decode(bytes: &Bytes) -> Result<Message, Stop> {
    Message::decode(bytes.clone()).map_err(|_| Stop::Record(RecordError::malformed(Table::Outbox)))
}

/// The stanza as bytes.
pub(super) fn encode(stanza: &Node<'_>) -> Result<Vec<u8>, Stop> {
    wire::encode(stanza).map_err(|_| Stop::Record(RecordError::malformed(Table::Outbox)))
}
