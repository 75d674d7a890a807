//! Contacts: who is there, what they show of themselves, and what the server says about them. Reference 08 §2, §4, §7.

mod about;
mod addresses;
mod chat_state;
mod identity;
mod picture;
mod presence;
mod server;
mod timer;

pub(crate) use about::notified as about;
pub use addresses::{Addresses, ContactAddresses};
pub use chat_state::SendChatState;
pub(crate) use chat_state::{expired as chat_states_expired, received as chat_state};
pub(crate) use identity::{devices, encrypt};
pub(crate) use picture::notified as picture;
pub use presence::{SubscribePresence, UnsubscribePresence};
pub(crate) use presence::{received as presence, resubscribe, token_came};
pub(crate) use server::notified as server;
pub(crate) use timer::notified as timer;

use crate::engine::Turn;
use crate::wire::NodeRef;

/// When a notification was made, seconds since 1970.
fn time(cx: &Turn<'_>, node: NodeRef<'_>) -> u64 {
    node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds())
}
