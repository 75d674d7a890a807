//! `sim`: runs of the simulated world, seed by seed, and what to do about one that breaks a promise.

mod broken;
mod many;
mod scale;
mod summary;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sanswire_sim::run::{FaultKind, Plan, Rate, Strike, run_scheduled};

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 100)]
    seeds: u64,
    /// Seed of the first run; the others follow it
    #[arg(long, value_name = "S", default_value_t = 1)]
    from: u64,
    /// Accounts in each run; more than 500 are not checked but measured: memory per idle account, stanzas per second
    #[arg(long, value_name = "A", default_value_t = 3)]
    accounts: u32,
    /// Simulated hours of each run, before everything comes to rest
    #[arg(long, value_name = "H", default_value_t = 1.0)]
    hours: f64,
    /// Faults, each with how often it strikes per account and day, as in `cut,crash=96`; `all`, or `none`
    #[arg(long, value_name = "LIST", default_value = "all")]
    faults: String,
    /// Faults from a file instead, one a line, as a failed run leaves them
    #[arg(long, value_name = "FILE")]
    schedule: Option<PathBuf>,
    /// Where a run that breaks a promise leaves its faults and a recording of each client [default: sim-SEED]
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.accounts > SCALE_FROM {
        return scale::run(arguments.accounts, arguments.from);
    }
    let plan = arguments.plan()?;
    if let Some(file) = &arguments.schedule {
        let schedule = read_schedule(file)?;
        let report = run_scheduled(&plan, &schedule);
        summary::print(core::slice::from_ref(&report), None)?;
        return verdict(report.broken.len());
    }
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, core::num::NonZeroUsize::get));
    let (reports, took) = many::run_seeds(&plan, arguments.seeds, threads);
    summary::print(&reports, Some(took))?;
    let broken: Vec<_> = reports.iter().filter(|report| !report.broken.is_empty()).collect();
    for (place, report) in broken.iter().enumerate() {
        broken::tell(
            report,
            &arguments.repeat(report.plan.seed),
            arguments.recordings.as_deref(),
            place == 0,
        )?;
    }
    verdict(broken.len())
}

fn verdict(broken: usize) -> Result<(), Failure> {
    if broken == 0 { Ok(()) } else { Err(Failure::PromisesBroken) }
}

impl Arguments {
    fn plan(&self) -> Result<Plan, Failure> {
        let minutes = (self.hours * 60.0).round();
        if !(1.0..=600_000.0).contains(&minutes) || self.accounts == 0 {
            return Err(Failure::Argument("a run needs accounts, and a minute to 10000 hours".to_owned()));
        }
        let faults = faults(&self.faults)?;
        let plan = Plan::new(self.from);
        Ok(Plan { accounts: self.accounts, minutes: minutes as u32, faults, ..plan })
    }

    /// The command that repeats one run.
    fn repeat(&self, seed: u64) -> String {
        let Self { accounts, hours, faults, .. } = self;
        format!(
            "sanswire sim --seeds 1 --from {seed} --accounts {accounts} --hours {hours} --faults {faults}"
        )
    }
}

/// Reads `kind` or `kind=rate`, separated by commas.
fn faults(list: &str) -> Result<BTreeMap<FaultKind, Rate>, Failure> {
    let usual = Plan::new(0).faults;
    match list {
        "all" => return Ok(usual),
        "none" => return Ok(BTreeMap::new()),
        _ => {}
    }
    let mut faults = BTreeMap::new();
    for item in list.split(',') {
        let (name, rate) = item.split_once('=').map_or((item, None), |(name, rate)| (name, Some(rate)));
        let kind: FaultKind = name.parse().map_err(|error| {
            let known: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
            Failure::Argument(format!("{error}; there are {}", known.join(", ")))
        })?;
        let rate = match rate {
            None => usual.get(&kind).copied().unwrap_or_default(),
            Some(text) => Rate(text.parse().map_err(|_| Failure::Argument(format!("{text} is no rate")))?),
        };
        faults.insert(kind, rate);
    }
    Ok(faults)
}

fn read_schedule(file: &PathBuf) -> Result<Vec<Strike>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Argument(format!("cannot read {}: {error}", file.display())))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| line.parse().map_err(|error| Failure::Argument(format!("{error}")))).collect()
}

/// More accounts than this are for measuring.
const SCALE_FROM: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_lists_name_kinds_and_rates() {
        assert_eq!(faults("all").ok().map(|faults| faults.len()), Some(FaultKind::ALL.len()));
        assert_eq!(faults("none").ok().map(|faults| faults.len()), Some(0));
        let some = faults("cut,crash=7").ok().unwrap_or_default();
        assert_eq!(some.get(&FaultKind::Crash), Some(&Rate(7)));
        assert_eq!(some.get(&FaultKind::Cut), Plan::new(0).faults.get(&FaultKind::Cut));
        assert!(faults("cut,flood").is_err());
        assert!(faults("cut=often").is_err());
    }
}
