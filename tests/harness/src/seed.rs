//! Deterministic randomness for everything simulated.

use core::fmt;

use sanswire::crypto::curve::KeyPair;
use sanswire::crypto::kdf::hkdf;

/// A stream of random bytes that is a function of its 32-byte key.
#[derive(Clone)]
pub struct Seed {
    key: [u8; 32],
    drawn: u64,
}

impl Seed {
    /// The stream of `key`.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key, drawn: 0 }
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.drawn += 1;
        *hkdf::<N>(&self.key, Some(&self.drawn.to_be_bytes()), b"sanswire-sim").expose()
    }

    /// The next 32-bit number.
    pub fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.bytes())
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. The bias is below 2^-32 per unit of `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { (u64::from_be_bytes(self.bytes()) % u64::from(bound)) as u32 }
    }

    /// A fresh Curve25519 key pair.
    pub fn key_pair(&mut self) -> KeyPair {
        KeyPair::from_private(self.bytes())
    }

    /// An independent stream, drawn from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.bytes())
    }

    /// An independent stream for one purpose; those of other purposes do not depend on it.
    #[must_use]
    pub fn fork_for(&self, purpose: &str) -> Self {
        Self::new(*hkdf::<32>(&self.key, Some(purpose.as_bytes()), b"sanswire-sim purpose").expose())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_stream() {
        let (mut left, mut right) = (Seed::new([1; 32]), Seed::new([1; 32]));
        assert_eq!(left.bytes::<40>(), right.bytes::<40>());
        assert_ne!(left.bytes::<8>(), left.bytes::<8>());
        assert!((0..100).all(|_| left.below(5) < 5));
    }
}
