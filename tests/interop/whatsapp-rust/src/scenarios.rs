//! What is played, in order; each scenario needs those before it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::Outcome;
use crate::command::{Server, Violation};
use crate::ours::Ours;
use crate::theirs::Theirs;

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
    "each_message_was_shown_once",
    "ours_broke_no_rule",
    "every_recording_replays",
];

/// Anna and Ben use whatsapp-rust, Carl uses our command, and later both.
pub(crate) struct World {
    pub(crate) server: Server,
    anna: Theirs,
    ben: Theirs,
    carl: Ours,
    other_carl: Theirs,
    scenario: &'static str,
    /// Every text that was sent to somebody: each must have been shown exactly once when all is over.
    promised: Vec<(Who, String)>,
    /// Texts whose sender died over them: at most once.
    attempted: Vec<(Who, String)>,
    /// Facts about whatsapp-rust that are worth a line, but break nothing.
    pub(crate) notes: Vec<String>,
}

/// Who is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anna,
    Ben,
    Carl,
    OtherCarl,
}

use Who::{Anna, Ben, Carl, OtherCarl};

impl World {
    pub(crate) async fn start(folder: &Path) -> Outcome<Self> {
        let server = Server::start().await?;
        Ok(Self {
            // Device 1 beside her phone over plain WebSocket; he in the phone's place, and over TLS.
            anna: Theirs::new(&server, "anna", false, Some("Linux")),
            ben: Theirs::new(&server, "ben", true, None),
            carl: Ours::new(&server, "carl", folder),
            // The same name makes it a further device of the same account.
            other_carl: Theirs::new(&server, "carl", false, Some("Linux")),
            server,
            scenario: "",
            promised: Vec::new(),
            attempted: Vec::new(),
            notes: Vec::new(),
        })
    }

    pub(crate) async fn play(&mut self, name: &'static str) -> Outcome {
        self.scenario = name;
        match name {
            "theirs_pairs" => self.theirs_pairs().await,
            "two_of_theirs" => self.two_of_theirs().await,
            "ours_pairs" => self.carl.pair(&self.server, name).await,
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
            "each_message_was_shown_once" => self.each_message_was_shown_once(),
            "ours_broke_no_rule" => self.ours_broke_no_rule().await,
            "every_recording_replays" => self.every_recording_replays().await,
            other => Err(format!("no scenario is called {other}").into()),
        }
    }

    async fn theirs_pairs(&mut self) -> Outcome {
        self.anna.connect(&self.server).await?;
        let jid = &self.anna.jid;
        insist(jid.starts_with("1555") && jid.ends_with("@s.whatsapp.net"), || format!("paired as {jid}"))
    }

    async fn two_of_theirs(&mut self) -> Outcome {
        self.ben.connect(&self.server).await?;
        insist(self.anna.jid != self.ben.jid, || "two accounts under one number".to_owned())?;
        self.exchange(Anna, Ben, &["Hello Ben, this is Anna"]).await?;
        self.exchange(Ben, Anna, &["Hello Anna, this is Ben", "how are you?"]).await?;
        let id = self.says(Anna, Ben, "well, thank you").await?;
        self.anna.delivered(&id).await?;
        let id = self.says(Ben, Anna, "good to hear").await?;
        self.ben.delivered(&id).await
    }

    async fn theirs_and_ours(&mut self) -> Outcome {
        self.listen()?;
        let unicode = "whatsapp-rust to sanswire: äöü 😀 مرحبا 你好 👩‍👩‍👧‍👦";
        self.exchange(Anna, Carl, &["whatsapp-rust to sanswire: first", unicode]).await?;
        let id = self.says(Ben, Carl, "and from Ben, Carl").await?;
        self.ben.delivered(&id).await?;
        self.carl.stop().await?;
        self.exchange(Carl, Anna, &["sanswire to whatsapp-rust: first"]).await?;
        let unicode = "sanswire to whatsapp-rust: äöü 😀 مرحبا 你好 👩‍👩‍👧‍👦";
        let id = self.says(Carl, Anna, unicode).await?;
        self.anna.receives(unicode).await?;
        self.exchange(Carl, Ben, &["to you too, Ben"]).await?;
        self.listen()?;
        self.carl.delivered(&id).await?;
        let id = self.says(Anna, Carl, "whatsapp-rust to sanswire: third").await?;
        self.anna.delivered(&id).await?;
        self.carl.receives("whatsapp-rust to sanswire: third").await?;
        self.carl.stop().await
    }

