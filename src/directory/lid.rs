//! Phone numbers and LIDs: the two names of one user. Reference 03 §12.1, 04 §14.

use alloc::string::ToString;
use alloc::vec::Vec;

use sanswire_proto::records::LidMapping;

use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::records::credentials::Me;
use crate::records::{Record, Table};
use crate::wire::{Jid, OwnedJid};

impl Record for LidMapping {
    const TABLE: Table = Table::Lid;
}

/// Remembers that a number and a LID are the same user; a newer pair replaces older ones of either side.
/// The write is in the batch of the stanza that taught it, before anything that relies on it.
pub(crate) fn learn(cx: &mut Turn<'_>, one: &Jid<'_>, other: &Jid<'_>) -> Result<(), Stop> {
    let (pn, lid) = match (one.is_pn(), other.is_lid(), one.is_lid(), other.is_pn()) {
        (true, true, ..) => (one.bare().into_owned(), other.bare().into_owned()),
        (_, _, true, true) => (other.bare().into_owned(), one.bare().into_owned()),
        _ => return Ok(()),
    };
    let known = cx.get::<LidMapping>(&key(&pn))?;
    if known.is_some_and(|known| known.user.as_deref() == Some(lid.user())) {
        return Ok(());
    }
    cx.put(&key(&pn), &LidMapping { user: Some(lid.user().to_string()) });
    cx.put(&key(&lid), &LidMapping { user: Some(pn.user().to_string()) });
    cx.emit(Event::Contact(ContactEvent::Lid { pn, lid }));
    Ok(())
}

/// The LID of a number, without device.
pub(crate) fn lid_of(cx: &mut Turn<'_>, pn: &Jid<'_>) -> Result<Option<OwnedJid>, Stop> {
    if let Some(me) = cx.memory.me.as_ref().filter(|me| me.pn.same_user(pn)) {
        return Ok(me.lid.as_ref().map(|lid| lid.bare().into_owned()));
    }
    let mapping = cx.get::<LidMapping>(&key(pn))?;
    Ok(mapping.and_then(|mapping| mapping.user).map(|user| Jid::lid(user, 0)))
}

/// The number of a LID, without device.
pub(crate) fn pn_of(cx: &mut Turn<'_>, lid: &Jid<'_>) -> Result<Option<OwnedJid>, Stop> {
    let own = |me: &&Me| me.lid.as_ref().is_some_and(|own| own.same_user(lid));
    if let Some(me) = cx.memory.me.as_ref().filter(own) {
        return Ok(Some(me.pn.bare().into_owned()));
    }
    let mapping = cx.get::<LidMapping>(&key(lid))?;
    Ok(mapping.and_then(|mapping| mapping.user).map(|user| Jid::pn(user, 0)))
}

/// The same user under the other name, when it is known.
pub(crate) fn other_name(cx: &mut Turn<'_>, jid: &Jid<'_>) -> Result<Option<OwnedJid>, Stop> {
    if jid.is_pn() {
        lid_of(cx, jid)
    } else if jid.is_lid() {
        pn_of(cx, jid)
    } else {
        Ok(None)
    }
}

/// Where a user's other name is stored.
pub(crate) fn record_key(user: &Jid<'_>) -> (Table, Vec<u8>) {
    (Table::Lid, key(user))
}

fn key(user: &Jid<'_>) -> Vec<u8> {
    user.bare().text().into_bytes()
}
