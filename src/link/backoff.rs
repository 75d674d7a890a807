//! How long to wait before dialing again. Reference 01 §13.

use core::time::Duration;

/// Fibonacci seconds (1, 1, 2, 3, 5, 8, …) within 10 %, between two bounds.
///
/// The next wait starts from the beginning only after [`Self::reset`]: when a connection lived for
/// [`STABLE_AFTER`], or the server asked for a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    step: u8,
}

/// How long a connection must have been logged in before the next failure counts as the first.
pub const STABLE_AFTER: Duration = Duration::from_secs(30);

impl Backoff {
    /// The back-off after this many steps.
    #[must_use]
    pub const fn at(step: u8) -> Self {
        Self { step: if step > STEP_MAX { STEP_MAX } else { step } }
    }

    /// How many steps it is from the beginning.
    #[must_use]
    pub const fn step(self) -> u8 {
        self.step
    }

    /// The next wait, from `first_s` (a tenth less at most) to `max_s` seconds. `random` is any 32 bits.
    pub fn next(&mut self, first_s: u64, max_s: u64, random: u32) -> Duration {
        let (mut this, mut after) = (1_u64, 1_u64);
        for _ in 0..self.step {
            (this, after) = (after, this.saturating_add(after));
        }
        self.raise(1);
        let base_s = this.max(first_s).min(max_s);
        // 900 to 1100 thousandths of a second per second.
        let thousandths = 900 + ((u64::from(random) * 201) >> 32);
        Duration::from_millis(base_s.saturating_mul(thousandths)).min(Duration::from_secs(max_s))
    }

    /// Makes the next waits longer, as after the server called us too fast.
    pub fn raise(&mut self, steps: u8) {
        self.step = self.step.saturating_add(steps).min(STEP_MAX);
    }

    /// Starts from the beginning.
    pub const fn reset(&mut self) {
        self.step = 0;
    }
}

/// The first step whose wait is beyond every maximum: the 19th Fibonacci number is 4181.
const STEP_MAX: u8 = 18;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::limits::{BACKOFF_FIRST_S, BACKOFF_MAX_S, OPTION_SECONDS_MAX};

    fn next(backoff: &mut Backoff, random: u32) -> Duration {
        backoff.next(BACKOFF_FIRST_S, BACKOFF_MAX_S, random)
    }

    #[test]
    fn waits_are_fibonacci_seconds_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        // The middle of the random range adds nothing.
        let waits: Vec<u64> = (0..20).map(|_| next(&mut backoff, 1 << 31).as_secs()).collect();
        let expected = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610];
        assert_eq!(waits[..15], expected);
        assert!(waits[15..].iter().all(|&wait| wait == BACKOFF_MAX_S));
    }

    #[test]
    fn jitter_stays_within_a_tenth_and_below_the_maximum() {
        let at = |step: u8, random| next(&mut Backoff { step }, random);
        assert_eq!(at(5, 0), Duration::from_millis(7_200));
        assert_eq!(at(5, u32::MAX), Duration::from_millis(8_800));
        assert_eq!(at(STEP_MAX, 0), Duration::from_millis(810_000));
        assert_eq!(at(STEP_MAX, u32::MAX), Duration::from_secs(BACKOFF_MAX_S));
    }

    #[test]
    fn waits_keep_the_bounds_that_they_are_given() {
        let waits = |step| Backoff { step }.next(5, 10, 1 << 31).as_secs();
        assert_eq!([0, 3, 5, 6, STEP_MAX].map(waits), [5, 5, 8, 10, 10]);
        let longest = Backoff { step: STEP_MAX }.next(BACKOFF_FIRST_S, OPTION_SECONDS_MAX, u32::MAX);
        assert_eq!(longest, Duration::from_secs(OPTION_SECONDS_MAX));
    }

    #[test]
    fn raised_waits_stay_bounded_and_reset_starts_over() {
        let mut backoff = Backoff::default();
        backoff.raise(5);
        assert_eq!(next(&mut backoff, 1 << 31), Duration::from_secs(8));
        backoff.raise(u8::MAX);
        assert_eq!(next(&mut backoff, 1 << 31), Duration::from_secs(BACKOFF_MAX_S));
        backoff.reset();
        assert_eq!(next(&mut backoff, 1 << 31), Duration::from_secs(1));
    }
}
