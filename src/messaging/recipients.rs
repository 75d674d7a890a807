//! Which devices a message goes to, and under which of their names. Reference 05 §2, §5, §6.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use sanswire_proto::records::OutboxEntry;

use crate::directory::{devices, lid};
use crate::engine::{Stop, Turn};
use crate::groups::cache as groups;
use crate::limits::HOLDERS_MAX;
use crate::wire::{Jid, OwnedJid};

/// The outcome of looking.
pub(super) enum Found<T> {
    /// These.
    Known(T),
    /// The server was asked, now or before, about these; the outbox wakes up with the answers.
    Asked(Vec<OwnedJid>),
}

/// Devices and addresses, all in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    /// Where the stanza goes, without device.
    pub(super) destination: OwnedJid,
    /// This account there, without device.
    pub(super) me: OwnedJid,
    /// The recipient's number, when the stanza goes to the LID.
    pub(super) number: Option<OwnedJid>,
    /// A note to self: it goes to our other devices only.
    pub(super) to_self: bool,
    /// Devices of the recipient; empty for a note to self.
    pub(super) theirs: Vec<OwnedJid>,
    /// Other devices of ours.
    pub(super) ours: Vec<OwnedJid>,
}

/// Where a message to a chat goes, and the name of this account there, both without device. A known LID is preferred,
/// and then both are LIDs: mixed envelopes are refused. `None` before pairing.
pub(super) fn addressing(cx: &mut Turn<'_>, chat: &OwnedJid) -> Result<Option<(OwnedJid, OwnedJid)>, Stop> {
    let Some(me) = cx.memory.me.clone() else { return Ok(None) };
    let lid = match chat {
        user if user.is_lid() => Some(user.bare().into_owned()),
        user if user.is_pn() => lid::lid_of(cx, user)?,
        // Groups are LID-addressed unless they are old; the status and channels know no other names.
        group if group.is_group() && groups::is_by_number(cx, group)? => None,
        other => Some(other.bare().into_owned()),
    };
    Ok(Some(match (lid, &me.lid) {
        (Some(there), Some(own)) => (there, own.bare().into_owned()),
        _ => (chat.bare().into_owned(), me.pn.bare().into_owned()),
    }))
}

/// Looks up the devices of a chat's user and of ourselves.
pub(super) fn resolve(cx: &mut Turn<'_>, chat: &OwnedJid) -> Result<Found<Addressed>, Stop> {
    let Some((destination, own_user)) = addressing(cx, chat)? else { return Ok(Found::Asked(Vec::new())) };
    let own_device = cx.memory.me.as_ref().map_or(0, |me| me.pn.device());
    let number = if destination.is_lid() { lid::pn_of(cx, &destination)? } else { None };
    let to_self = own_user == destination;
    let theirs = match (to_self, destination.is_bot()) {
        (true, _) => Some(Vec::new()),
        // A bot is its own only device, and never asked for. Reference 05 §2.2.
        (false, true) => Some(alloc::vec![0]),
        (false, false) => devices::known(cx, &destination)?,
    };
    let ours = devices::known(cx, &own_user)?;
    let (Some(theirs), Some(ours)) = (&theirs, &ours) else {
        let mut users = Vec::new();
        if theirs.is_none() {
            users.push(destination);
        }
        if ours.is_none() {
            users.push(own_user);
        }
        devices::ask(cx, &users);
        return Ok(Found::Asked(users));
    };
    Ok(Found::Known(Addressed {
        to_self,
        theirs: theirs.iter().map(|id| device(&destination, *id)).collect(),
        ours: ours.iter().filter(|id| **id != own_device).map(|id| device(&own_user, *id)).collect(),
        destination,
        me: own_user,
        number,
    }))
}

/// Everybody who gets what is sent to a group or to the status.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    /// The word for the stanza's `addressing_mode`.
    pub(super) addressing: &'static str,
    /// This device, as it is named there.
    pub(super) me: OwnedJid,
    /// The users, ourselves among them.
    pub(super) users: Vec<OwnedJid>,
    /// All their devices, this one among them, each once.
    pub(super) devices: Vec<OwnedJid>,
}

/// Looks up the devices of everybody in a group, or of a status' audience, and of ourselves.
pub(super) fn resolve_many(
    cx: &mut Turn<'_>,
    chat: &OwnedJid,
    entry: &OutboxEntry,
) -> Result<Found<Crowd>, Stop> {
    let Some(me) = cx.memory.me.clone() else { return Ok(Found::Asked(Vec::new())) };
    let (by_lid, mut users) = if chat.is_group() {
        let Some(members) = groups::members(cx, chat)? else {
            groups::ask(cx, chat);
            return Ok(Found::Asked(alloc::vec![chat.clone()]));
        };
        (members.lid, members.users)
    } else {
        match audience(cx, entry)? {
            Found::Known(users) => (true, users),
            Found::Asked(users) => return Ok(Found::Asked(users)),
        }
    };
    let own = if by_lid { me.lid.clone().unwrap_or(me.pn) } else { me.pn };
    users.retain(|user| !cx.is_me(user));
    users.push(own.bare().into_owned());
    let lists = devices::known_all(cx, &users)?;
    let unknown: Vec<OwnedJid> =
        users.iter().zip(&lists).filter(|(_, list)| list.is_none()).map(|(user, _)| user.clone()).collect();
    if !unknown.is_empty() {
        devices::ask(cx, &unknown);
        return Ok(Found::Asked(unknown));
    }
    let named = users
        .iter()
        .zip(&lists)
        .flat_map(|(user, list)| list.iter().flatten().map(move |id| device(user, *id)));
    let mut devices: Vec<OwnedJid> = named.take(HOLDERS_MAX).collect();
    if !devices.contains(&own) {
        devices.push(own.clone());
    }
    Ok(Found::Known(Crowd { addressing: if by_lid { "lid" } else { "pn" }, me: own, users, devices }))
}

/// The audience of a status by LID; those who have none that could be found out are left out.
fn audience(cx: &mut Turn<'_>, entry: &OutboxEntry) -> Result<Found<Vec<OwnedJid>>, Stop> {
    let named: Vec<OwnedJid> = entry
        .audience
        .iter()
        .filter_map(|text| Jid::parse(text).ok())
        .map(|user| user.bare().into_owned())
        .collect();
    let numbers: Vec<OwnedJid> = named.iter().filter(|user| user.is_pn()).cloned().collect();
    cx.prefetch(&numbers.iter().map(|user| lid::record_key(user)).collect::<Vec<_>>())?;
    let (mut users, mut nameless) = (BTreeSet::new(), Vec::new());
    for user in named {
        if user.is_lid() {
            users.insert(user);
        } else if let Some(lid) = lid::lid_of(cx, &user)? {
            users.insert(lid);
        } else {
            nameless.push(user);
        }
    }
    // The list of devices comes with the LID: who has a list and still no LID has none.
    let lists = devices::known_all(cx, &nameless)?;
    let unknown: Vec<OwnedJid> =
        nameless.into_iter().zip(lists).filter(|(_, list)| list.is_none()).map(|(user, _)| user).collect();
    if !unknown.is_empty() {
        devices::ask(cx, &unknown);
        return Ok(Found::Asked(unknown));
    }
    Ok(Found::Known(users.into_iter().collect()))
}

fn device(user: &OwnedJid, id: u16) -> OwnedJid {
    user.with_device(id).into_owned()
}
