//! An incoming message, in one turn: decrypt, keep the event, close the stanza. Reference 07 §2, §3.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::retry_out::{self, RetryReason};
use super::source::{self, Source};
use super::{group_keys, ignore, inbox, secrets, shown};
use crate::content;
use crate::crypto::PublicKey;
use crate::directory::{lid, own, sessions};
use crate::engine::{Stop, Turn};
use crate::event::{Event, Received};
use crate::history::bootstrap;
use crate::limits::ENCS_PER_MESSAGE;
use crate::records::Table;
use crate::signal::{self, DecryptError, GroupError, PreKeyMessage};
use crate::stanza::{NackCode, ack, nack};
use crate::wire::{Node, NodeRef, OwnedJid};

/// Handles `<message>`: exactly one of a receipt, an ack, or a retry receipt with an ack closes it.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let source = source::parse(cx, node)?;
    if ignore::is_ignored(cx, &source) {
        ack(cx, node);
        return Ok(());
    }
    // Left unacked: the server keeps it, and sends it again on the next connection. What comes after it is left as
    // well, room or not: it would be shown before it otherwise.
    if cx.memory.left_behind {
        return Ok(());
    }
    if inbox::is_full(cx) {
        cx.emit(Event::Fault { error: "inbox is full".to_string(), stanza: None });
        cx.remember(|memory| memory.left_behind = true);
        return Ok(());
    }
    // Before decrypting: the address of the session depends on it.
    if let Some(alt) = &source.sender_alt {
        lid::learn(cx, &source.sender, alt)?;
    }
    if let Some(alt) = &source.recipient_alt {
        lid::learn(cx, &source.chat, alt)?;
    }
    // What the outcome asks for comes with one load, before it: a turn that lacks a record runs again from its
    // start, and would decrypt again.
    let mut wanted: Vec<_> = shown::keys(cx, &source).into_iter().map(|key| (Table::Shown, key)).collect();
    wanted.push((Table::Retry, retry_out::key(&source)));
    wanted.push((Table::Secret, secrets::key(&source.sender, &source.id)));
    cx.prefetch(&wanted)?;
    match open_all(cx, node, &source)? {
        Opened::Message(message) => arrived(cx, node, source, message),
        Opened::Unreadable => {
            cx.emit(Event::Fault {
                error: "decrypted, but not a message".to_string(),
                stanza: Some(node.to_string()),
            });
            nack(cx, node, NackCode::InvalidProtobuf);
            Ok(())
        }
        Opened::Seen => {
            close(cx, node, &source);
            Ok(())
        }
        Opened::Failed(enc, failure) => undecryptable(cx, node, &source, enc, &failure),
        Opened::Nothing => nothing(cx, node, &source),
    }
}

/// What became of a stanza's ciphertexts.
enum Opened<'a> {
    /// Nothing that this version opens.
    Nothing,
    /// The message.
    Message(Box<Message>),
    /// Nothing new: decrypted before, or only a sender key that was taken.
    Seen,
    /// Decrypted, but not a message.
    Unreadable,
    /// This one was not opened.
    Failed(NodeRef<'a>, Failure),
}

/// Opens first what is encrypted for this device alone, as it may bring the sender key for the rest. When it could
/// not be opened, the rest is not tried: one retry receipt repairs both. Reference 07 §3.2.
fn open_all<'a>(cx: &mut Turn<'_>, node: NodeRef<'a>, source: &Source) -> Result<Opened<'a>, Stop> {
    let mut opened = Opened::Nothing;
    let of_group = |enc: &NodeRef<'_>| enc.get("type").as_deref() == Some("skmsg");
    let pairwise = node.find_all("enc").take(ENCS_PER_MESSAGE).filter(|enc| !of_group(enc));
    let for_all = node.find_all("enc").take(ENCS_PER_MESSAGE).filter(of_group);
    for enc in pairwise.chain(for_all) {
        match open(cx, node, source, enc)? {
            Outcome::Nothing => {}
            Outcome::Failed(failure) => return Ok(Opened::Failed(enc, failure)),
            Outcome::Duplicate if matches!(opened, Opened::Nothing) => opened = Opened::Seen,
            Outcome::Duplicate => {}
            Outcome::Plain(padded) => {
                let message = signal::unpad(&padded).ok().and_then(|plain| Message::decode(plain).ok());
                let Some(message) = message else { return Ok(Opened::Unreadable) };
                group_keys::accept(cx, source, &message)?;
                if !group_keys::only_hands_out(&message) {
                    return Ok(Opened::Message(Box::new(message)));
                }
                opened = Opened::Seen;
            }
        }
    }
    Ok(opened)
}

