//! Kinds of messages other than text between two people, and what becomes of them.

use serde_json::json;

use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Ben, Carl};
use crate::world::{Place, Sent, Who, World, insist};

impl World {
    pub(super) async fn a_reaction_reaches_the_author_and_is_taken_back(&mut self) -> Outcome {
        self.talk()?;
        let asked = self.tells(Carl, Anna, "what do you think of this?").await?;
        for emoji in ["😀", "🤔", ""] {
            self.react(Anna, &asked, emoji).await?;
        }
        let asked = self.tells(Anna, Carl, "and what do you?").await?;
        for emoji in ["👍🏽", "❤️", ""] {
            self.react(Carl, &asked, emoji).await?;
        }
        let asked = self.tells(Ben, Carl, "is this fun?").await?;
        self.react(Carl, &asked, "🎉").await
    }

    pub(super) async fn an_edit_replaces_what_was_said(&mut self) -> Outcome {
        let sent = self.tells(Anna, Carl, "a mistkae").await?;
        self.edit(&sent, "a mistake").await?;
        self.edit(&sent, "a mistake, twice corrected").await?;
        let sent = self.tells(Carl, Anna, "mine as wlel").await?;
        self.edit(&sent, "mine as well").await?;
        self.edit(&sent, "mine as well, twice corrected").await
    }

    pub(super) async fn a_revoke_names_what_is_gone(&mut self) -> Outcome {
        let sent = self.tells(Anna, Carl, "forget this").await?;
        self.revoke(Anna, &sent).await?;
        let sent = self.tells(Carl, Anna, "forget this too").await?;
        self.revoke(Carl, &sent).await
    }

    pub(super) async fn a_vote_reaches_whoever_asked(&mut self) -> Outcome {
        let (poll, secret) = self.theirs_asks(Anna, Place::With(Carl), "Where?").await?;
        self.votes(Carl, &poll, &["there"]).await?;
        self.theirs_reads(Anna, &poll, &secret, [0, 1, 0]).await?;
        let chosen = self.anna.chosen(&poll.id, &secret, &options()).await?;
        insist(chosen == ["there"], || format!("Carl voted for {chosen:?}"))?;
        self.votes(Carl, &poll, &["here"]).await?;
        self.theirs_reads(Anna, &poll, &secret, [1, 0, 0]).await?;
        self.votes(Carl, &poll, &[]).await?;
        self.theirs_reads(Anna, &poll, &secret, [0, 0, 0]).await?;
        let poll = self.ours_asks(Place::With(Anna), "When?").await?;
        for choice in [&["elsewhere"][..], &["here"], &[]] {
            self.votes(Anna, &poll, choice).await?;
            let chosen = self.carl.chosen(&poll.id, &options())?;
            insist(chosen == choice, || format!("Anna voted for {chosen:?} instead of {choice:?}"))?;
        }
        Ok(())
    }

    pub(super) async fn delivery_and_reading_are_told(&mut self) -> Outcome {
        let (anna, carl) =
            (self.server.names(&self.anna.jid).await?, self.server.names(&self.carl.jid).await?);
        let sent = self.tells(Carl, Anna, "read this").await?;
        self.carl.confirmed(&sent.id, false, &anna).await?;
        self.read(Anna, &sent).await?;
        let sent = self.tells(Anna, Carl, "and read that").await?;
        self.anna.confirmed(&sent.id, false, &carl).await?;
        self.read(Carl, &sent).await?;
        self.carl.stop().await
    }

    /// Somebody with whatsapp-rust makes a poll; the message, and the secret of its votes.
    pub(super) async fn theirs_asks(
        &mut self,
        from: Who,
        place: Place,
        name: &str,
    ) -> Outcome<(Sent, Vec<u8>)> {
        let said = Said::Poll { name: name.to_owned(), options: options() };
        self.promise(from, place, &said);
        let (id, secret) = self.theirs(from)?.poll(&self.address(place), name, &options()).await?;
        let sent = Sent { id, from, place };
        self.all_show(&sent, &said).await?;
        Ok((sent, secret))
    }

    /// Carl makes a poll.
    pub(super) async fn ours_asks(&mut self, place: Place, name: &str) -> Outcome<Sent> {
        let said = Said::Poll { name: name.to_owned(), options: options() };
        self.promise(Carl, place, &said);
        let poll = json!({ "poll": { "name": name, "options": options(), "selectable": 1 } });
        let id = self.carl.send_content(&self.address(place), poll).await?;
        let sent = Sent { id, from: Carl, place };
        self.all_show(&sent, &said).await?;
        Ok(sent)
    }

    pub(super) async fn votes(&mut self, who: Who, poll: &Sent, choice: &[&str]) -> Outcome {
        let place = self.seen_from(who, poll);
        let chat = self.address(place);
        let id = if let Some(ours) = self.ours(who) {
            let vote = json!({ "poll_vote": { "poll": ours.key_of(&poll.id)?, "options": choice } });
            ours.send_content(&chat, vote).await?
        } else {
            let choice: Vec<String> = choice.iter().map(|&name| name.to_owned()).collect();
            self.theirs(who)?.vote(&chat, &poll.id, &choice).await?
        };
        let said = Said::Vote { id: id.clone(), poll: poll.id.clone() };
        self.promise(who, place, &said);
        self.all_show(&Sent { id, from: who, place }, &said).await
    }

    /// What whatsapp-rust makes of the votes in its poll: the number of them for each option.
    pub(super) async fn theirs_reads(
        &self,
        who: Who,
        poll: &Sent,
        secret: &[u8],
        expected: [usize; 3],
    ) -> Outcome {
        let tally = self.theirs(who)?.tally(&poll.id, secret, &options()).await?;
        insist(tally == expected, || format!("{who:?} counts {tally:?} instead of {expected:?}"))
    }
}

pub(super) fn options() -> Vec<String> {
    ["here", "there", "elsewhere"].map(str::to_owned).to_vec()
}
