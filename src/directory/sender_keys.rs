//! Sender keys as records: those of members under their device's address, our own among them, and the set of
//! devices that have ours. Reference 04 §7, 05 §5.

use alloc::string::ToString;
use alloc::vec::Vec;

use sanswire_proto::records::{SenderKeyRecord as Stored, SharedKey};

use super::holders::Holders;
use super::{lid, sessions};
use crate::engine::{Stop, Turn};
use crate::limits::SHARED_GROUPS_PER_SCAN;
use crate::records::{Record, Table, sender_key};
use crate::signal::SenderKeyRecord;
use crate::wire::{Jid, OwnedJid};

impl Record for SharedKey {
    const TABLE: Table = Table::SharedKey;
}

/// The sender keys of a device in a group, none when nothing readable is stored. What was stored under the device's
/// number moves to its LID, unless there is something already.
pub(crate) fn load(cx: &mut Turn<'_>, group: &Jid<'_>, address: &Jid<'_>) -> Result<SenderKeyRecord, Stop> {
    let key = key(group, address);
    let (found, _) = read(cx, &key)?;
    if !found.states().is_empty() || !address.is_lid() {
        return Ok(found);
    }
    let Some(number) = lid::pn_of(cx, address)? else { return Ok(found) };
    let old = self::key(group, &number.with_device(address.device()));
    let (moved, epoch) = read(cx, &old)?;
    if !moved.states().is_empty() {
        cx.put(&key, &Stored { epoch, ..sender_key::sender_key_to(&moved) });
        cx.delete(Table::SenderKey, &old);
    }
    Ok(moved)
}

/// The address of a device of the same user that handed out the key with this id: the `participant` of a message may
/// lack the device that its key came with. Looks at what is stored, not at what this turn wrote.
pub(crate) fn find(
    cx: &mut Turn<'_>,
    group: &Jid<'_>,
    address: &Jid<'_>,
    key_id: u32,
) -> Result<Option<(OwnedJid, SenderKeyRecord)>, Stop> {
    let prefix = [group.to_string().as_bytes(), b"\0", address.user().as_bytes()].concat();
    for (key, value) in cx.scan(Table::SenderKey, &prefix, OTHER_DEVICES)? {
        let Some(rest) = key.strip_prefix(prefix.as_slice()) else { break };
        let name = core::str::from_utf8(key.get(prefix.len() - address.user().len()..).unwrap_or_default());
        let device = name.ok().and_then(|name| Jid::parse(name).ok()).map(Jid::into_owned);
        let Some(device) = device.filter(|device| device.same_user(address) && !rest.is_empty()) else {
            continue;
        };
        let Ok(stored) = Stored::from_record(value) else { continue };
        let Ok(record) = sender_key::sender_key_from(&stored) else { continue };
        if record.knows(key_id) {
            return Ok(Some((device, record)));
        }
    }
    Ok(None)
}

/// Stores the sender keys of a device in a group.
pub(crate) fn save(cx: &mut Turn<'_>, group: &Jid<'_>, address: &Jid<'_>, record: &SenderKeyRecord) {
    let epoch = Some(cx.memory.epoch).filter(|epoch| *epoch > 0);
    cx.put(&key(group, address), &Stored { epoch, ..sender_key::sender_key_to(record) });
}

/// Our own sender key of a group under one of our device's names; none when it was written before an older copy of
/// the storage was put back: it may have been used further than it says.
pub(crate) fn own(cx: &mut Turn<'_>, group: &Jid<'_>, me: &Jid<'_>) -> Result<Option<SenderKeyRecord>, Stop> {
    let (record, epoch) = read(cx, &key(group, me))?;
    let usable = epoch.unwrap_or(0) >= cx.memory.epoch && record.distribution().is_ok();
    Ok(usable.then_some(record))
}

/// Who has our sender key of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    /// The key that they have.
    pub(crate) key_id: Option<u32>,
    /// The devices that have it.
    pub(crate) holders: Holders,
    /// A new key is due.
    pub(crate) stale: bool,
}

/// Who has our sender key of a group; what cannot be read makes a new key due.
pub(crate) fn shared(cx: &mut Turn<'_>, group: &Jid<'_>) -> Result<Shared, Stop> {
    let stored = match cx.get::<SharedKey>(&group_key(group)) {
        Ok(stored) => stored.unwrap_or_default(),
        Err(Stop::Record(_)) => return Ok(Shared { stale: true, ..Shared::default() }),
        Err(stop) => return Err(stop),
    };
    let holders = Holders::decode(stored.holders.as_deref().unwrap_or_default());
    Ok(Shared {
        key_id: stored.key_id,
        stale: stored.stale.unwrap_or(false) || holders.is_none(),
        holders: holders.unwrap_or_default(),
    })
}

