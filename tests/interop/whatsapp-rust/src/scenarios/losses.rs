//! Keys that somebody lost: what could not be read comes again, once.

use super::groups::FRIENDS;
use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Carl, Dora};
use crate::world::{Place, World};

impl World {
    pub(super) async fn theirs_lost_its_session(&mut self) -> Outcome {
        self.talk()?;
        self.tells(Carl, Anna, "do you know me, Anna?").await?;
        let (before, device) = (self.anna.seen(), self.carl.device.clone());
        self.anna.lose_sessions(&[&device]).await?;
        self.tells(Carl, Anna, "and without your session?").await?;
        self.anna.undecryptable(before).await?;
        self.tells(Anna, Carl, "I do again").await?;
        self.tells(Carl, Anna, "so you do").await?;
        // It may also be the one to speak first.
        self.anna.lose_sessions(&[&device]).await?;
        self.tells(Anna, Carl, "lost, but I speak first").await?;
        self.tells(Carl, Anna, "and I hear you").await?;
        self.carl.stop().await
    }

    /// Carl puts back storage that is older than his conversation.
    pub(super) async fn ours_lost_its_session(&mut self) -> Outcome {
        self.carl.copy_store()?;
        self.talk()?;
        // Far enough that the ratchet turns twice on both sides.
        for round in 1..=3 {
            self.tells(Carl, Anna, &format!("a step ahead {round}")).await?;
            self.tells(Anna, Carl, &format!("and one back {round}")).await?;
        }
        self.carl.stop().await?;
        self.carl.put_back_store()?;
        let before = self.carl.seen();
        self.talk()?;
        self.tells(Anna, Carl, "what do you remember, Carl?").await?;
        self.carl.undecryptable(before).await?;
        self.tells(Carl, Anna, "enough").await?;
        self.tells(Anna, Carl, "good").await?;
        self.carl.stop().await
    }

    pub(super) async fn theirs_lost_a_sender_key(&mut self) -> Outcome {
        self.talk()?;
        let known = self.tells(Carl, FRIENDS, "under a key that you have").await?;
        let before = self.anna.seen();
        self.anna.lose_sender_key(&known.id).await?;
        self.tells(Carl, FRIENDS, "under a key that you lost").await?;
        self.anna.undecryptable(before).await?;
        self.tells(Carl, FRIENDS, "and under one that you have again").await?;
        self.tells(Anna, FRIENDS, "I have").await?;
        self.carl.stop().await
    }

    /// Carl puts back storage from before a group was made, and its keys handed out.
    pub(super) async fn ours_lost_a_sender_key(&mut self) -> Outcome {
        self.carl.copy_store()?;
        self.talk()?;
        let group = self.make_group("lid", &[Anna, Carl, Dora]).await?;
        self.tells(Anna, group, "under a key that you have, Carl").await?;
        self.tells(Dora, group, "under mine, too").await?;
        self.carl.stop().await?;
        self.carl.put_back_store()?;
        let before = self.carl.seen();
        self.talk()?;
        self.tells(Anna, group, "under a key that you lost, Carl").await?;
        self.carl.undecryptable(before).await?;
        self.tells(Dora, group, "mine as well").await?;
        self.tells(Anna, group, "and under one that you have again").await?;
        self.tells(Carl, group, "I have all of them").await?;
        self.carl.stop().await
    }

    /// Damaged on the way, in each direction.
    pub(super) async fn a_spoiled_group_message_comes_again(&mut self) -> Outcome {
        self.talk()?;
        let before = self.anna.seen();
        self.server.spoil_next_message(&self.anna.jid).await?;
        self.tells(Carl, FRIENDS, "can you all read this?").await?;
        self.anna.undecryptable(before).await?;
        let before = self.carl.seen();
        self.server.spoil_next_message(&self.carl.jid).await?;
        self.tells(Anna, FRIENDS, "can you, Carl?").await?;
        self.carl.undecryptable(before).await?;
        for (from, place) in [(Anna, FRIENDS), (Carl, FRIENDS), (Anna, Place::With(Carl))] {
            self.tells(from, place, &format!("well done, says {from:?} in {place:?}")).await?;
        }
        self.shown_times(Carl, &Said::text("can you, Carl?"), 1)?;
        self.carl.stop().await
    }
}
