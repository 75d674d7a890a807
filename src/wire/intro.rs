//! Reads, on a server, what a client says before its first frame ([`super::frame::intro`] writes it).
//! Reference 01 §3.

use alloc::vec::Vec;

use thiserror::Error;

use super::frame::INTRO;

/// What a client said before its first frame, as a server reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intro {
    /// The opaque bytes that an earlier connection was given; `None` without the prefix.
    pub routing_info: Option<Vec<u8>>,
}

/// The first bytes are not an intro of this protocol version: close without an answer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("unknown intro")]
pub struct IntroError;

/// Reads an intro from a byte stream cut anywhere. Holds at most the intro: routing info has a three-byte
/// length, so 16 MiB and a few bytes, and only what was received of it.
#[derive(Clone, Debug, Default)]
pub struct IntroReader {
    held: Vec<u8>,
}

impl IntroReader {
    /// Takes the intro's share from the start of `input` and leaves there what belongs to the frames.
    /// `Ok(None)` asks for more bytes, and `input` is then empty. Once it has answered, the reader is as new.
    ///
    /// # Errors
    /// [`IntroError`] at the first byte that no intro can have.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Intro>, IntroError> {
        loop {
            let wanted = wanted_len(&self.held)?;
            let missing = wanted.saturating_sub(self.held.len());
            if missing == 0 {
                let held = core::mem::take(&mut self.held);
                let info_end = wanted.saturating_sub(INTRO.len());
                let routing_info = held.get(ROUTING_HEAD_LEN..info_end).map(<[u8]>::to_vec);
                return Ok(Some(Intro { routing_info }));
            }
            if input.is_empty() {
                return Ok(None);
            }
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.held.extend_from_slice(taken);
            *input = rest;
        }
    }
}

/// How long the intro is as far as `held` tells, checking every byte that is there: the bare prologue, the
/// routing prefix up to its length, or all of it.
fn wanted_len(held: &[u8]) -> Result<usize, IntroError> {
    if agrees(held, &INTRO) {
        return Ok(INTRO.len());
    }
    if !agrees(held, &ROUTING_MAGIC) {
        return Err(IntroError);
    }
    let Some(&[_, _, _, _, a, b, c]) = held.first_chunk::<ROUTING_HEAD_LEN>() else {
        return Ok(ROUTING_HEAD_LEN);
    };
    let info_len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
    let info_end = ROUTING_HEAD_LEN + info_len;
    if !agrees(held.get(info_end..).unwrap_or_default(), &INTRO) {
        return Err(IntroError);
    }
    Ok(info_end + INTRO.len())
}

/// Whether the bytes so far are a start of `magic`, or start with it.
fn agrees(held: &[u8], magic: &[u8]) -> bool {
    held.iter().zip(magic).all(|(left, right)| left == right)
}

/// `ED`, version 0.1: announces routing info.
const ROUTING_MAGIC: [u8; 4] = [0x45, 0x44, 0x00, 0x01];
/// The magic and the 3-byte length.
const ROUTING_HEAD_LEN: usize = 7;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn every_split_reads_the_same() {
        for info in [None, Some(vec![9; 1]), Some(INTRO.to_vec()), Some(vec![1; 300])] {
            let mut bytes = crate::wire::frame::intro(info.as_deref());
            bytes.extend_from_slice(b"frames");
            for cut in 0..bytes.len() {
                let (mut first, mut second) = bytes.split_at(cut);
                let mut reader = IntroReader::default();
                let read = match reader.read(&mut first).unwrap() {
                    Some(read) => read,
                    None => reader.read(&mut second).unwrap().unwrap(),
                };
                assert_eq!(read.routing_info, info);
                assert_eq!([first, second].concat(), b"frames");
            }
        }
    }

    #[test]
    fn wrong_bytes_are_refused_as_soon_as_they_come() {
        for wrong in [&b"G"[..], b"WB", b"WA\x06\x02", b"WA\x05", b"ED\x00\x02", b"ED\x00\x01\x00\x00\x01.GA"]
        {
            assert_eq!(IntroReader::default().read(&mut &*wrong), Err(IntroError));
        }
        let mut short = &b"ED\x00\x01\x00\x00\x01.WA"[..];
        assert_eq!(IntroReader::default().read(&mut short), Ok(None));
    }
}
