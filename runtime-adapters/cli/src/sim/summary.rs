//! What all runs came to, in a few lines.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::Write as _;

use sanswire_sim::run::Report;

use crate::failure::Failure;

/// Prints the summary; speeds only if it was measured how long it took.
pub(super) fn print(reports: &[Report], took: Option<Duration>) -> Result<(), Failure> {
    let sum = |count: fn(&Report) -> u64| reports.iter().map(count).sum::<u64>();
    let hours = reports.iter().map(|report| report.simulated.as_secs_f64()).sum::<f64>() / 3600.0;
    let mut kinds = BTreeMap::new();
    for (kind, count) in reports.iter().flat_map(|report| &report.faults) {
        *kinds.entry(*kind).or_insert(0) += count;
    }
    let mut out = std::io::stdout().lock();
    let mut lines = vec![
        format!("runs             {}", reports.len()),
        format!("simulated        {hours:.1} h"),
        format!("devices          {}", sum(|report| u64::from(report.devices))),
        format!("messages taken   {}", sum(|report| report.messages)),
        format!("messages shown   {}", sum(|report| report.deliveries)),
        format!("faults           {}", kinds.values().sum::<u64>()),
    ];
    lines.extend(kinds.iter().map(|(kind, count)| format!("  {kind:<16} {count}")));
    lines.push(format!("promises broken  {}", sum(|report| report.broken.len() as u64)));
    if let Some(took) = took {
        let seconds = took.as_secs_f64().max(0.001);
        let rate = sum(|report| report.messages) as f64 / seconds;
        lines.push(format!(
            "speed            {:.1} s, {:.1} runs/s, {:.0} messages/s, {:.0} times real time",
            seconds,
            reports.len() as f64 / seconds,
            rate,
            hours * 3600.0 / seconds
        ));
    }
    for line in lines {
        writeln!(out, "{line}").map_err(Failure::Output)?;
    }
    Ok(())
}
