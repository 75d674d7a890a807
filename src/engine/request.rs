//! Requests in flight: who continues when the answer comes. Reference 01 §11.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::turn::{Stop, Turn};
use crate::error::OpError;
use crate::wire::{Document, NodeRef};

/// Number of a request, unique for the life of a client; the last part of the stanza's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId(pub(crate) u64);

/// Goes on with an operation once its request was answered, or will not be.
///
/// It may run more than once for one outcome (a turn that lacked records runs again), so it keeps its own
/// data unchanged and works through the turn only.
pub(crate) trait Continuation: fmt::Debug + Send + Sync {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop>;
}

/// How a request ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// `type=result`: the whole iq.
    Result(Arc<Document>),
    /// `type=error`.
    Refused(ServerError),
    /// No answer before the deadline.
    TimedOut,
    /// The connection ended first.
    Disconnected,
    /// An answer that its continuation rejected; it may not reject this again.
    Malformed(String),
}

impl Outcome {
    /// What an operation that depends on it is told; a result that gets here had no use.
    pub(crate) fn error(&self) -> OpError {
        match self {
            Self::Result(_) => OpError::Malformed(String::new()),
            Self::Refused(error) => OpError::Refused {
                code: error.code,
                text: error.text.clone(),
                retry_after_s: error.backoff_s,
            },
            Self::TimedOut => OpError::TimedOut,
            Self::Disconnected => OpError::Disconnected,
            Self::Malformed(why) => OpError::Malformed(why.clone()),
        }
    }

    /// The iq of a result.
    pub(crate) fn result(&self) -> Option<NodeRef<'_>> {
        match self {
            Self::Result(document) => Some(document.root()),
            _ => None,
        }
    }
}

/// The `<error>` of an iq. Reference 01 §11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerError {
    pub(crate) code: u32,
    pub(crate) text: String,
    pub(crate) backoff_s: Option<u32>,
}

impl ServerError {
    /// Reads the first `<error>` child; code 0 when there is none.
    pub(crate) fn parse(iq: NodeRef<'_>) -> Self {
        let error = iq.find("error");
        let number = |key| error.and_then(|node| node.get_u64(key)).and_then(|n| u32::try_from(n).ok());
        Self {
            code: number("code").unwrap_or(0),
            text: error.and_then(|node| node.get("text")).map(|text| text.into_owned()).unwrap_or_default(),
            backoff_s: number("backoff"),
        }
    }
}
