//! The account itself: who may see what, who is blocked, what other devices changed, what the server restricts.
//! Reference 08 §3, 12 §7-§12.

mod blocklist;
mod dirty;
mod privacy;
mod profile;
mod restriction;
mod settings;
mod state;
mod sync;

pub(crate) use dirty::handle as dirty;
pub(crate) use restriction::pushed;
pub(crate) use settings::ask;
pub(crate) use state::notified as server_sync;
pub(crate) use sync::notified as account_sync;
