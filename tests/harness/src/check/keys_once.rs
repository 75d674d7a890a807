//! No key is used twice, and the server has nothing else to object to.
//!
//! The server of a world remembers every ciphertext by sender, receiver, ratchet key and position, every
//! ephemeral key of a handshake and every one-time prekey that was published: a chain that went back, a
//! storage that forgot a step, or a generator that repeats itself shows there. One message resent as it was,
//! under its own id, is no second use.

use super::Broken;
use crate::server::Violation;
use crate::world::World;

/// Checks that nothing was encrypted twice under one key.
#[must_use]
pub fn keys_once(world: &World) -> Vec<Broken> {
    broken(world, "keys_once", |violation| violation.is_key_reuse())
}

/// Checks that clients broke no other rule of the server.
#[must_use]
pub fn lawful(world: &World) -> Vec<Broken> {
    broken(world, "lawful", |violation| !violation.is_key_reuse())
}

fn broken(world: &World, rule: &'static str, pick: impl Fn(&Violation) -> bool) -> Vec<Broken> {
    let found = world.server.violations().iter().filter(|violation| pick(violation));
    found
        .map(|violation| {
            let Violation { at, device, stanza, rule: law, chapter } = violation;
            Broken { rule, detail: format!("{law} ({chapter}) at {}: {device:?}: {stanza}", at.0) }
        })
        .collect()
}
