//! Opening what is encrypted in a message: for this device, for a group, or under another message's secret.
//! Reference 07 §3.1, §3.2, §3.3, §3.6.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::retry_out::RetryReason;
use super::source::Source;
use super::{addons, group_keys, inbox};
use crate::crypto::PublicKey;
use crate::directory::{devices, lid, own, sender_keys, sessions, tctoken};
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::limits::ENCS_PER_MESSAGE;
use crate::signal::{self, DecryptError, GroupError, PreKeyMessage};
use crate::stanza::NackCode;
use crate::wire::{NodeRef, OwnedJid};

/// What became of a stanza's ciphertexts.
pub(super) enum Opened<'a> {
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
pub(super) fn open_all<'a>(
    cx: &mut Turn<'_>,
    node: NodeRef<'a>,
    source: &Source,
) -> Result<Opened<'a>, Stop> {
    if source.many {
        // With one load, before anything is decrypted.
        let address = sessions::address_of(cx, &source.sender)?;
        let [session, identity] = sessions::record_keys(&address);
        cx.prefetch(&[session, identity, sender_keys::record_key(&source.chat, &address)])?;
    }
    let mut opened = Opened::Nothing;
    let of_group = |enc: &NodeRef<'_>| enc.get("type").as_deref() == Some("skmsg");
    let pairwise = node.find_all("enc").take(ENCS_PER_MESSAGE).filter(|enc| !of_group(enc));
    let for_all = node.find_all("enc").take(ENCS_PER_MESSAGE).filter(of_group);
    for enc in pairwise.chain(for_all) {
        match open(cx, node, source, enc)? {
            Outcome::Nothing => {}
            Outcome::Reply(message) => return Ok(Opened::Message(message)),
            Outcome::Failed(failure) => return Ok(Opened::Failed(enc, failure)),
            Outcome::Duplicate if matches!(opened, Opened::Nothing) => opened = Opened::Seen,
            Outcome::Duplicate => {}
            Outcome::Plain(padded) => {
                let Ok(plain) = signal::unpad(&padded) else {
                    let failure = Failure::again("InvalidPadding", RetryReason::InvalidMessage);
                    return Ok(Opened::Failed(enc, failure));
                };
                let Ok(message) = Message::decode(plain) else { return Ok(Opened::Unreadable) };
                group_keys::accept(cx, source, &message)?;
                // Some clients put it inside the wrapper for copies among own devices.
                let copy = message.device_sent_message.as_ref().and_then(|copy| copy.message.as_ref());
                if let Some(copy) = copy.filter(|_| source.from_me) {
                    group_keys::accept(cx, source, copy)?;
                }
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
    /// A bot's answer.
    Reply(Box<Message>),
    /// Decrypted before.
    Duplicate,
    Failed(Failure),
}

/// Why an `<enc>` was not opened.
pub(super) struct Failure {
    /// The named error.
    pub(super) error: String,
    /// What to tell the sender, if asking again can help.
    pub(super) reason: Option<RetryReason>,
    /// What to tell the server.
    pub(super) nack: Option<NackCode>,
}

impl Failure {
    fn again(error: impl Into<String>, reason: RetryReason) -> Self {
        Self { error: error.into(), reason: Some(reason), nack: None }
    }
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
        "msmsg" => return open_reply(cx, node, source, &bytes),
        "skmsg" => group_keys::open(cx, source, &bytes)?.map_err(Refusal::Group),
        _ => return Ok(Outcome::Nothing),
    };
    Ok(match result {
        Ok(padded) => Outcome::Plain(padded),
        Err(Refusal::Signal(DecryptError::DuplicateMessage { .. })) => Outcome::Duplicate,
        Err(Refusal::Signal(error)) => {
            Outcome::Failed(Failure::again(error.class(), RetryReason::of(&error)))
        }
        Err(Refusal::Group(GroupError::DuplicateMessage { .. })) => Outcome::Duplicate,
        Err(Refusal::Group(GroupError::NoSenderKey)) if is_stranger(cx, source)? => {
            Outcome::Failed(Failure::again(GroupError::NoSenderKey.class(), RetryReason::UnknownCompanion))
        }
        Err(Refusal::Group(error)) => {
            Outcome::Failed(Failure::again(error.class(), RetryReason::of_group(&error)))
        }
        Err(Refusal::Adv) => Outcome::Failed(Failure::again("AdvFailure", RetryReason::AdvFailure)),
    })
}

/// Whether the sender is a device that is not on the list of its user; the list is asked for again then.
fn is_stranger(cx: &mut Turn<'_>, source: &Source) -> Result<bool, Stop> {
    let user = source.sender.bare().into_owned();
    let known = devices::known(cx, &user)?;
    let stranger = known.is_some_and(|known| !known.contains(&source.sender.device()));
    if stranger {
        devices::forget(cx, &user)?;
    }
    Ok(stranger)
}

/// Opens a bot's answer, which is sealed under the secret of the message that it answers.
fn open_reply(cx: &mut Turn<'_>, node: NodeRef<'_>, source: &Source, bytes: &[u8]) -> Result<Outcome, Stop> {
    let opened = if source.sender.is_bot() { addons::open_reply(cx, node, source, bytes)? } else { None };
    let message = opened.and_then(|plain| Message::decode(&plain[..]).ok());
    Ok(match message {
        Some(message) => Outcome::Reply(Box::new(message)),
        None => Outcome::Failed(Failure {
            error: "MissingMessageSecret".to_string(),
            reason: None,
            nack: Some(NackCode::MissingMessageSecret),
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
    noticed(cx, sender, &address, &decrypted.identity)?;
    sessions::remember_identity(cx, &address, &decrypted.identity)?;
    Ok(Ok(decrypted.plaintext))
}

/// Tells of a contact's phone that has another identity key than before: nobody else may have told yet.
fn noticed(
    cx: &mut Turn<'_>,
    sender: &OwnedJid,
    address: &OwnedJid,
    identity: &PublicKey,
) -> Result<(), Stop> {
    let known = sessions::identity(cx, address)?;
    if sender.device() != 0 || cx.is_me(sender) || known.is_none_or(|known| known == *identity) {
        return Ok(());
    }
    let jid = sender.bare().into_owned();
    let alt = lid::other_name(cx, &jid)?;
    tctoken::issue_again(cx, &jid)?;
    let timestamp = cx.now.unix.seconds();
    inbox::keep(cx, Event::Contact(ContactEvent::IdentityChanged { jid, alt, timestamp }));
    Ok(())
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
