//! What a recording is made of.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::format::{Cursor, Malformed, kind, put_bytes, put_delta, put_varint};
use super::output::RecordedOutput;
use crate::config::Config;
use crate::crypto::Secret;
use crate::input::Input;
use crate::now::{Mono, Now, UnixMs};
use crate::records::Table;

/// One entry of a recording.
#[expect(clippy::large_enum_variant, reason = "the large one comes once per recording")]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// The client was made. The first entry, and only the first.
    Begin(Begin),
    /// What its storage held by then, page by page, before anything else. `last`: there is no more, so
    /// everything that is not among them was absent.
    Records {
        /// Some of the records.
        rows: Vec<Row>,
        /// No more pages follow.
        last: bool,
    },
    /// An input, and when.
    Input(Now, Input),
    /// An output of the drain that the last input, or the making, began.
    Output(RecordedOutput),
    /// The drain is over: the client waits.
    Drained {
        /// Until when, if nothing comes.
        deadline: Option<Mono>,
        /// Outputs so far, each wait counted as one.
        count: u64,
        /// The running digest over all of them.
        digest: [u8; 16],
    },
}

/// What a client was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// The release that recorded it.
    pub release: String,
    /// Its configuration.
    pub config: Config,
    /// Its seed.
    pub seed: Secret<32>,
    /// The time at which it was made.
    pub now: Now,
}

/// One record of the storage at the start.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Bytes,
}

impl core::fmt::Debug for Row {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Values hold keys and message texts: only their size is shown.
        f.debug_struct("Row")
            .field("table", &self.table)
            .field("value_len", &self.value.len())
            .finish_non_exhaustive()
    }
}

/// Payload of [`kind::BEGIN`]. The release comes first: whoever cannot read the rest can still name it.
pub(super) fn put_begin(out: &mut Vec<u8>, config: &Config, seed: &[u8; 32], now: Now) {
    put_bytes(out, RELEASE.as_bytes());
    out.extend_from_slice(seed);
    put_varint(out, now.mono.0);
    put_varint(out, now.unix.0);
    put_json(out, config);
}

/// The release that this is.
pub(super) const RELEASE: &str = env!("CARGO_PKG_VERSION");

pub(super) fn begin(payload: &Bytes) -> Result<Begin, Malformed> {
    let mut cursor = Cursor::new(payload);
    let release = cursor.text()?.into();
    let seed = Secret::new(cursor.array()?);
    let now = Now { mono: Mono(cursor.varint()?), unix: UnixMs(cursor.varint()?) };
    Ok(Begin { release, config: json(cursor.rest())?, seed, now })
}

/// Payload of [`kind::RECORDS`].
pub(super) fn put_records(out: &mut Vec<u8>, rows: &[Row], last: bool) {
    out.push(u8::from(last));
    put_varint(out, rows.len() as u64);
    for row in rows {
        out.push(row.table.number());
        put_bytes(out, &row.key);
        put_bytes(out, &row.value);
    }
}

pub(super) fn records(payload: &Bytes) -> Result<Entry, Malformed> {
    let mut cursor = Cursor::new(payload);
    let last = flag(&mut cursor)?;
    let mut rows = Vec::new();
    for _ in 0..cursor.varint()? {
        let table = table(&mut cursor)?;
        let (key, value) = (cursor.slice()?.to_vec(), cursor.bytes()?);
        rows.push(Row { table, key, value });
    }
    cursor.end()?;
    Ok(Entry::Records { rows, last })
}

/// Payload of [`kind::DRAINED`].
pub(super) fn put_drained(out: &mut Vec<u8>, deadline: Option<Mono>, count: u64, digest: &[u8; 16]) {
    match deadline {
        None => out.push(0),
        Some(Mono(at)) => {
            out.push(1);
            put_varint(out, at);
        }
    }
    put_varint(out, count);
    out.extend_from_slice(digest);
}

pub(super) fn drained(payload: &Bytes) -> Result<Entry, Malformed> {
    let mut cursor = Cursor::new(payload);
    let deadline = if flag(&mut cursor)? { Some(Mono(cursor.varint()?)) } else { None };
    let (count, digest) = (cursor.varint()?, cursor.array()?);
    cursor.end()?;
    Ok(Entry::Drained { deadline, count, digest })
}

/// The two clocks before an input's payload, as differences to the last ones.
pub(super) fn put_now(out: &mut Vec<u8>, before: Now, now: Now) {
    put_delta(out, before.mono.0, now.mono.0);
    put_delta(out, before.unix.0, now.unix.0);
}

pub(super) fn now(cursor: &mut Cursor<'_>, before: Now) -> Result<Now, Malformed> {
    Ok(Now { mono: Mono(cursor.delta(before.mono.0)?), unix: UnixMs(cursor.delta(before.unix.0)?) })
}

pub(super) fn flag(cursor: &mut Cursor<'_>) -> Result<bool, Malformed> {
    match cursor.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(alloc::format!("{other} is neither yes nor no")),
    }
}

pub(super) fn table(cursor: &mut Cursor<'_>) -> Result<Table, Malformed> {
    let number = cursor.byte()?;
    Table::from_number(number).ok_or_else(|| alloc::format!("table {number} is not known"))
}

/// JSON to the end of the payload.
pub(super) fn put_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    match serde_json::to_vec(value) {
        Ok(json) => out.extend_from_slice(&json),
        // Plain data with text for keys: nothing in it can be refused.
        Err(error) => debug_assert!(false, "not JSON: {error}"),
    }
}

pub(super) fn json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| alloc::format!("{error}"))
}

/// What people call an entry's kind.
pub(super) const fn name(kind: u8) -> &'static str {
    match kind {
        kind::BEGIN => "begin",
        kind::RECORDS => "records",
        kind::DRAINED => "drained",
        0x10..0x20 => "input",
        0x20..0x30 => "output",
        _ => "unknown",
    }
}
