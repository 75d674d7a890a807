//! Looking for the smallest schedule that still breaks a promise: delta debugging.

use super::schedule::Strike;
use super::{Plan, run_scheduled};

/// The smallest schedule found that still breaks one of the promises that the whole one breaks; the whole one
/// if it breaks none. Ends after `RUNS_MAX` runs.
#[must_use]
pub fn shrink(plan: &Plan, schedule: &[Strike]) -> Vec<Strike> {
    let rules = |schedule: &[Strike]| -> Vec<&'static str> {
        run_scheduled(plan, schedule).broken.iter().map(|broken| broken.rule).collect()
    };
    let wanted = rules(schedule);
    let mut runs = 0;
    minimize(schedule, &mut |candidate| {
        runs += 1;
        runs <= RUNS_MAX && rules(candidate).iter().any(|rule| wanted.contains(rule))
    })
}

/// Leaves out parts, then smaller parts, as long as it still `fails`.
fn minimize(whole: &[Strike], fails: &mut dyn FnMut(&[Strike]) -> bool) -> Vec<Strike> {
    let mut kept = whole.to_vec();
    if kept.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut parts = 2;
    while kept.len() >= 2 {
        let size = kept.len().div_ceil(parts);
        let smaller = (0..kept.len()).step_by(size).find_map(|from| {
            let until = (from + size).min(kept.len());
            let rest: Vec<Strike> = [&kept[..from], &kept[until..]].concat();
            fails(&rest).then_some(rest)
        });
        match smaller {
            Some(rest) => {
                kept = rest;
                parts = parts.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    kept
}

/// Most runs spent on shrinking one schedule.
const RUNS_MAX: u32 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::FaultKind;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let strike = |at_ms| Strike { at_ms, fault: FaultKind::Cut, account: 0, device: 0, dice: 0 };
        let whole: Vec<Strike> = (0..100).map(strike).collect();
        let needs = |wanted: &[u64], found: &mut u32| {
            minimize(&whole, &mut |candidate| {
                *found += 1;
                wanted.iter().all(|at| candidate.iter().any(|strike| strike.at_ms == *at))
            })
        };
        let mut runs = 0;
        assert_eq!(needs(&[17, 80], &mut runs), [strike(17), strike(80)]);
        assert_eq!(needs(&[3], &mut runs), [strike(3)]);
        assert_eq!(needs(&[], &mut runs), []);
        assert!(runs < 200, "{runs} runs");
    }
}
