//! Why a recording cannot be read, or does not replay.

use alloc::boxed::Box;
use alloc::string::String;

use thiserror::Error;

use super::entry::RELEASE;
use super::output::RecordedOutput;
use crate::error::Misuse;
use crate::records::Table;

/// Why bytes are no recording, or not to their end. A recording that merely ends early is no error.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The first line is another one.
    #[error("not a sanswire recording")]
    NotARecording,
    /// Written in a format that this release does not read.
    #[error("recording format {0} is unknown to this release, which reads format {version}", version = super::VERSION)]
    Version(String),
    /// The bytes of an entry are not those that were written.
    #[error("the recording is damaged at byte {at}: {what}")]
    Damaged {
        /// First byte of the entry.
        at: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// An entry of a kind that this release does not know and may not pass over.
    #[error("entry of unknown kind {kind:#04x} at byte {at}: recorded by a later release")]
    UnknownKind {
        /// First byte of the entry.
        at: usize,
        /// The kind.
        kind: u8,
    },
    /// An entry holds what this release cannot read, although it is as it was written.
    #[error("unreadable {kind} entry at byte {at}: {why}")]
    Unreadable {
        /// First byte of the entry.
        at: usize,
        /// What kind of entry it is.
        kind: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a recording does not replay. Inputs count from 1; 0 is the making of the client.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read up to its end.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its entries come in an order that no recorder writes.
    #[error("after input {input}: {what}")]
    Order {
        /// The last input before.
        input: u64,
        /// What is out of order.
        what: &'static str,
    },
    /// The client refuses to be made, or an input, that it took when it was recorded.
    #[error("input {input} is refused: {misuse}")]
    Refused {
        /// The input.
        input: u64,
        /// The client's words.
        misuse: Misuse,
    },
    /// Storage answered with something else than what had been stored: a bug of the adapter or of its store.
    #[error("input {input}: storage had something else in table {table:?} under {key} than was stored there")]
    Storage {
        /// The input that brought the answer.
        input: u64,
        /// The record's table.
        table: Table,
        /// The record's key, or where the scan began, readable.
        key: String,
    },
    /// The client does something else than it did when it was recorded.
    #[error(transparent)]
    Diverged(#[from] Box<Divergence>),
    /// Every output is as it was recorded, but their running digest is not: outputs are missing, or the
    /// recording was changed.
    #[error(
        "the outputs up to input {input} do not add up to the recorded digest: the recording was changed"
    )]
    Digest {
        /// The input.
        input: u64,
    },
}

/// The first output that is not the recorded one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "output {output} differs. It follows input {input}: {cause}\n--- recorded{by}\n{recorded:#}\n+++ replayed\n{replayed:#}",
    by = other_release(.release)
)]
pub struct Divergence {
    /// The output, counted from 1; each wait counts as one.
    pub output: u64,
    /// The input that led to it, counted from 1; 0 is the making of the client.
    pub input: u64,
    /// That input, readable.
    pub cause: String,
    /// The release that recorded.
    pub release: String,
    /// What the recording has.
    pub recorded: RecordedOutput,
    /// What the client does now.
    pub replayed: RecordedOutput,
}

fn other_release(release: &str) -> String {
    if release == RELEASE {
        String::new()
    } else {
        alloc::format!(" by release {release}, which behaved differently from this release {RELEASE}")
    }
}
