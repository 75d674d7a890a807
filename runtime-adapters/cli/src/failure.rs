//! Why a command failed, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use sanswire::OpError;
use sanswire::event::{DownReason, LinkEvent};
use sanswire_driver::DriverError;
use thiserror::Error;

/// What a person is told, and with [`Failure::code`] a script.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Argument(String),
    #[error("{} is not paired with a phone: run `sanswire pair --store {}` first", .0.display(), .0.display())]
    NotPaired(PathBuf),
    #[error("the phone or the server has unlinked this device (code {0}): run `sanswire pair` again")]
    LoggedOut(u32),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Client(#[from] DriverError),
    #[error("{0}")]
    Server(io::Error),
    #[error("the client ended by itself")]
    Ended,
    #[error("cannot write: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Demo(String),
    #[error("{0}")]
    Replay(String),
    #[error("promises were broken")]
    PromisesBroken,
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Server(_) | Self::Demo(_) | Self::Replay(_) => 1,
            Self::Ended | Self::PromisesBroken => 1,
            Self::Argument(_) => 2,
            Self::NotPaired(_) | Self::LoggedOut(_) => 3,
            Self::Refused(_) => 4,
            Self::Client(_) => 5,
            Self::Interrupted => 130,
        }
    }

    /// Whether a connection ended in a way that somebody has to do something about: the client does not try
    /// again by itself, or would only meet the same wrong certificate.
    pub(crate) fn of(event: &LinkEvent) -> Option<Self> {
        let LinkEvent::Down { reason, retry_in_ms } = event else { return None };
        match reason {
            DownReason::LoggedOut { code } => Some(Self::LoggedOut(*code)),
            DownReason::Untrusted => Some(Self::Refused(in_words(reason))),
            _ if retry_in_ms.is_some() => None,
            _ => Some(Self::Refused(format!("the connection is over: {}", in_words(reason)))),
        }
    }

    /// An operation that did not work.
    pub(crate) fn operation(error: OpError, store: PathBuf) -> Self {
        match error {
            OpError::NotLoggedIn => Self::NotPaired(store),
            OpError::Argument(text) => Self::Argument(text),
            error => Self::Refused(error.to_string()),
        }
    }
}

/// A reason for people.
pub(crate) fn in_words(reason: &DownReason) -> String {
    match reason {
        DownReason::Requested => "as asked".to_owned(),
        DownReason::Restart => "the server asks for a new connection".to_owned(),
        DownReason::Closed => "the connection closed or could not be opened".to_owned(),
        DownReason::Silence => "nothing came for too long".to_owned(),
        DownReason::TimedOut => "connecting took too long".to_owned(),
        DownReason::Protocol => "the server sent something malformed".to_owned(),
        DownReason::Untrusted => "the server's certificate does not lead to the trusted root".to_owned(),
        DownReason::QrExhausted => "no QR code was scanned".to_owned(),
        DownReason::Unavailable { code } => format!("the server is not available (code {code})"),
        DownReason::LoggedOut { code } => format!("unlinked (code {code})"),
        DownReason::Replaced => "another client uses the same credentials".to_owned(),
        DownReason::Banned { .. } => "the account is banned for a while".to_owned(),
        DownReason::Outdated => "this version is too old for the server".to_owned(),
        DownReason::Refused { code, stanza } => format!("the server refused with code {code}: {stanza}"),
        other => format!("{other:?}"),
    }
}

/// Shown by `--help`.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not paired or unlinked, \
4 refused by the server, 5 storage or configuration, 130 interrupted";
