//! Which devices a message goes to, and under which of their names. Reference 05 §2.

use alloc::vec::Vec;

use crate::directory::{devices, lid};
use crate::engine::{Stop, Turn};
use crate::wire::OwnedJid;

/// The outcome of looking.
pub(super) enum Recipients {
    /// These.
    Known(Addressed),
    /// The server was asked, now or before; the outbox wakes up with the answer.
    Asked,
}

/// Devices and addresses, all in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    /// Where the stanza goes, without device.
    pub(super) destination: OwnedJid,
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
    let lid = if chat.is_lid() { Some(chat.bare().into_owned()) } else { lid::lid_of(cx, chat)? };
    Ok(Some(match (lid, &me.lid) {
        (Some(lid), Some(own)) => (lid, own.bare().into_owned()),
        _ => (chat.bare().into_owned(), me.pn.bare().into_owned()),
    }))
}

/// Looks up the devices of a chat's user and of ourselves.
pub(super) fn resolve(cx: &mut Turn<'_>, chat: &OwnedJid) -> Result<Recipients, Stop> {
    let Some((destination, own_user)) = addressing(cx, chat)? else { return Ok(Recipients::Asked) };
    let own_device = cx.memory.me.as_ref().map_or(0, |me| me.pn.device());
    let number = if destination.is_lid() { lid::pn_of(cx, &destination)? } else { None };
    let to_self = own_user == destination;
    let theirs = if to_self { Some(Vec::new()) } else { devices::known(cx, &destination)? };
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
        return Ok(Recipients::Asked);
    };
    let name = |user: &OwnedJid, id: &u16| user.with_device(*id).into_owned();
    Ok(Recipients::Known(Addressed {
        to_self,
        theirs: theirs.iter().map(|id| name(&destination, id)).collect(),
        ours: ours.iter().filter(|id| **id != own_device).map(|id| name(&own_user, id)).collect(),
        destination,
        number,
    }))
}
