//! The two clocks that every input carries.
//!
//! The core never reads a clock. Timers and deadlines follow [`Mono`], which does not go back; stanzas and
//! expiry follow [`UnixMs`], which may jump either way without firing or stalling anything.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds on a clock that never goes back; its zero is arbitrary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

impl Mono {
    /// The instant `wait` later, at the end of time if it does not fit.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds since 1970, as the wall clock says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// Whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// One reading of both clocks, taken by the adapter for each input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Drives timers, timeouts and keepalive.
    pub mono: Mono,
    /// Goes into stanzas and decides expiry.
    pub unix: UnixMs,
}

impl Now {
    /// Takes a newer reading; a monotonic clock that went back is taken as standing still.
    #[must_use]
    pub fn advance(self, newer: Self) -> Self {
        Self { mono: self.mono.max(newer.mono), unix: newer.unix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_never_goes_back() {
        let start = Now { mono: Mono(10), unix: UnixMs(1000) };
        let next = start.advance(Now { mono: Mono(5), unix: UnixMs(500) });
        assert_eq!(next, Now { mono: Mono(10), unix: UnixMs(500) });
        assert_eq!(Mono(5).since(Mono(10)), Duration::ZERO);
        assert_eq!(Mono(u64::MAX).after(Duration::from_secs(1)), Mono(u64::MAX));
    }
}
