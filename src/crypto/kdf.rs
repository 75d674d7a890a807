//! Key derivation: HKDF-SHA256 and PBKDF2-HMAC-SHA256. Reference 04 §1, 02 §3.1.

use hkdf::Hkdf;
use sha2::Sha256;

use super::secret::Secret;

/// HKDF-SHA256 into `N` bytes; an absent salt is 32 zero bytes.
///
/// `N` may be at most 8,160 (255 blocks): a larger one does not compile.
#[must_use]
pub fn hkdf<const N: usize>(ikm: &[u8], salt: Option<&[u8]>, info: &[u8]) -> Secret<N> {
    const { assert!(N <= 255 * 32, "longer than HKDF-SHA256 can give") };
    let mut out = [0; N];
    let expanded = Hkdf::<Sha256>::new(salt, ikm).expand(info, &mut out);
    debug_assert!(expanded.is_ok(), "the length was checked when compiling");
    Secret::new(out)
}

/// PBKDF2-HMAC-SHA256 into 32 bytes.
#[must_use]
pub fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32) -> Secret<32> {
    let mut out = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut out);
    Secret::new(out)
}
