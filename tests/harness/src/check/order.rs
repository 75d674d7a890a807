//! Messages of one chat are shown in the order in which the server took them.
//!
//! The precise promise, per chat and device: take the messages that the device could read the first time they
//! came; their events are handed out for the first time in the order in which the server took the messages,
//! whoever wrote them. A message that was asked for again is shown when it can be read, so it may come later
//! than its place, but never earlier than it was taken, and the others do not wait for it: an application that
//! wants them sorted has the server's time in each event.
//!
//! And per sending device and recipient, as the application names it: the server takes messages in the order of
//! the calls. Number and hidden id of one user are two names; a message to the name that was never looked up waits
//! for that, and one to the other name may leave before it.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::wire::OwnedJid;

use super::Broken;
use super::facts::{Chat, Facts, Name};
use crate::server::DeviceRef;
use crate::world::{Who, World};

/// When a message was taken, and its id.
type Place<'w> = (u64, &'w str);

/// Checks the order of what was shown, and of what was sent.
#[must_use]
pub fn order(world: &World) -> Vec<Broken> {
    let facts = Facts::of(world);
    let mut details = shown_in_order(&facts);
    details.extend(sent_in_order(&facts));
    details.into_iter().map(|detail| Broken { rule: "order", detail }).collect()
}

fn shown_in_order(facts: &Facts<'_>) -> Vec<String> {
    let mut details = Vec::new();
    let mut known: BTreeSet<(DeviceRef, &Name)> = BTreeSet::new();
    let mut last: BTreeMap<(DeviceRef, Chat), Place<'_>> = BTreeMap::new();
    for show in &facts.shows {
        let Some(taken) = facts.taken.get(&show.message) else { continue };
        let again = !known.insert((show.device, &show.message));
        if again || facts.retried.contains(&(show.device, show.message.clone())) {
            continue;
        }
        let before = last.insert((show.device, taken.chat.clone()), (taken.order, &show.message.1));
        if let Some((order, earlier)) = before.filter(|(order, _)| *order > taken.order) {
            details.push(format!(
                "{} showed {} (taken as {order}) before {} (taken as {})",
                facts.name(show.who),
                earlier,
                show.message.1,
                taken.order
            ));
        }
    }
    details
}

/// Calls of one life of a client have ascending numbers; those of a later life come later.
fn sent_in_order(facts: &Facts<'_>) -> Vec<String> {
    let mut details = Vec::new();
    let mut last: BTreeMap<(Who, &OwnedJid), Place<'_>> = BTreeMap::new();
    for ((who, ..), call) in &facts.calls {
        let (Some(id), Some(message)) = (call.id, call.message()) else { continue };
        let Some(device) = facts.world.device(*who) else { continue };
        let Some(taken) = facts.taken.get(&(device, id.to_owned())) else { continue };
        let before = last.insert((*who, &message.to), (taken.order, id));
        if let Some((_, earlier)) = before.filter(|(order, _)| *order > taken.order) {
            details.push(format!("{} was asked to send {earlier} before {id}", facts.name(*who)));
        }
    }
    details
}
