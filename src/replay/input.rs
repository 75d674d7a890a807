//! Inputs as entries.

use alloc::vec::Vec;

use bytes::Bytes;

use super::entry::{flag, json, put_json, put_now};
use super::format::{Cursor, Malformed, kind, put_bytes, put_varint};
use crate::event::EventId;
use crate::input::{Found, Input};
use crate::now::Now;
use crate::ops::CallId;

/// Writes an input's payload and gives its kind.
pub(super) fn put(out: &mut Vec<u8>, input: &Input, before: Now, now: Now) -> u8 {
    put_now(out, before, now);
    match input {
        Input::Connected => kind::CONNECTED,
        Input::Received(bytes) => {
            out.extend_from_slice(bytes);
            kind::RECEIVED
        }
        Input::Closed => kind::CLOSED,
        Input::Tick => kind::TICK,
        Input::Loaded(found) => {
            put_varint(out, found.len() as u64);
            for found in found {
                put_found(out, found);
            }
            kind::LOADED
        }
        Input::Call(call, operation) => {
            put_varint(out, call.0);
            put_json(out, operation);
            kind::CALL
        }
        Input::Seen(event) => {
            put_varint(out, event.0);
            kind::SEEN
        }
        Input::Shutdown => kind::SHUTDOWN,
    }
}

fn put_found(out: &mut Vec<u8>, found: &Found) {
    match found {
        Found::Value(value) => {
            out.push(VALUE);
            out.push(u8::from(value.is_some()));
            if let Some(value) = value {
                put_bytes(out, value);
            }
        }
        Found::Rows(rows) => {
            out.push(ROWS);
            put_varint(out, rows.len() as u64);
            for (key, value) in rows {
                put_bytes(out, key);
                put_bytes(out, value);
            }
        }
    }
}

/// Reads an input of this kind.
pub(super) fn read(of: u8, payload: &Bytes, before: Now) -> Result<(Now, Input), Malformed> {
    let mut cursor = Cursor::new(payload);
    let now = super::entry::now(&mut cursor, before)?;
    let input = match of {
        kind::CONNECTED => Input::Connected,
        kind::RECEIVED => Input::Received(cursor.rest_bytes()),
        kind::CLOSED => Input::Closed,
        kind::TICK => Input::Tick,
        kind::LOADED => {
            let mut found = Vec::new();
            for _ in 0..cursor.varint()? {
                found.push(read_found(&mut cursor)?);
            }
            Input::Loaded(found)
        }
        kind::CALL => Input::Call(CallId(cursor.varint()?), json(cursor.rest())?),
        kind::SEEN => Input::Seen(EventId(cursor.varint()?)),
        kind::SHUTDOWN => Input::Shutdown,
        _ => return Err("is no input".into()),
    };
    cursor.end()?;
    Ok((now, input))
}

fn read_found(cursor: &mut Cursor<'_>) -> Result<Found, Malformed> {
    match cursor.byte()? {
        VALUE => Ok(Found::Value(if flag(cursor)? { Some(cursor.bytes()?) } else { None })),
        ROWS => {
            let mut rows = Vec::new();
            for _ in 0..cursor.varint()? {
                rows.push((cursor.slice()?.to_vec(), cursor.bytes()?));
            }
            Ok(Found::Rows(rows))
        }
        other => Err(alloc::format!("{other} is neither a value nor rows")),
    }
}

const VALUE: u8 = 0;
const ROWS: u8 = 1;
