//! Measures subjects that do the same work, in turns and in one run, and prints their ratios.
//!
//! Each round runs every subject for about a millisecond, so that whatever else the machine does hits all of
//! them; the median round counts. Allocations are counted as well. One command: `cargo bench -p sanswire-bench`.

pub mod allocations;

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Rounds per comparison; the median of them is reported.
const ROUNDS: usize = 101;
/// How long one subject runs in one round.
const ROUND: Duration = Duration::from_millis(1);

/// Several ways to do the same work.
pub struct Comparison<'a> {
    title: String,
    subjects: Vec<Subject<'a>>,
}

struct Subject<'a> {
    name: &'static str,
    work: Box<dyn FnMut() + 'a>,
    /// Calls per round.
    calls: u32,
    /// Nanoseconds per call, one entry for each round.
    times: Vec<f64>,
    /// Allocations of all rounds.
    allocations: u64,
}

/// A comparison with this headline.
pub fn compare<'a>(title: impl Into<String>) -> Comparison<'a> {
    Comparison { title: title.into(), subjects: Vec::new() }
}

impl<'a> Comparison<'a> {
    /// Adds a subject. The first one is ours: the ratios are ours to each of the others.
    #[must_use]
    pub fn subject<T>(mut self, name: &'static str, mut work: impl FnMut() -> T + 'a) -> Self {
        let work = Box::new(move || drop(black_box(work())));
        self.subjects.push(Subject {
            name,
            work,
            calls: 1,
            times: Vec::with_capacity(ROUNDS),
            allocations: 0,
        });
        self
    }

    /// Runs all subjects and prints time and allocations per call, and ratios of the times.
    pub fn run(mut self) {
        for subject in &mut self.subjects {
            subject.calibrate();
        }
        for _ in 0..ROUNDS {
            for subject in &mut self.subjects {
                subject.round();
            }
        }
        println!("\n{}", self.title);
        let ours = self.subjects.first_mut().map_or(0.0, Subject::median);
        for (index, subject) in self.subjects.iter_mut().enumerate() {
            let time = subject.median();
            let ratio = if index == 0 { String::new() } else { format!("ours is {:.2}x", ours / time) };
            let allocations = subject.allocations as f64 / (f64::from(subject.calls) * ROUNDS as f64);
            println!(
                "  {:<28} {:>12} {allocations:>10.1} allocations  {ratio}",
                subject.name,
                readable(time)
            );
        }
    }
}

impl Subject<'_> {
    /// Finds how many calls fill a round, warming up meanwhile.
    fn calibrate(&mut self) {
        while self.time(self.calls) < ROUND && self.calls < 1 << 24 {
            self.calls *= 2;
        }
    }

    fn round(&mut self) {
        let before = allocations::count();
        let time = self.time(self.calls).as_secs_f64() * 1e9;
        self.allocations += allocations::count() - before;
        self.times.push(time / f64::from(self.calls));
    }

    fn time(&mut self, calls: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            (self.work)();
        }
        start.elapsed()
    }

    fn median(&mut self) -> f64 {
        self.times.sort_by(f64::total_cmp);
        self.times.get(self.times.len() / 2).copied().unwrap_or_default()
    }
}

/// A time in the unit that suits it.
#[must_use]
pub fn readable(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}
