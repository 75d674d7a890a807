//! A client whose recording goes to a file, or to anything else that can be written to.

use std::io::{self, Write};

use sanswire::replay::{Recorder, Row};
use sanswire::{Config, Health, Input, Machine, Misuse, Now, Output, Table};
use sanswire_store::Store;

use crate::error::DriverError;

/// A client with a recorder around it and a sink behind that: see
/// [`Driver::open_recorded`](crate::Driver::open_recorded).
///
/// Each drain is written before anything of it is let out, so a recording always explains what was seen of the
/// client. A sink that fails never hurts the client: recording ends, and [`failure`](Self::failure) says why.
#[derive(Debug)]
pub struct Recording<W> {
    recorder: Recorder,
    sink: W,
    failure: Option<io::Error>,
}

impl<W: Write + Send> Recording<W> {
    /// Begins a recording with all that the store holds: a machine for [`Driver::over`](crate::Driver::over), for
    /// runs with a clock and a seed of one's own.
    ///
    /// # Errors
    /// [`DriverError::Misuse`] when the configuration is not acceptable, [`DriverError::Store`] when the store
    /// cannot be read.
    pub fn begin<S: Store>(
        config: Config,
        seed: [u8; 32],
        now: Now,
        store: &mut S,
        sink: W,
    ) -> Result<Self, DriverError> {
        let recorder = Recorder::new(config, seed, now)?;
        let mut recording = Self { recorder, sink, failure: None };
        for table in Table::ALL {
            let mut from = Vec::new();
            loop {
                let found = store.scan(table, &from, PAGE_ROWS)?;
                let Some((key, _)) = found.last() else { break };
                // The smallest key behind the last one.
                from = [key.as_slice(), &[0]].concat();
                let rows = found.into_iter().map(|(key, value)| Row { table, key, value });
                recording.recorder.records(&rows.collect::<Vec<_>>(), false);
                recording.write();
            }
        }
        recording.recorder.records(&[], true);
        recording.write();
        Ok(recording)
    }

    /// Why the recording ended before the client did, if so.
    pub const fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn write(&mut self) {
        let recorded = self.recorder.take();
        if recorded.is_empty() {
            return;
        }
        if let Err(error) = self.sink.write_all(&recorded).and_then(|()| self.sink.flush()) {
            self.recorder.stop();
            self.failure = Some(error);
        }
    }
}

impl<W: Write + Send> Machine for Recording<W> {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        self.recorder.handle(input, now)
    }

    fn poll(&mut self) -> Output {
        let output = self.recorder.poll();
        if matches!(output, Output::Wait(_)) || self.recorder.waiting() > WAITING_BYTES_MAX {
            self.write();
        }
        output
    }

    fn health(&self) -> Option<Health> {
        Some(self.recorder.health())
    }
}

/// Records read from the store at a time.
const PAGE_ROWS: u32 = 512;

/// A longer drain is written in parts.
const WAITING_BYTES_MAX: usize = 1 << 16;
