//! Each message reaches each device that it was for, once as the application sees it, and as it was written.
//!
//! What "once" means when processes die: an event has one id for good, and the first time it is handed out it
//! may be marked `repeated` only if its process died before it could hand it out unmarked. Later copies carry
//! the same id and the mark, and none comes once the confirmation is durable. An application that skips ids
//! which it has dealt with therefore sees each message once.
//!
//! Excused from showing a message: a device whose storage was put back to an older copy when it kept the message but
//! had not shown it, as only the lost part held it; devices that are no longer linked or were ended for good, and those that
//! could not read it when its author is gone, or has lost the message with the newer part of its storage, as nobody
//! is left to send it again; in a group also when one of them was out of it meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::Table;
use sanswire::content::Content;
use sanswire::event::{Event, LinkEvent};

use super::Broken;
use super::facts::{Chat, Facts, Name, Show};
use crate::server::DeviceRef;
use crate::world::{Entry, Fact, Who, World};

/// Checks that nothing was lost, shown twice, changed, or made up.
#[must_use]
pub fn delivered_once(world: &World) -> Vec<Broken> {
    let facts = Facts::of(world);
    let mut shown: BTreeMap<(DeviceRef, Name), Vec<&Show<'_>>> = BTreeMap::new();
    for show in &facts.shows {
        shown.entry((show.device, show.message.clone())).or_default().push(show);
    }
    let mut details = lost(&facts, &shown);
    let restored = restored(world);
    for shows in shown.values() {
        let by_restored = shows.first().is_some_and(|show| restored.contains(&show.who));
        details.extend(shows_once(&facts, shows).filter(|_| !by_restored));
        details.extend(was_written(&facts, shows[0]));
    }
    details.extend(calls_match(&facts));
    details.extend(unconfirmed(&facts));
    details.into_iter().map(|detail| Broken { rule: "delivered_once", detail }).collect()
}

/// Clients whose storage was put back to an older copy: what the application confirmed since is forgotten.
fn restored(world: &World) -> BTreeSet<Who> {
    let restored = |entry: &Entry| match &entry.fact {
        Fact::Shown { who, envelope, .. } => {
            matches!(envelope.event, Event::Link(LinkEvent::StorageRestored { .. })).then_some(*who)
        }
        _ => None,
    };
    world.journal().entries().iter().filter_map(restored).collect()
}

fn lost(facts: &Facts<'_>, shown: &BTreeMap<(DeviceRef, Name), Vec<&Show<'_>>>) -> Vec<String> {
    let mut details = Vec::new();
    let lost_with_storage = lost_with_storage(facts);
    let unsent = unsent(facts);
    for (message, taken) in &facts.taken {
        for device in &taken.to {
            let Some(who) = facts.clients.get(device).copied() else { continue };
            let key = (*device, message.clone());
            let author_left = !facts.world.server.is_linked(message.0);
            let author_forgot = facts
                .clients
                .get(&message.0)
                .is_some_and(|author| unsent.contains(&(*author, message.1.as_str())));
            let parted = parted(facts, &taken.chat, message.0, *device);
            let excused = !facts.is_active(who)
                || ((author_left || author_forgot || parted) && facts.retried.contains(&key))
                || lost_with_storage.contains(&(who, message.1.as_str()));
            if !excused && !shown.contains_key(&key) {
                let name = facts.name(who);
                details.push(format!("{name} never showed {} of {:?}", message.1, message.0));
            }
        }
    }
    details
}

/// Whether one of two members was out of their group at some time: nobody is sent again what they missed then.
fn parted(facts: &Facts<'_>, chat: &Chat, from: DeviceRef, to: DeviceRef) -> bool {
    let Chat::Group(group) = chat else { return false };
    let stayed = |at: DeviceRef| facts.world.server.always_member(group, at.account);
    !stayed(from) || !stayed(to)
}

/// Messages that were durable on a device when an older copy of its storage was put back.
fn lost_with_storage<'w>(facts: &Facts<'w>) -> BTreeSet<(Who, &'w str)> {
    let mut kept: BTreeMap<Who, BTreeSet<&str>> = BTreeMap::new();
    let mut lost = BTreeSet::new();
    for entry in facts.entries() {
        match &entry.fact {
            Fact::Stored { who, kept: ids, .. } => {
                kept.entry(*who).or_default().extend(ids.iter().map(String::as_str));
            }
            Fact::PutBack { who, .. } => {
                let gone = kept.remove(who).unwrap_or_default();
                lost.extend(gone.into_iter().map(|id| (*who, id)));
            }
            _ => {}
        }
    }
    lost
}

