//! The devices of users: stored lists, the query for missing ones, and the notifications that change them.
//! Reference 05 §2, 02 §7.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sanswire_proto::records::{Device, DeviceList};

use super::adv::{AdvError, Freshness, KeyIndexList};
use super::usync::{self, ListedDevice, UserDevices};
use super::{lid, sessions};
use crate::engine::{Continuation, Outcome, Stop, Turn, Work};
use crate::error::OpError;
use crate::limits::DEVICES_PER_USER;
use crate::records::{Record, Table};
use crate::stanza::parse;
use crate::wire::{Jid, NodeRef, OwnedJid};

impl Record for DeviceList {
    const TABLE: Table = Table::Devices;
}

/// The device numbers of a user that can be encrypted to, or `None` when they have to be asked for.
pub(crate) fn known(cx: &mut Turn<'_>, user: &Jid<'_>) -> Result<Option<Vec<u16>>, Stop> {
    let list = cx.get::<DeviceList>(&key(user))?;
    // What was told since an older copy of the storage was made is not in it.
    let Some(list) = list.filter(|list| list.epoch() >= cx.memory.epoch) else { return Ok(None) };
    let usable = |device: &Device| {
        let id = device.id.and_then(|id| u16::try_from(id).ok())?;
        (id == 0 || (device.key_index.is_some() && !device.hosted.unwrap_or(false))).then_some(id)
    };
    Ok(Some(list.devices.iter().filter_map(usable).collect()))
}

/// Drops a stored list: the next send asks again.
pub(crate) fn forget(cx: &mut Turn<'_>, user: &Jid<'_>) {
    cx.delete(Table::Devices, &key(user));
}

/// Asks for the lists of users, unless that is being done already; the outbox goes on with the answer.
pub(crate) fn ask(cx: &mut Turn<'_>, users: &[OwnedJid]) {
    let asking = &cx.memory.asking_devices;
    let wanted: Vec<OwnedJid> = users.iter().filter(|user| !asking.contains(*user)).cloned().collect();
    if wanted.is_empty() {
        return;
    }
    let sid = cx.new_id();
    let iq = usync::build_devices_query(&wanted, sid);
    let marked = wanted.clone();
    cx.remember(move |memory| memory.asking_devices.extend(marked));
    cx.ask(iq, cx.config.timing.query(), Arc::new(Answered { users: wanted }));
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
        for listed in &answer {
            store(cx, listed)?;
        }
        let listed =
            |user: &&OwnedJid| answer.iter().any(|found| found.user == **user && found.devices.is_some());
        let unknown: Vec<OwnedJid> = self.users.iter().filter(|user| !listed(user)).cloned().collect();
        if !unknown.is_empty() {
            cx.schedule(Work::FailSends(unknown, OpError::NoDevice));
        }
        cx.schedule(Work::Wake);
        Ok(())
    }
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
fn accepted(cx: &mut Turn<'_>, user: &Jid<'_>, bytes: &[u8]) -> Result<Option<KeyIndexList>, Stop> {
    let Ok(list) = KeyIndexList::decode(bytes) else { return Ok(None) };
    let address = sessions::address_of(cx, &user.bare())?;
    let known = sessions::identity(cx, &address)?;
    Ok(match list.verify(known.as_ref()) {
        Ok(()) | Err(AdvError::NoAccountKey) => Some(list),
        Err(_) => None,
    })
}

fn put_list(
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
fn forget_companions(cx: &mut Turn<'_>, user: &OwnedJid, stored: Option<&DeviceList>) -> Result<(), Stop> {
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

/// `<notification type=devices>`: a contact's device came or went. The list is asked for again with the next
/// send, which also checks the signed key-index list. Reference 05 §2.3.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "notification", "from")?.bare().into_owned();
    if let Some(lid) = node.get_jid("lid").filter(|lid| lid.is_lid() && from.is_pn()) {
        lid::learn(cx, &from, &lid)?;
    }
    forget_both(cx, &from)
}

/// `<notification type=account_sync>`: with `<devices>`, the list of own devices changed; other children are
/// settings that this version does not keep. Reference 02 §7.2.
pub(crate) fn own_notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let me = cx.memory.me.clone();
    match me.filter(|_| node.find("devices").is_some()) {
        Some(me) => forget_both(cx, &me.pn.bare().into_owned()),
        None => Ok(()),
    }
}

fn forget_both(cx: &mut Turn<'_>, user: &OwnedJid) -> Result<(), Stop> {
    forget(cx, user);
    if let Some(other) = lid::other_name(cx, user)? {
        forget(cx, &other);
    }
    Ok(())
}

fn to_record(device: &ListedDevice) -> Device {
    Device { id: Some(u32::from(device.id)), key_index: device.key_index, hosted: Some(device.hosted) }
}

fn key(user: &Jid<'_>) -> Vec<u8> {
    user.bare().to_string().into_bytes()
}
