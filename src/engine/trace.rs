//! Stanzas in the clear, for diagnostics: off unless asked for, and without a bearing on any output.

use alloc::vec::Vec;

use bytes::Bytes;

/// A stanza as it is inside the encryption of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Sent: the output that carries it. Received: the next output, whatever it will be. Outputs count from 0
    /// since tracing was switched on; waits do not count.
    pub output: u64,
    /// By this client; else by the server.
    pub sent: bool,
    /// The plaintext of the frame: [`Document::decode`](crate::wire::Document::decode) reads it, if it is one.
    pub frame: Bytes,
}

/// What was seen since the last input.
#[derive(Debug, Default)]
pub(super) struct Trace {
    seen: Vec<Traced>,
    given: u64,
}

impl Trace {
    /// A new input: what nobody took is forgotten, so that a trace is never longer than one drain.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
    }

    /// An output was handed out.
    pub(super) const fn given(&mut self) {
        self.given += 1;
    }

    /// Remembers a frame while `waiting` outputs have not been handed out.
    pub(super) fn saw(&mut self, sent: bool, frame: Bytes, waiting: usize) {
        self.seen.push(Traced { output: self.given + waiting as u64, sent, frame });
    }

    pub(super) fn take(&mut self) -> Vec<Traced> {
        core::mem::take(&mut self.seen)
    }
}
