//! The formulas of pairing with a passkey: commitment, handoff proof, code, encrypted request. Reference 02 §4.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message;
use sanswire_proto::whatsapp::device_props::PlatformType;
use sanswire_proto::whatsapp::{
    CompanionCommitment, CompanionEphemeralIdentity, EncryptedPairingRequest, PairingRequest,
    PrimaryEphemeralIdentity, ProloguePayload,
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::code::{characters, dashed};
use crate::crypto::aead::{AeadError, Gcm};
use crate::crypto::{CurveError, KeyPair, PublicKey, Secret, kdf, mac};

/// Why a passkey pairing cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasskeyError {
    /// The phone's ephemeral identity is not the protobuf it should be.
    #[error("ephemeral identity of the phone is malformed")]
    Proto,
    /// The phone's key or nonce is not 32 bytes.
    #[error("key or nonce of the phone is not 32 bytes")]
    KeyLength,
    /// An agreement gave all zeros: the phone's key is a low-order point.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// The request cannot be sealed: never happens for its size.
    #[error("pairing request cannot be sealed")]
    Seal(#[from] AeadError),
}

/// The companion's side of one attempt, up to the phone's answer.
#[derive(Clone, Debug)]
pub struct Prologue {
    /// `ProloguePayload`, to be sent: our ephemeral identity and the commitment to [`Self::nonce`].
    pub payload: Vec<u8>,
    /// SHA-256 over the identity and the nonce, as the payload holds it.
    pub commitment: [u8; 32],
    /// What the commitment hides; revealed only after the phone has answered.
    pub nonce: Secret<32>,
    ephemeral: KeyPair,
    platform: PlatformType,
    reference: String,
}

impl Prologue {
    /// Starts an attempt under the server's `reference` with a fresh key pair and nonce.
    #[must_use]
    pub fn new(ephemeral: KeyPair, nonce: Secret<32>, platform: PlatformType, reference: &str) -> Self {
        let identity = CompanionEphemeralIdentity {
            public_key: Some(ephemeral.public.as_bytes().to_vec().into()),
            device_type: Some(platform.into()),
            r#ref: Some(reference.to_string()),
        }
        .encode_to_vec();
        let commitment = mac::sha256(&[&identity, nonce.expose()]);
        let payload = ProloguePayload {
            companion_ephemeral_identity: Some(identity.into()),
            commitment: Some(CompanionCommitment { hash: Some(commitment.to_vec().into()) }),
        }
        .encode_to_vec();
        Self { payload, commitment, nonce, ephemeral, platform, reference: reference.to_string() }
    }

    /// Proof that we held the pairing secret of an earlier link, so that the user need not compare codes.
    /// Never sent on a first link.
    #[must_use]
    pub fn handoff_proof(&self, old_adv_secret: &Secret<32>) -> [u8; 32] {
        let key = kdf::hkdf::<32>(old_adv_secret.expose(), None, HANDOFF_INFO);
        mac::hmac_sha256(key.expose(), &[&self.payload])
    }

    /// The code that the user compares with the phone, as `XXXX-XXXX`.
    #[must_use]
    pub fn verification_code(&self, primary: &PrimaryIdentity) -> String {
        let digest = mac::sha256(&[self.nonce.expose(), primary.ephemeral.as_bytes()]);
        let mut bytes = [0; 5];
        for (out, (left, right)) in bytes.iter_mut().zip(primary.nonce.iter().zip(digest)) {
            *out = left ^ right;
        }
        dashed(&characters(bytes))
    }

    /// `EncryptedPairingRequest`: our keys and the new pairing secret, for the phone only. `iv` is fresh
    /// randomness.
    ///
    /// # Errors
    /// [`PasskeyError::Curve`] when the phone's key is a low-order point.
    pub fn seal_request(
        &self,
        primary: &PrimaryIdentity,
        noise: &PublicKey,
        identity: &PublicKey,
        new_adv_secret: &Secret<32>,
        iv: &[u8; 12],
    ) -> Result<Vec<u8>, PasskeyError> {
        let request = PairingRequest {
            companion_public_key: Some(noise.as_bytes().to_vec().into()),
            companion_identity_key: Some(identity.as_bytes().to_vec().into()),
            adv_secret: Some(new_adv_secret.expose().to_vec().into()),
        };
        let request = Zeroizing::new(request.encode_to_vec());
        let key = self.encryption_key(primary)?;
        let sealed = Gcm::new(key.expose()).seal(iv, &[], &request)?;
        let envelope =
            EncryptedPairingRequest { encrypted_payload: Some(sealed.into()), iv: Some(iv.to_vec().into()) };
        Ok(envelope.encode_to_vec())
    }

    fn encryption_key(&self, primary: &PrimaryIdentity) -> Result<Secret<32>, PasskeyError> {
        let shared = self.ephemeral.private.agree(&primary.ephemeral)?;
        let number = i32::from(self.platform);
        let salt = format!("Companion Pairing {number} with ref {}", self.reference);
        Ok(kdf::hkdf(shared.expose(), Some(salt.as_bytes()), REQUEST_INFO))
    }
}

/// The phone's answer to a prologue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrimaryIdentity {
    /// The phone's key of this attempt.
    pub ephemeral: PublicKey,
    /// The phone's share of the verification code.
    pub nonce: [u8; 32],
}

impl PrimaryIdentity {
    /// Decodes `PrimaryEphemeralIdentity`.
    ///
    /// # Errors
    /// [`PasskeyError::Proto`] or [`PasskeyError::KeyLength`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let message = PrimaryEphemeralIdentity::decode(bytes).map_err(|_| PasskeyError::Proto)?;
        let ephemeral = PublicKey::from_raw(message.public_key.as_deref().unwrap_or_default())
            .map_err(|_| PasskeyError::KeyLength)?;
        let nonce =
            message.nonce.as_deref().unwrap_or_default().try_into().map_err(|_| PasskeyError::KeyLength)?;
        Ok(Self { ephemeral, nonce })
    }
}

const HANDOFF_INFO: &[u8] = b"shortcake-passkey-handoff-v1";
const REQUEST_INFO: &[u8] = b"Pairing Information Encryption Key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phones_key_and_nonce_must_be_whole() {
        let encode = |key: &[u8], nonce: &[u8]| {
            PrimaryEphemeralIdentity {
                public_key: Some(key.to_vec().into()),
                nonce: Some(nonce.to_vec().into()),
            }
            .encode_to_vec()
        };
        let good = PrimaryIdentity { ephemeral: PublicKey::new([1; 32]), nonce: [2; 32] };
        assert_eq!(PrimaryIdentity::decode(&encode(&[1; 32], &[2; 32])), Ok(good));
        assert_eq!(PrimaryIdentity::decode(&encode(&[1; 31], &[2; 32])), Err(PasskeyError::KeyLength));
        assert_eq!(PrimaryIdentity::decode(&encode(&[1; 32], &[])), Err(PasskeyError::KeyLength));
        assert_eq!(PrimaryIdentity::decode(&[]), Err(PasskeyError::KeyLength));
        assert_eq!(PrimaryIdentity::decode(&[0xff]), Err(PasskeyError::Proto));
    }
}
