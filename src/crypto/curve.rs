//! Curve25519 agreement, and XEdDSA signatures made with the same keys. Reference 04 §1.

use alloc::string::String;
use core::fmt;

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha512};
use thiserror::Error;
use x25519_dalek::StaticSecret;
use zeroize::Zeroize;

use super::secret::Secret;

/// Why a key or signature was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurveError {
    /// A serialized key is not 33 bytes, or a raw one not 32.
    #[error("public key has {0} bytes")]
    KeyLength(usize),
    /// The type byte in front of a serialized key is not `05`.
    #[error("public key has type byte {0:#04x}")]
    KeyType(u8),
    /// The agreement gave all zeros: the peer's key is a low-order point.
    #[error("agreement with a low-order public key")]
    LowOrder,
    /// A signature is not 64 bytes.
    #[error("signature has {0} bytes")]
    SignatureLength(usize),
    /// The signature does not belong to this key and message.
    #[error("signature does not verify")]
    BadSignature,
}

/// A Curve25519 public key: 32 bytes raw, or 33 with the type byte `05` in front ("serialized").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The type byte of a serialized key.
    pub const TYPE: u8 = 0x05;

    /// A key from its 32 raw bytes.
    #[must_use]
    pub const fn new(raw: [u8; 32]) -> Self {
        Self(raw)
    }

    /// Reads the 32-byte form.
    ///
    /// # Errors
    /// [`CurveError::KeyLength`] for any other length.
    pub fn from_raw(bytes: &[u8]) -> Result<Self, CurveError> {
        bytes.try_into().map(Self).map_err(|_| CurveError::KeyLength(bytes.len()))
    }

    /// Reads the 33-byte form `05 || key`.
    ///
    /// # Errors
    /// [`CurveError::KeyLength`] or [`CurveError::KeyType`].
    pub fn from_serialized(bytes: &[u8]) -> Result<Self, CurveError> {
        match bytes {
            [Self::TYPE, raw @ ..] if raw.len() == 32 => Self::from_raw(raw),
            [kind, raw @ ..] if raw.len() == 32 => Err(CurveError::KeyType(*kind)),
            _ => Err(CurveError::KeyLength(bytes.len())),
        }
    }

    /// The 32 raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 33-byte form `05 || key`.
    #[must_use]
    pub fn serialized(&self) -> [u8; 33] {
        let mut out = [Self::TYPE; 33];
        out[1..].copy_from_slice(&self.0);
        out
    }

    /// Checks an XEdDSA signature (64 bytes, sign of the Edwards point in the top bit) over `message`.
    /// The scalar must be canonical. Reference 04 §1.1.
    ///
    /// # Errors
    /// [`CurveError::SignatureLength`] or [`CurveError::BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CurveError> {
        let mut bytes: [u8; 64] =
            signature.try_into().map_err(|_| CurveError::SignatureLength(signature.len()))?;
        let sign = bytes[63] >> 7;
        bytes[63] &= 0x7f;
        let point = MontgomeryPoint(self.0).to_edwards(sign).ok_or(CurveError::BadSignature)?;
        let key = VerifyingKey::from(point);
        let signature = Signature::from_bytes(&bytes);
        ed25519_dalek::Verifier::verify(&key, message, &signature).map_err(|_| CurveError::BadSignature)
    }
}

