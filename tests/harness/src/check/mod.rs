//! What must be true of every world once it has come to rest: one file per promise.
//!
//! A checker reads a [`World`] and its [`Journal`](crate::world::Journal), and says what was not kept. Run
//! [`settle`] first where faults may have left two devices without a common session: the next message heals
//! that, so one is sent in each direction.
//!
//! | Rule | What it promises |
//! |---|---|
//! | `delivered_once` | what the server took is shown once by every device that it was for, and nothing else is |
//! | `order` | a device shows the messages of a chat in the order in which the server took them |
//! | `keys_once` | no message key, one-time prekey or transport key was used twice |
//! | `lawful` | the server has nothing else to object to |
//! | `no_stuck_send` | every call is answered, and every message that was taken comes to an end |
//! | `timers` | nobody waits without knowing until when |
//! | `sessions_equal` | what either end of a session encrypts next, the other can read |
//! | `sender_keys_equal` | what a member encrypts next for a group, all who count as holders of its key can read |
//! | `memory_bounded` | caches and queues keep within their limits |
//! | `frames_bounded` | one input makes a client send only so many frames |
//! | `same_seed` | the same seed gives the same run, byte for byte |
//! | `cache_blind` | how much is cached changes nothing but how often records are loaded |
//!
//! The last two compare two runs: `repeatable`.

use crate::world::World;

mod delivered_once;
mod facts;
mod frames_bounded;
mod keys_once;
mod memory_bounded;
mod no_stuck_send;
mod order;
mod repeatable;
mod sender_keys_equal;
mod sessions_equal;
mod settle;
mod timers;

pub use delivered_once::delivered_once;
pub use frames_bounded::frames_bounded;
pub use keys_once::{keys_once, lawful};
pub use memory_bounded::memory_bounded;
pub use no_stuck_send::no_stuck_send;
pub use order::order;
pub use repeatable::{cache_blind, outputs, same_seed};
pub use sender_keys_equal::sender_keys_equal;
pub use sessions_equal::sessions_equal;
pub use settle::settle;
pub use timers::timers;

/// One promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which promise: the name of its checker.
    pub rule: &'static str,
    /// Who broke it and how.
    pub detail: String,
}

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.rule, self.detail)
    }
}

/// All checkers over a world that is healed and idle.
#[must_use]
pub fn check(world: &World) -> Vec<Broken> {
    let rules = [
        delivered_once,
        order,
        keys_once,
        lawful,
        no_stuck_send,
        timers,
        sessions_equal,
        sender_keys_equal,
        memory_bounded,
        frames_bounded,
    ];
    rules.iter().flat_map(|rule| rule(world)).collect()
}
