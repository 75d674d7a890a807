//! Calls as signals: they ring, are taken, refused or missed; media is none of this. Reference 08 §8, 13 §5.

mod incoming;
mod reject;

pub(crate) use incoming::handle;
pub use reject::RejectCall;