/// Stores who has our sender key of a group.
pub(crate) fn save_shared(cx: &mut Turn<'_>, group: &Jid<'_>, shared: &Shared) {
    let record = SharedKey {
        key_id: shared.key_id,
        holders: (!shared.holders.is_empty()).then(|| shared.holders.encode().into()),
        stale: shared.stale.then_some(true),
    };
    cx.put(&group_key(group), &record);
}

/// Somebody left a group: the next message there has a new key, which they do not get.
pub(crate) fn retire(cx: &mut Turn<'_>, group: &Jid<'_>) -> Result<(), Stop> {
    if cx.get::<SharedKey>(&group_key(group))?.is_some() {
        let shared = shared(cx, group)?;
        if !shared.stale {
            save_shared(cx, group, &Shared { stale: true, ..shared });
        }
    }
    Ok(())
}

/// A user was set up anew: in every group where they have our key, a new one is due. Gives where to go on, when
/// there are more groups than are looked at in one turn.
pub(crate) fn retire_for(cx: &mut Turn<'_>, user: &Jid<'_>, from: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
    let rows = cx.scan(Table::SharedKey, from, SHARED_GROUPS_PER_SCAN)?;
    let other = lid::other_name(cx, user)?;
    let full = rows.len() >= SHARED_GROUPS_PER_SCAN as usize;
    let next = rows.last().filter(|_| full).map(|(key, _)| [key.as_slice(), &[0]].concat());
    for (key, value) in rows {
        let Ok(mut stored) = SharedKey::from_record(value) else { continue };
        let holders = Holders::decode(stored.holders.as_deref().unwrap_or_default()).unwrap_or_default();
        if holders.has_user(user) || other.as_ref().is_some_and(|other| holders.has_user(other)) {
            stored.stale = Some(true);
            cx.put(&key, &stored);
        }
    }
    Ok(next)
}

/// A device asked for a message again: it gets our key with the next message.
pub(crate) fn unshare(cx: &mut Turn<'_>, group: &Jid<'_>, device: &Jid<'_>) -> Result<(), Stop> {
    let mut shared = shared(cx, group)?;
    let other = lid::other_name(cx, device)?;
    let mut removed = shared.holders.remove(device);
    if let Some(other) = other {
        removed |= shared.holders.remove(&other.with_device(device.device()));
    }
    if removed {
        save_shared(cx, group, &shared);
    }
    Ok(())
}

/// Where it is stored who has our sender key of a group.
pub(crate) fn shared_key(group: &Jid<'_>) -> (Table, Vec<u8>) {
    (Table::SharedKey, group_key(group))
}

/// Where the sender keys of a sender in a group are looked for first.
pub(crate) fn record_key(group: &Jid<'_>, address: &Jid<'_>) -> (Table, Vec<u8>) {
    (Table::SenderKey, key(group, address))
}

/// The address under which a device's sender keys are kept: that of its session.
pub(crate) fn address_of(cx: &mut Turn<'_>, device: &Jid<'_>) -> Result<OwnedJid, Stop> {
    sessions::address_of(cx, device)
}

fn read(cx: &mut Turn<'_>, key: &[u8]) -> Result<(SenderKeyRecord, Option<u32>), Stop> {
    match cx.get::<Stored>(key) {
        Ok(None) => Ok((SenderKeyRecord::new(), None)),
        Ok(Some(stored)) => Ok((sender_key::sender_key_from(&stored).unwrap_or_default(), stored.epoch)),
        // An unreadable record is as good as none: the sender hands the key out again.
        Err(Stop::Record(_)) => Ok((SenderKeyRecord::new(), None)),
        Err(stop) => Err(stop),
    }
}

fn key(group: &Jid<'_>, address: &Jid<'_>) -> Vec<u8> {
    [group.to_string().as_bytes(), b"\0", address.to_string().as_bytes()].concat()
}

fn group_key(group: &Jid<'_>) -> Vec<u8> {
    group.to_string().into_bytes()
}

/// Devices of one user whose keys are looked through.
const OTHER_DEVICES: u32 = 32;
