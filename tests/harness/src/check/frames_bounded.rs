//! What one input can make a client send is bounded.
//!
//! The bound, from one time that a client has nothing more to do to the next:
//! `FRAMES_PER_INPUT × inputs + FRAMES_PER_SEND × messages without an end + PENDING_RESENDS`. An input is
//! worth an answer, an ack and the queries that follow from it; every message under way may be written and
//! have devices and keys asked for; and one bundle may release all resends that waited for it.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::event::{Event, SendState};
use sanswire::limits::PENDING_RESENDS;
use sanswire::ops::Operation;

use super::Broken;
use crate::world::{Fact, Who, World};

/// Frames that one input is worth.
const FRAMES_PER_INPUT: usize = 8;
/// Frames that one message under way is worth.
const FRAMES_PER_SEND: usize = 2;

/// Checks every client between any two of its rests.
#[must_use]
pub fn frames_bounded(world: &World) -> Vec<Broken> {
    let mut counts: BTreeMap<Who, Count> = BTreeMap::new();
    let mut details = Vec::new();
    for entry in world.journal().entries() {
        match &entry.fact {
            Fact::Started { who, .. } | Fact::Fed { who, .. } | Fact::Confirmed { who, .. } => {
                counts.entry(*who).or_default().inputs += 1;
            }
            Fact::Called { who, operation, .. } => {
                let count = counts.entry(*who).or_default();
                count.inputs += 1;
                count.called += usize::from(matches!(operation, Operation::SendMessage(_)));
            }
            Fact::Shown { who, envelope, .. } => counts.entry(*who).or_default().shown(&envelope.event),
            Fact::Sent { who, .. } => counts.entry(*who).or_default().frames += 1,
            Fact::Waited { who, loading: false, .. } => {
                let count = counts.entry(*who).or_default();
                if let Some(bound) = count.exceeds() {
                    let (frames, inputs, name) = (count.frames, count.inputs, &world[*who].name);
                    details.push(format!(
                        "{name} ({who:?}) sent {frames} frames for {inputs} inputs, at most {bound}"
                    ));
                }
                (count.inputs, count.frames) = (0, 0);
            }
            _ => {}
        }
    }
    details.into_iter().map(|detail| Broken { rule: "frames_bounded", detail }).collect()
}

#[derive(Default)]
struct Count {
    inputs: usize,
    frames: usize,
    called: usize,
    ended: BTreeSet<String>,
}

impl Count {
    fn shown(&mut self, event: &Event) {
        if let Event::Send(progress) = event
            && matches!(progress.state, SendState::Acked { .. } | SendState::Failed { .. })
        {
            self.ended.insert(progress.id.clone());
        }
    }

    fn exceeds(&self) -> Option<usize> {
        let open = self.called.saturating_sub(self.ended.len());
        // What ended in this very window was under way at its beginning: an end takes one input at least.
        let bound = FRAMES_PER_INPUT * self.inputs + FRAMES_PER_SEND * open + PENDING_RESENDS;
        (self.frames > bound).then_some(bound)
    }
}
