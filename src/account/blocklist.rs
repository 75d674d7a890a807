//! Who is blocked: the stored list. Reference 08 §3.2, 12 §8.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::Blocklist;

use super::settings;
use crate::engine::{Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::limits::BLOCKED_USERS;
use crate::messaging::inbox;
use crate::records::BLOCKLIST_KEY;
use crate::wire::{Jid, NodeRef, OwnedJid};

/// The whole list, as the server gives it: tells who is new on it and who is not on it any more.
pub(super) fn replace(cx: &mut Turn<'_>, list: NodeRef<'_>) -> Result<(), Stop> {
    let stored = cx.get::<Blocklist>(BLOCKLIST_KEY)?.unwrap_or_default();
    let items = list.find_all("item").filter_map(|item| item.get_jid("jid"));
    let users: BTreeSet<String> = items.map(|jid| jid.bare().to_string()).take(BLOCKED_USERS).collect();
    let before: BTreeSet<String> = stored.users.iter().cloned().collect();
    let hash = list.get("dhash").map(|hash| hash.into_owned());
    if users == before && hash == stored.hash {
        return Ok(());
    }
    tell(cx, users.difference(&before), before.difference(&users));
    let record = Blocklist { hash, users: users.into_iter().collect() };
    cx.put(BLOCKLIST_KEY, &record);
    Ok(())
}

/// `<blocklist>` of `account_sync`: single changes to the list that is stored, or the advice to ask for all of it.
pub(super) fn changed(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let mut stored = cx.get::<Blocklist>(BLOCKLIST_KEY)?.unwrap_or_default();
    let follows = node.get("prev_dhash").is_none_or(|before| stored.hash.as_deref() == Some(&before));
    let again = node.get("action").as_deref() == Some("modify") || !follows;
    let mut users: BTreeSet<String> = stored.users.iter().cloned().collect();
    let (mut blocked, mut unblocked) = (Vec::new(), Vec::new());
    for item in node.find_all("item").take(BLOCKED_USERS) {
        let (Some(jid), Some(action)) = (item.get_jid("jid"), item.get("action")) else { continue };
        let user = jid.bare().to_string();
        match action.as_ref() {
            "block" if users.len() < BLOCKED_USERS && users.insert(user.clone()) => blocked.push(user),
            // Told even when the list was not known: it may have been on it.
            "unblock" if users.remove(&user) || stored.hash.is_none() => unblocked.push(user),
            _ => {}
        }
    }
    tell(cx, blocked.iter(), unblocked.iter());
    stored.users = users.into_iter().collect();
    stored.hash = node.get("dhash").map(|hash| hash.into_owned()).filter(|_| !again);
    cx.put(BLOCKLIST_KEY, &stored);
    if again && cx.memory.phase.is_logged_in() {
        settings::ask_blocklist(cx);
    }
    Ok(())
}

fn tell<'a>(
    cx: &mut Turn<'_>,
    blocked: impl Iterator<Item = &'a String>,
    unblocked: impl Iterator<Item = &'a String>,
) {
    let read = |text: &String| Jid::parse(text).ok().map(Jid::into_owned);
    let blocked: Vec<OwnedJid> = blocked.filter_map(read).collect();
    let unblocked: Vec<OwnedJid> = unblocked.filter_map(read).collect();
    if !blocked.is_empty() || !unblocked.is_empty() {
        inbox::keep(cx, Event::Account(AccountEvent::Blocklist { blocked, unblocked }));
    }
}
