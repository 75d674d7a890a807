//! A run that broke a promise: how to repeat it, which faults it takes, and recordings of its clients.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sanswire_sim::run::{Report, Strike, run_with, shrink};
use sanswire_sim::tape::Tape;

use crate::failure::Failure;

/// Says what broke; of the first one also which faults it takes, and leaves files about it.
pub(super) fn tell(report: &Report, repeat: &str, folder: Option<&Path>, first: bool) -> Result<(), Failure> {
    let mut lines = vec![format!("\nseed {} broke {} promises:", report.plan.seed, report.broken.len())];
    lines
        .extend(report.broken.iter().take(SHOWN).map(|broken| format!("  {}", shorten(&broken.to_string()))));
    lines.push(format!("repeat it:  {repeat}"));
    print(&lines)?;
    if !first {
        return Ok(());
    }
    print(&["looking for the fewest faults that it takes …".to_owned()])?;
    let schedule = shrink(&report.plan, &report.schedule);
    let folder = folder.map_or_else(|| PathBuf::from(format!("sim-{}", report.plan.seed)), Path::to_path_buf);
    let mut lines = vec![format!("{} of {} faults are enough:", schedule.len(), report.schedule.len())];
    lines.extend(schedule.iter().map(|strike| format!("  {strike}")));
    let (files, broken) = record(report, &schedule, &folder).map_err(Failure::Output)?;
    lines.extend(broken.iter().take(SHOWN).map(|broken| format!("  -> {}", shorten(broken))));
    let file = folder.join(SCHEDULE);
    lines.push(format!("repeat that:  {repeat} --schedule {}", file.display()));
    lines.push(format!("{files} recordings, which hold secrets of this world only: {}", folder.display()));
    print(&lines)
}

/// Runs once more with a recorder around each client; gives the number of recordings and what broke.
fn record(report: &Report, schedule: &[Strike], folder: &Path) -> io::Result<(usize, Vec<String>)> {
    let tapes: Mutex<Vec<(String, Tape)>> = Mutex::default();
    let again = run_with(&report.plan, schedule, &|number, name| {
        let tape = Tape::new();
        let maker = tape.maker();
        if let Ok(mut tapes) = tapes.lock() {
            tapes.push((format!("{number}-{}", name.replace(' ', "-").to_lowercase()), tape));
        }
        maker
    });
    std::fs::create_dir_all(folder)?;
    let text: String = schedule.iter().map(|strike| format!("{strike}\n")).collect();
    write(&folder.join(SCHEDULE), text.as_bytes())?;
    let mut files = 0;
    for (name, tape) in tapes.into_inner().unwrap_or_default() {
        for (life, recording) in tape.recordings().into_iter().enumerate() {
            write(&folder.join(format!("{name}-life-{}.rec", life + 1)), &recording)?;
            files += 1;
        }
    }
    Ok((files, again.broken.iter().map(ToString::to_string).collect()))
}

/// Writes a file that only its owner may read.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(WIDTH).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").map_err(Failure::Output)?;
    }
    Ok(())
}

/// Name of the file with the faults.
const SCHEDULE: &str = "schedule.txt";
/// Broken promises shown of one run.
const SHOWN: usize = 5;
/// Characters of each.
const WIDTH: usize = 700;
