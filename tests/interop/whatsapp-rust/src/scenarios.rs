//! What is played, in order; each scenario needs those before it.

mod crashes;
mod devices;
mod end;
mod groups;
mod kinds;
mod losses;

use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Ben, Carl, OtherCarl};
use crate::world::{World, insist};

/// Their names, in order.
pub(crate) const NAMES: &[&str] = &[
    "theirs_pairs",
    "two_of_theirs",
    "ours_pairs",
    "theirs_and_ours",
    "crash_in_the_middle",
    "crash_at_any_moment",
    "crash_while_sending",
    "reconnects",
    "every_connection_drops",
    "theirs_asks_again",
    "ours_asks_again",
    "theirs_was_offline",
    "ours_was_offline",
    "one_account_on_both",
    "a_reaction_reaches_the_author_and_is_taken_back",
    "an_edit_replaces_what_was_said",
    "a_revoke_names_what_is_gone",
    "a_vote_reaches_whoever_asked",
    "delivery_and_reading_are_told",
    "a_group_talks_in_all_directions",
    "a_group_keeps_the_order",
    "a_key_goes_out_once",
    "what_is_about_a_message_reaches_the_group",
    "an_admin_revokes_what_others_said",
    "a_group_votes",
    "a_group_tells_who_read",
    "who_joins_reads_on",
    "who_leaves_takes_no_key_along",
    "a_device_that_was_away_catches_up",
    "an_unlinked_device_gets_nothing_more",
    "theirs_lost_its_session",
    "ours_lost_its_session",
    "theirs_lost_a_sender_key",
    "ours_lost_a_sender_key",
    "a_spoiled_group_message_comes_again",
    "a_device_of_theirs_joins",
    "a_device_of_ours_joins",
    "each_message_was_shown_once",
    "ours_broke_no_rule",
    "every_recording_replays",
];

impl World {
    pub(crate) async fn play(&mut self, name: &'static str) -> Outcome {
        self.scenario = name;
        match name {
            "theirs_pairs" => self.theirs_pairs().await,
            "two_of_theirs" => self.two_of_theirs().await,
            "ours_pairs" => self.ours_pairs().await,
            "theirs_and_ours" => self.theirs_and_ours().await,
            "crash_in_the_middle" => self.crash_in_the_middle().await,
            "crash_at_any_moment" => self.crash_at_any_moment().await,
            "crash_while_sending" => self.crash_while_sending().await,
            "reconnects" => self.reconnects().await,
            "every_connection_drops" => self.every_connection_drops().await,
            "theirs_asks_again" => self.theirs_asks_again().await,
            "ours_asks_again" => self.ours_asks_again().await,
            "theirs_was_offline" => self.theirs_was_offline().await,
            "ours_was_offline" => self.ours_was_offline().await,
            "one_account_on_both" => self.one_account_on_both().await,
            "a_reaction_reaches_the_author_and_is_taken_back" => {
                self.a_reaction_reaches_the_author_and_is_taken_back().await
            }
            "an_edit_replaces_what_was_said" => self.an_edit_replaces_what_was_said().await,
            "a_revoke_names_what_is_gone" => self.a_revoke_names_what_is_gone().await,
            "a_vote_reaches_whoever_asked" => self.a_vote_reaches_whoever_asked().await,
            "delivery_and_reading_are_told" => self.delivery_and_reading_are_told().await,
            "a_group_talks_in_all_directions" => self.a_group_talks_in_all_directions().await,
            "a_group_keeps_the_order" => self.a_group_keeps_the_order().await,
            "a_key_goes_out_once" => self.a_key_goes_out_once().await,
            "what_is_about_a_message_reaches_the_group" => {
                self.what_is_about_a_message_reaches_the_group().await
            }
            "an_admin_revokes_what_others_said" => self.an_admin_revokes_what_others_said().await,
            "a_group_votes" => self.a_group_votes().await,
            "a_group_tells_who_read" => self.a_group_tells_who_read().await,
            "who_joins_reads_on" => self.who_joins_reads_on().await,
            "who_leaves_takes_no_key_along" => self.who_leaves_takes_no_key_along().await,
            "a_device_that_was_away_catches_up" => self.a_device_that_was_away_catches_up().await,
            "an_unlinked_device_gets_nothing_more" => self.an_unlinked_device_gets_nothing_more().await,
            "theirs_lost_its_session" => self.theirs_lost_its_session().await,
            "ours_lost_its_session" => self.ours_lost_its_session().await,
            "theirs_lost_a_sender_key" => self.theirs_lost_a_sender_key().await,
            "ours_lost_a_sender_key" => self.ours_lost_a_sender_key().await,
            "a_spoiled_group_message_comes_again" => self.a_spoiled_group_message_comes_again().await,
            "a_device_of_theirs_joins" => self.a_device_of_theirs_joins().await,
            "a_device_of_ours_joins" => self.a_device_of_ours_joins().await,
            "each_message_was_shown_once" => self.each_message_was_shown_once(),
            "ours_broke_no_rule" => self.ours_broke_no_rule().await,
            "every_recording_replays" => self.every_recording_replays().await,
            other => Err(format!("no scenario is called {other}").into()),
        }
    }

