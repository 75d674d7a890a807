//! The bytes of a recording: first line, numbers, and the frame around each entry (docs/recording-format.md).

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

/// The version of the format that this release reads and writes.
pub const VERSION: u32 = 1;

/// The first line of a recording: what it is, its version, and a warning to whoever opens it.
pub const MAGIC: &[u8] = b"sanswire recording 1: holds secret keys and messages\n";

/// What the first line of every version begins with; the version follows, then a colon.
pub(super) const MAGIC_START: &[u8] = b"sanswire recording ";

/// First byte of each entry.
pub(super) mod kind {
    pub(crate) const BEGIN: u8 = 0x01;
    pub(crate) const RECORDS: u8 = 0x02;
    pub(crate) const CONNECTED: u8 = 0x10;
    pub(crate) const RECEIVED: u8 = 0x11;
    pub(crate) const CLOSED: u8 = 0x12;
    pub(crate) const TICK: u8 = 0x13;
    pub(crate) const LOADED: u8 = 0x14;
    pub(crate) const CALL: u8 = 0x15;
    pub(crate) const SEEN: u8 = 0x16;
    pub(crate) const SHUTDOWN: u8 = 0x17;
    pub(crate) const CONNECT: u8 = 0x20;
    pub(crate) const SEND: u8 = 0x21;
    pub(crate) const STORE: u8 = 0x22;
    pub(crate) const LOAD: u8 = 0x23;
    pub(crate) const EVENT: u8 = 0x24;
    pub(crate) const REPLY: u8 = 0x25;
    pub(crate) const DISCONNECT: u8 = 0x26;
    pub(crate) const DRAINED: u8 = 0x2f;
    /// Kinds from here on may be passed over by who does not know them.
    pub(crate) const OPTIONAL: u8 = 0x80;
}

/// The head's last byte is the exclusive or of this and all bytes of the head before it, so that a damaged
/// length is not taken for the end of the file.
pub(super) const PARITY: u8 = 0xa5;

/// Appends a whole entry.
pub(super) fn put_entry(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    let start = out.len();
    out.push(kind);
    put_varint(out, payload.len() as u64);
    let parity = out.iter().skip(start).fold(PARITY, |parity, byte| parity ^ byte);
    out.push(parity);
    out.extend_from_slice(payload);
    let checksum = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The difference of two readings of a clock, small ones in few bytes whichever way it went.
pub(super) fn put_delta(out: &mut Vec<u8>, before: u64, after: u64) {
    let delta = after.wrapping_sub(before).cast_signed();
    put_varint(out, ((delta << 1) ^ (delta >> 63)).cast_unsigned());
}

/// Length and bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Why a payload cannot be read.
pub(super) type Malformed = String;

/// Takes a payload apart without copying.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    whole: &'a Bytes,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(whole: &'a Bytes) -> Self {
        Self { whole, at: 0 }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.whole.get(self.at).ok_or("ends early")?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number exceeds 64 bits".into())
    }

    /// The reading of a clock that lies as far from `before` as [`put_delta`] wrote down.
    pub(super) fn delta(&mut self, before: u64) -> Result<u64, Malformed> {
        let folded = self.varint()?;
        let delta = (folded >> 1) ^ 0_u64.wrapping_sub(folded & 1);
        Ok(before.wrapping_add(delta))
    }

    pub(super) fn slice(&mut self) -> Result<&'a [u8], Malformed> {
        let range = self.range()?;
        Ok(&self.whole[range])
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let range = self.range()?;
        Ok(self.whole.slice(range))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.slice()?).map_err(|_| "text is not UTF-8".into())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let array = self.whole.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or("ends early")?;
        self.at += N;
        Ok(*array)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.whole.get(self.at..).unwrap_or_default();
        self.at = self.whole.len();
        rest
    }

    pub(super) fn rest_bytes(&mut self) -> Bytes {
        let at = core::mem::replace(&mut self.at, self.whole.len());
        self.whole.slice(at.min(self.whole.len())..)
    }

    /// Everything has been read.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.whole.len() { Ok(()) } else { Err("has bytes left over".into()) }
    }

    fn range(&mut self) -> Result<core::ops::Range<usize>, Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| "a length exceeds the entry")?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.whole.len());
        let end = end.ok_or("a length exceeds the entry")?;
        Ok(core::mem::replace(&mut self.at, end)..end)
    }
}

/// CRC-32 as in zip and PNG, eight bytes at a time.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in chunks {
        let [w, x, y, z] = (crc ^ u32::from_le_bytes([*a, *b, *c, *d])).to_le_bytes();
        crc = [w, x, y, z, *e, *f, *g, *h]
            .into_iter()
            .zip(TABLES.iter().rev())
            .fold(0, |crc, (byte, table)| crc ^ table[usize::from(byte)]);
    }
    for byte in rest {
        let [low, ..] = (crc ^ u32::from(*byte)).to_le_bytes();
        crc = (crc >> 8) ^ TABLES[0][usize::from(low)];
    }
    !crc
}

/// `TABLES[n][b]` is the remainder of byte `b` with `n` zero bytes behind it.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut at = 256;
    while at < 8 * 256 {
        let crc = tables[at / 256 - 1][at % 256];
        tables[at / 256][at % 256] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
        at += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414f_a339);
    }

    #[test]
    fn numbers_and_clocks_come_back_whole() {
        let edges = [0, 1, 127, 128, 300, 1 << 32, i64::MAX.cast_unsigned(), 1 << 63, u64::MAX];
        for before in edges {
            let mut out = Vec::new();
            put_varint(&mut out, before);
            assert_eq!(Cursor::new(&out.into()).varint(), Ok(before));
            for after in edges {
                let mut out = Vec::new();
                put_delta(&mut out, before, after);
                assert_eq!(Cursor::new(&out.into()).delta(before), Ok(after));
            }
        }
        assert!(Cursor::new(&Bytes::from_static(&[0xff; 10])).varint().is_err());
    }

    #[test]
    fn a_length_beyond_the_payload_is_refused() {
        let mut out = Vec::new();
        put_varint(&mut out, u64::MAX);
        assert!(Cursor::new(&out.into()).bytes().is_err());
        assert!(Cursor::new(&Bytes::from_static(&[2, 0])).slice().is_err());
    }
}