/// Messages that their author sent, and that the copy of its storage knew nothing of which was put back.
fn unsent<'w>(facts: &Facts<'w>) -> BTreeSet<(Who, &'w str)> {
    let put_back = facts.entries().iter().filter_map(|entry| match &entry.fact {
        Fact::PutBack { who, unsent } => Some(unsent.iter().map(|id| (*who, id.as_str()))),
        _ => None,
    });
    put_back.flatten().collect()
}

/// The ids and marks of all copies of one message on one device.
fn shows_once(facts: &Facts<'_>, shows: &[&Show<'_>]) -> Option<String> {
    let first = shows.first()?;
    let what = |why: &str| {
        Some(format!("{} showed {} of {:?} {why}", facts.name(first.who), first.message.1, first.message.0))
    };
    if shows.iter().any(|show| show.envelope.id != first.envelope.id) {
        return what("as two events");
    }
    if shows.iter().skip(1).any(|show| !show.envelope.repeated) {
        return what("again without the mark");
    }
    let last = shows.last().filter(|_| shows.len() > 1)?;
    let done = forgotten_at(facts, first)?;
    if last.at > done { what("again after its confirmation was durable") } else { None }
}

/// Where in the journal the confirmation of an event became durable, if it did.
fn forgotten_at(facts: &Facts<'_>, show: &Show<'_>) -> Option<usize> {
    let after = facts.entries().iter().enumerate().skip(show.at);
    for (at, entry) in after {
        if let Fact::Stored { who, forgot, .. } = &entry.fact
            && *who == show.who
            && forgot.contains(&show.envelope.id)
        {
            return Some(at);
        }
    }
    None
}

/// A message that is shown was taken by the server, in that chat and with that text. What an account's phone
/// tells its own devices is not a message of a chat.
fn was_written(facts: &Facts<'_>, show: &Show<'_>) -> Option<String> {
    let (from, id) = &show.message;
    let what = |why: &str| Some(format!("{} showed {id} of {from:?} {why}", facts.name(show.who)));
    let Some(taken) = facts.taken.get(&show.message) else {
        let own_phone = from.account == show.device.account && from.device == 0;
        return if own_phone { None } else { what("that nobody sent") };
    };
    let chat = &show.received.chat;
    let shown_in = if chat.is_group() {
        Some(Chat::Group(chat.clone()))
    } else if show.received.from_me {
        facts.world.server.device_named(chat).map(|at| Chat::two(from.account, at.account))
    } else {
        Some(Chat::two(from.account, show.device.account))
    };
    let own = from.account == show.device.account;
    if shown_in.as_ref() != Some(&taken.chat) || show.received.from_me != own {
        return what("in another chat");
    }
    let Content::Text(text) = &show.received.content else { return None };
    let written = facts.clients.get(from).and_then(|author| facts.texts.get(&(*author, id.as_str())));
    if written.is_some_and(|written| *written != text.body) { what("with another text") } else { None }
}

/// A client's messages at the server are those that its application asked for. Ids that were made up by a
/// process which died before it could name them are matched by their number.
fn calls_match(facts: &Facts<'_>) -> Vec<String> {
    let mut nameless: BTreeMap<Who, usize> = BTreeMap::new();
    for (from, id) in facts.taken.keys() {
        if let Some(who) = facts.clients.get(from)
            && !facts.texts.contains_key(&(*who, id.as_str()))
        {
            *nameless.entry(*who).or_default() += 1;
        }
    }
    let open = |who: Who| {
        let own = facts.calls.iter().filter(move |((caller, ..), _)| *caller == who);
        own.filter(|(_, call)| call.id.is_none() && call.message().is_some()).count()
    };
    let over = nameless.into_iter().filter(|(who, count)| *count > open(*who));
    over.map(|(who, count)| {
        format!("{} sent {count} messages for {} calls without a name", facts.name(who), open(who))
    })
    .collect()
}

/// An application that confirms everything leaves nothing in the inbox.
fn unconfirmed(facts: &Facts<'_>) -> Vec<String> {
    let mut details = Vec::new();
    for who in facts.world.everybody() {
        let actor = &facts.world[who];
        let left = actor.storage.count(Table::Inbox);
        if actor.confirms && facts.is_active(who) && left > 0 {
            details
                .push(format!("{} keeps {left} events that were confirmed or never shown", facts.name(who)));
        }
    }
    details
}
