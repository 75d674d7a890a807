//! Transport mode: one key and one counter per direction, frames sealed and opened in place.
//! Reference 01 §5.3.

use alloc::vec::Vec;

use thiserror::Error;

use crate::crypto::Secret;
use crate::crypto::aead::{AeadError, Gcm, TAG_LEN};
use crate::wire::frame;

use super::symmetric::{Symmetric, nonce};

/// Why a frame was not sealed or not opened. The connection cannot go on after any of them but
/// [`Self::TooLarge`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoiseError {
    /// The frame's tag does not match: altered, repeated, out of order, or shorter than a tag. Every later
    /// frame of this direction is refused as well.
    #[error("transport frame does not open")]
    Aead,
    /// The counter has been through all its 2^32 values.
    #[error("all transport counters are used")]
    Exhausted,
    /// The sealed frame would have this many bytes, more than its header can say. Nothing was used up.
    #[error("sealed frame of {0} bytes is too large")]
    TooLarge(usize),
}

/// Both directions of an established connection, as one side sees them.
#[derive(Debug)]
pub struct Transport {
    /// What this side sends.
    pub sealer: Sealer,
    /// What this side receives.
    pub opener: Opener,
}

impl Transport {
    /// The client's side of a finished handshake.
    pub(super) fn of_client(state: &Symmetric) -> Self {
        let (upward, downward) = state.split();
        Self { sealer: Sealer::new(&upward), opener: Opener::new(&downward) }
    }

    /// The server's side of a finished handshake.
    pub(super) fn of_server(state: &Symmetric) -> Self {
        let (upward, downward) = state.split();
        Self { sealer: Sealer::new(&downward), opener: Opener::new(&upward) }
    }
}

/// Seals frames in the order in which they go to the wire. It cannot be cloned: a counter used twice would
/// give both plaintexts away.
#[derive(Debug)]
pub struct Sealer {
    key: Gcm,
    /// The next counter, or why there is none.
    next: Result<u32, NoiseError>,
}

impl Sealer {
    /// A direction that starts at counter 0.
    #[must_use]
    pub fn new(key: &Secret<32>) -> Self {
        Self::starting_at(key, 0)
    }

    /// A direction that has used all counters below `counter`.
    #[must_use]
    pub fn starting_at(key: &Secret<32>, counter: u32) -> Self {
        Self { key: Gcm::new(key.expose()), next: Ok(counter) }
    }

    /// Appends one frame to `out`: the 3-byte header, then what `build` appends, encrypted where it lies, then
    /// the tag. `build` must only append.
    ///
    /// # Errors
    /// What `build` says, or a [`NoiseError`]; then `out` ends where it ended and no counter was used.
    pub fn seal_frame<E: From<NoiseError>>(
        &mut self,
        out: &mut Vec<u8>,
        build: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        let sealed = build(out).and_then(|()| Ok(self.seal_from(out, start)?));
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    /// Appends one frame that holds `plaintext` to `out`.
    ///
    /// # Errors
    /// As [`Self::seal_frame`].
    pub fn seal_into(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), NoiseError> {
        out.reserve(HEADER_LEN + plaintext.len() + TAG_LEN);
        self.seal_frame(out, |out| {
            out.extend_from_slice(plaintext);
            Ok(())
        })
    }

    /// Seals everything in `out` behind the header that was reserved at `start`.
    fn seal_from(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), NoiseError> {
        let counter = self.next?;
        let (header, body) = out
            .get_mut(start..)
            .and_then(|frame| frame.split_first_chunk_mut::<HEADER_LEN>())
            .ok_or(NoiseError::TooLarge(0))?;
        let len = body.len() + TAG_LEN;
        *header = frame::header(len).map_err(|_| NoiseError::TooLarge(len))?;
        let tag = self
            .key
            .seal_in_place(&nonce(counter), &[], body)
            .map_err(|AeadError| NoiseError::TooLarge(len))?;
        self.next = counter.checked_add(1).ok_or(NoiseError::Exhausted);
        out.extend_from_slice(&tag);
        Ok(())
    }
}

/// Opens frames in the order in which they arrived.
#[derive(Debug)]
pub struct Opener {
    key: Gcm,
    /// The next counter, or why there is none.
    next: Result<u32, NoiseError>,
}

impl Opener {
    /// A direction that starts at counter 0.
    #[must_use]
    pub fn new(key: &Secret<32>) -> Self {
        Self::starting_at(key, 0)
    }

