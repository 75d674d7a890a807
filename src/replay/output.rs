//! Outputs as entries: the body of one holds all that makes two outputs equal, and lets people read it.

use alloc::format;
use alloc::vec::Vec;

use bytes::Bytes;

use super::entry::put_json;
use super::format::{kind, put_bytes, put_varint};
use crate::crypto::mac;
use crate::output::{Batch, Output, Want};

/// The kinds of outputs in a recording; waits are entries of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// [`Output::Connect`].
    Connect,
    /// [`Output::Send`].
    Send,
    /// [`Output::Store`].
    Store,
    /// [`Output::Load`].
    Load,
    /// [`Output::Event`].
    Event,
    /// [`Output::Reply`].
    Reply,
    /// [`Output::Disconnect`].
    Disconnect,
    /// [`Output::Wait`].
    Wait,
}

impl OutputKind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Connect => kind::CONNECT,
            Self::Send => kind::SEND,
            Self::Store => kind::STORE,
            Self::Load => kind::LOAD,
            Self::Event => kind::EVENT,
            Self::Reply => kind::REPLY,
            Self::Disconnect => kind::DISCONNECT,
            Self::Wait => kind::DRAINED,
        }
    }

    pub(super) const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            kind::CONNECT => Self::Connect,
            kind::SEND => Self::Send,
            kind::STORE => Self::Store,
            kind::LOAD => Self::Load,
            kind::EVENT => Self::Event,
            kind::REPLY => Self::Reply,
            kind::DISCONNECT => Self::Disconnect,
            _ => return None,
        })
    }

    /// The word for it in timelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Store => "store",
            Self::Load => "load",
            Self::Event => "event",
            Self::Reply => "reply",
            Self::Disconnect => "disconnect",
            Self::Wait => "wait",
        }
    }
}

/// An output as a recording has it: equal outputs have equal bodies. `Display` gives one line, `{:#}`
/// everything that is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedOutput {
    /// What kind.
    pub kind: OutputKind,
    /// What it holds (docs/recording-format.md); no values of records.
    pub body: Bytes,
}

/// Writes the body of an output. For what is sent, `stanza` is its plaintext, when there is one.
pub(super) fn put(out: &mut Vec<u8>, output: &Output, stanza: Option<&[u8]>) -> OutputKind {
    match output {
        Output::Connect(target) => {
            put_json(out, target);
            OutputKind::Connect
        }
        Output::Send(bytes) => {
            out.extend_from_slice(&short_digest(bytes));
            put_varint(out, bytes.len() as u64);
            out.push(if stanza.is_some() { STANZA } else { RAW });
            out.extend_from_slice(stanza.unwrap_or(bytes));
            OutputKind::Send
        }
        Output::Store(batch) => {
            put_batch(out, batch);
            OutputKind::Store
        }
        Output::Load(wants) => {
            put_varint(out, wants.len() as u64);
            for want in wants {
                put_want(out, want);
            }
            OutputKind::Load
        }
        Output::Event(envelope) => {
            put_json(out, envelope);
            OutputKind::Event
        }
        Output::Reply(call, result) => {
            put_varint(out, call.0);
            put_json(out, result);
            OutputKind::Reply
        }
        Output::Disconnect(reason) => {
            put_json(out, reason);
            OutputKind::Disconnect
        }
        Output::Wait(deadline) => {
            if let Some(at) = deadline {
                put_varint(out, at.0);
            }
            OutputKind::Wait
        }
    }
}

fn put_batch(out: &mut Vec<u8>, batch: &Batch) {
    put_varint(out, batch.follows);
    put_varint(out, batch.generation);
    put_varint(out, batch.writes.len() as u64);
    for write in &batch.writes {
        out.push(write.table.number());
        put_bytes(out, &write.key);
        out.push(u8::from(write.value.is_some()));
        if let Some(value) = &write.value {
            put_varint(out, value.len() as u64);
            out.extend_from_slice(&short_digest(value));
        }
    }
}

fn put_want(out: &mut Vec<u8>, want: &Want) {
    match want {
        Want::Get { table, key } => {
            out.push(GET);
            out.push(table.number());
            put_bytes(out, key);
        }
        Want::Scan { table, from, limit } => {
            out.push(SCAN);
            out.push(table.number());
            put_bytes(out, from);
            put_varint(out, u64::from(*limit));
        }
    }
}

/// Enough to tell two values apart that differ by mistake; nobody is kept from making them collide.
pub(super) fn short_digest(bytes: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = mac::sha256(&[bytes]);
    [a, b, c, d, e, f, g, h]
}

pub(super) const RAW: u8 = 0;
pub(super) const STANZA: u8 = 1;
pub(super) const GET: u8 = 0;
pub(super) const SCAN: u8 = 1;

impl RecordedOutput {
    /// Whether a later release that gives `other` here still says the same: it may tell more, never less or
    /// something else. What goes over the wire and into storage has no such freedom.
    pub(super) fn is_told_by(&self, other: &Self) -> bool {
        let skip = match (self.kind, other.kind) {
            (OutputKind::Event, OutputKind::Event) => 0,
            (OutputKind::Connect, OutputKind::Connect) => 0,
            (OutputKind::Disconnect, OutputKind::Disconnect) => 0,
            (OutputKind::Reply, OutputKind::Reply) => {
                let number = |body: &Bytes| body.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
                let (mine, its) = (number(&self.body), number(&other.body));
                if self.body.get(..mine) != other.body.get(..its) {
                    return false;
                }
                mine
            }
            _ => return false,
        };
        let parse = |body: &Bytes| serde_json::from_slice(body.get(skip..).unwrap_or_default()).ok();
        match (parse(&self.body), parse(&other.body)) {
            (Some(mine), Some(its)) => tells(&its, &mine),
            _ => false,
        }
    }
}

fn tells(more: &serde_json::Value, less: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (more, less) {
        (Object(more), Object(less)) => {
            less.iter().all(|(key, value)| more.get(key).is_some_and(|found| tells(found, value)))
        }
        (Array(more), Array(less)) => {
            more.len() == less.len() && more.iter().zip(less).all(|(more, less)| tells(more, less))
        }
        _ => more == less,
    }
}

impl core::fmt::Debug for RecordedOutput {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&format!("RecordedOutput({self})"))
    }
}
