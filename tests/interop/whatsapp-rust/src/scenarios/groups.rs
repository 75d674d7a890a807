//! Groups that the server made: who is in, who reads what, and under which key.

use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Ben, Carl, Dora};
use crate::world::{Group, Place, Sent, Who, World, insist};

/// Its members are addressed by LID, as new groups are.
pub(super) const FRIENDS: Place = Place::In(0);
/// Its members are addressed by number, as old groups are.
pub(super) const OLD_FRIENDS: Place = Place::In(1);

impl World {
    pub(super) async fn a_group_talks_in_all_directions(&mut self) -> Outcome {
        self.talk()?;
        for (addressing, place) in [("lid", FRIENDS), ("pn", OLD_FRIENDS)] {
            self.make_group(addressing, &[Anna, Ben, Carl]).await?;
            self.tells(Anna, place, &format!("welcome everybody ({addressing})")).await?;
            self.tells(Carl, place, &format!("thank you, says Carl ({addressing})")).await?;
            self.tells(Ben, place, &format!("me too, says Ben ({addressing})")).await?;
            self.tells(Carl, place, &format!("äöü 😀 مرحبا 你好 👩‍👩‍👧‍👦 ({addressing})")).await?;
        }
        Ok(())
    }

    pub(super) async fn a_group_keeps_the_order(&mut self) -> Outcome {
        for from in [Anna, Carl, Ben] {
            let texts: Vec<String> = (0..8).map(|number| format!("{from:?} counts: {number}")).collect();
            for text in &texts {
                self.says(from, FRIENDS, text).await?;
            }
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for who in [Anna, Ben, Carl].into_iter().filter(|who| *who != from) {
                for text in &texts {
                    self.party(who).shows(&Said::text(text)).await?;
                }
                self.in_order(who, &texts)?;
            }
        }
        Ok(())
    }

    /// Once everybody has our sender key, a message is a single ciphertext.
    pub(super) async fn a_key_goes_out_once(&mut self) -> Outcome {
        let first = self.tells(Carl, FRIENDS, "once, says Carl").await?;
        let second = self.tells(Carl, FRIENDS, "twice, says Carl").await?;
        for who in [Anna, Ben] {
            let (first, second) = (self.stanza_at(who, &first)?, self.stanza_at(who, &second)?);
            insist(first == second, || format!("{who:?} was handed another key: {first:?}, {second:?}"))?;
            insist(second.0 == ["skmsg"], || format!("{who:?} got {:?}", second.0))?;
        }
        Ok(())
    }

    pub(super) async fn what_is_about_a_message_reaches_the_group(&mut self) -> Outcome {
        for place in [FRIENDS, OLD_FRIENDS] {
            let of_anna = self.tells(Anna, place, &format!("Anna's one in {place:?}")).await?;
            let of_carl = self.tells(Carl, place, &format!("Carl's one in {place:?}")).await?;
            self.react(Carl, &of_anna, "🎉").await?;
            self.react(Anna, &of_carl, "👍").await?;
            self.react(Ben, &of_carl, "😀").await?;
            self.react(Ben, &of_carl, "").await?;
            self.edit(&of_anna, &format!("Anna's other one in {place:?}")).await?;
            self.edit(&of_carl, &format!("Carl's other one in {place:?}")).await?;
            self.revoke(Anna, &of_anna).await?;
            self.revoke(Carl, &of_carl).await?;
        }
        Ok(())
    }

    /// Anna, who made the group, and Carl, once she made him an admin.
    pub(super) async fn an_admin_revokes_what_others_said(&mut self) -> Outcome {
        for place in [FRIENDS, OLD_FRIENDS] {
            let group = self.address(place);
            self.server.change_group(&group, "promote", &self.carl.jid).await?;
            self.carl.group_changes(&group, "promoted").await?;
            let sent = self.tells(Carl, place, &format!("nonsense, says Carl in {place:?}")).await?;
            self.revoke(Anna, &sent).await?;
            let sent = self.tells(Anna, place, &format!("nonsense, says Anna in {place:?}")).await?;
            self.revoke(Carl, &sent).await?;
            let sent = self.tells(Ben, place, &format!("nonsense, says Ben in {place:?}")).await?;
            self.revoke(Carl, &sent).await?;
        }
        Ok(())
    }

