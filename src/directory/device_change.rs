//! What notifications say about users' devices, applied to the stored lists. Reference 05 §2.3, §2.4, 02 §7.2.

use alloc::vec::Vec;

use sanswire_proto::records::{Device, DeviceList};

use super::adv::{Freshness, KeyIndexList};
use super::usync::ListedDevice;
use super::{devices, lid, sessions};
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, DeviceChange};
use crate::limits::DEVICES_PER_USER;
use crate::wire::{Jid, NodeRef, OwnedJid, participant_hash};

/// What a notification says, once it holds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whose devices.
    pub(crate) user: OwnedJid,
    /// The user's other address.
    pub(crate) alt: Option<OwnedJid>,
    /// What happened.
    pub(crate) kind: DeviceChange,
    /// To which.
    pub(crate) devices: Vec<u16>,
}

impl Change {
    /// As an event.
    pub(crate) fn event(self) -> ContactEvent {
        let Self { user, alt, kind, devices } = self;
        ContactEvent::Devices { jid: user, alt, change: kind, devices }
    }
}

/// `<notification type=devices>`: the stored list follows if it comes out as the server says; otherwise it is dropped,
/// and asked for with the next message. `None` for one that makes no sense.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<Option<Change>, Stop> {
    let Some(user) = node.get_jid("from").map(|from| from.bare().into_owned()) else { return Ok(None) };
    if let Some(lid) = node.get_jid("lid").filter(|lid| lid.is_lid() && user.is_pn()) {
        lid::learn(cx, &user, &lid)?;
    }
    let alt = lid::other_name(cx, &user)?;
    let found = [("remove", DeviceChange::Removed), ("add", DeviceChange::Added)]
        .into_iter()
        .find_map(|(tag, kind)| Some((node.find(tag)?, kind)));
    let Some((operation, kind)) = found else {
        if !node.find("update").is_some_and(|update| update.has("hash")) {
            return Ok(None);
        }
        drop_both(cx, &user, alt.as_ref())?;
        return Ok(Some(Change { user, alt, kind: DeviceChange::Updated, devices: Vec::new() }));
    };
    let Some(list) = operation.find("key-index-list") else { return Ok(None) };
    let Some(listed) = devices_of(operation, &user) else { return Ok(None) };
    if kind == DeviceChange::Removed && list.get_u64("ts").is_none_or(|at| at == 0) {
        return Ok(None);
    }
    let index = match list.content_bytes().filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => devices::accepted(cx, &user, &bytes)?,
        None => None,
    };
    for name in core::iter::once(&user).chain(&alt) {
        let attr =
            if name.is_lid() && operation.has("device_lid_hash") { "device_lid_hash" } else { "device_hash" };
        let hash = operation.get(attr).filter(|_| name == &user || attr == "device_lid_hash");
        apply(cx, name, kind, &listed, hash.as_deref(), index.as_ref())?;
    }
    if kind == DeviceChange::Removed {
        for device in listed.iter().filter(|device| device.id != 0) {
            let address = sessions::address_of(cx, &user.with_device(device.id).into_owned())?;
            sessions::forget(cx, &address);
            sessions::forget_identity(cx, &address);
        }
    }
    let devices = listed.iter().map(|device| device.id).collect();
    Ok(Some(Change { user, alt, kind, devices }))
}

