//! `replay`: a recording, run again.

use core::time::Duration;
use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Instant;

use sanswire::replay::{Entry, Reader, Recorder, ReplayError, Replayer, Summary};
use sanswire::{Client, Machine, Misuse, Output};
use serde_json::json;

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The recording
    file: PathBuf,
    /// Print everything that happened, one line each: stanzas and events in the clear, contents of messages
    /// included, but no values of records
    #[arg(long)]
    show: bool,
    /// Stop after this input and list the records that storage held then, by table and key
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Print one JSON object per step
    #[arg(long, conflicts_with = "show")]
    json: bool,
    /// Measure instead: the client alone, recorded once more, and replayed
    #[arg(long, conflicts_with_all = ["show", "json", "until"])]
    speed: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let problem = |error: String| Failure::Replay(format!("{}: {error}", arguments.file.display()));
    let recording = fs::read(&arguments.file).map_err(|error| problem(error.to_string()))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done =
        if arguments.speed { speed(&recording, &mut out) } else { replay(arguments, recording, &mut out) };
    let flushed = out.flush().map_err(Stop::Write);
    match done.and(flushed) {
        Ok(()) => Ok(()),
        Err(Stop::Replay(error)) => Err(problem(error.to_string())),
        // The reader has enough.
        Err(Stop::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Write(error)) => Err(Failure::Output(error)),
    }
}

enum Stop {
    Replay(ReplayError),
    Write(std::io::Error),
}

impl<E: Into<ReplayError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Replay(error.into())
    }
}

fn replay(arguments: &Arguments, recording: Vec<u8>, out: &mut impl Write) -> Result<(), Stop> {
    let start = Instant::now();
    let mut replayer = Replayer::new(recording)?;
    if !arguments.show && !arguments.json && arguments.until.is_none() {
        let summary = replayer.run()?;
        return writeln!(out, "{}", in_words(&summary, start.elapsed())).map_err(Stop::Write);
    }
    while let Some(step) = replayer.step()? {
        if arguments.until.is_some_and(|until| step.input > until) {
            return records(arguments, &replayer, out).map_err(Stop::Write);
        }
        let written = match (arguments.show, arguments.json) {
            (true, _) => writeln!(out, "{step}"),
            (_, true) => writeln!(out, "{}", step.json()),
            _ => Ok(()),
        };
        written.map_err(Stop::Write)?;
    }
    if arguments.until.is_some() {
        records(arguments, &replayer, out).map_err(Stop::Write)?;
    }
    let summary = replayer.summary();
    if !arguments.json {
        return writeln!(out, "{}", in_words(summary, start.elapsed())).map_err(Stop::Write);
    }
    let end = json!({
        "step": "end", "release": summary.release, "inputs": summary.inputs, "outputs": summary.outputs,
        "stanzas": summary.stanzas, "cut": summary.cut,
    });
    writeln!(out, "{end}").map_err(Stop::Write)
}

/// What storage held.
fn records(arguments: &Arguments, replayer: &Replayer, out: &mut impl Write) -> std::io::Result<()> {
    if !arguments.json && !replayer.knows_records() {
        writeln!(out, "records written since the start; what there was before is not in the recording:")?;
    } else if !arguments.json {
        writeln!(out, "records:")?;
    }
    for place in replayer.records() {
        if arguments.json {
            writeln!(out, "{}", json!({"step": "record", "table": place.table, "key": place.key_text()}))?;
        } else {
            writeln!(out, "{place}")?;
        }
    }
    Ok(())
}

fn in_words(summary: &Summary, took: Duration) -> String {
    let Summary { inputs, outputs, stanzas, recorded, cut, .. } = summary;
    let (recorded, took) = (recorded.as_secs_f64(), took.as_secs_f64());
    let rate = *stanzas as f64 / took.max(1e-9);
    let end = if *cut { "; the recording was cut off here" } else { "" };
    format!(
        "ok: {inputs} inputs gave the same {outputs} outputs; {stanzas} stanzas, {recorded:.1} s recorded, \
         replayed in {took:.3} s, {rate:.0} stanzas/s{end}"
    )
}

/// Runs the same inputs in three ways.
fn speed(recording: &[u8], out: &mut impl Write) -> Result<(), Stop> {
    let summary = Replayer::new(recording.to_vec())?.run()?;
    let stanzas = summary.stanzas.max(1) as f64;
    let per_stanza = |took: Duration| took.as_secs_f64() * 1e6 / stanzas;
    let alone = fastest(|| feed(recording, |begin| Client::new(begin.0, begin.1, begin.2)))?;
    let recorded = fastest(|| feed(recording, |begin| Recorder::new(begin.0, begin.1, begin.2)))?;
    let replayed = fastest(|| {
        let start = Instant::now();
        Replayer::new(recording.to_vec())?.run()?;
        Ok(start.elapsed())
    })?;
    let cost = (recorded.as_secs_f64() / alone.as_secs_f64() - 1.0) * 100.0;
    let rate = stanzas / replayed.as_secs_f64();
    writeln!(
        out,
        "{stanzas} stanzas, {} bytes: client alone {:.1} µs each, recorded {:.1} µs ({cost:+.0} %), replayed {:.1} µs \
         ({rate:.0} stanzas/s)",
        recording.len(),
        per_stanza(alone),
        per_stanza(recorded),
        per_stanza(replayed),
    )
    .map_err(Stop::Write)
}

/// The best of several runs: the others were disturbed.
fn fastest(mut run: impl FnMut() -> Result<Duration, Stop>) -> Result<Duration, Stop> {
    let (start, mut best) = (Instant::now(), run()?);
    while start.elapsed() < MEASURED {
        best = best.min(run()?);
    }
    Ok(best)
}

type Beginning = (sanswire::Config, [u8; 32], sanswire::Now);

/// Hands a recording's inputs to a machine, and times that.
fn feed<M: Machine>(
    recording: &[u8],
    make: impl Fn(Beginning) -> Result<M, Misuse>,
) -> Result<Duration, Stop> {
    let mut reader = Reader::new(recording.to_vec())?;
    let (mut beginning, mut inputs) = (None, Vec::new());
    while let Some(entry) = reader.next_entry()? {
        match entry {
            Entry::Begin(begin) => beginning = Some((begin.config, *begin.seed.expose(), begin.now)),
            Entry::Input(now, input) => inputs.push((now, input)),
            _ => {}
        }
    }
    let Some(beginning) = beginning else { return Ok(Duration::ZERO) };
    let start = Instant::now();
    let refused = |misuse| ReplayError::Refused { input: 0, misuse };
    let mut machine = make(beginning).map_err(refused)?;
    drain(&mut machine);
    for (now, input) in inputs {
        machine.handle(input, now).map_err(refused)?;
        drain(&mut machine);
    }
    Ok(start.elapsed())
}

fn drain(machine: &mut impl Machine) {
    while !matches!(machine.poll(), Output::Wait(_)) {}
}

const MEASURED: Duration = Duration::from_secs(2);
