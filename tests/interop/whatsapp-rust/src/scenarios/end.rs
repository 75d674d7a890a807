//! What must hold when all is over.

use std::collections::BTreeMap;

use crate::Outcome;
use crate::command::Violation;
use crate::world::{Who, World, insist};

impl World {
    pub(super) fn each_message_was_shown_once(&mut self) -> Outcome {
        for who in Who::ALL {
            let (mut missing, mut shown) = (Vec::new(), self.party(who).said());
            for (_, said) in self.promised.iter().filter(|(to, _)| *to == who) {
                match shown.iter().position(|known| known == said) {
                    Some(at) => drop(shown.remove(at)),
                    None => missing.push(said),
                }
            }
            insist(missing.is_empty(), || format!("{who:?} was not shown {missing:?}"))?;
            shown.retain(|said| !self.attempted.contains(&(who, said.clone())));
            insist(shown.is_empty(), || format!("{who:?} was shown {shown:?} for nothing, or twice"))?;
        }
        Ok(())
    }

    /// Rules that ours broke are errors, as is anything that it found wrong; those that whatsapp-rust broke are
    /// notes.
    pub(super) async fn ours_broke_no_rule(&mut self) -> Outcome {
        let mut notes: BTreeMap<String, u32> = BTreeMap::new();
        for Violation { device, rule } in self.server.violations().await? {
            insist(!self.carl.is(&device) && !self.later_carl.is(&device), || {
                format!("ours broke a rule: {rule}")
            })?;
            *notes.entry(format!("whatsapp-rust broke a rule: {rule}")).or_default() += 1;
        }
        for peer in [&self.anna, &self.later_anna, &self.ben, &self.other_carl, &self.dora] {
            for _ in 0..peer.shown_for_the_phone_too() {
                let note = "whatsapp-rust showed a message twice: by the retry, and by its phone";
                *notes.entry(note.to_owned()).or_default() += 1;
            }
            for code in peer.refusals() {
                *notes.entry(format!("whatsapp-rust was refused a stanza with {code}")).or_default() += 1;
            }
        }
        for stanza in self.carl.unhandled().into_iter().chain(self.later_carl.unhandled()) {
            *notes.entry(format!("sanswire has no meaning for {stanza}")).or_default() += 1;
        }
        self.notes.extend(notes.into_iter().map(|(note, times)| format!("{note} ({times} times)")));
        let faults = [self.carl.faults(), self.later_carl.faults()].concat();
        insist(faults.is_empty(), || format!("ours found fault with {}", faults.join(", ")))
    }

    /// Each process of ours was recorded, those that were killed too: a fresh client gives the same outputs.
    pub(super) async fn every_recording_replays(&mut self) -> Outcome {
        let count = self.carl.replay_all().await? + self.later_carl.replay_all().await?;
        self.notes.push(format!("{count} recordings of sanswire replay"));
        insist(count > 0, || "nothing was recorded".to_owned())
    }
}
