//! The server's certificate chain: a leaf for its static key, an intermediate, a pinned root.
//! Reference 01 §6.

use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;
use sanswire_proto::whatsapp::CertChain;
use sanswire_proto::whatsapp::cert_chain::NoiseCertificate;
use sanswire_proto::whatsapp::cert_chain::noise_certificate::Details;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crypto::{KeyPair, PrivateKey, PublicKey};

/// Whom a client believes, and how far clocks may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trust {
    /// The key that signs intermediates.
    pub root: PublicKey,
    /// The serial that intermediates name as their issuer's.
    pub root_serial: u32,
    /// Seconds by which a certificate may be too young or too old, to allow for a wrong clock of ours.
    pub skew_s: u64,
}

impl Default for Trust {
    /// The root of WhatsApp, and no tolerance for clocks.
    fn default() -> Self {
        Self { root: WHATSAPP_ROOT, root_serial: 0, skew_s: 0 }
    }
}

/// One key of a chain and when it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// The certified public key.
    pub key: PublicKey,
    /// The first second of its life, unix time.
    pub not_before: u64,
    /// The last second of its life, unix time.
    pub not_after: u64,
}

impl CertifiedKey {
    /// Checked with `<=` on both ends: the rule for a chain that was just received.
    fn is_valid(&self, now_unix_s: u64, skew_s: u64) -> bool {
        self.not_before <= now_unix_s.saturating_add(skew_s)
            && now_unix_s <= self.not_after.saturating_add(skew_s)
    }
}

/// A chain that passed every check: what is worth keeping of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// The server's static key.
    pub leaf: CertifiedKey,
    /// The key that signed the leaf.
    pub intermediate: CertifiedKey,
}

impl VerifiedChain {
    /// Whether an `IK` may be tried at this time: both windows hold it, the end exclusive. Reference 01 §5.4.
    #[must_use]
    pub fn is_valid_for_resumption(&self, now_unix_s: u64) -> bool {
        [&self.leaf, &self.intermediate]
            .iter()
            .all(|certified| (certified.not_before..certified.not_after).contains(&now_unix_s))
    }
}

/// A chain read back from a record; it was verified when it was stored.
pub type CachedChain = VerifiedChain;

/// Why a chain was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// A key of the chain has this many bytes instead of 32.
    #[error("key has {0} bytes")]
    KeyLength(usize),
    /// The leaf is for another key than the one the server proved.
    #[error("leaf certifies another key")]
    KeyMismatch,
    /// A certificate, its details or its signature is not there.
    #[error("part of the chain is missing")]
    Missing,
    /// The chain or the details of a certificate are not protobuf.
    #[error("chain is not protobuf")]
    Proto,
    /// A certificate names another issuer than the one above it.
    #[error("issuer serial is {got}, not {expected}")]
    Serial {
        /// The issuer serial in the certificate.
        got: u32,
        /// The serial of the certificate above.
        expected: u32,
    },
    /// A signature is not 64 bytes long or does not verify.
    #[error("signature does not verify")]
    Signature,
    /// The time is outside a certificate's window, skew included.
    #[error("not valid now: only from {not_before} to {not_after}")]
    Validity {
        /// Start of the window, unix seconds.
        not_before: u64,
        /// End of the window, unix seconds.
        not_after: u64,
    },
}

impl CertificateError {
    /// The name of the error class in the protocol reference (01 §18).
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::KeyLength(_) => "cert_key_length",
            Self::KeyMismatch => "cert_key_mismatch",
            Self::Missing => "cert_missing",
            Self::Proto => "proto",
            Self::Serial { .. } => "cert_serial",
            Self::Signature => "cert_signature",
            Self::Validity { .. } => "cert_validity",
        }
    }
}

