//! The agreement that starts a session: three or four Diffie-Hellman results in one secret.
//! Reference 04 §3.

use super::bundle::Bundle;
use super::chain::ChainKey;
use super::prekey::{PreKey, SignedPreKey};
use super::ratchet::RootKey;
use crate::crypto::{CurveError, HmacKey, KeyPair, PrivateKey, PublicKey, Secret};

/// What both sides hold after the agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The first root key.
    pub root: RootKey,
    /// The chain of the responder's signed prekey: a placeholder that carries no message.
    pub chain: ChainKey,
}

/// The initiator's side: our identity and fresh base key against the peer's bundle.
///
/// # Errors
/// [`CurveError::LowOrder`] when a key of the bundle has no secrets in it.
pub fn initiate(identity: &KeyPair, base: &PrivateKey, bundle: &Bundle) -> Result<Agreement, CurveError> {
    let signed_prekey = &bundle.signed_prekey.public;
    Ok(agreement(
        &identity.private.agree(signed_prekey)?,
        &base.agree(&bundle.identity)?,
        &base.agree(signed_prekey)?,
        bundle.usable_prekey().map(|key| base.agree(&key.public)).transpose()?.as_ref(),
    ))
}

/// The responder's side: our identity and the prekeys that the message names, against the initiator's keys.
///
/// # Errors
/// [`CurveError::LowOrder`] when a key of the initiator has no secrets in it.
pub fn respond(
    identity: &KeyPair,
    signed_prekey: &SignedPreKey,
    prekey: Option<&PreKey>,
    their_identity: &PublicKey,
    their_base: &PublicKey,
) -> Result<Agreement, CurveError> {
    let signed_prekey = &signed_prekey.pair.private;
    Ok(agreement(
        &signed_prekey.agree(their_identity)?,
        &identity.private.agree(their_base)?,
        &signed_prekey.agree(their_base)?,
        prekey.map(|key| key.pair.private.agree(their_base)).transpose()?.as_ref(),
    ))
}

fn agreement(
    first: &Secret<32>,
    second: &Secret<32>,
    third: &Secret<32>,
    fourth: Option<&Secret<32>>,
) -> Agreement {
    let fourth: &[u8] = fourth.map_or(&[], |secret| secret.expose());
    let master: [&[u8]; 5] = [&DISCONTINUITY, first.expose(), second.expose(), third.expose(), fourth];
    let extracted = Secret::new(HmacKey::ZERO.sign(&master));
    let [root, chain] = HmacKey::new(extracted.expose()).expand(AGREEMENT_INFO);
    Agreement { root: RootKey::new(root), chain: ChainKey::new(chain, 0) }
}

/// In front of the secrets: no curve point encodes to it.
const DISCONTINUITY: [u8; 32] = [0xff; 32];
const AGREEMENT_INFO: &[u8] = b"WhisperText";
