//! Hashes and HMACs over several parts at once. Reference 04 §1, 01 §7.3, 04 §9.1.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 over the concatenation of `parts`.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    digest::<Sha256>(parts).into()
}

/// SHA-1 over the concatenation of `parts`: only for the prekey digest, which is defined with it.
#[must_use]
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    digest::<Sha1>(parts).into()
}

/// MD5 of `text`: only for the build hash of a registration, which is defined with it.
#[must_use]
pub fn md5(text: &[u8]) -> [u8; 16] {
    Md5::digest(text).into()
}

/// HMAC-SHA256 over the concatenation of `parts`; a key of any length.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..32].copy_from_slice(&sha256(&[key])),
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Compares in constant time; lengths are public.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

fn digest<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_are_hashed_first() {
        let long = [3; 65];
        assert_eq!(hmac_sha256(&long, &[b"m"]), hmac_sha256(&sha256(&[&long]), &[b"m"]));
    }

    #[test]
    fn parts_are_concatenated() {
        assert_eq!(hmac_sha256(b"k", &[b"ab", b"c"]), hmac_sha256(b"k", &[b"abc"]));
        assert_eq!(sha256(&[b"ab", b"c"]), sha256(&[b"abc"]));
        assert!(equal(b"ab", b"ab") && !equal(b"ab", b"abc"));
    }
}
