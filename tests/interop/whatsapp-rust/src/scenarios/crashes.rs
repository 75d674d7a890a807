//! Processes of ours that die without warning: nothing is lost, nothing is shown twice.

use std::time::Duration;

use crate::Outcome;
use crate::said::Said;
use crate::world::Who::{Anna, Ben, Carl};
use crate::world::{World, insist};

impl World {
    /// `kill -9` while messages come in, each time one message later.
    pub(super) async fn crash_in_the_middle(&mut self) -> Outcome {
        for round in 0..5 {
            let burst: Vec<String> = (0..8).map(|number| format!("burst {round}.{number}")).collect();
            self.listen()?;
            for text in &burst[..5] {
                self.says(Ben, Carl, text).await?;
            }
            self.carl.shows(&Said::text(&burst[round])).await?;
            self.carl.kill().await?;
            for text in &burst[5..] {
                self.says(Ben, Carl, text).await?;
            }
            self.listen()?;
            for text in &burst {
                self.carl.shows(&Said::text(text)).await?;
            }
            self.carl.kill().await?;
            let burst: Vec<&str> = burst.iter().map(String::as_str).collect();
            self.in_order(Carl, &burst)?;
        }
        Ok(())
    }

    /// `kill -9` a little later each time: while it starts, connects, logs in, catches up, listens.
    pub(super) async fn crash_at_any_moment(&mut self) -> Outcome {
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
            self.carl.shows(&Said::text(text)).await?;
        }
        self.exchange(Ben, Carl, &["still there, Carl?"]).await?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.in_order(Carl, &texts)?;
        self.carl.stop().await
    }

    /// The sending process dies a little later each time. What it had stored goes out with the next one.
    pub(super) async fn crash_while_sending(&mut self) -> Outcome {
        let to = self.anna.jid.clone();
        for round in 0..CRASHES {
            let text = format!("last words {round}");
            self.carl.send_and_kill(self.scenario, &to, &text, CRASH_STEP * round).await?;
            self.attempted.push((Anna, Said::Text(text)));
        }
        self.exchange(Carl, Anna, &["after all those crashes"]).await?;
        let attempted: Vec<Said> = self.attempted.iter().map(|(_, said)| said.clone()).collect();
        let shown: Vec<Said> = self.anna.said().into_iter().filter(|said| attempted.contains(said)).collect();
        let expected: Vec<&Said> = attempted.iter().filter(|said| shown.contains(said)).collect();
        insist(shown.iter().eq(expected), || format!("out of order, or twice: {shown:?}"))?;
        insist(!shown.is_empty(), || "no message got out at all".to_owned())
    }
}

/// How many processes of ours die in a scenario of crashes.
const CRASHES: u32 = 25;
/// Each of them lives this much longer than the one before.
const CRASH_STEP: Duration = Duration::from_millis(3);
