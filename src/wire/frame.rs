//! Cuts the byte stream of a connection into frames, and starts it. Reference 01 §3-4.

use alloc::vec::Vec;

use bytes::{Buf, BytesMut};

use crate::limits::{FRAME_BUFFER_BYTES_MAX, FRAME_BYTES_MAX, ROUTING_INFO_BYTES_MAX};

/// Why bytes cannot be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The body is longer than a three-byte length can say.
    #[error("frame body of {length} bytes is too large")]
    TooLarge {
        /// Length of the refused body.
        length: usize,
    },
    /// More unread bytes than one frame and one WebSocket message: the peer sends faster than frames end.
    #[error("{length} unread bytes overflow the frame buffer")]
    Overflow {
        /// Bytes that would have been buffered.
        length: usize,
    },
}

impl FrameError {
    /// The error's class in the reference's vectors.
    pub fn class(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "frame_too_large",
            Self::Overflow { .. } => "overflow",
        }
    }
}

/// The three length bytes before a frame's body.
///
/// # Errors
/// [`FrameError::TooLarge`] from 2^24 bytes on.
pub fn header(length: usize) -> Result<[u8; 3], FrameError> {
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { length });
    }
    let [.., high, middle, low] = length.to_be_bytes();
    Ok([high, middle, low])
}

/// What a client sends before its first frame: routing info when there is some that fits, then [`INTRO`].
pub fn intro(routing_info: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    if let Some(info) = routing_info.filter(|info| (1..=ROUTING_INFO_BYTES_MAX).contains(&info.len())) {
        let [.., high, middle, low] = info.len().to_be_bytes();
        bytes.extend_from_slice(b"ED\x00\x01");
        bytes.extend_from_slice(&[high, middle, low]);
        bytes.extend_from_slice(info);
    }
    bytes.extend_from_slice(&INTRO);
    bytes
}

/// `WA`, protocol magic 6, dictionary version 3. Also the prologue of the Noise handshake.
pub const INTRO: [u8; 4] = [b'W', b'A', 6, 3];

/// Received bytes that are not yet a whole frame. Any split of the stream gives the same frames.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    unread: BytesMut,
}

impl FrameBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends received bytes. Take out all frames with [`FrameBuffer::next_frame`] before the next push.
    ///
    /// # Errors
    /// [`FrameError::Overflow`], with nothing appended.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let length = self.unread.len() + bytes.len();
        if length > FRAME_BUFFER_BYTES_MAX {
            return Err(FrameError::Overflow { length });
        }
        self.unread.extend_from_slice(bytes);
        Ok(())
    }

    /// The body of the next whole frame, which may be empty; `None` until more bytes come. The body can be
    /// decrypted in place.
    pub fn next_frame(&mut self) -> Option<BytesMut> {
        let [high, middle, low] = *self.unread.first_chunk::<3>()?;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if self.unread.len() - 3 < length {
            return None;
        }
        self.unread.advance(3);
        Some(self.unread.split_to(length))
    }

    /// The bytes of the frame that is not complete yet, with its length bytes.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// How many bytes wait unread.
    pub fn len(&self) -> usize {
        self.unread.len()
    }

    /// Whether no bytes wait.
    pub fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// Forgets all bytes, for a new connection.
    pub fn clear(&mut self) {
        self.unread = BytesMut::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut() {
        let stream = [0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 1, 9, 0];
        for size in 1..=stream.len() {
            let mut buffer = FrameBuffer::new();
            let mut frames = Vec::new();
            for chunk in stream.chunks(size) {
                assert_eq!(buffer.push(chunk), Ok(()));
                while let Some(frame) = buffer.next_frame() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!(frames, [alloc::vec![7, 8], alloc::vec![], alloc::vec![9]]);
            assert_eq!(buffer.unread(), [0]);
        }
    }

    #[test]
    fn a_frame_body_has_a_three_byte_length() {
        assert_eq!(header(FRAME_BYTES_MAX), Ok([0xff; 3]));
        let length = FRAME_BYTES_MAX + 1;
        assert_eq!(header(length), Err(FrameError::TooLarge { length }));
    }

    #[test]
    fn unread_bytes_are_bounded() {
        let mut buffer = FrameBuffer::new();
        let chunk = alloc::vec![0xff; FRAME_BUFFER_BYTES_MAX];
        assert_eq!(buffer.push(&chunk), Ok(()));
        let length = FRAME_BUFFER_BYTES_MAX + 1;
        assert_eq!(buffer.push(&[0]), Err(FrameError::Overflow { length }));
        assert_eq!(buffer.len(), FRAME_BUFFER_BYTES_MAX);
    }

    #[test]
    fn routing_info_that_does_not_fit_is_left_out() {
        assert_eq!(intro(None), INTRO);
        assert_eq!(intro(Some(&[])), INTRO);
        assert_eq!(intro(Some(&[5])), *b"ED\x00\x01\x00\x00\x01\x05WA\x06\x03");
        assert_eq!(intro(Some(&alloc::vec![0; ROUTING_INFO_BYTES_MAX + 1])), INTRO);
    }
}
