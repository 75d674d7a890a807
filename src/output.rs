//! What a client asks of its adapter.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::OpError;
use crate::event::{DownReason, Envelope};
use crate::now::Mono;
use crate::ops::{Answer, CallId};
use crate::records::Table;

/// One thing to do. Outputs are strictly ordered: carry each out before the next.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an output that is not carried out breaks the write-ahead order"]
#[non_exhaustive]
pub enum Output {
    /// Open a WebSocket; answer with [`Input::Connected`](crate::Input::Connected) or
    /// [`Input::Closed`](crate::Input::Closed). A connection that is still open is given up first.
    Connect(Target),
    /// Write these bytes as one binary WebSocket message: already framed and encrypted.
    Send(Bytes),
    /// Apply all writes atomically. They must be durable before any later `Send`, `Event` or `Reply` is
    /// carried out; several batches in a row may share one commit.
    Store(Batch),
    /// Read records; answer with [`Input::Loaded`](crate::Input::Loaded).
    Load(Vec<Want>),
    /// Hand an event to the application.
    Event(Box<Envelope>),
    /// Hand the answer of an operation to its caller.
    Reply(CallId, Result<Answer, OpError>),
    /// Close the connection, after what was sent before is flushed. No answer is needed.
    Disconnect(DownReason),
    /// Drained: wait for the next input, or send [`Input::Tick`](crate::Input::Tick) when this instant of
    /// the monotonic clock has come. `None`: nothing is pending.
    Wait(Option<Mono>),
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// A `wss://` or `ws://` address.
    pub url: String,
    /// Value of the `Origin` header. Reference 01 §2.
    pub origin: String,
}

/// Writes that take effect together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Counts batches from 1 over the life of the storage; also stored inside it.
    pub generation: u64,
    /// The writes, at most one per key.
    pub writes: Vec<Write>,
}

/// One record set or removed.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The record's table.
    pub table: Table,
    /// The record's key inside the table.
    pub key: Vec<u8>,
    /// The new value, or `None` to remove it.
    pub value: Option<Bytes>,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values hold keys and message texts: only their size is shown.
        let len = self.value.as_ref().map(Bytes::len);
        f.debug_struct("Write").field("table", &self.table).field("value_len", &len).finish_non_exhaustive()
    }
}

/// A record, or a run of them, that the client needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// One record.
    Get {
        /// The record's table.
        table: Table,
        /// The record's key.
        key: Vec<u8>,
    },
    /// The first records of a table from a key on.
    Scan {
        /// The table.
        table: Table,
        /// The smallest key wanted.
        from: Vec<u8>,
        /// The most rows wanted.
        limit: u32,
    },
}
