//! A recording taken apart, entry by entry.

use alloc::string::{String, ToString};

use bytes::Bytes;

use super::entry::{self, Entry};
use super::error::ReadError;
use super::format::{MAGIC, MAGIC_START, Malformed, PARITY, VERSION, crc32, kind};
use super::input;
use super::output::{OutputKind, RecordedOutput};
use crate::now::Now;

/// Reads a recording. Whatever the bytes, it ends, and holds nothing but them and one entry.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    at: usize,
    now: Now,
    cut: bool,
}

impl Reader {
    /// A reader at the first entry.
    ///
    /// # Errors
    /// [`ReadError::NotARecording`] or [`ReadError::Version`].
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, ReadError> {
        let bytes = bytes.into();
        let at = MAGIC.len().min(bytes.len());
        let reader = |cut| Self { at, now: Now::default(), cut, bytes: bytes.clone() };
        if bytes.starts_with(MAGIC) {
            return Ok(reader(false));
        }
        // Cut before it began.
        if MAGIC.starts_with(&bytes) && !bytes.is_empty() {
            return Ok(reader(true));
        }
        let version = bytes.strip_prefix(MAGIC_START).map(|rest| {
            let digits = rest.iter().take(VERSION_DIGITS_MAX).take_while(|byte| byte.is_ascii_digit());
            digits.map(|digit| char::from(*digit)).collect::<String>()
        });
        match version {
            Some(version) if !version.is_empty() && version != VERSION.to_string() => {
                Err(ReadError::Version(version))
            }
            _ => Err(ReadError::NotARecording),
        }
    }

    /// The next entry; `None` at the end, and behind the last whole entry.
    ///
    /// # Errors
    /// [`ReadError`]: what follows cannot be trusted.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        while !self.cut && self.at < self.bytes.len() {
            let at = self.at;
            let Some((of, payload)) = self.frame()? else {
                self.cut = true;
                break;
            };
            let entry = self.read(of, &payload).map_err(|problem| match problem {
                Problem::Kind => ReadError::UnknownKind { at, kind: of },
                Problem::Payload(why) => ReadError::Unreadable { at, kind: entry::name(of), why },
            })?;
            if let Some(entry) = entry {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The byte at which the next entry begins.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Whether the end was reached inside an entry: the recording was cut off.
    #[must_use]
    pub const fn cut(&self) -> bool {
        self.cut
    }

    /// Kind and payload of the entry at hand; `None` when it is not whole.
    fn frame(&mut self) -> Result<Option<(u8, Bytes)>, ReadError> {
        let at = self.at;
        let damaged = |what| ReadError::Damaged { at, what };
        let Some(rest) = self.bytes.get(at..) else { return Ok(None) };
        // A file that was being extended when the power went ends in zeros.
        if rest.first() == Some(&0) && rest.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let (mut length, mut parity, mut head) = (0_usize, PARITY, 1);
        let Some(kind) = rest.first().copied() else { return Ok(None) };
        parity ^= kind;
        loop {
            let Some(byte) = rest.get(head).copied() else { return Ok(None) };
            if head > LENGTH_BYTES_MAX {
                return Err(damaged("its length makes no sense"));
            }
            length |= usize::from(byte & 0x7f) << (7 * (head - 1));
            parity ^= byte;
            head += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let Some(found) = rest.get(head) else { return Ok(None) };
        if *found != parity {
            return Err(damaged("the head of an entry is not what was written"));
        }
        let start = head + 1;
        let Some(end) = start.checked_add(length) else { return Err(damaged("its length makes no sense")) };
        let Some(checksum) = rest.get(end..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Ok(None);
        };
        if crc32(rest.get(..end).unwrap_or_default()).to_le_bytes() != *checksum {
            return Err(damaged("the checksum of an entry does not fit"));
        }
        self.at = at + end + 4;
        Ok(Some((kind, self.bytes.slice(at + start..at + end))))
    }

    fn read(&mut self, of: u8, payload: &Bytes) -> Result<Option<Entry>, Problem> {
        let entry = match of {
            kind::BEGIN => {
                let begin = entry::begin(payload)?;
                self.now = begin.now;
                Entry::Begin(begin)
            }
            kind::RECORDS => entry::records(payload)?,
            kind::DRAINED => entry::drained(payload)?,
            kind::CONNECTED..=kind::SHUTDOWN => {
                let (now, input) = input::read(of, payload, self.now)?;
                self.now = now;
                Entry::Input(now, input)
            }
            kind::OPTIONAL.. => return Ok(None),
            _ => {
                let kind = OutputKind::from_number(of).ok_or(Problem::Kind)?;
                Entry::Output(RecordedOutput { kind, body: payload.clone() })
            }
        };
        Ok(Some(entry))
    }
}

enum Problem {
    Kind,
    Payload(Malformed),
}

impl From<Malformed> for Problem {
    fn from(why: Malformed) -> Self {
        Self::Payload(why)
    }
}

/// Four bytes of seven bits: entries stay below 256 MiB.
const LENGTH_BYTES_MAX: usize = 4;

const VERSION_DIGITS_MAX: usize = 10;
