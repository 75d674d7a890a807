//! What a client asks of its adapter.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use sanswire_proto::records::StoreMeta;
use serde::{Deserialize, Serialize};

use crate::error::OpError;
use crate::event::{DownReason, Envelope};
use crate::now::Mono;
use crate::ops::{Answer, CallId};
use crate::records::{META_KEY, Record, Table};

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
    /// The generation that storage must hold for this batch to be applied: when it holds another one, somebody
    /// else has written, and this client is to be dropped. 0: the storage was never written.
    pub follows: u64,
    /// The generation that this batch makes: one more than [`follows`](Self::follows), or further on when an older
    /// copy of the storage was put back. Also stored, under [`GENERATION_AT`](Self::GENERATION_AT).
    pub generation: u64,
    /// The writes, at most one per key, the one of the generation among them.
    pub writes: Vec<Write>,
}

impl Batch {
    /// Table and key of the record that tells the generation of a storage.
    pub const GENERATION_AT: (Table, &'static [u8]) = (Table::Meta, META_KEY);

    /// A batch with the record of its generation, as a client makes them: for scripts that stand in for one.
    #[must_use]
    pub fn new(follows: u64, generation: u64, writes: Vec<Write>) -> Self {
        Self::with_meta(follows, &StoreMeta { generation: Some(generation), ..StoreMeta::default() }, writes)
    }

    /// The generation that the record under [`GENERATION_AT`](Self::GENERATION_AT) tells; 0 without a readable one.
    #[must_use]
    pub fn generation_in(record: Option<&Bytes>) -> u64 {
        let meta = record.and_then(|record| StoreMeta::from_record(record.clone()).ok());
        meta.map_or(0, |meta| meta.generation())
    }

    pub(crate) fn with_meta(follows: u64, meta: &StoreMeta, mut writes: Vec<Write>) -> Self {
        let (table, key) = Self::GENERATION_AT;
        writes.push(Write { table, key: key.to_vec(), value: Some(meta.to_record()) });
        Self { follows, generation: meta.generation(), writes }
    }
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