    /// `kill -9` while messages come in, each time one message later.
    async fn crash_in_the_middle(&mut self) -> Outcome {
        for round in 0..5 {
            let burst: Vec<String> = (0..8).map(|number| format!("burst {round}.{number}")).collect();
            self.listen()?;
            for text in &burst[..5] {
                self.says(Ben, Carl, text).await?;
            }
            self.carl.receives(&burst[round]).await?;
            self.carl.kill().await?;
            for text in &burst[5..] {
                self.says(Ben, Carl, text).await?;
            }
            self.listen()?;
            for text in &burst {
                self.carl.receives(text).await?;
            }
            self.carl.kill().await?;
            let burst: Vec<&str> = burst.iter().map(String::as_str).collect();
            self.in_order(Carl, &burst)?;
        }
        Ok(())
    }

    /// `kill -9` a little later each time: while it starts, connects, logs in, catches up, listens.
    async fn crash_at_any_moment(&mut self) -> Outcome {
        let mut texts = Vec::new();
        for round in 0..CRASHES {
            self.listen()?;
            for number in 0..3 {
                let text = format!("any moment {round}.{number}");
                self.says(Ben, Carl, &text).await?;
                texts.push(text);
            }
            tokio::time::sleep(CRASH_STEP * round).await;
            self.carl.kill().await?;
        }
        self.listen()?;
        for text in &texts {
            self.carl.receives(text).await?;
        }
        self.exchange(Ben, Carl, &["still there, Carl?"]).await?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.in_order(Carl, &texts)?;
        self.carl.stop().await
    }

    /// The sending process dies a little later each time. What it had stored goes out with the next one.
    async fn crash_while_sending(&mut self) -> Outcome {
        let to = self.anna.jid.clone();
        for round in 0..CRASHES {
            let text = format!("last words {round}");
            self.carl.send_and_kill(self.scenario, &to, &text, CRASH_STEP * round).await?;
            self.attempted.push((Anna, text));
        }
        self.exchange(Carl, Anna, &["after all those crashes"]).await?;
        let attempted: Vec<String> = self.attempted.iter().map(|(_, text)| text.clone()).collect();
        let shown: Vec<String> =
            self.anna.texts().into_iter().filter(|text| attempted.contains(text)).collect();
        let expected: Vec<&String> = attempted.iter().filter(|text| shown.contains(text)).collect();
        insist(shown.iter().eq(expected), || format!("out of order, or twice: {shown:?}"))?;
        insist(!shown.is_empty(), || "no message got out at all".to_owned())
    }

    async fn reconnects(&mut self) -> Outcome {
        self.anna.disconnect().await?;
        self.anna.connect(&self.server).await?;
        self.exchange(Anna, Ben, &["Anna is back"]).await?;
        self.ben.disconnect().await?;
        self.ben.connect(&self.server).await?;
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
        self.anna.receives("can you read this, Anna?").await?;
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
        self.carl.receives("can you read this, Carl?").await?;
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
        self.anna.connect(&self.server).await?;
        for text in from_ben.iter().chain(&from_carl) {
            self.anna.receives(text).await?;
        }
        self.in_order(Anna, &from_ben)?;
        self.in_order(Anna, &from_carl)?;
        self.anna.disconnect().await?;
        self.anna.connect(&self.server).await?;
        self.exchange(Ben, Anna, &["nothing came twice?"]).await?;
        self.shown_once(Anna, &from_ben)?;
        self.shown_once(Anna, &from_carl)
    }

    async fn ours_was_offline(&mut self) -> Outcome {
        let from_anna = ["Carl, read this later 1", "Carl, read this later 2", "Carl, read this later 3"];
        let from_ben = ["Carl, this is Ben 1", "Carl, this is Ben 2"];
        let mut last = String::new();
        for text in from_anna {
            last = self.says(Anna, Carl, text).await?;
        }
        for text in from_ben {
            self.says(Ben, Carl, text).await?;
        }
        self.listen()?;
        for text in from_anna.iter().chain(&from_ben) {
            self.carl.receives(text).await?;
        }
        self.in_order(Carl, &from_anna)?;
        self.in_order(Carl, &from_ben)?;
        self.anna.delivered(&last).await?;
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
        self.other_carl.connect(&self.server).await?;
        let (jid, other) = (&self.carl.jid, &self.other_carl.jid);
        insist(jid == other, || format!("{jid} and {other} are two accounts"))?;
        self.promised.push((OtherCarl, "to both of you".to_owned()));
        self.exchange(Anna, Carl, &["to both of you"]).await?;
        self.other_carl.receives("to both of you").await?;
        self.promised.push((Carl, "from the other one".to_owned()));
        self.exchange(OtherCarl, Anna, &["from the other one"]).await?;
        self.carl.receives("from the other one").await?;
        self.carl.stop().await?;
        self.promised.push((OtherCarl, "from the first one".to_owned()));
        self.exchange(Carl, Ben, &["from the first one"]).await?;
        self.other_carl.receives("from the first one").await?;
        self.other_carl.disconnect().await
    }

