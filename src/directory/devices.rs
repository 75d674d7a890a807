//! The devices of users: stored lists, the query for missing ones, and the notifications that change them.
//! Reference 05 §2, 02 §7.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use sanswire_proto::records::{Device, DeviceList};

use super::adv::{AdvError, Freshness, KeyIndexList};
use super::usync::{self, ListedDevice, UserDevices};
use super::{lid, sessions};
use crate::engine::{Continuation, Outcome, Stop, Turn, Work};
use crate::error::OpError;
use crate::limits::{DEVICES_PER_USER, UNREACHABLE_S, USERS_PER_QUERY};
use crate::records::{Record, Table};
use crate::wire::{Jid, OwnedJid};

impl Record for DeviceList {
    const TABLE: Table = Table::Devices;
}

/// The device numbers of a user that can be encrypted to, or `None` when they have to be asked for.
pub(crate) fn known(cx: &mut Turn<'_>, user: &Jid<'_>) -> Result<Option<Vec<u16>>, Stop> {
    let list = cx.get::<DeviceList>(&key(user))?;
    Ok(usable(cx, list))
}

/// The device numbers of several users, loaded at once; of those that the server has no devices for, none.
pub(crate) fn known_all(cx: &mut Turn<'_>, users: &[OwnedJid]) -> Result<Vec<Option<Vec<u16>>>, Stop> {
    let lists = cx.get_all::<DeviceList>(users.iter().map(|user| key(user)))?;
    let now = cx.now.mono;
    let unlisted = |user: &OwnedJid| cx.memory.unlisted.get(user).is_some_and(|until| *until > now);
    let known = users.iter().zip(lists);
    Ok(known.map(|(user, list)| usable(cx, list).or_else(|| unlisted(user).then(Vec::new))).collect())
}

fn usable(cx: &Turn<'_>, list: Option<DeviceList>) -> Option<Vec<u16>> {
    // What was told since an older copy of the storage was made is not in it.
    let list = list.filter(|list| list.epoch() >= cx.memory.epoch && !list.outdated())?;
    let usable = |device: &Device| {
        let id = device.id.and_then(|id| u16::try_from(id).ok())?;
        (id == 0 || (device.key_index.is_some() && !device.hosted.unwrap_or(false))).then_some(id)
    };
    Some(list.devices.iter().filter_map(usable).collect())
}

/// A stored list is not used any more: the next send asks again. What tells an older signed list from a newer one,
/// and a new registration from the same one, stays. Reference 02 §7.2.
pub(crate) fn forget(cx: &mut Turn<'_>, user: &Jid<'_>) -> Result<(), Stop> {
    let Some(list) = cx.get::<DeviceList>(&key(user))? else { return Ok(()) };
    match list.raw_id {
        Some(_) => save(cx, user, &DeviceList { outdated: Some(true), ..list }),
        None => erase(cx, user),
    }
    Ok(())
}

/// The same for several users, loaded at once.
pub(crate) fn forget_all(cx: &mut Turn<'_>, users: &[OwnedJid]) -> Result<(), Stop> {
    cx.prefetch(&users.iter().map(|user| (Table::Devices, key(user))).collect::<Vec<_>>())?;
    users.iter().try_for_each(|user| forget(cx, user))
}

/// Removes a stored list, and with it what was known of its registration.
pub(super) fn erase(cx: &mut Turn<'_>, user: &Jid<'_>) {
    cx.delete(Table::Devices, &key(user));
}

/// Asks for the lists of users, unless that is being done already; the outbox goes on with the answer.
pub(crate) fn ask(cx: &mut Turn<'_>, users: &[OwnedJid]) {
    let asking = &cx.memory.asking_devices;
    let wanted: Vec<OwnedJid> = users.iter().filter(|user| !asking.contains(*user)).cloned().collect();
    if wanted.is_empty() {
        return;
    }
    for chunk in wanted.chunks(USERS_PER_QUERY) {
        let users = chunk.to_vec();
        let sid = cx.new_id();
        let iq = usync::build_devices_query(&users, sid);
        let marked = users.clone();
        cx.remember(move |memory| memory.asking_devices.extend(marked));
        cx.ask(iq, cx.config.timing.query(), Arc::new(Answered { users }));
    }
}

#[derive(Debug)]
struct Answered {
    users: Vec<OwnedJid>,
}

impl Continuation for Answered {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let users = self.users.clone();
        cx.remember(move |memory| memory.asking_devices.retain(|user| !users.contains(user)));
        let answer = match outcome {
            Outcome::Result(document) => usync::parse_devices(document.root())?,
            // The outbox looks again on the next connection.
            Outcome::Disconnected => return Ok(()),
            failed => {
                cx.schedule(Work::FailSends(self.users.clone(), failed.error()));
                return Ok(());
            }
        };
        prefetch(cx, &answer)?;
        for listed in &answer {
            store(cx, listed)?;
        }
        let listed: BTreeSet<&OwnedJid> =
            answer.iter().filter(|found| found.devices.is_some()).map(|found| &found.user).collect();
        let unknown: Vec<OwnedJid> =
            self.users.iter().filter(|user| !listed.contains(user)).cloned().collect();
        if !unknown.is_empty() {
            let (now, without) = (cx.now.mono, unknown.clone());
            let until = now.after(Duration::from_secs(UNREACHABLE_S));
            cx.remember(move |memory| {
                memory.unlisted.retain(|_, until| *until > now);
                memory.unlisted.extend(without.into_iter().map(|user| (user, until)));
            });
            cx.schedule(Work::FailSends(unknown, OpError::NoDevice));
        }
        cx.schedule(Work::Wake);
        Ok(())
    }
}

