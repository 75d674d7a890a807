//! Very many accounts in one process: what an idle one costs, and how fast stanzas pass.

use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use sanswire_sim::server::Config;
use sanswire_sim::world::{Who, World};

use crate::failure::Failure;

/// Pairs everybody, lets everybody write to somebody, lets everybody idle, and drops all clients to see what
/// they held.
pub(super) fn run(accounts: u32, seed: u64) -> Result<(), Failure> {
    let config = Config { welcome: false, ..Config::default() };
    let mut world = World::with(seed, config);
    world.journal_mut().close();
    let begun = Instant::now();
    let everybody: Vec<Who> = (0..accounts)
        .map(|account| {
            tell(&format!("paired {account} of {accounts}"));
            let who = world.client_with(&format!("Account {account}"), |config| {
                config.first_prekeys = FIRST_PREKEYS;
            });
            world.pair(who);
            who
        })
        .collect();
    let paired = begun.elapsed();

    let (begun, stanzas) = (Instant::now(), world.server.stanzas());
    for round in 0..ROUNDS {
        tell(&format!("round {round} of {ROUNDS}: everybody writes to somebody"));
        for (place, from) in everybody.iter().enumerate() {
            // The same neighbour each time: the first message starts a session, the others use it.
            let to = everybody[(place + 1) % everybody.len()];
            world.send(*from, to, "how are you?");
        }
        world.run();
    }
    let (wrote, stanzas) = (begun.elapsed(), world.server.stanzas() - stanzas);
    let messages: u64 = everybody.iter().map(|who| world.texts(*who).len() as u64).sum();
    let expected = u64::from(ROUNDS) * u64::from(accounts);

    let begun = Instant::now();
    tell("everybody idles");
    world.run_for(IDLE);
    let idled = begun.elapsed();
    let online = everybody.iter().filter(|who| world.is_ready(**who)).count();
    let violations = world.server.violations().len();

    let before = crate::ALLOCATED.current_usage();
    for who in &everybody {
        world.crash(*who);
    }
    let each = before.saturating_sub(crate::ALLOCATED.current_usage()) / everybody.len().max(1);
    tell("");
    print(&[
        format!("accounts          {accounts}, {online} online at the end"),
        format!(
            "pairing           {:.1} s, {:.0} accounts/s",
            paired.as_secs_f64(),
            per_second(u64::from(accounts), paired)
        ),
        format!("messages shown    {messages} of {expected}"),
        format!(
            "stanzas           {stanzas} in {:.1} s, {:.0} stanzas/s",
            wrote.as_secs_f64(),
            per_second(stanzas, wrote)
        ),
        format!(
            "idling            {} s in {:.1} s, {:.1} times real time",
            IDLE.as_secs(),
            idled.as_secs_f64(),
            IDLE.as_secs_f64() / idled.as_secs_f64()
        ),
        format!("idle account      {each} bytes (limit {ACCOUNT_BYTES_MAX})"),
        format!("rules broken      {violations}"),
    ])?;
    let kept =
        messages == expected && violations == 0 && each <= ACCOUNT_BYTES_MAX && online == everybody.len();
    if kept { Ok(()) } else { Err(Failure::PromisesBroken) }
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(0.001)
}

/// One line on a terminal that is written over.
fn tell(line: &str) {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
    }
}

fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(Failure::Output)
}

/// One-time prekeys of each account: what the server keeps of them is most of the memory of this process.
const FIRST_PREKEYS: u32 = 30;
/// Messages that everybody writes.
const ROUNDS: u32 = 5;
/// Long enough for keepalives of everybody.
const IDLE: Duration = Duration::from_secs(60);
/// Most bytes that the client of an idle account may hold.
const ACCOUNT_BYTES_MAX: usize = 64 * 1024;