    async fn theirs_pairs(&mut self) -> Outcome {
        self.connect(Anna).await?;
        let jid = &self.anna.jid;
        insist(jid.starts_with("1555") && jid.ends_with("@s.whatsapp.net"), || format!("paired as {jid}"))
    }

    async fn two_of_theirs(&mut self) -> Outcome {
        self.connect(Ben).await?;
        insist(self.anna.jid != self.ben.jid, || "two accounts under one number".to_owned())?;
        self.exchange(Anna, Ben, &["Hello Ben, this is Anna"]).await?;
        self.exchange(Ben, Anna, &["Hello Anna, this is Ben", "how are you?"]).await?;
        let id = self.says(Anna, Ben, "well, thank you").await?.id;
        self.anna.confirmed(&id, false, &[]).await?;
        let id = self.says(Ben, Anna, "good to hear").await?.id;
        self.ben.confirmed(&id, false, &[]).await
    }

    async fn theirs_and_ours(&mut self) -> Outcome {
        self.listen()?;
        let unicode = "whatsapp-rust to sanswire: äöü 😀 مرحبا 你好 👩‍👩‍👧‍👦";
        self.exchange(Anna, Carl, &["whatsapp-rust to sanswire: first", unicode]).await?;
        let id = self.says(Ben, Carl, "and from Ben, Carl").await?.id;
        self.ben.confirmed(&id, false, &[]).await?;
        self.carl.stop().await?;
        self.exchange(Carl, Anna, &["sanswire to whatsapp-rust: first"]).await?;
        let unicode = "sanswire to whatsapp-rust: äöü 😀 مرحبا 你好 👩‍👩‍👧‍👦";
        let id = self.says(Carl, Anna, unicode).await?.id;
        self.anna.shows(&Said::text(unicode)).await?;
        self.exchange(Carl, Ben, &["to you too, Ben"]).await?;
        self.listen()?;
        self.carl.confirmed(&id, false, &[]).await?;
        let id = self.says(Anna, Carl, "whatsapp-rust to sanswire: third").await?.id;
        self.anna.confirmed(&id, false, &[]).await?;
        self.carl.shows(&Said::text("whatsapp-rust to sanswire: third")).await?;
        self.carl.stop().await
    }

    async fn ours_pairs(&mut self) -> Outcome {
        self.carl.pair(&self.server, self.scenario).await?;
        self.linked.insert(Carl);
        Ok(())
    }

    async fn reconnects(&mut self) -> Outcome {
        self.anna.disconnect().await?;
        self.connect(Anna).await?;
        self.exchange(Anna, Ben, &["Anna is back"]).await?;
        self.ben.disconnect().await?;
        self.connect(Ben).await?;
        self.exchange(Anna, Ben, &["so is Ben"]).await?;
        self.listen()?;
        self.exchange(Anna, Carl, &["Anna is back, Carl"]).await?;
        self.carl.kill().await?;
        self.listen()?;
        self.exchange(Anna, Carl, &["did you crash, Carl?"]).await?;
        self.carl.kill().await?;
        self.exchange(Carl, Anna, &["twice, and I am back"]).await
    }

    /// The server closes all sockets; everyone comes back without being told to.
    async fn every_connection_drops(&mut self) -> Outcome {
        self.listen()?;
        self.exchange(Anna, Carl, &["before the cut"]).await?;
        let (anna, ben) = (self.anna.seen(), self.ben.seen());
        self.server.drop_connections().await?;
        self.anna.connected_after(anna).await?;
        self.ben.connected_after(ben).await?;
        self.exchange(Anna, Ben, &["after the cut, Ben"]).await?;
        self.exchange(Anna, Carl, &["after the cut, Carl"]).await?;
        self.carl.stop().await?;
        self.exchange(Carl, Ben, &["all of us are back"]).await
    }