/// What became of one `<enc>`.
enum Outcome {
    /// Not one that this version opens.
    Nothing,
    /// Decrypted, still padded.
    Plain(Vec<u8>),
    /// Decrypted before.
    Duplicate,
    Failed(Failure),
}

/// Why an `<enc>` was not opened.
struct Failure {
    error: String,
    reason: Option<RetryReason>,
}

fn open(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source, enc: NodeRef<'_>) -> Result<Outcome, Stop> {
    let (Some(kind), Some(bytes)) = (enc.get("type"), enc.content_bytes()) else {
        return Ok(Outcome::Nothing);
    };
    let result = match kind.as_ref() {
        "pkmsg" => open_prekey_message(cx, node, &source.sender, &bytes)?,
        "msg" => {
            let address = sessions::address_of(cx, &source.sender)?;
            let mut record = sessions::load(cx, &address)?;
            let result = signal::decrypt_message(&mut record, &bytes, &mut cx.entropy);
            if result.is_ok() {
                sessions::save(cx, &address, &record);
            }
            result.map_err(Refusal::Signal)
        }
        "skmsg" => group_keys::open(cx, source, &bytes)?.map_err(Refusal::Group),
        _ => return Ok(Outcome::Nothing),
    };
    Ok(match result {
        Ok(padded) => Outcome::Plain(padded),
        Err(Refusal::Signal(DecryptError::DuplicateMessage { .. })) => Outcome::Duplicate,
        Err(Refusal::Signal(error)) => Outcome::Failed(Failure {
            error: error.class().to_string(),
            reason: Some(RetryReason::of(&error)),
        }),
        Err(Refusal::Group(GroupError::DuplicateMessage { .. })) => Outcome::Duplicate,
        Err(Refusal::Group(error)) => Outcome::Failed(Failure {
            error: error.class().to_string(),
            reason: Some(RetryReason::of_group(&error)),
        }),
        Err(Refusal::Adv) => Outcome::Failed(Failure {
            error: "AdvFailure".to_string(),
            reason: Some(RetryReason::AdvFailure),
        }),
    })
}

enum Refusal {
    Signal(DecryptError),
    Group(GroupError),
    Adv,
}

/// Opens a `pkmsg`; session, identity, and the removal of the used prekey go into this turn's batch.
fn open_prekey_message(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    sender: &OwnedJid,
    bytes: &[u8],
) -> Result<Result<Vec<u8>, Refusal>, Stop> {
    let message = match PreKeyMessage::parse(bytes) {
        Ok(message) => message,
        Err(error) => return Ok(Err(Refusal::Signal(error))),
    };
    let address = sessions::address_of(cx, sender)?;
    if !vouched_for(cx, node, &address, message.identity_key())? {
        return Ok(Err(Refusal::Adv));
    }
    let Some(keys) = own::credentials(cx)? else {
        return Ok(Err(Refusal::Signal(DecryptError::NoSession)));
    };
    let prekey = match message.prekey_id() {
        Some(id) => own::prekey(cx, id)?,
        None => None,
    };
    let mut record = sessions::load(cx, &address)?;
    let signed = keys.signed_prekey(message.signed_prekey_id());
    let opened = signal::decrypt_prekey_message(
        &mut record,
        &message,
        &keys.local(),
        signed,
        prekey.as_ref(),
        &mut cx.entropy,
    );
    let decrypted = match opened {
        Ok(decrypted) => decrypted,
        Err(error) => return Ok(Err(Refusal::Signal(error))),
    };
    sessions::save(cx, &address, &record);
    if let Some(id) = decrypted.used_prekey {
        own::delete_prekey(cx, id);
    }
    sessions::remember_identity(cx, &address, &decrypted.identity)?;
    Ok(Ok(decrypted.plaintext))
}

