//! What makes a plain struct an operation.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::registry::{Answer, Operation};
use crate::engine::{Stop, Turn};

/// Names a call; chosen by the caller, echoed in [`Output::Reply`](crate::Output::Reply).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// An operation with its name and the type of its answer.
pub trait Operate: Into<Operation> + Serialize + DeserializeOwned {
    /// The stable name, `domain.verb`.
    const NAME: &'static str;
    /// What a caller gets when it worked.
    type Output;

    /// Takes the typed output from the answer of this operation; `None` for another operation's answer.
    fn output(answer: Answer) -> Option<Self::Output>;
}

/// How an operation begins: one turn, which either replies or leaves a continuation behind.
pub(crate) trait Start {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop>;
}
