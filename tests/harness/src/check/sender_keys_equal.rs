//! What a member encrypts next for a group, every device reads that it counts among the holders of its key.
//!
//! A probe like that of `sessions_equal`: with copies of what is stored, the next message of each client in each
//! group is encrypted as it would be, and must open at each device that would not be handed the key with it. A key
//! that is to be replaced before the next message is not probed.

use bytes::Bytes;
use prost::Message as _;
use sanswire::directory::holders::Holders;
use sanswire::signal::{Draw, SenderKeyRecord, group_decrypt, group_encrypt};
use sanswire::wire::{Jid, OwnedJid};
use sanswire::{Table, read_sender_keys};
use sanswire_proto::records::{SenderKeyRecord as Stored, SharedKey, StoreMeta};

use super::Broken;
use super::facts::is_active;
use super::sessions_equal::{one, rows};
use crate::seed::Seed;
use crate::server::DeviceRef;
use crate::world::{Who, World};

/// Checks every client's own key in every group that it is in.
#[must_use]
pub fn sender_keys_equal(world: &World) -> Vec<Broken> {
    let active: Vec<(Who, DeviceRef)> = world
        .everybody()
        .filter(|who| is_active(world, *who))
        .filter_map(|who| Some((who, world.device(who)?)))
        .collect();
    let mut details = Vec::new();
    let mut drawn = Drawn(Seed::new([0x6e; 32]));
    for (who, device) in &active {
        for (group, shared) in shared_keys(world, *who) {
            let members = world.server.group_members(&group);
            if shared.stale() || !members.contains(&device.account) {
                continue;
            }
            let Some(own) = own_key(world, *who, *device, &group, &shared) else { continue };
            let mut near = own.clone();
            let Ok(sealed) = group_encrypt(&mut near, PROBE, &mut drawn) else { continue };
            let holders = Holders::decode(shared.holders.as_deref().unwrap_or_default()).unwrap_or_default();
            let readers = active.iter().filter(|(_, at)| at != device && members.contains(&at.account));
            for (reader, at) in readers.filter(|(reader, _)| holds(world, &holders, *reader)) {
                if !reads(world, *reader, *device, &group, &sealed) {
                    let (from, to) = (&world[*who].name, &world[*reader].name);
                    details.push(format!(
                        "what {from} {device:?} writes next to {group}, {to} {at:?} cannot read"
                    ));
                }
            }
        }
    }
    details.into_iter().map(|detail| Broken { rule: "sender_keys_equal", detail }).collect()
}

/// Who has a client's key, by group.
fn shared_keys(world: &World, who: Who) -> Vec<(OwnedJid, SharedKey)> {
    let read = |(key, record): (Vec<u8>, Bytes)| {
        let group = Jid::parse(core::str::from_utf8(&key).ok()?).ok()?.into_owned();
        Some((group, SharedKey::decode(record.slice(1..)).ok()?))
    };
    let all = rows(&world[who].storage, Table::SharedKey);
    all.into_iter().filter_map(read).filter(|(group, _)| group.is_group()).collect()
}

/// The sender keys of a device in a group that a client holds, with the epochs in which they were written.
fn keys_of(world: &World, who: Who, of: DeviceRef, group: &OwnedJid) -> Vec<(SenderKeyRecord, u32)> {
    let prefix = format!("{group}\0");
    let read = |(key, record): (Vec<u8>, Bytes)| {
        let name = core::str::from_utf8(key.strip_prefix(prefix.as_bytes())?).ok()?;
        let device = world.server.device_named(&Jid::parse(name).ok()?)?;
        let epoch = Stored::decode(record.slice(1..)).ok()?.epoch();
        (device == of).then_some((read_sender_keys(record).ok()?, epoch))
    };
    rows(&world[who].storage, Table::SenderKey).into_iter().filter_map(read).collect()
}

/// The key that the next message would be encrypted with, if it is the one that the others have.
fn own_key(
    world: &World,
    who: Who,
    device: DeviceRef,
    group: &OwnedJid,
    shared: &SharedKey,
) -> Option<SenderKeyRecord> {
    let now = one::<StoreMeta>(&world[who].storage, Table::Meta, b"store")?.epoch();
    let all = keys_of(world, who, device, group);
    let usable = all.into_iter().filter(|(_, epoch)| *epoch >= now).map(|(record, _)| record);
    usable.into_iter().find(|record| record.distribution().ok().map(|key| key.id) == shared.key_id)
}

/// Whether a client's device is counted among the holders, under either name.
fn holds(world: &World, holders: &Holders, reader: Who) -> bool {
    let (pn, lid) = world.addresses(reader);
    holders.has(&pn) || holders.has(&lid)
}

fn reads(world: &World, reader: Who, from: DeviceRef, group: &OwnedJid, sealed: &[u8]) -> bool {
    let held = keys_of(world, reader, from, group);
    held.into_iter().any(|(mut record, _)| group_decrypt(&mut record, sealed).is_ok_and(|read| read == PROBE))
}

struct Drawn(Seed);

impl Draw for Drawn {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.bytes()
    }
}

/// A padded plaintext.
const PROBE: &[u8] = b"probe\x01";
