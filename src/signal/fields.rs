//! The little of protobuf that Signal messages need: a borrowing reader and an ordered writer.
//! Reference 04 §2.
//!
//! Written out by hand because peers check MACs over their own re-serialisation: which fields are written,
//! and in which order, is part of the protocol.

use alloc::vec::Vec;

use super::error::WireFault;

/// One field as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number: in none of our messages, so only skipped.
    Fixed,
}

impl<'a> Field<'a> {
    /// The value of a `uint32` field `number`; higher bits are dropped, as every protobuf decoder does.
    pub(super) const fn uint32(self, number: u32) -> Result<u32, WireFault> {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "protobuf's rule for uint32")]
            Self::Varint(value) => Ok(value as u32),
            Self::Bytes(_) | Self::Fixed => Err(WireFault::WireType(number)),
        }
    }

    /// The value of a `bytes` field `number`.
    pub(super) const fn bytes(self, number: u32) -> Result<&'a [u8], WireFault> {
        match self {
            Self::Bytes(value) => Ok(value),
            Self::Varint(_) | Self::Fixed => Err(WireFault::WireType(number)),
        }
    }
}

/// Reads the fields of a message from front to back.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Number and value of the next field; `None` at the end.
    pub(super) fn read(&mut self) -> Result<Option<(u32, Field<'a>)>, WireFault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| WireFault::FieldKey(key))?;
        let field = match key & 7 {
            _ if number == 0 => return Err(WireFault::FieldKey(key)),
            0 => Field::Varint(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| WireFault::Truncated)?;
                Field::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return Err(WireFault::FieldKey(key)),
        };
        Ok(Some((number, field)))
    }

    fn varint(&mut self) -> Result<u64, WireFault> {
        let mut value = 0;
        for shift in 0..10 {
            let (&byte, rest) = self.0.split_first().ok_or(WireFault::Truncated)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (7 * shift);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireFault::Varint)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], WireFault> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(WireFault::Truncated)?;
        self.0 = rest;
        Ok(head)
    }
}

/// Appends a varint field, also when it is 0.
pub(super) fn put_uint32(out: &mut Vec<u8>, number: u8, value: u32) {
    out.push(number << 3);
    put_varint(out, value);
}

/// Appends the key and length of a bytes field; `len` bytes must follow.
pub(super) fn put_bytes_header(out: &mut Vec<u8>, number: u8, len: usize) {
    out.push(number << 3 | 2);
    put_varint(out, u32::try_from(len).unwrap_or(u32::MAX));
}

/// Appends a bytes field.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    put_bytes_header(out, number, value.len());
    out.extend_from_slice(value);
}

/// Bytes that a varint of `value` takes.
pub(super) const fn varint_len(value: u32) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        0x1000_0000.. => 5,
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the low seven bits")]
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 0x80")]
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_the_length_that_was_foretold() {
        for value in
            [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000, u32::MAX]
        {
            let mut out = Vec::new();
            put_uint32(&mut out, 1, value);
            assert_eq!(out.len(), 1 + varint_len(value), "{value:#x}");
            assert_eq!(Fields::new(&out).read(), Ok(Some((1, Field::Varint(value.into())))));
        }
    }

    #[test]
    fn broken_fields_have_their_own_faults() {
        let first = |bytes: &[u8]| Fields::new(bytes).read().err();
        assert_eq!(first(&[0x08]), Some(WireFault::Truncated));
        assert_eq!(first(&[0x0a, 2, 1]), Some(WireFault::Truncated));
        assert_eq!(first(&[0x09, 1, 2, 3]), Some(WireFault::Truncated));
        assert_eq!(first(&[0x0b]), Some(WireFault::FieldKey(0x0b)));
        assert_eq!(first(&[0x00, 1]), Some(WireFault::FieldKey(0)));
        assert_eq!(first(&[0xff; 11]), Some(WireFault::Varint));
        assert_eq!(Field::Varint(1).bytes(4), Err(WireFault::WireType(4)));
        assert_eq!(Field::Fixed.uint32(2), Err(WireFault::WireType(2)));
    }
}
