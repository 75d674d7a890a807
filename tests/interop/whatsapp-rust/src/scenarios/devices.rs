//! Devices of an account that join, stay away, and go.

use super::groups::{FRIENDS, OLD_FRIENDS};
use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Carl, LaterAnna, LaterCarl, OtherCarl};
use crate::world::{World, insist};

impl World {
    /// Carl's whatsapp-rust was away for all that was about messages and groups.
    pub(super) async fn a_device_that_was_away_catches_up(&mut self) -> Outcome {
        self.connect(OtherCarl).await?;
        let missed: Vec<Said> =
            self.promised.iter().filter(|(to, _)| *to == OtherCarl).map(|(_, said)| said.clone()).collect();
        for said in &missed {
            self.other_carl.shows(said).await?;
        }
        self.talk()?;
        self.tells(Anna, FRIENDS, "to both of you in the group").await?;
        self.tells(OtherCarl, FRIENDS, "from the other one in the group").await?;
        self.tells(Carl, FRIENDS, "from the first one in the group").await?;
        self.carl.stop().await
    }

    pub(super) async fn an_unlinked_device_gets_nothing_more(&mut self) -> Outcome {
        self.other_carl.disconnect().await?;
        self.server.unlink(&self.other_carl.device).await?;
        self.linked.remove(&OtherCarl);
        self.talk()?;
        self.tells(Anna, Carl, "to the one of you").await?;
        self.tells(Carl, Anna, "from the one of us").await?;
        self.tells(Anna, FRIENDS, "to the one of you in the group").await?;
        self.tells(Carl, FRIENDS, "from the one of us in the group").await?;
        self.carl.stop().await
    }

    /// Anna links another whatsapp-rust: the next messages reach it, and her others show what it says.
    pub(super) async fn a_device_of_theirs_joins(&mut self) -> Outcome {
        self.talk()?;
        self.connect(LaterAnna).await?;
        let (one, other) = (&self.anna.jid, &self.later_anna.jid);
        insist(one == other, || format!("{one} and {other} are two accounts"))?;
        for place in [FRIENDS, OLD_FRIENDS] {
            self.tells(Carl, place, &format!("to all your devices, Anna, in {place:?}")).await?;
            self.tells(LaterAnna, place, &format!("from my new device in {place:?}")).await?;
            self.tells(Anna, place, &format!("from my old device in {place:?}")).await?;
        }
        self.tells(Carl, Anna, "to all your devices, Anna").await?;
        self.tells(LaterAnna, Carl, "from my new device").await?;
        let asked = self.tells(Anna, Carl, "from my old device").await?;
        self.react(Carl, &asked, "👀").await
    }

    /// Carl links another one of ours.
    pub(super) async fn a_device_of_ours_joins(&mut self) -> Outcome {
        self.later_carl.pair(&self.server, self.scenario).await?;
        self.linked.insert(LaterCarl);
        let (one, other) = (&self.carl.jid, &self.later_carl.jid);
        insist(one == other, || format!("{one} and {other} are two accounts"))?;
        self.later_carl.talk(self.scenario)?;
        for place in [FRIENDS, OLD_FRIENDS] {
            self.tells(Anna, place, &format!("to all your devices, Carl, in {place:?}")).await?;
            self.tells(LaterCarl, place, &format!("Carl's new device in {place:?}")).await?;
            self.tells(Carl, place, &format!("Carl's old device in {place:?}")).await?;
        }
        self.tells(Anna, Carl, "to all your devices, Carl").await?;
        self.tells(LaterCarl, Anna, "Carl's new device").await?;
        let asked = self.tells(LaterAnna, Carl, "Carl, both of your devices?").await?;
        self.react(LaterCarl, &asked, "🙌").await?;
        self.later_carl.stop().await?;
        self.carl.stop().await
    }
}
