//! AES-256-GCM, in place and allocating. Reference 01 §5.

use alloc::vec::Vec;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use thiserror::Error;

/// Bytes of the tag that follows every ciphertext.
pub const TAG_LEN: usize = 16;

/// The tag does not match, or the ciphertext is shorter than a tag.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("authentication tag does not match")]
pub struct AeadError;

/// An AES-256-GCM key with its schedule.
#[derive(Clone)]
pub struct Gcm(Aes256Gcm);

impl Gcm {
    /// Expands a key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `buffer` in place and gives the tag.
    ///
    /// # Errors
    /// [`AeadError`] when the plaintext is beyond GCM's limit of 64 GiB.
    pub fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; 16], AeadError> {
        let tag = self.0.encrypt_inout_detached(nonce.into(), aad, buffer.into()).map_err(|_| AeadError)?;
        Ok(tag.into())
    }

    /// Decrypts `ciphertext || tag` in place; the plaintext is the buffer without its last [`TAG_LEN`] bytes.
    /// On failure the buffer's contents are unspecified.
    ///
    /// # Errors
    /// [`AeadError`] when the tag does not match or is missing.
    pub fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> Result<usize, AeadError> {
        let len = buffer.len().checked_sub(TAG_LEN).ok_or(AeadError)?;
        let (text, tag) = buffer.split_at_mut(len);
        let tag = Tag::try_from(&*tag).map_err(|_| AeadError)?;
        self.0.decrypt_inout_detached(nonce.into(), aad, text.into(), &tag).map_err(|_| AeadError)?;
        Ok(len)
    }

    /// Encrypts into a new `ciphertext || tag`.
    ///
    /// # Errors
    /// As [`Self::seal_in_place`].
    pub fn seal(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mut out = Vec::with_capacity(plaintext.len() + TAG_LEN);
        out.extend_from_slice(plaintext);
        let tag = self.seal_in_place(nonce, aad, &mut out)?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Decrypts `ciphertext || tag` into a new buffer.
    ///
    /// # Errors
    /// As [`Self::open_in_place`].
    pub fn open(&self, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mut out = ciphertext.to_vec();
        let len = self.open_in_place(nonce, aad, &mut out)?;
        out.truncate(len);
        Ok(out)
    }
}

impl core::fmt::Debug for Gcm {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Gcm(..)")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn altered_ciphertext_is_refused() {
        let key = Gcm::new(&[1; 32]);
        let mut sealed = key.seal(&[0; 12], b"ad", b"text").unwrap();
        assert_eq!(key.open(&[0; 12], b"ad", &sealed).unwrap(), b"text");
        sealed[0] ^= 1;
        assert_eq!(key.open(&[0; 12], b"ad", &sealed), Err(AeadError));
        assert_eq!(key.open(&[0; 12], b"ad", &sealed[..15]), Err(AeadError));
    }
}
