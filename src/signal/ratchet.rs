//! The root chain: each new pair of ratchet keys starts a new symmetric chain. Reference 04 §2.1, §4.

use super::chain::ChainKey;
use crate::crypto::{CurveError, HmacKey, PrivateKey, PublicKey, Secret};

/// The key of the root chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey(Secret<32>);

impl RootKey {
    /// A root key from its bytes.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The bytes, for records.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The next root key, and the chain between our ratchet key and the peer's.
    ///
    /// # Errors
    /// [`CurveError::LowOrder`] for a peer's key without secrets in it.
    pub fn step(&self, ours: &PrivateKey, theirs: &PublicKey) -> Result<(Self, ChainKey), CurveError> {
        let shared = ours.agree(theirs)?;
        let extracted = Secret::new(HmacKey::new(self.expose()).sign(&[shared.expose()]));
        let [root, chain] = HmacKey::new(extracted.expose()).expand(RATCHET_INFO);
        Ok((Self(root), ChainKey::new(chain, 0)))
    }
}

const RATCHET_INFO: &[u8] = b"WhisperRatchet";