    pub(super) async fn a_group_votes(&mut self) -> Outcome {
        for place in [FRIENDS, OLD_FRIENDS] {
            let (poll, secret) = self.theirs_asks(Anna, place, &format!("Where, {place:?}?")).await?;
            self.votes(Carl, &poll, &["there"]).await?;
            self.theirs_reads(Anna, &poll, &secret, [0, 1, 0]).await?;
            self.votes(Ben, &poll, &["here"]).await?;
            self.theirs_reads(Anna, &poll, &secret, [1, 1, 0]).await?;
            let poll = self.ours_asks(place, &format!("When, {place:?}?")).await?;
            self.votes(Anna, &poll, &["elsewhere"]).await?;
            let chosen = self.carl.chosen(&poll.id, &super::kinds::options())?;
            insist(chosen == ["elsewhere"], || format!("Anna voted for {chosen:?}"))?;
        }
        Ok(())
    }

    /// Of each member it is told apart.
    pub(super) async fn a_group_tells_who_read(&mut self) -> Outcome {
        let from_carl = self.tells(Carl, FRIENDS, "read this, all of you").await?;
        for who in [Anna, Ben] {
            let by = self.server.names(&self.jid(who)).await?;
            self.carl.confirmed(&from_carl.id, false, &by).await?;
            self.read(who, &from_carl).await?;
        }
        let from_anna = self.tells(Anna, FRIENDS, "read that, all of you").await?;
        let carl = self.server.names(&self.carl.jid).await?;
        self.anna.confirmed(&from_anna.id, false, &carl).await?;
        self.read(Carl, &from_anna).await
    }

    pub(super) async fn who_joins_reads_on(&mut self) -> Outcome {
        self.connect(Dora).await?;
        self.server.change_group(&self.groups[0].jid, "add", &self.dora.jid).await?;
        self.groups[0].members.insert(Dora);
        self.carl.group_changes(&self.groups[0].jid, "added").await?;
        self.tells(Carl, FRIENDS, "welcome Dora").await?;
        self.tells(Dora, FRIENDS, "hello, I am Dora").await?;
        self.tells(Anna, FRIENDS, "Dora is here").await?;
        Ok(())
    }

    /// Our next message goes out under a new key, of which nobody who left has heard.
    pub(super) async fn who_leaves_takes_no_key_along(&mut self) -> Outcome {
        let before = self.tells(Carl, FRIENDS, "still with Ben").await?;
        self.server.change_group(&self.groups[0].jid, "leave", &self.ben.jid).await?;
        self.groups[0].members.remove(&Ben);
        self.carl.group_changes(&self.groups[0].jid, "left").await?;
        let after = self.tells(Carl, FRIENDS, "without Ben").await?;
        for who in [Anna, Dora] {
            let (old, new) = (self.stanza_at(who, &before)?, self.stanza_at(who, &after)?);
            insist(new.0.len() == 2, || format!("{who:?} was handed no key: {new:?}"))?;
            insist(old.1 != new.1, || format!("{who:?} was sent the old key: {old:?}, {new:?}"))?;
        }
        self.tells(Anna, FRIENDS, "Ben is gone").await?;
        self.tells(Dora, FRIENDS, "so he is").await?;
        self.server.change_group(&self.groups[0].jid, "remove", &self.dora.jid).await?;
        self.groups[0].members.remove(&Dora);
        self.carl.group_changes(&self.groups[0].jid, "removed").await?;
        let last = self.tells(Carl, FRIENDS, "without Dora").await?;
        let (old, new) = (self.stanza_at(Anna, &after)?, self.stanza_at(Anna, &last)?);
        insist(old.1 != new.1, || format!("Anna was sent the old key: {old:?}, {new:?}"))?;
        self.tells(Anna, FRIENDS, "the two of us").await?;
        self.carl.stop().await
    }

    pub(super) async fn make_group(&mut self, addressing: &str, members: &[Who]) -> Outcome<Place> {
        let jids: Vec<String> = members.iter().map(|who| self.jid(*who)).collect();
        let jids: Vec<&str> = jids.iter().map(String::as_str).collect();
        let subject = format!("group {}", self.groups.len());
        let jid = self.server.create_group(&subject, &jids, addressing).await?;
        self.groups.push(Group { jid, members: members.iter().copied().collect() });
        Ok(Place::In(self.groups.len() - 1))
    }

    /// Types of the ciphertexts that somebody got of a message, and the number of the sender key.
    fn stanza_at(&self, who: Who, sent: &Sent) -> Outcome<(Vec<String>, Option<u64>)> {
        let stanza = self.theirs(who)?.stanza(&sent.id)?;
        insist(stanza.sender_key.is_some(), || format!("{who:?} got no sender key in {:?}", stanza.kinds))?;
        Ok((stanza.kinds, stanza.sender_key))
    }
}