impl Trust {
    /// Checks an encoded `CertChain` against the static key that the server proved in the handshake.
    ///
    /// In this order: all parts present; intermediate signed by the root and issued under its serial; leaf
    /// signed by the intermediate and issued under its serial; leaf certifies `server`; both valid now.
    ///
    /// # Errors
    /// [`CertificateError`], the first that applies.
    pub fn verify(
        &self,
        chain: &[u8],
        server: &PublicKey,
        now_unix_s: u64,
    ) -> Result<VerifiedChain, CertificateError> {
        let chain = CertChain::decode(chain).map_err(|_| CertificateError::Proto)?;
        let (leaf, intermediate) = (Signed::new(chain.leaf)?, Signed::new(chain.intermediate)?);
        let intermediate = intermediate.verify(&self.root, self.root_serial)?;
        let intermediate_key = intermediate.certified_key()?;
        let leaf = leaf.verify(&intermediate_key.key, intermediate.serial())?;
        let leaf_key = leaf.certified_key()?;
        if leaf_key.key != *server {
            return Err(CertificateError::KeyMismatch);
        }
        for certified in [&intermediate_key, &leaf_key] {
            if !certified.is_valid(now_unix_s, self.skew_s) {
                let CertifiedKey { not_before, not_after, .. } = *certified;
                return Err(CertificateError::Validity { not_before, not_after });
            }
        }
        Ok(VerifiedChain { leaf: leaf_key, intermediate: intermediate_key })
    }
}

/// What a server operator signs: see [`Self::make`].
#[derive(Clone, Copy, Debug)]
pub struct ChainPlan<'a> {
    /// The root's private key.
    pub root: &'a PrivateKey,
    /// The root's serial, which the intermediate names; 0 unless clients trust another.
    pub root_serial: u32,
    /// The intermediate's pair.
    pub intermediate: &'a KeyPair,
    /// The server's static public key.
    pub leaf: PublicKey,
    /// Start of both windows, unix seconds.
    pub not_before: u64,
    /// End of both windows, unix seconds.
    pub not_after: u64,
}

impl ChainPlan<'_> {
    /// Makes the encoded `CertChain`: intermediate with serial 1, leaf with serial 2, every field written even
    /// when it is 0, since some clients compare presence. `random` feeds the two signatures. Reference 01 §6.1.
    #[must_use]
    pub fn make(&self, random: &[[u8; 64]; 2]) -> Vec<u8> {
        let [for_intermediate, for_leaf] = random;
        let (root, issuer) = (self.root, self.intermediate);
        let intermediate = self.certificate(root, (1, self.root_serial), &issuer.public, for_intermediate);
        let leaf = self.certificate(&issuer.private, (2, 1), &self.leaf, for_leaf);
        CertChain { leaf: Some(leaf), intermediate: Some(intermediate) }.encode_to_vec()
    }

    fn certificate(
        &self,
        issuer: &PrivateKey,
        (serial, issuer_serial): (u32, u32),
        key: &PublicKey,
        random: &[u8; 64],
    ) -> NoiseCertificate {
        let details = Details {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            not_before: Some(self.not_before),
            not_after: Some(self.not_after),
        }
        .encode_to_vec();
        let signature = issuer.sign(&details, random).to_vec();
        NoiseCertificate { details: Some(Bytes::from(details)), signature: Some(Bytes::from(signature)) }
    }
}

/// A certificate with both its parts, not yet believed.
struct Signed {
    details: Bytes,
    signature: Bytes,
}

impl Signed {
    fn new(certificate: Option<NoiseCertificate>) -> Result<Self, CertificateError> {
        match certificate {
            Some(NoiseCertificate { details: Some(details), signature: Some(signature) }) => {
                Ok(Self { details, signature })
            }
            _ => Err(CertificateError::Missing),
        }
    }

