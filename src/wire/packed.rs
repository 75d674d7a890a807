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
    let mut text = Vec::with_capacity(packed.len() * 2);
    for byte in packed {
        text.extend_from_slice(pairs.get(usize::from(*byte)).unwrap_or(&[0, 0]));
    }
    text.truncate(chars);
    String::from_utf8(text).unwrap_or_default()
}

/// Whether every character exists. With `odd`, the low half of the last byte is padding: anything that some
/// encoder could have left there, but not the three unassigned nibbles.
pub(super) fn check(packed: &[u8], odd: bool, alphabet: Alphabet) -> bool {
    if alphabet == Alphabet::Hex {
        return true;
    }
    let (padded, full) = match packed.split_last() {
        Some((last, rest)) if odd => (Some(*last), rest),
        _ => (None, packed),
    };
    full.iter().fold(true, |good, byte| good & (byte >> 4 < 12) & (byte & 15 < 12))
        && padded.is_none_or(|last| last >> 4 < 12 && !(12..15).contains(&(last & 15)))
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
