//! Messages from client to client through the simulated server: how many in a second, what each side's part costs,
//! and how often it allocates. Over records in memory and over SQLite. Then what a message to a large group costs its
//! sender.
//!
//! Both accounts have a phone and a linked client, so that a text is encrypted three times; the simulated phones
//! open theirs, and that counts as the server's work. Once more with both clients recorded to files. Each message is confirmed by the application and answered
//! with receipts from both devices of the recipient. Many short
//! rounds are run and the best is printed: what the machine does beside them only adds.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod group;
mod town;

use core::time::Duration;
use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use sanswire::messaging::SendMessage;
use sanswire_bench::readable;
use sanswire_driver::Machine;
use sanswire_store::{MemoryStore, SqliteStore, Store};
use town::{Spent, Town};

fn main() {
    let folder = Folder::new();
    texts("in memory", 20, 250, |town, _| town.moves_in(MemoryStore::new()));
    texts("in memory, recorded", 20, 250, |town, who| {
        let sink = File::create(folder.0.join(format!("{who}.swrec"))).unwrap();
        town.moves_in_recorded(MemoryStore::new(), sink)
    });
    group::large(MemoryStore::new());
    group::new(MemoryStore::new());
    texts("SQLite, each commit on the disk", 10, 50, |town, who| {
        town.moves_in(SqliteStore::open(folder.0.join(format!("{who}.db"))).unwrap())
    });
}

/// One writes to the other, a text at a time.
fn texts<S: Store, M: Machine>(
    title: &str,
    messages: u32,
    rounds: usize,
    moves_in: impl Fn(&mut Town<S, M>, usize) -> usize,
) {
    let mut town = Town::new();
    let [from, to] = [0, 1].map(|who| moves_in(&mut town, who));
    let numbers: Vec<_> = town.people.iter().map(|person| person.number.clone().unwrap()).collect();
    // Sessions are made, both ratchets have turned, lists and tokens are known.
    for (from, to) in [(from, to), (to, from), (from, to)] {
        town.call(from, SendMessage::text(numbers[to].clone(), TEXT));
        town.run();
    }
    let mut all: Vec<Round> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let received = town.people[to].received;
        let commits = [from, to].map(|who| town.people[who].commits());
        town.server_spent = Spent::default();
        for person in &mut town.people {
            person.spent = Spent::default();
        }
        let start = Instant::now();
        for _ in 0..messages {
            town.call(from, SendMessage::text(numbers[to].clone(), TEXT));
            town.run();
        }
        let time = start.elapsed();
        assert_eq!(town.people[to].received - received, u64::from(messages), "each text arrives");
        let part = |who: usize| (town.people[who].spent, town.people[who].commits() - commits[who]);
        all.push(Round { time, parts: [part(from), (town.server_spent, 0), part(to)] });
    }
    assert!(town.server.violations().is_empty(), "{:?}", town.server.violations());
    print(title, messages, all);
}

struct Round {
    time: Duration,
    /// Sender, server, recipient; commits of the stores.
    parts: [(Spent, u64); 3],
}

fn print(title: &str, messages: u32, mut rounds: Vec<Round>) {
    let each = f64::from(messages);
    rounds.sort_by_key(|round| round.time);
    let seconds = rounds[0].time.as_secs_f64();
    println!("\nend to end, {title}: {:.0} messages per second", each / seconds);
    for (place, name) in ["sender", "server and phones", "recipient"].into_iter().enumerate() {
        rounds.sort_by_key(|round| round.parts[place].0.time);
        let (spent, commits) = rounds[0].parts[place];
        println!(
            "  {name:<20} {:>10} {:>8.1} allocations {:>5.1} commits",
            readable(spent.time.as_secs_f64() * 1e9 / each),
            spent.allocations as f64 / each,
            commits as f64 / each,
        );
    }
}

/// A folder for the files of one run, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("end-to-end-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

const TEXT: &str = "See you at the station at eight, and bring the umbrella: it looks like rain.";
