//! Recordings: everything that went into a client and what came out, and running it again.
//!
//! A [`Recorder`] is a [`Client`](crate::Client) that writes down what happens to it; a [`Replayer`] runs such
//! a recording through a fresh client as fast as it can, and names the first output that differs. A recording
//! holds keys and messages in the clear: treat it like the storage it was made over.
//!
//! ```
//! use sanswire::replay::{Recorder, Replayer};
//! use sanswire::{Config, Input, Mono, Now, Output, UnixMs};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let now = Now { mono: Mono(0), unix: UnixMs(1_700_000_000_000) };
//! let mut client = Recorder::new(Config::default(), [7; 32], now)?;
//! client.records(&[], true); // the storage is empty
//! while !matches!(client.poll(), Output::Wait(_)) {}
//! let recording = client.take();
//!
//! let summary = Replayer::new(recording)?.run()?;
//! assert_eq!((summary.outputs, summary.cut), (2, false)); // a load and a wait
//! # Ok(()) }
//! ```
//!
//! The format is described byte by byte in `docs/recording-format.md`.

mod entry;
mod error;
mod format;
mod input;
mod output;
mod reader;
mod recorder;
mod replayer;
mod stanzas;
mod timeline;
mod writer;

#[cfg(test)]
mod tests;

pub use entry::{Begin, Entry, Row};
pub use error::{Divergence, ReadError, ReplayError};
pub use format::{MAGIC, VERSION};
pub use output::{OutputKind, RecordedOutput};
pub use reader::Reader;
pub use recorder::Recorder;
pub use replayer::{Replayer, Step, Summary, What};
pub use timeline::Place;