    /// A message of ours arrives broken: the retry receipt of whatsapp-rust makes us send it again.
    async fn theirs_asks_again(&mut self) -> Outcome {
        let before = self.anna.seen();
        self.server.spoil_next_message(&self.anna.jid).await?;
        self.says(Carl, Anna, "can you read this, Anna?").await?;
        self.anna.undecryptable(before).await?;
        self.listen()?;
        self.anna.shows(&Said::text("can you read this, Anna?")).await?;
        self.exchange(Anna, Carl, &["now I can"]).await?;
        self.carl.stop().await
    }

    /// The other way round: our retry receipt makes whatsapp-rust send its message again.
    async fn ours_asks_again(&mut self) -> Outcome {
        self.listen()?;
        let before = self.carl.seen();
        self.server.spoil_next_message(&self.carl.jid).await?;
        self.says(Anna, Carl, "can you read this, Carl?").await?;
        self.carl.undecryptable(before).await?;
        self.carl.shows(&Said::text("can you read this, Carl?")).await?;
        self.exchange(Anna, Carl, &["and this?"]).await?;
        self.carl.stop().await?;
        self.exchange(Carl, Anna, &["both of them"]).await
    }

    async fn theirs_was_offline(&mut self) -> Outcome {
        let from_ben = ["while you were away 1", "while you were away 2", "while you were away 3"];
        let from_carl = ["Carl while you were away 1", "Carl while you were away 2"];
        self.anna.disconnect().await?;
        for text in from_ben {
            self.says(Ben, Anna, text).await?;
        }
        for text in from_carl {
            self.says(Carl, Anna, text).await?;
        }
        self.connect(Anna).await?;
        for text in from_ben.iter().chain(&from_carl) {
            self.anna.shows(&Said::text(text)).await?;
        }
        self.in_order(Anna, &from_ben)?;
        self.in_order(Anna, &from_carl)?;
        self.anna.disconnect().await?;
        self.connect(Anna).await?;
        self.exchange(Ben, Anna, &["nothing came twice?"]).await?;
        self.shown_once(Anna, &from_ben)?;
        self.shown_once(Anna, &from_carl)
    }

    async fn ours_was_offline(&mut self) -> Outcome {
        let from_anna = ["Carl, read this later 1", "Carl, read this later 2", "Carl, read this later 3"];
        let from_ben = ["Carl, this is Ben 1", "Carl, this is Ben 2"];
        let mut last = String::new();
        for text in from_anna {
            last = self.says(Anna, Carl, text).await?.id;
        }
        for text in from_ben {
            self.says(Ben, Carl, text).await?;
        }
        self.listen()?;
        for text in from_anna.iter().chain(&from_ben) {
            self.carl.shows(&Said::text(text)).await?;
        }
        self.in_order(Carl, &from_anna)?;
        self.in_order(Carl, &from_ben)?;
        self.anna.confirmed(&last, false, &[]).await?;
        self.carl.stop().await?;
        self.listen()?;
        self.exchange(Anna, Carl, &["nothing came twice, Carl?"]).await?;
        self.carl.stop().await?;
        self.shown_once(Carl, &from_anna)?;
        self.shown_once(Carl, &from_ben)
    }

    /// Carl links whatsapp-rust beside our command: both get what others write, and what the other one wrote.
    async fn one_account_on_both(&mut self) -> Outcome {
        self.listen()?;
        self.connect(OtherCarl).await?;
        let (jid, other) = (&self.carl.jid, &self.other_carl.jid);
        insist(jid == other, || format!("{jid} and {other} are two accounts"))?;
        self.exchange(Anna, Carl, &["to both of you"]).await?;
        self.other_carl.shows(&Said::text("to both of you")).await?;
        self.exchange(OtherCarl, Anna, &["from the other one"]).await?;
        self.carl.shows(&Said::text("from the other one")).await?;
        self.carl.stop().await?;
        self.exchange(Carl, Ben, &["from the first one"]).await?;
        self.other_carl.shows(&Said::text("from the first one")).await?;
        self.other_carl.disconnect().await
    }
}
