//! A peer's prekey bundle: what is needed to start a session without it being online. Reference 04 §3, §10.

use super::error::SignalError;
use super::prekey::{PreKeyPublic, SignedPreKeyPublic};
use crate::crypto::PublicKey;

/// The public keys of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The device's registration id; another one than before means that it was set up anew.
    pub registration_id: u32,
    /// Its identity.
    pub identity: PublicKey,
    /// Its signed prekey.
    pub signed_prekey: SignedPreKeyPublic,
    /// A one-time prekey, while the server has any. One with id 0 is not used: peers read 0 as "none".
    pub prekey: Option<PreKeyPublic>,
}

impl Bundle {
    /// Checks that the signed prekey is signed by the identity.
    ///
    /// # Errors
    /// [`SignalError::InvalidSignature`].
    pub fn verify(&self) -> Result<(), SignalError> {
        let SignedPreKeyPublic { public, signature, .. } = &self.signed_prekey;
        self.identity.verify(&public.serialized(), signature).map_err(|_| SignalError::InvalidSignature)
    }

    /// The one-time prekey that a session from this bundle uses.
    pub(super) fn usable_prekey(&self) -> Option<&PreKeyPublic> {
        self.prekey.as_ref().filter(|key| key.id != 0)
    }
}
