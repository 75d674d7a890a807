//! Runs on all cores, with a line on the terminal that says how far they are.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc;
use std::time::Instant;

use sanswire_sim::run::{Plan, Report, run};

/// Runs `seeds` plans, in the order of their seeds, and how long all took.
pub(super) fn run_seeds(first: &Plan, seeds: u64, threads: usize) -> (Vec<Report>, Duration) {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let (done, reports) = mpsc::channel();
    let mut finished: Vec<Report> = std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= seeds {
                        return;
                    }
                    let plan = Plan { seed: first.seed.wrapping_add(place), ..first.clone() };
                    if done.send(run(&plan)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let mut progress = Progress::new(seeds);
        reports.into_iter().inspect(|report| progress.step(report, begun.elapsed())).collect()
    });
    eprint_end();
    finished.sort_by_key(|report| report.plan.seed);
    (finished, begun.elapsed())
}

/// One line that is written over and over.
struct Progress {
    seeds: u64,
    done: u64,
    broken: u64,
    shown: bool,
}

impl Progress {
    fn new(seeds: u64) -> Self {
        Self { seeds, done: 0, broken: 0, shown: std::io::stderr().is_terminal() }
    }

    fn step(&mut self, report: &Report, elapsed: Duration) {
        self.done += 1;
        self.broken += u64::from(!report.broken.is_empty());
        if !self.shown {
            return;
        }
        let filled = (self.done * WIDTH / self.seeds.max(1)).min(WIDTH) as usize;
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH as usize - filled));
        let left = elapsed.as_secs_f64() / self.done as f64 * (self.seeds - self.done) as f64;
        // A terminal that went away stops no run.
        let _ = write!(
            std::io::stderr(),
            "\r[{bar}] {}/{} runs, {} broken, {left:.0} s left \x1b[K",
            self.done,
            self.seeds,
            self.broken
        );
    }
}

fn eprint_end() {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

const WIDTH: u64 = 30;
