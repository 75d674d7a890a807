//! AES-256 in CBC mode with PKCS#7 padding, and in CTR mode. Reference 04 §1, 02 §3.1.

use alloc::vec::Vec;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher};
use aes::{Aes256, Aes256Dec, Aes256Enc};
use thiserror::Error;

/// The ciphertext is empty, not a multiple of 16 bytes, or its padding is wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("ciphertext length or padding is wrong")]
pub struct CbcError;

/// Bytes that `len` bytes of plaintext take once padded: always at least one more.
#[must_use]
pub const fn padded_len(len: usize) -> usize {
    (len / 16 + 1) * 16
}

/// Encrypts with PKCS#7 padding.
#[must_use]
pub fn encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256Enc>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// Encrypts with PKCS#7 padding, appending the ciphertext to `out`.
pub fn encrypt_append(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(plaintext);
    out.resize(start + padded_len(plaintext.len()), 0);
    if let Some(buffer) = out.get_mut(start..) {
        let padded = cbc::Encryptor::<Aes256Enc>::new(key.into(), iv.into())
            .encrypt_padded::<Pkcs7>(buffer, plaintext.len());
        debug_assert!(padded.is_ok(), "the buffer has room for the padding");
    }
}

/// Decrypts and removes the PKCS#7 padding.
///
/// # Errors
/// [`CbcError`] for a bad length or bad padding; only call it after a MAC over the ciphertext was checked.
pub fn decrypt(key: &[u8; 32], iv: &[u8; 16], ciphertext: &[u8]) -> Result<Vec<u8>, CbcError> {
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(16) {
        return Err(CbcError);
    }
    cbc::Decryptor::<Aes256Dec>::new(key.into(), iv.into())
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map_err(|_| CbcError)
}

/// Encrypts or decrypts `buffer` in place in CTR mode; `iv` is the whole initial 128-bit big-endian counter.
pub fn apply_ctr(key: &[u8; 32], iv: &[u8; 16], buffer: &mut [u8]) {
    ctr::Ctr128BE::<Aes256>::new(key.into(), iv.into()).apply_keystream(buffer);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn padding_and_length_are_checked() {
        let sealed = encrypt(&[1; 32], &[2; 16], b"sixteen bytes ok");
        assert_eq!(sealed.len(), padded_len(16));
        assert_eq!(decrypt(&[1; 32], &[2; 16], &sealed).unwrap(), b"sixteen bytes ok");
        let mut appended = b"head".to_vec();
        encrypt_append(&[1; 32], &[2; 16], b"sixteen bytes ok", &mut appended);
        assert_eq!(&appended[4..], &sealed[..]);
        assert_eq!(decrypt(&[1; 32], &[2; 16], &sealed[..31]), Err(CbcError));
        assert_eq!(decrypt(&[1; 32], &[2; 16], &[]), Err(CbcError));
    }

    #[test]
    fn ctr_is_its_own_inverse() {
        let mut text = *b"wrapped key";
        apply_ctr(&[1; 32], &[0xff; 16], &mut text);
        assert_ne!(&text, b"wrapped key");
        apply_ctr(&[1; 32], &[0xff; 16], &mut text);
        assert_eq!(&text, b"wrapped key");
    }
}
