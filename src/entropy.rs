//! The one source of randomness: a ChaCha20 stream per turn, keyed by the client's seed.
//!
//! A turn that runs again after its records were loaded draws the same bytes, so what happened to be cached
//! never changes an output.

use core::fmt;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// Random bytes of one turn.
pub(crate) struct Entropy(ChaCha20Rng);

impl Entropy {
    /// The stream number `turn` under `seed`.
    #[must_use]
    pub(crate) fn for_turn(seed: &[u8; 32], turn: u64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        rng.set_stream(turn);
        Self(rng)
    }

    /// The next `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// The next 32-bit number.
    pub(crate) fn number(&mut self) -> u32 {
        self.0.next_u32()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_turn_draws_the_same_bytes() {
        let draw = |turn| Entropy::for_turn(&[1; 32], turn).bytes::<16>();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
