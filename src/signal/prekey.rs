//! Our own prekeys: one-time, signed, and the digest that the server keeps of them. Reference 04 §9.

use alloc::vec::Vec;

use crate::crypto::{KeyPair, PublicKey, mac};
use crate::limits::PREKEY_ID_MAX;

/// A one-time prekey of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKey {
    /// 1 to [`PREKEY_ID_MAX`]; 0 would read as "none".
    pub id: u32,
    /// The key itself.
    pub pair: KeyPair,
}

impl PreKey {
    /// A prekey from its 32 secret bytes.
    #[must_use]
    pub fn new(id: u32, private: [u8; 32]) -> Self {
        Self { id, pair: KeyPair::from_private(private) }
    }

    /// What peers may see of it.
    #[must_use]
    pub const fn public(&self) -> PreKeyPublic {
        PreKeyPublic { id: self.id, public: self.pair.public }
    }
}

/// A one-time prekey as bundles carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreKeyPublic {
    /// Its owner's id for it.
    pub id: u32,
    /// The public half.
    pub public: PublicKey,
}

/// A signed prekey of ours: used by every peer until it is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPreKey {
    /// 1 to [`PREKEY_ID_MAX`].
    pub id: u32,
    /// The key itself.
    pub pair: KeyPair,
    /// XEdDSA by the identity over the 33-byte public key.
    pub signature: [u8; 64],
}

impl SignedPreKey {
    /// A prekey from its 32 secret bytes, signed by `identity`; `random` goes into the signature's nonce.
    #[must_use]
    pub fn new(identity: &KeyPair, id: u32, private: [u8; 32], random: &[u8; 64]) -> Self {
        let pair = KeyPair::from_private(private);
        let signature = identity.private.sign(&pair.public.serialized(), random);
        Self { id, pair, signature }
    }

    /// What peers may see of it.
    #[must_use]
    pub const fn public(&self) -> SignedPreKeyPublic {
        SignedPreKeyPublic { id: self.id, public: self.pair.public, signature: self.signature }
    }
}

/// A signed prekey as bundles carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPreKeyPublic {
    /// Its owner's id for it.
    pub id: u32,
    /// The public half.
    pub public: PublicKey,
    /// XEdDSA by the owner's identity over the 33-byte public key.
    pub signature: [u8; 64],
}

/// The id after `id`: ids count up and start again at 1 after [`PREKEY_ID_MAX`]. The caller skips ids that are
/// still stored.
#[must_use]
pub const fn next_id(id: u32) -> u32 {
    if id >= PREKEY_ID_MAX { 1 } else { id + 1 }
}

/// The id that lies `count` after `id`.
#[must_use]
pub const fn skip_ids(id: u32, count: u32) -> u32 {
    (id.saturating_sub(1) as u64 + count as u64).rem_euclid(PREKEY_ID_MAX as u64) as u32 + 1
}

/// The SHA-1 by which client and server compare what the server holds: identity, signed prekey, its
/// signature, then each listed one-time prekey, all in their raw forms. Reference 04 §9.1.
pub fn bundle_digest<'a>(
    identity: &PublicKey,
    signed_prekey: &PublicKey,
    signature: &[u8; 64],
    prekeys: impl IntoIterator<Item = &'a PublicKey>,
) -> [u8; 20] {
    let mut parts: Vec<&[u8]> = Vec::new();
    parts.push(identity.as_bytes());
    parts.push(signed_prekey.as_bytes());
    parts.push(signature);
    parts.extend(prekeys.into_iter().map(|key| &key.as_bytes()[..]));
    mac::sha1(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PREKEYS_SKIPPED;

    #[test]
    fn ids_start_again_at_one() {
        assert_eq!(next_id(0), 1);
        assert_eq!(next_id(PREKEY_ID_MAX - 1), PREKEY_ID_MAX);
        assert_eq!(next_id(PREKEY_ID_MAX), 1);
        assert_eq!(next_id(u32::MAX), 1);
    }

    #[test]
    fn skipped_ids_start_again_at_one_too() {
        assert_eq!(skip_ids(1, PREKEYS_SKIPPED), 1 + PREKEYS_SKIPPED);
        assert_eq!(skip_ids(PREKEY_ID_MAX, PREKEYS_SKIPPED), PREKEYS_SKIPPED);
        assert_eq!(skip_ids(PREKEY_ID_MAX - 3, 4), 1);
        assert_eq!(skip_ids(0, 1), 2);
    }

    #[test]
    fn a_signed_prekey_is_signed_by_its_identity() {
        let identity = KeyPair::from_private([1; 32]);
        let key = SignedPreKey::new(&identity, 1, [2; 32], &[3; 64]).public();
        assert_eq!(identity.public.verify(&key.public.serialized(), &key.signature), Ok(()));
    }
}