/// Loads at once what storing these lists reads: a turn that lacks a record runs again from its start.
fn prefetch(cx: &mut Turn<'_>, answer: &[UserDevices]) -> Result<(), Stop> {
    cx.prefetch(&answer.iter().map(|listed| lid::record_key(&listed.user)).collect::<Vec<_>>())?;
    let mut names = Vec::with_capacity(answer.len() * 2);
    for listed in answer {
        names.push(listed.user.clone());
        let other = match &listed.lid {
            Some(lid) if listed.user.is_pn() => Some(lid.bare().into_owned()),
            _ => lid::other_name(cx, &listed.user)?,
        };
        names.extend(other);
    }
    let mut wanted: Vec<_> = names.iter().map(|name| (Table::Devices, key(name))).collect();
    wanted.extend(names.iter().flat_map(sessions::record_keys));
    cx.prefetch(&wanted)
}

/// Stores what the server says about one user, also under the LID that came with it.
fn store(cx: &mut Turn<'_>, listed: &UserDevices) -> Result<(), Stop> {
    if let Some(lid) = &listed.lid {
        lid::learn(cx, &listed.user, lid)?;
    }
    let Some(devices) = &listed.devices else { return Ok(()) };
    let other = lid::other_name(cx, &listed.user)?;
    let names: Vec<OwnedJid> = core::iter::once(listed.user.clone()).chain(other).collect();
    let index = match &listed.key_index_list {
        Some(bytes) => accepted(cx, &listed.user, bytes)?,
        None => None,
    };
    for name in &names {
        let stored = cx.get::<DeviceList>(&key(name))?;
        put_list(cx, name, devices, index.as_ref(), stored.as_ref())?;
    }
    Ok(())
}

/// The signed key-index list, unless it is unreadable or its signature is wrong.
pub(super) fn accepted(
    cx: &mut Turn<'_>,
    user: &Jid<'_>,
    bytes: &[u8],
) -> Result<Option<KeyIndexList>, Stop> {
    let Ok(list) = KeyIndexList::decode(bytes) else { return Ok(None) };
    let address = sessions::address_of(cx, &user.bare())?;
    let known = sessions::identity(cx, &address)?;
    Ok(match list.verify(known.as_ref()) {
        Ok(()) | Err(AdvError::NoAccountKey) => Some(list),
        Err(_) => None,
    })
}

pub(super) fn put_list(
    cx: &mut Turn<'_>,
    user: &OwnedJid,
    devices: &[ListedDevice],
    index: Option<&KeyIndexList>,
    stored: Option<&DeviceList>,
) -> Result<(), Stop> {
    let before = stored.and_then(|list| Some((list.raw_id?, list.timestamp.unwrap_or(0))));
    let index = match index.map(|list| (list, list.freshness(before))) {
        Some((list, Freshness::Reregistered)) => {
            forget_companions(cx, user, stored)?;
            Some(list)
        }
        Some((list, Freshness::Current)) => Some(list),
        Some((_, Freshness::Stale)) | None => None,
    };
    let linked = |device: &&ListedDevice| index.is_none_or(|list| list.retains(device.id, device.key_index));
    let record = DeviceList {
        raw_id: index.map(|list| list.raw_id).or_else(|| stored.and_then(|list| list.raw_id)),
        timestamp: index.map(|list| list.timestamp_s).or_else(|| stored.and_then(|list| list.timestamp)),
        devices: devices.iter().filter(linked).take(DEVICES_PER_USER).map(to_record).collect(),
        fetched_unix_s: Some(cx.now.unix.seconds()),
        epoch: Some(cx.memory.epoch).filter(|epoch| *epoch > 0),
        ..DeviceList::default()
    };
    cx.put(&key(user), &record);
    Ok(())
}

/// The account was registered anew: its old companions and their sessions are gone. Reference 05 §2.4.
pub(super) fn forget_companions(
    cx: &mut Turn<'_>,
    user: &OwnedJid,
    stored: Option<&DeviceList>,
) -> Result<(), Stop> {
    for device in stored.into_iter().flat_map(|list| &list.devices) {
        let Some(id) = device.id.and_then(|id| u16::try_from(id).ok()).filter(|id| *id != 0) else {
            continue;
        };
        let address = sessions::address_of(cx, &user.with_device(id))?;
        sessions::forget(cx, &address);
        sessions::forget_identity(cx, &address);
    }
    Ok(())
}

/// The stored list of a user, unless an older copy of the storage was put back since it was written.
pub(super) fn stored(cx: &mut Turn<'_>, user: &Jid<'_>) -> Result<Option<DeviceList>, Stop> {
    let epoch = cx.memory.epoch;
    Ok(cx.get::<DeviceList>(&key(user))?.filter(|list| list.epoch() >= epoch))
}

/// Stores a list.
pub(super) fn save(cx: &mut Turn<'_>, user: &Jid<'_>, list: &DeviceList) {
    cx.put(&key(user), list);
}

pub(super) fn to_record(device: &ListedDevice) -> Device {
    Device { id: Some(u32::from(device.id)), key_index: device.key_index, hosted: Some(device.hosted) }
}

fn key(user: &Jid<'_>) -> Vec<u8> {
    user.bare().text().into_bytes()
}
