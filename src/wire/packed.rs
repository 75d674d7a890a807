//! Strings of a 16-letter alphabet, packed two characters to a byte. Reference 03 §4.2.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::PACKED_CHARS_MAX;

/// The two alphabets of packed strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Digits, `-` and `.`
    Nibble,
    /// Digits and `A` to `F`
    Hex,
}

/// The alphabet that a string is packed with, if any. Digits alone go as nibbles.
pub(super) fn alphabet(text: &[u8]) -> Option<Alphabet> {
    if text.is_empty() || text.len() > PACKED_CHARS_MAX {
        return None;
    }
    let class = text.iter().fold(NIBBLE | HEX, |class, byte| class & entry(&CLASS, *byte));
    match class {
        0 => None,
        HEX => Some(Alphabet::Hex),
        _ => Some(Alphabet::Nibble),
    }
}

/// Appends the length byte and the packed characters of a string that [`alphabet`] accepted.
pub(super) fn pack(text: &[u8], out: &mut Vec<u8>) {
    let (pairs, rest) = text.as_chunks::<2>();
    let odd = rest.first();
    // At most 127 characters: 64 bytes fit below the flag.
    out.push(pairs.len() as u8 + odd.map_or(0, |_| ODD | 1));
    out.extend(pairs.iter().map(|[high, low]| entry(&VALUE, *high) << 4 | entry(&VALUE, *low)));
    out.extend(odd.map(|last| entry(&VALUE, *last) << 4 | PAD));
}

/// Reads the first `chars` characters of packed bytes that [`check`] accepted.
pub(super) fn unpack(packed: &[u8], chars: usize, alphabet: Alphabet) -> String {
    let pairs = match alphabet {
        Alphabet::Nibble => &NIBBLE_PAIRS,
        Alphabet::Hex => &HEX_PAIRS,
    };
    // The longest packed string has 127 bytes.
    let mut text = [0; 254];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(packed) {
        *pair = pairs[usize::from(*byte)];
    }
    let text = text.get(..chars).unwrap_or_default();
    str::from_utf8(text).map_or_else(|_| String::new(), String::from)
}

/// Whether every character exists. With `odd`, the low half of the last byte is padding: anything that some
/// encoder could have left there, but not the three unassigned nibbles.
pub(super) fn check(packed: &[u8], odd: bool, alphabet: Alphabet) -> bool {
    if alphabet == Alphabet::Hex {
        return true;
    }
    match packed.split_last() {
        Some((last, rest)) if odd => {
            let last = if last & 15 == PAD { last & 0xf0 } else { *last };
            unassigned(rest) | unassigned(&[last]) == 0
        }
        _ => unassigned(packed) == 0,
    }
}

/// Not 0 when a half byte is 12 or more: when both its upper bits are set. Eight bytes at a time.
fn unassigned(packed: &[u8]) -> u64 {
    let (chunks, rest) = packed.as_chunks::<8>();
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    let both = |bits: u64| bits & (bits << 1) & 0x8888_8888_8888_8888;
    let found = chunks.iter().fold(0, |found, chunk| found | both(word(chunk)));
    match packed.last_chunk::<8>() {
        Some(tail) => found | both(word(tail)),
        None => found | rest.iter().fold(0, |found, byte| found | both(u64::from(*byte))),
    }
}

/// Set in the length byte when the low half of the last byte is padding.
pub(super) const ODD: u8 = 0x80;

const PAD: u8 = 15;
const NIBBLE: u8 = 1;
const HEX: u8 = 2;
const NIBBLE_LETTERS: &[u8; 16] = b"0123456789-.\0\0\0\0";
const HEX_LETTERS: &[u8; 16] = b"0123456789ABCDEF";

static CLASS: [u8; 256] = classes();
static VALUE: [u8; 256] = values();
static NIBBLE_PAIRS: [[u8; 2]; 256] = pairs(NIBBLE_LETTERS);
static HEX_PAIRS: [[u8; 2]; 256] = pairs(HEX_LETTERS);

fn entry(table: &[u8; 256], byte: u8) -> u8 {
    table[usize::from(byte)]
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 16 {
        if value < 12 {
            table[NIBBLE_LETTERS[value] as usize] |= NIBBLE;
        }
        table[HEX_LETTERS[value] as usize] |= HEX;
        value += 1;
    }
    table
}

const fn values() -> [u8; 256] {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 16 {
        if value < 12 {
            table[NIBBLE_LETTERS[value] as usize] = value as u8;
        }
        table[HEX_LETTERS[value] as usize] = value as u8;
        value += 1;
    }
    table
}

const fn pairs(letters: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [letters[byte >> 4], letters[byte & 15]];
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_pack_up_to_127_characters() {
        let long = "1".repeat(PACKED_CHARS_MAX + 1);
        assert_eq!(alphabet(long.as_bytes()), None);
        for length in 1..=PACKED_CHARS_MAX {
            let text = &long[..length];
            assert_eq!(alphabet(text.as_bytes()), Some(Alphabet::Nibble));
            let mut packed = Vec::new();
            pack(text.as_bytes(), &mut packed);
            let (header, body) = packed.split_first().unwrap_or((&0, &[]));
            assert_eq!(usize::from(header & !ODD), body.len());
            assert!(check(body, header & ODD != 0, Alphabet::Nibble));
            assert_eq!(unpack(body, length, Alphabet::Nibble), text);
        }
    }

    #[test]
    fn letters_decide_the_alphabet() {
        assert_eq!(alphabet(b"12-3."), Some(Alphabet::Nibble));
        assert_eq!(alphabet(b"12AF"), Some(Alphabet::Hex));
        for text in [&b"12af"[..], b"12-A", b"+1", b"a b", b"", b"\0", &[0xff]] {
            assert_eq!(alphabet(text), None);
        }
    }
}
