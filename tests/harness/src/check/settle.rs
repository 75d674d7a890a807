//! Heals what only a message can heal.

use core::time::Duration;
use std::collections::BTreeSet;

use sanswire::Table;
use sanswire::wire::{Jid, OwnedJid};

use super::facts::is_active;
use super::sessions_equal::rows;
use crate::server::AccountId;
use crate::world::{Who, World};

/// Lets every client write to every account that it has talked with, one after the other: a device that lost
/// a session, or whose peer did, finds out and mends it; and to every group where it has handed out its key. Faults
/// must be over.
pub fn settle(world: &mut World) {
    world.run_for(REST);
    for who in world.everybody() {
        for account in partners(world, who) {
            let addressee = |other: &Who| world.device(*other).is_some_and(|at| at.account == account);
            let Some(other) = world.everybody().filter(|other| is_active(world, *other)).find(addressee)
            else {
                continue;
            };
            world.send(who, other, "anything new?");
            world.run_for(REST);
        }
        for group in groups(world, who) {
            world.send_to(who, group, "anybody there?");
            world.run_for(REST);
        }
    }
}

/// Groups that a client writes to: those where it has handed out its key.
fn groups(world: &World, who: Who) -> Vec<OwnedJid> {
    let Some(account) = world.account(who).filter(|_| is_active(world, who)) else { return Vec::new() };
    let named = |(key, _): (Vec<u8>, _)| {
        let jid = Jid::parse(core::str::from_utf8(&key).ok()?).ok()?.into_owned();
        world.server.group_members(&jid).contains(&account).then_some(jid)
    };
    rows(&world[who].storage, Table::SharedKey).into_iter().filter_map(named).collect()
}

/// Accounts that a client has sessions with.
fn partners(world: &World, who: Who) -> BTreeSet<AccountId> {
    if !is_active(world, who) {
        return BTreeSet::new();
    }
    let named = |(key, _): (Vec<u8>, _)| {
        let jid = Jid::parse(core::str::from_utf8(&key).ok()?).ok()?.into_owned();
        Some(world.server.device_named(&jid)?.account)
    };
    rows(&world[who].storage, Table::Session).into_iter().filter_map(named).collect()
}

/// Long enough for a message, the request for it, and the second try.
const REST: Duration = Duration::from_secs(15);
