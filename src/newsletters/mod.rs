//! Channels as others change them, and what the server pushes as GraphQL. Reference 08 §6, 13 §3.

mod mex;
mod notification;

pub(crate) use mex::notified as mex;
pub(crate) use notification::notified;
