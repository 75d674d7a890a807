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
    /// The operation does not fit what is going on: another attempt is under way, or there is none to go on with.
    #[error("out of turn: {0}")]
    OutOfTurn(String),
}

impl OpError {
    /// What the server's code means when a message was refused; `None` for every other error.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { code, .. } => Some(Refusal::of(*code)),
            _ => None,
        }
    }
}

/// Why the server did not take a message. A refused message reached nobody. Reference 05 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The stanza makes no sense to the server (400).
    BadRequest,
    /// This account may not write there: not a member, announcements only, or blocked (403).
    Forbidden,
    /// This kind of message is not open to this account or recipient (405).
    KindNotAllowed,
    /// The group is addressed by names that are out of date (421).
    StaleAddressing,
    /// The account may not write to people it does not know, or the recipient wants a privacy token (463).
    Restricted,
    /// The stanza failed the server's validation (479): a bug of ours.
    Invalid,
    /// The server failed (500).
    ServerFault,
    /// A code without a known meaning.
    Other(u32),
}

/// What is done about a refused message, and what the application may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// It failed for good: the same message will be refused again.
    Fail,
    /// Members and devices were asked for anew and the message was sent once more under its id; it failed again.
    Readdressed,
    /// The contact is given a privacy token. Never sent again by itself: each try counts as a new approach.
    TokenIssued,
    /// The application may send it again under the same id.
    MayRepeat,
}

impl Refusal {
    /// The meaning of a code.
    #[must_use]
    pub const fn of(code: u32) -> Self {
        match code {
            400 => Self::BadRequest,
            403 => Self::Forbidden,
            405 => Self::KindNotAllowed,
            421 => Self::StaleAddressing,
            463 => Self::Restricted,
            479 => Self::Invalid,
            500 => Self::ServerFault,
            other => Self::Other(other),
        }
    }

    /// What follows from it.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::StaleAddressing => Rule::Readdressed,
            Self::Restricted => Rule::TokenIssued,
            Self::ServerFault => Rule::MayRepeat,
            _ => Rule::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_refusal_leads_to_a_blind_repeat() {
        for code in 0..1000 {
            let refusal = Refusal::of(code);
            let repeats = matches!(refusal.rule(), Rule::MayRepeat | Rule::Readdressed);
            assert_eq!(repeats, code == 500 || code == 421, "{code}");
            if let Refusal::Other(other) = refusal {
                assert_eq!(other, code);
            }
        }
    }

    #[test]
    fn only_a_refusal_by_the_server_has_a_meaning() {
        let refused = OpError::Refused { code: 463, text: String::new(), retry_after_s: None };
        assert_eq!(refused.refusal(), Some(Refusal::Restricted));
        assert_eq!(OpError::TimedOut.refusal(), None);
    }
}