/// 64 hexadecimal digits.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("a public key is 64 hexadecimal digits");
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut raw = [0; 32];
        if pairs.len() != raw.len() || !rest.is_empty() {
            return Err(wrong());
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        for (byte, [high, low]) in raw.iter_mut().zip(pairs) {
            let (high, low) = (digit(*high).ok_or_else(wrong)?, digit(*low).ok_or_else(wrong)?);
            *byte = (high << 4) | low;
        }
        Ok(Self(raw))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "PublicKey({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// A Curve25519 private key, clamped or not (it is clamped on use). Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Secret<32>);

impl PrivateKey {
    /// A key from 32 secret bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads 32 bytes.
    ///
    /// # Errors
    /// [`CurveError::KeyLength`] for any other length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, CurveError> {
        Secret::from_slice(bytes).map(Self).ok_or(CurveError::KeyLength(bytes.len()))
    }

    /// The secret bytes, for records.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&StaticSecret::from(*self.expose())).to_bytes())
    }

    /// X25519 with the peer's key.
    ///
    /// # Errors
    /// [`CurveError::LowOrder`] when the result is all zeros.
    pub fn agree(&self, peer: &PublicKey) -> Result<Secret<32>, CurveError> {
        let shared =
            StaticSecret::from(*self.expose()).diffie_hellman(&x25519_dalek::PublicKey::from(peer.0));
        if shared.was_contributory() { Ok(Secret::new(shared.to_bytes())) } else { Err(CurveError::LowOrder) }
    }

    /// Signs `message` with XEdDSA; `random` is the 64-byte `Z` mixed into the nonce. Reference 04 §1.1.
    #[must_use]
    pub fn sign(&self, message: &[u8], random: &[u8; 64]) -> [u8; 64] {
        self.sign_as(&self.edwards_public(), message, random)
    }

    /// [`Self::sign`] with [`Self::edwards_public`] at hand, which is a third of its time.
    #[must_use]
    pub fn sign_as(&self, edwards_public: &[u8; 32], message: &[u8], random: &[u8; 64]) -> [u8; 64] {
        let mut scalar = self.scalar();
        let mut prefix = [0xff; 32];
        prefix[0] = 0xfe;
        let mut wide: [u8; 64] = Sha512::new()
            .chain_update(prefix)
            .chain_update(self.clamped().expose())
            .chain_update(message)
            .chain_update(random)
            .finalize()
            .into();
        let mut nonce = Scalar::from_bytes_mod_order_wide(&wide);
        wide.zeroize();
        let commitment = EdwardsPoint::mul_base(&nonce).compress();
        let challenge: [u8; 64] = Sha512::new()
            .chain_update(commitment.as_bytes())
            .chain_update(edwards_public)
            .chain_update(message)
            .finalize()
            .into();
        let response = nonce + Scalar::from_bytes_mod_order_wide(&challenge) * scalar;
        nonce.zeroize();
        scalar.zeroize();
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(commitment.as_bytes());
        signature[32..].copy_from_slice(response.as_bytes());
        signature[63] = (signature[63] & 0x7f) | (edwards_public[31] & 0x80);
        signature
    }

    /// Signs without randomness: the nonce is `SHA512(key || message)`, as Baileys does. Verifiers cannot
    /// tell the difference; known-answer tests can. Reference 04 §1.1.
    #[must_use]
    pub fn sign_deterministic(&self, message: &[u8]) -> [u8; 64] {
        let (scalar, public) = (self.scalar(), self.edwards_public());
        let secret = ExpandedSecretKey { scalar, hash_prefix: *self.clamped().expose() };
        // `raw_sign` only hashes the public key into the challenge, so its validity is by construction.
        let Ok(key) = VerifyingKey::from_bytes(&public) else { return [0; 64] };
        let mut signature = raw_sign::<Sha512>(&secret, message, &key).to_bytes();
        signature[63] = (signature[63] & 0x7f) | (public[31] & 0x80);
        signature
    }

    fn clamped(&self) -> Secret<32> {
        Secret::new(curve25519_dalek::scalar::clamp_integer(*self.expose()))
    }

    /// The compressed Edwards form of the public key, with its sign. Signatures bind it.
    #[must_use]
    pub fn edwards_public(&self) -> [u8; 32] {
        let mut scalar = self.scalar();
        let public = EdwardsPoint::mul_base(&scalar).compress().to_bytes();
        scalar.zeroize();
        public
    }

    fn scalar(&self) -> Scalar {
        Scalar::from_bytes_mod_order(*self.clamped().expose())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A private key with its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The secret half.
    pub private: PrivateKey,
    /// The public half.
    pub public: PublicKey,
}

impl KeyPair {
    /// A pair from 32 secret bytes.
    #[must_use]
    pub fn from_private(bytes: [u8; 32]) -> Self {
        let private = PrivateKey::new(bytes);
        let public = private.public();
        Self { private, public }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn signatures_verify_only_for_their_message_and_key() {
        let pair = KeyPair::from_private([7; 32]);
        for signature in [pair.private.sign(b"m", &[9; 64]), pair.private.sign_deterministic(b"m")] {
            pair.public.verify(b"m", &signature).unwrap();
            assert_eq!(pair.public.verify(b"n", &signature), Err(CurveError::BadSignature));
            let other = KeyPair::from_private([8; 32]);
            assert_eq!(other.public.verify(b"m", &signature), Err(CurveError::BadSignature));
        }
    }

    #[test]
    fn low_order_points_are_refused() {
        let pair = KeyPair::from_private([7; 32]);
        assert_eq!(pair.private.agree(&PublicKey::new([0; 32])), Err(CurveError::LowOrder));
    }

    #[test]
    fn keys_are_hexadecimal_text_to_people() {
        let key = PublicKey::new([0xa5; 32]);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(text, format!("\"{}\"", "a5".repeat(32)));
        assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>("\"a5\"").is_err());
        assert!(serde_json::from_str::<PublicKey>(&text.replace('5', "g")).is_err());
    }

    #[test]
    fn serialized_keys_need_type_and_length() {
        assert_eq!(PublicKey::from_serialized(&[4; 33]), Err(CurveError::KeyType(4)));
        assert_eq!(PublicKey::from_serialized(&[5; 32]), Err(CurveError::KeyLength(32)));
        assert_eq!(PublicKey::from_serialized(&[5; 33]).unwrap().serialized(), [5; 33]);
    }
}
