//! Every call is answered, and every message comes to an end that its application is told.
//!
//! A call is answered once in the life of the client that took it. It stays without an answer only when that
//! client was dropped, or stopped so that it can be started again; the message is durable by then or was never taken. A message that
//! the server took, or whose application was told that it is queued, ends as acked or as failed, by an event,
//! however often the process died in between. At rest no outbox holds anything.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::Table;
use sanswire::event::{DownReason, Event, LinkEvent, SendState};

use super::Broken;
use super::facts::{Facts, is_logged_out};
use crate::world::{Fact, Who, World};

/// Checks that nothing waits for an end that does not come.
#[must_use]
pub fn no_stuck_send(world: &World) -> Vec<Broken> {
    let facts = Facts::of(world);
    let mut details = unanswered(&facts);
    details.extend(without_end(&facts));
    for who in world.everybody() {
        let left = world[who].storage.count(Table::Outbox);
        if must_end(&facts, who) && left > 0 {
            details.push(format!("{} has {left} messages in its outbox", facts.name(who)));
        }
    }
    details.into_iter().map(|detail| Broken { rule: "no_stuck_send", detail }).collect()
}

/// Whether a client's messages must have come to an end: it goes on, or it was unlinked and fails what it had.
/// One that was stopped otherwise keeps its messages for the next start.
fn must_end(facts: &Facts<'_>, who: Who) -> bool {
    facts.is_active(who) || (facts.world[who].is_running() && is_logged_out(facts.world, who))
}

/// Whether an event says that the client stops for good, but may be started again with what it has.
const fn keeps_sends(event: &Event) -> bool {
    match event {
        Event::Link(LinkEvent::Down { reason: DownReason::LoggedOut { .. }, .. }) => false,
        Event::Link(LinkEvent::Down { retry_in_ms: None, .. }) => true,
        _ => false,
    }
}

fn unanswered(facts: &Facts<'_>) -> Vec<String> {
    let mut over = BTreeSet::new();
    for entry in facts.entries() {
        match &entry.fact {
            Fact::Crashed { who, life } => drop(over.insert((*who, *life))),
            Fact::Shown { who, life, envelope } if keeps_sends(&envelope.event) => {
                over.insert((*who, *life));
            }
            _ => {}
        }
    }
    let mut details = Vec::new();
    for ((who, life, number), call) in &facts.calls {
        let excused = call.replies.is_empty() && over.contains(&(*who, *life));
        if call.replies.len() != 1 && !excused {
            let (name, times) = (facts.name(*who), call.replies.len());
            details.push(format!("{name} answered call {number} of life {life} {times} times"));
        }
    }
    details
}

/// Messages that have begun and not ended: queued by their own word, or taken by the server.
fn without_end(facts: &Facts<'_>) -> Vec<String> {
    let mut begun: BTreeSet<(Who, &str)> = BTreeSet::new();
    let mut ended: BTreeSet<(Who, &str)> = BTreeSet::new();
    let mut forgotten: BTreeSet<(Who, &str)> = BTreeSet::new();
    for entry in facts.entries() {
        match &entry.fact {
            Fact::Shown { who, envelope, .. } => {
                let Event::Send(progress) = &envelope.event else { continue };
                match &progress.state {
                    SendState::Acked { .. } | SendState::Failed { .. } => ended.insert((*who, &progress.id)),
                    _ => begun.insert((*who, &progress.id)),
                };
            }
            Fact::Took { from, id, .. } => {
                let sent = facts.clients.get(from).map(|who| (*who, id.as_str()));
                begun.extend(sent.filter(|sent| !forgotten.contains(sent)));
            }
            // An older copy of the storage knows nothing of what was begun after it was made, though the server may
            // still take what is on its way.
            Fact::PutBack { who, .. } => {
                forgotten.extend(begun.iter().filter(|(of, _)| of == who));
                begun.retain(|(of, _)| of != who);
            }
            _ => {}
        }
    }
    let mut open: BTreeMap<Who, Vec<&str>> = BTreeMap::new();
    for (who, id) in begun.difference(&ended) {
        if must_end(facts, *who) {
            open.entry(*who).or_default().push(id);
        }
    }
    open.into_iter().map(|(who, ids)| format!("{} never ended {ids:?}", facts.name(who))).collect()
}