    fn each_message_was_shown_once(&mut self) -> Outcome {
        for (to, text) in &self.promised {
            self.shown_once(*to, &[text])?;
        }
        for who in [Anna, Ben, Carl, OtherCarl] {
            let sent = self.promised.iter().filter(|(to, _)| *to == who).count();
            let known = |text: &String| self.attempted.contains(&(who, text.clone()));
            let shown = self.texts(who).iter().filter(|text| !known(text)).count();
            insist(sent == shown, || format!("{who:?} was sent {sent} texts and shown {shown}"))?;
        }
        Ok(())
    }

    /// Rules that ours broke are errors, as is anything that it found wrong; those that whatsapp-rust broke are
    /// notes.
    async fn ours_broke_no_rule(&mut self) -> Outcome {
        let mut notes: BTreeMap<String, u32> = BTreeMap::new();
        for Violation { device, rule } in self.server.violations().await? {
            insist(!self.carl.is(&device), || format!("ours broke a rule: {rule}"))?;
            *notes.entry(format!("whatsapp-rust broke a rule: {rule}")).or_default() += 1;
        }
        for peer in [&self.anna, &self.ben, &self.other_carl] {
            for _ in 0..peer.shown_for_the_phone_too() {
                let note = "whatsapp-rust showed a message twice: by the retry, and by its phone";
                *notes.entry(note.to_owned()).or_default() += 1;
            }
            for code in peer.refusals() {
                *notes.entry(format!("whatsapp-rust was refused a stanza with {code}")).or_default() += 1;
            }
        }
        for stanza in self.carl.unhandled() {
            *notes.entry(format!("sanswire has no meaning for {stanza}")).or_default() += 1;
        }
        self.notes.extend(notes.into_iter().map(|(note, times)| format!("{note} ({times} times)")));
        let faults = self.carl.faults();
        insist(faults.is_empty(), || format!("ours found fault with {}", faults.join(", ")))
    }

    /// Each process of ours was recorded, those that were killed too: a fresh client gives the same outputs.
    async fn every_recording_replays(&mut self) -> Outcome {
        let count = self.carl.replay_all().await?;
        self.notes.push(format!("{count} recordings of sanswire replay"));
        insist(count > 0, || "nothing was recorded".to_owned())
    }

    fn listen(&mut self) -> Outcome {
        self.carl.listen(self.scenario)
    }

    async fn says(&mut self, from: Who, to: Who, text: &str) -> Outcome<String> {
        self.promised.push((to, text.to_owned()));
        let jid = match to {
            Anna => self.anna.jid.clone(),
            Ben => self.ben.jid.clone(),
            Carl | OtherCarl => self.carl.jid.clone(),
        };
        match from {
            Anna => self.anna.send(&jid, text).await,
            Ben => self.ben.send(&jid, text).await,
            Carl => self.carl.send(self.scenario, &jid, text).await,
            OtherCarl => self.other_carl.send(&jid, text).await,
        }
    }

    /// Sends texts and waits until the other side shows each of them.
    async fn exchange(&mut self, from: Who, to: Who, texts: &[&str]) -> Outcome {
        for text in texts {
            self.says(from, to, text).await?;
        }
        for text in texts {
            match to {
                Anna => self.anna.receives(text).await?,
                Ben => self.ben.receives(text).await?,
                Carl => self.carl.receives(text).await?,
                OtherCarl => self.other_carl.receives(text).await?,
            }
        }
        Ok(())
    }

    fn texts(&self, who: Who) -> Vec<String> {
        match who {
            Anna => self.anna.texts(),
            Ben => self.ben.texts(),
            Carl => self.carl.texts(),
            OtherCarl => self.other_carl.texts(),
        }
    }

    fn in_order(&self, who: Who, texts: &[&str]) -> Outcome {
        let seen: Vec<String> =
            self.texts(who).into_iter().filter(|text| texts.contains(&text.as_str())).collect();
        insist(seen == texts, || format!("{who:?} saw {seen:?} instead of {texts:?}"))
    }

    fn shown_once(&self, who: Who, texts: &[&str]) -> Outcome {
        let seen = self.texts(who);
        for text in texts {
            let times = seen.iter().filter(|shown| shown == text).count();
            insist(times == 1, || format!("{who:?} was shown “{text}” {times} times"))?;
        }
        Ok(())
    }
}

/// How many processes of ours die in a scenario of crashes.
const CRASHES: u32 = 25;
/// Each of them lives this much longer than the one before.
const CRASH_STEP: Duration = Duration::from_millis(3);

fn insist(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what().into()) }
}
