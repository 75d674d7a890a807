//! Byte arrays that are wiped when dropped, never printed, and compared in constant time.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, zeroize_bytes};

/// `N` secret bytes. `Debug` prints only the length; equality is constant time.
#[derive(Clone)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes ownership of secret bytes.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Copies from a slice; `None` unless it is exactly `N` bytes long.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes themselves: for key schedules and for records, never for text.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    /// Wipes in bulk: the derived way goes byte by byte, which a ratchet that drops a dozen keys per message
    /// notices.
    fn zeroize(&mut self) {
        zeroize_bytes(&mut self.0);
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({N} bytes)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn debug_prints_no_secret_byte() {
        assert_eq!(format!("{:?}", Secret::new([0xab; 4])), "Secret(4 bytes)");
    }

    #[test]
    fn only_exact_lengths_are_taken() {
        assert!(Secret::<4>::from_slice(&[1, 2, 3]).is_none());
        assert_eq!(Secret::<2>::from_slice(&[1, 2]), Some(Secret::new([1, 2])));
    }
}
