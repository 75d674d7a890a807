//! Nobody waits without knowing until when.
//!
//! Only records that were asked for may be waited for without a deadline, as nothing else can move things on
//! then. While a connection is made or kept, the deadline is near enough to notice that nothing happens; once
//! the session is ready it is no further than the next ping. A client that ended for good may wait for ever.

use core::time::Duration;
use std::collections::BTreeMap;

use sanswire::Mono;
use sanswire::event::{Event, LinkEvent};
use sanswire::limits::{BACKOFF_MAX_S, KEEPALIVE_MAX_S};

use super::Broken;
use crate::world::{Fact, Who, World};

/// Checks every wait of every client.
#[must_use]
pub fn timers(world: &World) -> Vec<Broken> {
    let mut running: BTreeMap<Who, BTreeMap<u32, State>> = BTreeMap::new();
    let mut details = Vec::new();
    for entry in world.journal().entries() {
        match &entry.fact {
            Fact::Started { who, life } => {
                running.entry(*who).or_default().insert(*life, State::Starting);
            }
            Fact::Crashed { who, life } => {
                running.entry(*who).or_default().remove(life);
            }
            Fact::Shown { who, life, envelope } => {
                if let Some(state) = running.entry(*who).or_default().get_mut(life) {
                    *state = state.after(&envelope.event);
                }
            }
            Fact::Waited { who, deadline, loading: false } => {
                let wait = deadline.map(|Mono(at)| Duration::from_millis(at.saturating_sub(entry.at.0)));
                // Of two processes over one storage it is not known which one waits.
                let lives = running.get(who).into_iter().flat_map(BTreeMap::values);
                let objections: Vec<_> = lives.map(|state| state.objects(wait)).collect();
                let objection = objections.iter().all(Option::is_some).then(|| objections.first()).flatten();
                if let Some(Some(why)) = objection {
                    let name = &world[*who].name;
                    details.push(format!("{name} ({who:?}) waits at {} {why}", entry.at.0));
                }
            }
            _ => {}
        }
    }
    details.into_iter().map(|detail| Broken { rule: "timers", detail }).collect()
}

#[derive(Clone, Copy)]
enum State {
    /// Dialing, pairing, logging in, or waiting to dial again.
    Starting,
    Ready,
    /// It will not connect again by itself.
    Ended,
}

impl State {
    const fn after(self, event: &Event) -> Self {
        match event {
            Event::Link(LinkEvent::Ready) => Self::Ready,
            Event::Link(LinkEvent::Down { retry_in_ms: None, .. }) => Self::Ended,
            Event::Link(LinkEvent::Down { .. }) => Self::Starting,
            _ => self,
        }
    }

    /// What is wrong with a wait.
    fn objects(self, wait: Option<Duration>) -> Option<String> {
        let longest = match self {
            Self::Starting => Duration::from_secs(BACKOFF_MAX_S),
            Self::Ready => Duration::from_secs(KEEPALIVE_MAX_S),
            Self::Ended => return None,
        };
        match wait {
            None => Some("without a deadline".to_owned()),
            Some(wait) if wait > longest => Some(format!("for {wait:?}, at most {longest:?}")),
            Some(_) => None,
        }
    }
}
