//! The symmetric state of a Noise handshake, and the patterns it is used with. Reference 01 §5.1.

use alloc::vec::Vec;
use core::fmt;

use crate::crypto::aead::{AeadError, Gcm};
use crate::crypto::kdf::hkdf;
use crate::crypto::mac::sha256;
use crate::crypto::{PrivateKey, PublicKey, Secret};

use super::error::Fault;

/// A handshake pattern: who proves which static key, and when. Reference 01 §5.2, §5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pattern {
    /// `IK`: the client knows the server's key, one round trip, the payload travels in the first message.
    Ik,
    /// `XX`: neither side knows the other's key, one round trip and a half.
    Xx,
    /// `XXfallback`: what the server turns an `IK` into when it cannot or will not read it.
    XxFallback,
}

impl Pattern {
    /// The protocol name that the handshake hash starts from.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ik => "Noise_IK_25519_AESGCM_SHA256",
            Self::Xx => "Noise_XX_25519_AESGCM_SHA256",
            Self::XxFallback => "Noise_XXfallback_25519_AESGCM_SHA256",
        }
    }
}

/// The running hash, chaining key, cipher key and counter of one handshake.
///
/// Both roles apply the same operations in the same order; [`super::Initiator`] and [`super::Responder`] do
/// so for the patterns of WhatsApp. Debug prints nothing and the keys are wiped when dropped.
#[derive(Clone)]
pub struct Symmetric {
    hash: [u8; 32],
    chaining_key: Secret<32>,
    key: Secret<32>,
    counter: u32,
}

impl Symmetric {
    /// The state before any message: the protocol name, then the prologue hashed in.
    #[must_use]
    pub fn new(pattern: Pattern, prologue: &[u8]) -> Self {
        let name = pattern.name().as_bytes();
        let mut start = [0; 32];
        match start.get_mut(..name.len()) {
            Some(head) => head.copy_from_slice(name),
            None => start = sha256(&[name]),
        }
        let mut state =
            Self { hash: start, chaining_key: Secret::new(start), key: Secret::new(start), counter: 0 };
        state.mix_hash(prologue);
        state
    }

    /// Hashes public bytes into the state.
    pub fn mix_hash(&mut self, bytes: &[u8]) {
        self.hash = sha256(&[&self.hash, bytes]);
    }

    /// Mixes a shared secret into the keys; the counter starts again at 0.
    pub fn mix_key(&mut self, secret: &[u8]) {
        (self.chaining_key, self.key) = self.derive(secret);
        self.counter = 0;
    }

    /// Mixes the X25519 agreement of `ours` and `theirs` into the keys.
    ///
    /// # Errors
    /// [`Fault::LowOrder`] when the peer's key gives an all-zero agreement.
    pub fn mix_agreement(&mut self, ours: &PrivateKey, theirs: &PublicKey) -> Result<(), Fault> {
        let shared = ours.agree(theirs).map_err(|_| Fault::LowOrder)?;
        self.mix_key(shared.expose());
        Ok(())
    }

    /// Encrypts bound to everything hashed so far, and hashes the ciphertext in; 16 bytes longer than `plain`.
    ///
    /// # Errors
    /// [`AeadError`] beyond GCM's size limit or 2^32 uses of one key; the state is as before.
    pub fn encrypt_and_hash(&mut self, plain: &[u8]) -> Result<Vec<u8>, AeadError> {
        let after = self.counter.checked_add(1).ok_or(AeadError)?;
        let sealed = Gcm::new(self.key.expose()).seal(&nonce(self.counter), &self.hash, plain)?;
        self.counter = after;
        self.mix_hash(&sealed);
        Ok(sealed)
    }

    /// Opens what [`Self::encrypt_and_hash`] of the peer made.
    ///
    /// # Errors
    /// [`AeadError`] when the tag does not match; the state is as before and the handshake is over.
    pub fn decrypt_and_hash(&mut self, sealed: &[u8]) -> Result<Vec<u8>, AeadError> {
        let after = self.counter.checked_add(1).ok_or(AeadError)?;
        let plain = Gcm::new(self.key.expose()).open(&nonce(self.counter), &self.hash, sealed)?;
        self.counter = after;
        self.mix_hash(sealed);
        Ok(plain)
    }

    /// The two transport keys: client to server, server to client.
    #[must_use]
    pub fn split(&self) -> (Secret<32>, Secret<32>) {
        self.derive(&[])
    }

    /// The handshake hash: public, unique to this handshake.
    #[must_use]
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The chaining key, for known-answer tests of an implementation.
    #[must_use]
    pub const fn chaining_key(&self) -> &Secret<32> {
        &self.chaining_key
    }

    /// The cipher key, for known-answer tests of an implementation.
    #[must_use]
    pub const fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// How often the cipher key was used.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    fn derive(&self, secret: &[u8]) -> (Secret<32>, Secret<32>) {
        let okm = hkdf::<64>(secret, Some(self.chaining_key.expose()), &[]);
        let mut halves = ([0; 32], [0; 32]);
        let (left, right) = okm.expose().split_at(32);
        halves.0.copy_from_slice(left);
        halves.1.copy_from_slice(right);
        (Secret::new(halves.0), Secret::new(halves.1))
    }
}

impl fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Symmetric(..)")
    }
}

/// 8 zero bytes, then the counter in big endian: not the layout of other Noise ciphers.
pub(super) const fn nonce(counter: u32) -> [u8; 12] {
    let [a, b, c, d] = counter.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn short_names_are_padded_and_long_ones_hashed() {
        let padded = Symmetric::new(Pattern::Xx, &[]);
        assert_eq!(&padded.key().expose()[..28], Pattern::Xx.name().as_bytes());
        assert_eq!(&padded.key().expose()[28..], &[0; 4]);
        let hashed = Symmetric::new(Pattern::XxFallback, &[]);
        assert_eq!(hashed.key().expose(), &sha256(&[Pattern::XxFallback.name().as_bytes()]));
    }

    #[test]
    fn a_refused_ciphertext_leaves_the_state_as_it_was() {
        let mut ours = Symmetric::new(Pattern::Xx, b"WA");
        let mut theirs = ours.clone();
        let sealed = ours.encrypt_and_hash(b"static").unwrap();
        let mut altered = sealed.clone();
        altered[0] ^= 1;
        assert_eq!(theirs.decrypt_and_hash(&altered), Err(AeadError));
        assert_eq!(theirs.decrypt_and_hash(&sealed).unwrap(), b"static");
        assert_eq!((theirs.hash(), theirs.counter()), (ours.hash(), 1));
        ours.mix_key(b"agreement");
        assert_eq!(ours.counter(), 0);
    }

    #[test]
    fn debug_prints_no_key() {
        assert_eq!(format!("{:?}", Symmetric::new(Pattern::Ik, &[])), "Symmetric(..)");
    }
}
