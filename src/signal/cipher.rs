//! Encrypting and decrypting with a record of sessions: which session, in which order, and what a success
//! changes. Reference 04 §3, §5.

use alloc::vec::Vec;

use super::Draw;
use super::archive::{Place, SessionRecord};
use super::error::{DecryptError, SignalError};
use super::identity::Local;
use super::message::{PreKeyMessage, SignalMessage};
use super::prekey::{PreKey, SignedPreKey};
use super::session::{Advance, SessionState};
use crate::crypto::PublicKey;

/// Which of the two pairwise messages a ciphertext is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiphertextKind {
    /// `pkmsg`: names the prekeys that the session was started from.
    PreKey,
    /// `msg`: belongs to a session that the peer has answered.
    Message,
}

impl CiphertextKind {
    /// The `type` of its `<enc>` node.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreKey => "pkmsg",
            Self::Message => "msg",
        }
    }
}

/// An encrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    /// What it is to be sent as.
    pub kind: CiphertextKind,
    /// Its wire form.
    pub bytes: Vec<u8>,
}

/// What a decrypted `pkmsg` says. `Debug` does not print the plaintext.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The plaintext, still padded.
    pub plaintext: Vec<u8>,
    /// The one-time prekey that was used up: to be deleted together with storing the record.
    pub used_prekey: Option<u32>,
    /// The sender's identity, now authenticated: to be stored.
    pub identity: PublicKey,
    /// Whether this message started the session.
    pub new_session: bool,
}

impl core::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decrypted")
            .field("plaintext_len", &self.plaintext.len())
            .field("used_prekey", &self.used_prekey)
            .field("identity", &self.identity)
            .field("new_session", &self.new_session)
            .finish()
    }
}

/// Encrypts an already padded plaintext with the current session, whose sending chain moves on: store the
/// record before the ciphertext leaves.
///
/// # Errors
/// [`SignalError::NoSession`] or [`SignalError::ChainExhausted`].
pub fn encrypt(record: &mut SessionRecord, plaintext: &[u8]) -> Result<Ciphertext, SignalError> {
    record.current_mut().ok_or(SignalError::NoSession)?.seal(plaintext)
}

/// Decrypts a `msg` with whichever session it belongs to; that one becomes the current one.
///
/// # Errors
/// Any [`DecryptError`] but those about prekeys; record and `draw` are as before then.
pub fn decrypt_message(
    record: &mut SessionRecord,
    bytes: &[u8],
    draw: &mut impl Draw,
) -> Result<Vec<u8>, DecryptError> {
    let message = SignalMessage::parse(bytes)?;
    if record.is_empty() {
        return Err(DecryptError::NoSession);
    }
    let (place, (plaintext, advance)) = open_in_any(record, &message, draw)?;
    record.commit(place, advance);
    Ok(plaintext)
}

/// Decrypts a `pkmsg`. The caller has parsed it and loaded the prekeys that it names; they are not looked at
/// when the record knows the message's base key already. On success store the record, the identity, and the
/// deletion of the used one-time prekey together.
///
/// # Errors
/// Any [`DecryptError`] but [`DecryptError::NoSession`]; record and `draw` are as before then.
pub fn decrypt_prekey_message(
    record: &mut SessionRecord,
    message: &PreKeyMessage<'_>,
    local: &Local,
    signed_prekey: Option<&SignedPreKey>,
    prekey: Option<&PreKey>,
    draw: &mut impl Draw,
) -> Result<Decrypted, DecryptError> {
    if let Some((place, session)) = record.find(message.base_key()) {
        // The outer fields have no MAC of their own: an identity that the session does not have is forged.
        if session.remote_identity() != message.identity_key() {
            return Err(DecryptError::BadMac);
        }
        let (plaintext, advance) = session.open(message.message(), draw)?;
        record.commit(place, advance);
        let identity = *message.identity_key();
        return Ok(Decrypted { plaintext, used_prekey: None, identity, new_session: false });
    }
    let signed_prekey = signed_prekey
        .filter(|key| key.id == message.signed_prekey_id())
        .ok_or_else(|| DecryptError::InvalidSignedPreKeyId(message.signed_prekey_id()))?;
    let prekey = match message.prekey_id() {
        None => None,
        Some(id) => Some(prekey.filter(|key| key.id == id).ok_or(DecryptError::InvalidPreKeyId(id))?),
    };
    let mut session = SessionState::respond(local, message, signed_prekey, prekey)?;
    let (plaintext, advance) = session.open(message.message(), draw)?;
    session.commit(advance);
    record.install(session);
    Ok(Decrypted {
        plaintext,
        used_prekey: message.prekey_id(),
        identity: *message.identity_key(),
        new_session: true,
    })
}

/// Finds the session that a message belongs to, and opens it there.
fn open_in_any(
    record: &SessionRecord,
    message: &SignalMessage<'_>,
    draw: &mut impl Draw,
) -> Result<(Place, (Vec<u8>, Advance)), DecryptError> {
    // Ratchet keys are random: where one is known, no other session can have been meant. Only a key that
    // none knows costs an agreement per session.
    let known = record.sessions().any(|(_, session)| session.has_chain(message.ratchet_key()));
    for (place, session) in record.sessions() {
        if known && !session.has_chain(message.ratchet_key()) {
            continue;
        }
        match session.open(message, draw) {
            Ok(opened) => return Ok((place, opened)),
            Err(DecryptError::BadMac) => {}
            Err(error) => return Err(error),
        }
    }
    Err(DecryptError::BadMac)
}
