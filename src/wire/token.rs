//! The string dictionary, version 3: strings that travel as one or two bytes. Reference 03 §2.
//!
//! A token is numbered by its place in the dictionary: 1..=235 are the tag bytes themselves, 236 and up are
//! the four tables of 256 that tag bytes 236..=239 with an index byte reach. 0 is no token.

/// The string of a token; `None` for 0 and numbers past the dictionary.
pub(super) fn word(token: u16) -> Option<&'static str> {
    WORDS.get(usize::from(token)).copied().filter(|word| !word.is_empty())
}

/// The token of a string: one probe of a table filled at compile time, and one comparison when it hits.
pub(super) fn lookup(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > WORD_BYTES_MAX {
        return None;
    }
    let ends = Ends::of(bytes);
    let hash = ends.hash();
    let mut slot = home(hash);
    loop {
        let entry = SLOTS[slot];
        if entry == 0 {
            return None;
        }
        let token = entry & TOKEN_MASK;
        if entry & PRINT_MASK == print(hash) && ends == ENDS[usize::from(token)] {
            // Up to 16 bytes, the ends are the whole string.
            if bytes.len() <= 16 || WORDS[usize::from(token)].as_bytes() == bytes {
                return Some(token);
            }
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

/// One bit of a string, for telling most different strings apart at a glance: two equal ones have it in
/// common. All bits for text that may read differently from its bytes.
pub(super) const fn mark_of(text: &[u8]) -> u64 {
    match (text.first(), text.last()) {
        (Some(first), Some(last)) if text.is_ascii() => {
            1 << ((*first as usize + 3 * *last as usize + 5 * text.len()) & 63)
        }
        _ => u64::MAX,
    }
}

/// The [`mark_of`] a token's string.
pub(super) fn mark(token: u16) -> u64 {
    MARKS.get(usize::from(token)).copied().unwrap_or(u64::MAX)
}

/// First token of the four tables behind tag bytes 236..=239.
pub(super) const DOUBLE_FIRST: u16 = 236;

const WORD_COUNT: usize = 1260;
const WORD_BYTES_MAX: usize = 48;
/// A power of two with three free slots for each taken one: most misses end at their first probe.
const SLOT_COUNT: usize = 4096;
/// A slot holds the token in its low 11 bits and five bits of the hash above; 0 is a free slot.
const TOKEN_MASK: u16 = 0x07ff;
const PRINT_MASK: u16 = 0xf800;

static WORDS: [&str; WORD_COUNT] = split(include_str!("token/dictionary.txt"));
static SLOTS: [u16; SLOT_COUNT] = fill();

static ENDS: [Ends; WORD_COUNT] = ends();
static MARKS: [u64; WORD_COUNT] = marks();

/// Length, first and last bytes of a string, which overlap in short ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    head: u64,
    tail: u64,
    length: u64,
}

impl Ends {
    #[inline(always)]
    const fn of(bytes: &[u8]) -> Self {
        let (head, tail) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(head), Some(tail)) => {
                    (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
                }
                _ => match bytes {
                    [one] => (*one as u64, 0),
                    [one, two] => (*one as u64, *two as u64),
                    [one, two, three] => (*one as u64 | (*two as u64) << 8, *three as u64),
                    _ => (0, 0),
                },
            },
        };
        Self { head, tail, length: bytes.len() as u64 }
    }

    #[inline(always)]
    const fn hash(self) -> u64 {
        let mixed = (self.head ^ self.length << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed.rotate_left(29) ^ self.tail).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

const fn home(hash: u64) -> usize {
    (hash >> 52) as usize
}

const fn print(hash: u64) -> u16 {
    ((hash >> 36) as u16) & PRINT_MASK
}

const fn split(text: &'static str) -> [&'static str; WORD_COUNT] {
    let mut words = [""; WORD_COUNT];
    let mut rest = text;
    let mut word = 0;
    while word < WORD_COUNT {
        let mut end = 0;
        while rest.as_bytes()[end] != b'\n' {
            end += 1;
        }
        let (line, tail) = rest.split_at(end);
        words[word] = line;
        (_, rest) = tail.split_at(1);
        word += 1;
    }
    words
}

const fn fill() -> [u16; SLOT_COUNT] {
    let mut slots = [0; SLOT_COUNT];
    let mut token = 1;
    while token < WORD_COUNT {
        let hash = ENDS[token].hash();
        let mut slot = home(hash);
        while slots[slot] != 0 {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = token as u16 | print(hash);
        token += 1;
    }
    slots
}

const fn ends() -> [Ends; WORD_COUNT] {
    let mut ends = [Ends::of(&[]); WORD_COUNT];
    let mut token = 1;
    while token < WORD_COUNT {
        ends[token] = Ends::of(WORDS[token].as_bytes());
        token += 1;
    }
    ends
}

const fn marks() -> [u64; WORD_COUNT] {
    let mut marks = [u64::MAX; WORD_COUNT];
    let mut token = 1;
    while token < WORD_COUNT {
        marks[token] = mark_of(WORDS[token].as_bytes());
        token += 1;
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_finds_its_token() {
        assert!(word(0).is_none() && word(1260).is_none());
        for token in 1..1260 {
            let text = word(token).unwrap_or_default();
            assert_eq!(lookup(text), Some(token), "{text}");
            assert!(text.len() <= WORD_BYTES_MAX);
        }
    }

    #[test]
    fn strings_outside_the_dictionary_have_no_token() {
        for text in [
            "",
            "x",
            "Message",
            "messag",
            "messages!",
            "15550001111",
            "a word that is longer than any of them",
        ] {
            assert_eq!(lookup(text), None, "{text}");
        }
    }

    #[test]
    fn few_words_share_a_slot() {
        let displaced = (1..1260u16)
            .filter(|token| SLOTS[home(ENDS[usize::from(*token)].hash())] & TOKEN_MASK != *token)
            .count();
        assert!(displaced < 250, "{displaced}");
    }
}
