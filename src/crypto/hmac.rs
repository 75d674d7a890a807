//! HMAC-SHA256 under a 32-byte key whose schedule is computed once and used many times. Reference 04 §2.1.
//!
//! Ratchets spend most of their time in HMACs over a few dozen bytes, where hashing the two pads of the key
//! costs as much as the message itself. [`HmacKey`] keeps the hashed pads.

use sha2::block_api::compress256;
use zeroize::{ZeroizeOnDrop, optimization_barrier, zeroize_bytes};

use super::secret::Secret;

/// A 32-byte HMAC-SHA256 key, as the hash states after its inner and its outer pad. Wiped when dropped.
#[derive(Clone)]
pub struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// The key of 32 zero bytes: HKDF's salt where none is given.
    pub const ZERO: Self = Self { inner: ZERO_INNER, outer: ZERO_OUTER };

    /// Computes the schedule of a key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let mut block = [INNER_PAD; BLOCK];
        xor_into(&mut block, key, INNER_PAD);
        let mut inner = INITIAL;
        compress256(&mut inner, &[block]);
        block = [OUTER_PAD; BLOCK];
        xor_into(&mut block, key, OUTER_PAD);
        let mut outer = INITIAL;
        compress256(&mut outer, &[block]);
        zeroize_bytes(&mut block);
        Self { inner, outer }
    }

    /// The HMAC of the concatenation of `parts`.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut state = self.inner;
        let mut block = [0; BLOCK];
        let mut filled = 0;
        let mut total = BLOCK;
        for part in parts {
            total += part.len();
            absorb(&mut state, &mut block, &mut filled, part);
        }
        finish(&mut state, &mut block, filled, total);
        zeroize_bytes(&mut block);
        self.close(&state)
    }

    /// HKDF-Expand with this key as the pseudorandom key: the first `N` blocks of 32 bytes.
    ///
    /// `N` may be at most 255: a larger one does not compile.
    #[must_use]
    pub fn expand<const N: usize>(&self, info: &[u8]) -> [Secret<32>; N] {
        const { assert!(N <= 255, "longer than HKDF-SHA256 can give") };
        let mut previous = [0; 32];
        let mut counter = 0_u8;
        let blocks = core::array::from_fn(|_| {
            let before: &[u8] = if counter == 0 { &[] } else { &previous };
            counter = counter.wrapping_add(1);
            previous = self.sign(&[before, info, &[counter]]);
            Secret::new(previous)
        });
        zeroize_bytes(&mut previous);
        blocks
    }

    /// The outer hash over the finished inner one.
    fn close(&self, inner: &[u32; 8]) -> [u8; 32] {
        let mut block = [0; BLOCK];
        for (bytes, word) in block.chunks_exact_mut(4).zip(inner) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        block[32] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&bit_length(BLOCK + 32));
        let mut state = self.outer;
        compress256(&mut state, &[block]);
        let mut out = [0; 32];
        for (bytes, word) in out.chunks_exact_mut(4).zip(&state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        out
    }
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner = [0; 8];
        self.outer = [0; 8];
        optimization_barrier(self);
    }
}

impl ZeroizeOnDrop for HmacKey {}

impl core::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

fn xor_into(block: &mut [u8; BLOCK], key: &[u8; 32], pad: u8) {
    for (byte, key) in block.iter_mut().zip(key) {
        *byte = key ^ pad;
    }
}

/// Hashes whole blocks and keeps the rest in `block`, of which `filled` bytes are taken.
fn absorb(state: &mut [u32; 8], block: &mut [u8; BLOCK], filled: &mut usize, mut part: &[u8]) {
    if *filled > 0 {
        let (head, rest) = part.split_at(part.len().min(BLOCK - *filled));
        block[*filled..*filled + head.len()].copy_from_slice(head);
        *filled += head.len();
        part = rest;
        if *filled == BLOCK {
            compress256(state, &[*block]);
            *filled = 0;
        }
    }
    let (blocks, rest) = part.as_chunks::<BLOCK>();
    if !blocks.is_empty() {
        compress256(state, blocks);
    }
    if !rest.is_empty() {
        block[..rest.len()].copy_from_slice(rest);
        *filled = rest.len();
    }
}

/// SHA-256's padding: one set bit, zeros, the length in bits.
fn finish(state: &mut [u32; 8], block: &mut [u8; BLOCK], filled: usize, total: usize) {
    block[filled..].fill(0);
    block[filled] = 0x80;
    if filled > SHORT {
        compress256(state, &[*block]);
        block.fill(0);
    }
    block[BLOCK - 8..].copy_from_slice(&bit_length(total));
    compress256(state, &[*block]);
}

const fn bit_length(bytes: usize) -> [u8; 8] {
    (bytes as u64 * 8).to_be_bytes()
}

const BLOCK: usize = 64;
/// Bytes that fit in one block before the length.
const SHORT: usize = BLOCK - 9;
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// SHA-256's initial state.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// The state after one block of inner pad bytes.
const ZERO_INNER: [u32; 8] =
    [0xf454_dead, 0x9725_214f, 0x90da_f2a0, 0xdf12_28ea, 0x64e5_750f, 0xa392_4181, 0x824a_932b, 0xf8e0_4e32];
/// The state after one block of outer pad bytes.
const ZERO_OUTER: [u32; 8] =
    [0xd385_480f, 0x7abb_6477, 0x37c9_c538, 0x5dd8_2467, 0x8e04_3a72, 0x7534_34b0, 0xdeb8_2818, 0x361d_45a6];

#[cfg(test)]
mod tests {
    use super::super::{kdf, mac};
    use super::*;

    #[test]
    fn every_length_and_split_agrees_with_the_plain_hmac() {
        let key = HmacKey::new(&[7; 32]);
        let text: [u8; 200] = core::array::from_fn(|i| i as u8);
        for end in 0..=text.len() {
            let plain = mac::hmac_sha256(&[7; 32], &[&text[..end]]);
            assert_eq!(key.sign(&[&text[..end]]), plain, "{end} bytes");
            for cut in [0, 1, end / 3, end / 2, end] {
                let (left, right) = text[..end].split_at(cut.min(end));
                assert_eq!(key.sign(&[left, &[], right]), plain, "{end} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn the_zero_key_has_its_schedule() {
        let computed = HmacKey::new(&[0; 32]);
        assert_eq!((computed.inner, computed.outer), (HmacKey::ZERO.inner, HmacKey::ZERO.outer));
    }

    #[test]
    fn expansion_agrees_with_hkdf() {
        let blocks = HmacKey::new(&HmacKey::ZERO.sign(&[b"input"])).expand::<3>(b"info");
        let joined = blocks.each_ref().map(|block| *block.expose()).concat();
        assert_eq!(joined, kdf::hkdf::<96>(b"input", None, b"info").expose());
    }
}