    /// Checks the signature over the details exactly as received, then reads them.
    fn verify(&self, issuer: &PublicKey, issuer_serial: u32) -> Result<Believed, CertificateError> {
        issuer.verify(&self.details, &self.signature).map_err(|_| CertificateError::Signature)?;
        let details = Details::decode(&*self.details).map_err(|_| CertificateError::Proto)?;
        let got = details.issuer_serial.unwrap_or_default();
        if got == issuer_serial {
            Ok(Believed(details))
        } else {
            Err(CertificateError::Serial { got, expected: issuer_serial })
        }
    }
}

/// Details whose signature and issuer are right. A field that is absent reads as 0.
struct Believed(Details);

impl Believed {
    fn serial(&self) -> u32 {
        self.0.serial.unwrap_or_default()
    }

    fn certified_key(&self) -> Result<CertifiedKey, CertificateError> {
        let key = self.0.key.as_deref().unwrap_or_default();
        Ok(CertifiedKey {
            key: PublicKey::from_raw(key).map_err(|_| CertificateError::KeyLength(key.len()))?,
            not_before: self.0.not_before.unwrap_or_default(),
            not_after: self.0.not_after.unwrap_or_default(),
        })
    }
}

/// The key that signs WhatsApp's intermediates.
const WHATSAPP_ROOT: PublicKey = PublicKey::new([
    0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37, 0xc4,
    0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
]);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const FROM: u64 = 1_000;
    const TO: u64 = 2_000;

    fn made() -> (Trust, PublicKey, Vec<u8>) {
        let [root, intermediate, leaf] = [[1; 32], [2; 32], [3; 32]].map(KeyPair::from_private);
        let plan = ChainPlan {
            root: &root.private,
            root_serial: 0,
            intermediate: &intermediate,
            leaf: leaf.public,
            not_before: FROM,
            not_after: TO,
        };
        (Trust { root: root.public, ..Trust::default() }, leaf.public, plan.make(&[[4; 64], [5; 64]]))
    }

    #[test]
    fn a_made_chain_is_believed_by_its_root_only() {
        let (trust, leaf, chain) = made();
        let verified = trust.verify(&chain, &leaf, FROM).unwrap();
        assert_eq!((verified.leaf.key, verified.leaf.not_after), (leaf, TO));
        assert_eq!(Trust::default().verify(&chain, &leaf, FROM), Err(CertificateError::Signature));
        let other = Trust { root_serial: 7, ..trust };
        let serial = CertificateError::Serial { got: 0, expected: 7 };
        assert_eq!(other.verify(&chain, &leaf, FROM), Err(serial));
    }

    #[test]
    fn both_ends_of_the_window_count_and_skew_widens_it() {
        let (mut trust, leaf, chain) = made();
        let valid = |trust: &Trust, now| trust.verify(&chain, &leaf, now).is_ok();
        assert!(valid(&trust, FROM) && valid(&trust, TO));
        assert!(!valid(&trust, FROM - 1) && !valid(&trust, TO + 1));
        trust.skew_s = 10;
        assert!(valid(&trust, FROM - 10) && valid(&trust, TO + 10));
        assert!(!valid(&trust, FROM - 11) && !valid(&trust, TO + 11));
        trust.skew_s = u64::MAX;
        assert!(valid(&trust, 0) && valid(&trust, u64::MAX));
    }

    #[test]
    fn resumption_ends_before_the_last_second() {
        let (trust, leaf, chain) = made();
        let cached: CachedChain = trust.verify(&chain, &leaf, FROM).unwrap();
        assert!(cached.is_valid_for_resumption(FROM) && cached.is_valid_for_resumption(TO - 1));
        assert!(!cached.is_valid_for_resumption(FROM - 1) && !cached.is_valid_for_resumption(TO));
    }

    #[test]
    fn any_altered_byte_of_a_chain_is_noticed() {
        let (trust, leaf, chain) = made();
        for index in 0..chain.len() {
            let mut altered = chain.clone();
            altered[index] ^= 0x40;
            assert!(trust.verify(&altered, &leaf, FROM).is_err(), "byte {index}");
        }
    }
}
