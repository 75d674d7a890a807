//! Notifications of namespace `encrypt`: own prekeys run low, or a contact was set up anew.
//! Reference 04 §9.1, §15.

use super::{devices, lid, sender_keys, sessions, tctoken};
use crate::engine::{Stop, Turn, Work};
use crate::stanza::parse;
use crate::wire::{NodeRef, OwnedJid};

/// Goes on with the groups in which a contact has our sender key.
pub(crate) fn retire_more(cx: &mut Turn<'_>, user: &OwnedJid, from: &[u8]) -> Result<(), Stop> {
    if let Some(next) = sender_keys::retire_for(cx, user, from)? {
        cx.schedule(Work::RetireKeys(user.clone(), next));
    }
    Ok(())
}

/// Handles `<count>` (upload more), `<digest>` (check what the server holds) and `<identity>` (forget the
/// contact's session, so that the next send starts a new one).
///
/// Gives the contact whose identity changed.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<Option<OwnedJid>, Stop> {
    if node.find("count").is_some() {
        cx.schedule(Work::RefillPrekeys);
        return Ok(None);
    }
    if node.find("digest").is_some() {
        cx.schedule(Work::CheckPrekeys);
        return Ok(None);
    }
    if node.find("identity").is_none() {
        return Ok(None);
    }
    let from = parse::jid(node, "notification", "from")?.into_owned();
    if from.device() != 0 || cx.is_me(&from) {
        return Ok(None);
    }
    if let Some(lid) = node.get_jid("lid") {
        lid::learn(cx, &from, &lid)?;
    }
    let address = sessions::address_of(cx, &from)?;
    // Archived, not deleted: what is in flight on the old session still decrypts.
    let mut record = sessions::load(cx, &address)?;
    record.archive_current();
    sessions::save(cx, &address, &record);
    sessions::forget_identity(cx, &address);
    devices::forget(cx, &from)?;
    devices::forget(cx, &address)?;
    // Who reads with the old keys must not read on.
    if let Some(next) = sender_keys::retire_for(cx, &from, &[])? {
        cx.schedule(Work::RetireKeys(from.bare().into_owned(), next));
    }
    tctoken::issue_again(cx, &from)?;
    Ok(Some(from))
}
