//! Operations: everything an application can ask for, as data with one stable name each.
//!
//! [`registry`](self) lists them. From one definition come the typed call of an adapter, the entry in a
//! recording, and the JSON that a command line takes.

mod operation;
mod registry;

pub(crate) use operation::Start;
pub use operation::{CallId, Operate};
pub use registry::{Answer, NAMES, Operation};
