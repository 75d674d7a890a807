//! Which stanza belongs to which output.

use alloc::collections::VecDeque;

use bytes::Bytes;

use crate::client::{Client, Traced};
use crate::output::Output;

/// The stanzas that a traced client saw, next to the outputs that were polled from it.
#[derive(Debug, Default)]
pub(super) struct Stanzas {
    seen: VecDeque<Traced>,
    polled: u64,
}

impl Stanzas {
    /// An output was polled: gives the plaintext of what it sends. What was received before it goes to
    /// `received`.
    pub(super) fn of(
        &mut self,
        output: &Output,
        client: &mut Client,
        mut received: impl FnMut(Bytes),
    ) -> Option<Bytes> {
        self.seen.extend(client.take_trace());
        let index = self.polled;
        if !matches!(output, Output::Wait(_)) {
            self.polled += 1;
        }
        while self.seen.front().is_some_and(|traced| !traced.sent && traced.output <= index) {
            self.seen.pop_front().into_iter().for_each(|traced| received(traced.frame));
        }
        let carried = self.seen.front().is_some_and(|traced| traced.sent && traced.output == index);
        if carried { self.seen.pop_front().map(|traced| traced.frame) } else { None }
    }
}
