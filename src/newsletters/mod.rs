//! Channels: as others change them, what the server pushes as GraphQL, and posts that were seen. Reference 08 §6, 13 §3.

mod mex;
mod notification;
mod viewed;

pub(crate) use mex::notified as mex;
pub(crate) use notification::notified;
pub use viewed::MarkViewed;
