//! The padding of a `v="2"` plaintext: n bytes of value n, inside the encryption. Reference 04 §8.

use alloc::vec::Vec;

use thiserror::Error;

/// The last byte is no padding length, or the bytes before it do not repeat it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("message padding is wrong")]
pub struct PaddingError;

impl PaddingError {
    /// The class of the failure table (reference 04 §13).
    #[must_use]
    pub const fn class(&self) -> &'static str {
        "InvalidPadding"
    }
}

/// Appends 1 to 15 bytes of padding: as many as the low four bits of `random` say, 15 for zero.
pub fn pad(plaintext: &mut Vec<u8>, random: u8) {
    let count = match random & 0x0f {
        0 => 0x0f,
        count => count,
    };
    plaintext.resize(plaintext.len() + usize::from(count), count);
}

/// The plaintext without its padding. More than 16 bytes of padding are as good as fewer.
///
/// # Errors
/// [`PaddingError`] for an empty plaintext, a count of 0 or beyond the start, or bytes that differ from it.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let (&count, _) = padded.split_last().ok_or(PaddingError)?;
    let len = padded.len().checked_sub(usize::from(count)).ok_or(PaddingError)?;
    let (plaintext, padding) = padded.split_at_checked(len).ok_or(PaddingError)?;
    if count == 0 || padding.iter().any(|byte| *byte != count) {
        return Err(PaddingError);
    }
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_of_every_nibble_comes_off_again() {
        for random in 0..=255_u8 {
            let mut padded = b"text".to_vec();
            pad(&mut padded, random);
            assert!((5..=19).contains(&padded.len()), "{random}");
            assert_eq!(unpad(&padded), Ok(&b"text"[..]));
        }
    }

    #[test]
    fn wrong_padding_is_refused() {
        for wrong in [&b""[..], &[0], &[1, 0], &[9, 2], &[1, 3, 3], &[5]] {
            assert_eq!(unpad(wrong), Err(PaddingError), "{wrong:?}");
        }
        assert_eq!(unpad(&[20; 20]), Ok(&b""[..]));
    }
}
