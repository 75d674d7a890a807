//! The loop around every turn: work items in order, one transaction each, outputs in order.

mod commit;
mod connection;
mod memory;
mod request;
mod run;
mod trace;
mod turn;
mod work;

pub(crate) use memory::{Memory, PendingSend, Phase, Question, Resend, RetryPace, Ringing};

pub(crate) use request::{Continuation, Outcome, RequestId};
pub(crate) use run::Engine;
pub use trace::Traced;
pub(crate) use turn::{Stop, Turn};
pub(crate) use work::Work;