/// `<devices>` of `account_sync`: all devices of this account. They replace the stored list if they come out as the
/// server says; otherwise it is dropped.
pub(crate) fn own_replaced(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<Option<Change>, Stop> {
    let Some(me) = cx.memory.me.clone() else { return Ok(None) };
    let user = me.pn.bare().into_owned();
    let alt = me.lid.as_ref().map(|lid| lid.bare().into_owned());
    let listed = devices_of(node, &user).unwrap_or_default();
    let all: Vec<OwnedJid> = listed.iter().map(|device| user.with_device(device.id).into_owned()).collect();
    let hash = participant_hash(all.iter());
    let told = node.get("dhash");
    if listed.is_empty() || told.as_deref().is_some_and(|told| told != hash) {
        drop_both(cx, &user, alt.as_ref())?;
    } else {
        let bytes = node.find("key-index-list").and_then(|list| list.content_bytes());
        let index = match bytes.filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => devices::accepted(cx, &user, &bytes)?,
            None => None,
        };
        for name in core::iter::once(&user).chain(&alt) {
            let stored = devices::stored(cx, name)?;
            devices::put_list(cx, name, &listed, index.as_ref(), stored.as_ref())?;
        }
    }
    let devices = listed.iter().map(|device| device.id).collect();
    Ok(Some(Change { user, alt, kind: DeviceChange::Replaced, devices }))
}

/// The devices that an operation names; `None` when one belongs to somebody else, or its two addresses differ.
fn devices_of(operation: NodeRef<'_>, user: &Jid<'_>) -> Option<Vec<ListedDevice>> {
    let mut found: Vec<ListedDevice> = Vec::new();
    for node in operation.find_all("device").take(DEVICES_PER_USER) {
        let jid = node.get_jid("jid")?;
        let lid = node.get_jid("lid");
        if jid.user() != user.user() || lid.is_some_and(|lid| lid.device() != jid.device()) {
            return None;
        }
        if found.iter().any(|known| known.id == jid.device()) {
            continue;
        }
        let key_index = node.get_u64("key-index").and_then(|index| u32::try_from(index).ok());
        found.push(ListedDevice { id: jid.device(), key_index, hosted: jid.is_hosted() });
    }
    (!found.is_empty()).then_some(found)
}

fn apply(
    cx: &mut Turn<'_>,
    name: &OwnedJid,
    kind: DeviceChange,
    listed: &[ListedDevice],
    hash: Option<&str>,
    index: Option<&KeyIndexList>,
) -> Result<(), Stop> {
    let stored = devices::stored(cx, name)?.filter(|list| !list.outdated());
    let Some(mut list) = stored else { return Ok(()) };
    let before = list.raw_id.map(|raw_id| (raw_id, list.timestamp.unwrap_or(0)));
    let fresh = index.map(|index| (index, index.freshness(before)));
    if let Some((_, Freshness::Reregistered)) = fresh {
        devices::forget_companions(cx, name, Some(&list))?;
        devices::erase(cx, name);
        return Ok(());
    }
    let named = |device: &Device| listed.iter().any(|one| device.id == Some(u32::from(one.id)));
    list.devices.retain(|device| !named(device));
    if kind == DeviceChange::Added {
        list.devices.extend(listed.iter().map(devices::to_record));
    }
    if let Some((index, Freshness::Current)) = fresh {
        let number = |device: &Device| device.id.and_then(|id| u16::try_from(id).ok());
        list.devices.retain(|device| number(device).is_some_and(|id| index.retains(id, device.key_index)));
        (list.raw_id, list.timestamp) = (Some(index.raw_id), Some(index.timestamp_s));
    }
    list.devices.sort_by_key(|device| device.id);
    if hash.is_some_and(|hash| hash != hash_of(name, &list)) || list.devices.len() > DEVICES_PER_USER {
        devices::forget(cx, name)?;
    } else {
        devices::save(cx, name, &list);
    }
    Ok(())
}

fn hash_of(name: &OwnedJid, list: &DeviceList) -> alloc::string::String {
    let ids = list.devices.iter().filter_map(|device| u16::try_from(device.id?).ok());
    let jids: Vec<OwnedJid> = ids.map(|id| name.with_device(id).into_owned()).collect();
    participant_hash(jids.iter())
}

fn drop_both(cx: &mut Turn<'_>, user: &OwnedJid, alt: Option<&OwnedJid>) -> Result<(), Stop> {
    core::iter::once(user).chain(alt).try_for_each(|name| devices::forget(cx, name))
}