/// Whether a companion's `<device-identity>`, when there is one, holds for the message's identity key.
/// Missing is accepted: servers and Baileys may leave it out. Reference 04 §11.
fn vouched_for(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    address: &OwnedJid,
    identity: &PublicKey,
) -> Result<bool, Stop> {
    let proof = node.find("device-identity").and_then(|node| node.content_bytes());
    let Some(proof) = proof.filter(|_| address.device() != 0) else { return Ok(true) };
    let known = sessions::identity(cx, &address.with_device(0).into_owned())?;
    Ok(sessions::vouches(&proof, identity, known.as_ref()))
}

/// A decrypted message: the ratchet has moved on whatever comes out of it.
fn arrived(cx: &mut Turn<'_>, node: NodeRef<'_>, source: Source, message: Box<Message>) -> Result<(), Stop> {
    if shown::is_shown(cx, &source)? {
        close(cx, node, &source);
        return Ok(());
    }
    retry_out::forget(cx, &source)?;
    let message = unwrap_own(*message, source.from_me);
    if source.from_me && source.sender.device() == 0 {
        bootstrap::learn(cx, &message)?;
    }
    secrets::keep(cx, &source.sender, &source.id, &message)?;
    shown::mark(cx, &source);
    close(cx, node, &source);
    let received = Received {
        id: source.id,
        chat: source.chat,
        sender: source.sender,
        sender_alt: source.sender_alt,
        from_me: source.from_me,
        timestamp: source.timestamp,
        push_name: source.push_name,
        offline: source.offline,
        content: content::read(&message).content,
        message: Bytes::from(message.encode_to_vec()),
    };
    inbox::keep(cx, Event::Message(received));
    Ok(())
}

/// The message inside the wrapper for copies among own devices; the wrapper of anybody else is left as it
/// is, and reads as nothing. Reference 07 §3.4.
fn unwrap_own(mut message: Message, from_me: bool) -> Message {
    if !from_me {
        return message;
    }
    let Some(wrapper) = message.device_sent_message.take() else { return message };
    let outer = message.message_context_info.take();
    let mut inner = wrapper.message.map(|inner| *inner).unwrap_or_default();
    match (&mut inner.message_context_info, outer) {
        (slot @ None, outer) => *slot = outer,
        (Some(inner), Some(outer)) => {
            inner.message_secret = inner.message_secret.take().or(outer.message_secret);
        }
        (Some(_), None) => {}
    }
    inner
}

/// The receipt that closes a message. Reference 07 §6.3.
fn close(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source) {
    let kind = match (source.peer, source.from_me) {
        (true, _) => Some("peer_msg"),
        (false, true) => Some("sender"),
        (false, false) if cx.memory.available => None,
        (false, false) => Some("inactive"),
    };
    let receipt = Node::new("receipt")
        .attr("id", source.id.clone())
        .attr_opt("to", node.value("from"))
        .attr_opt("type", kind)
        .attr_opt("participant", node.value("participant").filter(|_| source.many))
        .attr_opt("recipient", node.value("recipient").filter(|_| source.from_me));
    cx.send(&receipt);
}

fn undecryptable(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    enc: NodeRef<'_>,
    failure: &Failure,
) -> Result<(), Stop> {
    // A second copy of what was shown needs no repair.
    if shown::is_shown(cx, source)? {
        close(cx, node, source);
        return Ok(());
    }
    let count = enc.get_u64("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    if retry_out::request(cx, node, source, count, failure.reason, &failure.error)? {
        ack(cx, node);
    }
    Ok(())
}

/// A message without anything that could be opened. Reference 07 §3.7, §3.8.
fn nothing(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source) -> Result<(), Stop> {
    if node.find("unavailable").is_some() {
        if retry_out::request(cx, node, source, 0, None, "unavailable")? {
            ack(cx, node);
        }
    } else if node.find("plaintext").is_some() {
        cx.emit(Event::Unhandled { stanza: node.to_string() });
        ack(cx, node);
    } else {
        cx.emit(Event::Fault {
            error: "message without content".to_string(),
            stanza: Some(node.to_string()),
        });
        nack(cx, node, NackCode::UnrecognizedStanza);
    }
    Ok(())
}