    /// A direction that has used all counters below `counter`.
    #[must_use]
    pub fn starting_at(key: &Secret<32>, counter: u32) -> Self {
        Self { key: Gcm::new(key.expose()), next: Ok(counter) }
    }

    /// Decrypts a frame's body (`ciphertext || tag`, without the header) where it lies and gives the
    /// plaintext, the body's start.
    ///
    /// # Errors
    /// [`NoiseError::Aead`], now and for every later frame, or [`NoiseError::Exhausted`].
    pub fn open_in_place<'f>(&mut self, body: &'f mut [u8]) -> Result<&'f mut [u8], NoiseError> {
        let counter = self.next?;
        match self.key.open_in_place(&nonce(counter), &[], body) {
            Ok(len) => {
                self.next = counter.checked_add(1).ok_or(NoiseError::Exhausted);
                body.get_mut(..len).ok_or(NoiseError::Aead)
            }
            Err(AeadError) => {
                self.next = Err(NoiseError::Aead);
                Err(NoiseError::Aead)
            }
        }
    }
}

/// Bytes of a frame's length.
const HEADER_LEN: usize = 3;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::limits::FRAME_BYTES_MAX;

    const KEY: Secret<32> = Secret::new([7; 32]);

    #[test]
    fn frames_are_sealed_behind_what_the_buffer_held() {
        let (mut sealer, mut opener) = (Sealer::new(&KEY), Opener::new(&KEY));
        let mut out = vec![0xee];
        sealer.seal_into(b"one", &mut out).unwrap();
        sealer.seal_into(b"", &mut out).unwrap();
        assert_eq!((out[0], &out[1..4], &out[23..26]), (0xee, &[0, 0, 19][..], &[0, 0, 16][..]));
        assert_eq!(opener.open_in_place(&mut out[4..23]).unwrap(), b"one");
        assert_eq!(opener.open_in_place(&mut out[26..]).unwrap(), b"");
    }

    #[test]
    fn a_frame_that_cannot_be_built_uses_no_counter() {
        let mut sealer = Sealer::new(&KEY);
        let mut out = vec![1, 2];
        let refused = sealer.seal_frame(&mut out, |out| {
            out.push(3);
            Err(NoiseError::TooLarge(1))
        });
        assert_eq!((refused, &out[..]), (Err(NoiseError::TooLarge(1)), &[1, 2][..]));
        let big = vec![0; FRAME_BYTES_MAX - TAG_LEN + 1];
        assert_eq!(sealer.seal_into(&big, &mut out), Err(NoiseError::TooLarge(FRAME_BYTES_MAX + 1)));
        assert_eq!(out, [1, 2]);
        sealer.seal_into(&big[1..], &mut out).unwrap();
        let body = out.get_mut(5..).unwrap();
        assert_eq!(Opener::new(&KEY).open_in_place(body).unwrap().len(), big.len() - 1);
    }

    #[test]
    fn the_counter_does_not_wrap() {
        let (mut sealer, mut opener) =
            (Sealer::starting_at(&KEY, u32::MAX), Opener::starting_at(&KEY, u32::MAX));
        let mut out = vec![];
        sealer.seal_into(b"last", &mut out).unwrap();
        assert_eq!(sealer.seal_into(b"more", &mut out), Err(NoiseError::Exhausted));
        assert_eq!(opener.open_in_place(&mut out[3..]).unwrap(), b"last");
        assert_eq!(opener.open_in_place(&mut [0; 16]), Err(NoiseError::Exhausted));
    }

    #[test]
    fn nothing_opens_after_a_refused_frame() {
        let (mut sealer, mut opener) = (Sealer::new(&KEY), Opener::new(&KEY));
        let mut out = vec![];
        sealer.seal_into(b"one", &mut out).unwrap();
        assert_eq!(opener.open_in_place(&mut [0; 15]), Err(NoiseError::Aead));
        assert_eq!(opener.open_in_place(&mut out[3..]), Err(NoiseError::Aead));
    }
}
