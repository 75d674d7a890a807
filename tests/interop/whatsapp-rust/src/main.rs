//! The published whatsapp-rust against `sanswire serve`, alone, with another of its kind, and with our command.
//!
//! ```text
//! cargo run --locked [scenario]   all scenarios in order, or up to the one named
//! SANSWIRE_BIN=PATH               another build of the command than target/release/sanswire
//! SANSWIRE_RECORD=FOLDER          keeps the recording of each run of our command, FOLDER/SCENARIO-N.swrec
//! INTEROP_VERBOSE=1               their log and every line of our command on standard error
//! ```
//!
//! Ends with `N passed, N failed` and exit status 0 only if none failed.

mod command;
mod journal;
mod ours;
mod said;
mod scenarios;
mod theirs;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use scenarios::NAMES;
use world::World;

/// What anything here ends with.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Longest wait for one thing. whatsapp-rust itself waits up to a minute for the end of the offline queue.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Longest time of one scenario.
const SCENARIO_LIMIT: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() -> ExitCode {
    let last = std::env::args().nth(1);
    if let Some(last) = &last
        && !NAMES.contains(&last.as_str())
    {
        eprintln!("no such scenario; there are: {}", NAMES.join(" "));
        return ExitCode::from(2);
    }
    if verbose() && log::set_boxed_logger(Box::new(Log)).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    let folder = Folder(std::env::temp_dir().join(format!("sanswire-interop-{}", std::process::id())));
    let started = match std::fs::create_dir_all(&folder.0) {
        Ok(()) => World::start(&folder.0).await,
        Err(error) => Err(error.into()),
    };
    match started {
        Ok(mut world) => {
            let failed = run(&mut world, last.as_deref()).await;
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("FAIL server: {error}");
            println!("0 passed, {} failed", NAMES.len());
            ExitCode::FAILURE
        }
    }
}

/// Plays the scenarios; how many failed.
async fn run(world: &mut World, last: Option<&str>) -> usize {
    let end = NAMES.iter().position(|name| Some(*name) == last).unwrap_or(NAMES.len() - 1);
    let (mut passed, mut failed) = (0, 0);
    for &name in &NAMES[..=end] {
        if failed > 0 {
            failed += 1;
            println!("FAIL {name}: needs the scenario that failed before");
            continue;
        }
        let start = Instant::now();
        let played = match tokio::time::timeout(SCENARIO_LIMIT, world.play(name)).await {
            Ok(played) => played,
            Err(_) => Err(format!("not done within {} s", SCENARIO_LIMIT.as_secs()).into()),
        };
        match played {
            Ok(()) => {
                passed += 1;
                println!("ok   {name} ({:.1} s)", start.elapsed().as_secs_f32());
            }
            Err(error) => {
                failed += 1;
                println!("FAIL {name}: {error}");
                for line in world.server.complaints() {
                    println!("     server: {line}");
                }
            }
        }
    }
    for note in &world.notes {
        println!("note {note}");
    }
    println!("{passed} passed, {failed} failed");
    failed
}

/// A temporary folder that goes away with us.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Their log on standard error.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("[{} {}] {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

pub(crate) fn verbose() -> bool {
    std::env::var_os("INTEROP_VERBOSE").is_some()
}
