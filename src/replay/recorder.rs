//! A client that writes down what happens to it.

use alloc::vec::Vec;

use super::entry::Row;
use super::stanzas::Stanzas;
use super::writer::Writer;
use crate::client::{Client, Health, Machine};
use crate::config::Config;
use crate::error::Misuse;
use crate::input::Input;
use crate::now::Now;
use crate::output::Output;

/// A client with its recording. It does what the client would do without it; whoever drives it takes the
/// bytes away with [`take`](Self::take) and appends them to a file, say.
///
/// The bytes hold the seed, and so everything: whoever has them can read what the client sent and received.
#[derive(Debug)]
pub struct Recorder {
    client: Client,
    tape: Option<Tape>,
}

struct Tape {
    writer: Writer,
    stanzas: Stanzas,
    drained: bool,
}

impl Recorder {
    /// Makes a client and begins its recording.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Result<Self, Misuse> {
        let writer = Writer::begin(&config, &seed, now);
        let mut client = Client::new(config, seed, now)?;
        client.trace(true);
        let tape = Tape { writer, stanzas: Stanzas::default(), drained: false };
        Ok(Self { client, tape: Some(tape) })
    }

    /// Writes down what the client's storage holds, page by page, before the first [`poll`](Self::poll); `last`
    /// with the page that completes it. A recording replays without it, as every answer of the storage is an
    /// input; with it a replay also checks those answers, and can tell which records there are at any time.
    pub fn records(&mut self, rows: &[Row], last: bool) {
        if let Some(tape) = &mut self.tape {
            tape.writer.records(rows, last);
        }
    }

    /// As [`Client::handle`].
    ///
    /// # Errors
    /// As [`Client::handle`]; an input that was not taken is not in the recording.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        let Some(tape) = &mut self.tape else { return self.client.handle(input, now) };
        let undo = tape.writer.input(&input, now);
        let taken = self.client.handle(input, now);
        match taken {
            Ok(()) => tape.drained = false,
            Err(_) => tape.writer.undo(undo),
        }
        taken
    }

    /// As [`Client::poll`].
    pub fn poll(&mut self) -> Output {
        let output = self.client.poll();
        if let Some(tape) = &mut self.tape
            && !tape.drained
        {
            let stanza = tape.stanzas.of(&output, &mut self.client, drop);
            tape.writer.output(&output, stanza.as_deref());
            tape.drained = matches!(output, Output::Wait(_));
        }
        output
    }

    /// What was recorded since the last time: append it to what came before. At a [`Output::Wait`] it ends with
    /// a whole drain.
    pub fn take(&mut self) -> Vec<u8> {
        self.tape.as_mut().map_or_else(Vec::new, |tape| tape.writer.take())
    }

    /// How many bytes wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tape.as_ref().map_or(0, |tape| tape.writer.len())
    }

    /// Ends the recording, as when there is no room for it any more. The client goes on.
    pub fn stop(&mut self) {
        self.tape = None;
        self.client.trace(false);
    }

    /// As [`Client::health`].
    #[must_use]
    pub fn health(&self) -> Health {
        self.client.health()
    }

    /// The client inside.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }
}

impl Machine for Recorder {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        Self::handle(self, input, now)
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }

    fn health(&self) -> Option<Health> {
        Some(Self::health(self))
    }
}

impl core::fmt::Debug for Tape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tape").field("waiting", &self.writer.len()).finish_non_exhaustive()
    }
}
