//! What a caller is told: misuse of the interface, and why an operation failed.

use alloc::string::String;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The caller broke the interface's contract. Never caused by anything the network sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// `handle` was called before `poll` gave `Wait`.
    #[error("input before the outputs of the last one were drained")]
    NotDrained,
    /// A `Loaded` that nobody asked for, or with another number or kind of answers.
    #[error("loaded records do not answer the last load")]
    UnexpectedLoaded,
    /// `Connected`, `Received` or `Closed` without a connection.
    #[error("connection input without a connection")]
    NoConnection,
    /// A configuration value is outside its range.
    #[error("configuration: {0}")]
    Config(&'static str),
}

/// Why an operation failed, and with it what the caller can do.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OpError {
    /// The account is not paired, or was logged out: pair first.
    #[error("not logged in")]
    NotLoggedIn,
    /// An argument is not acceptable.
    #[error("invalid argument: {0}")]
    Argument(String),
    /// Too much is waiting already: try again when some of it is done.
    #[error("queue is full")]
    QueueFull,
    /// The server refused with this code: see the code's rule before trying again. Reference 05 §9.
    #[error("server refused with code {code}: {text}")]
    Refused {
        /// The server's number.
        code: u32,
        /// The server's words, possibly empty.
        text: String,
        /// Seconds to wait before trying again, when the server said so.
        retry_after_s: Option<u32>,
    },
    /// The recipient has no device that could be encrypted to.
    #[error("no device of the recipient can be reached")]
    NoDevice,
    /// The server did not answer in time: the outcome is unknown.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended before the answer: the outcome is unknown.
    #[error("disconnected before the answer")]
    Disconnected,
    /// The message waited in an older copy of the storage that was put back: whether it was sent since is unknown.
    #[error("an older copy of the storage was put back")]
    StorageRestored,
    /// The server's answer was not understood.
    #[error("malformed answer: {0}")]
    Malformed(String),
}
