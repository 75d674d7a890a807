//! When to ping the server, and when to believe that it is gone. Reference 01 §12.

use core::time::Duration;

use crate::limits::SILENCE_LIMIT_S;

/// The wait before the next ping: two thirds of `longest_s` seconds to all of it. `random` is any 32 bits.
#[must_use]
pub fn interval(longest_s: u64, random: u32) -> Duration {
    let longest_ms = longest_s.saturating_mul(1000);
    let span_ms = longest_ms / 3;
    let offset_ms = (u128::from(random) * (u128::from(span_ms) + 1)) >> 32;
    Duration::from_millis(longest_ms - span_ms + u64::try_from(offset_ms).unwrap_or(span_ms))
}

/// What to do about a connection that is asked whether it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// Something came since the last ping: send the next one.
    Ping,
    /// The last ping is unanswered but not yet overdue: ask again after this long.
    Wait(Duration),
    /// Nothing came for too long after a ping: close and dial again.
    Dead,
}

/// Decides by how long ago the last ping was sent, if any, and how long ago anything was received.
///
/// Any bytes count as an answer, so a busy connection is never taken for dead because one answer is late.
#[must_use]
pub fn pulse(since_ping: Option<Duration>, since_received: Duration) -> Pulse {
    match since_ping {
        Some(since_ping) if since_ping < since_received => {
            match SILENCE_LIMIT.checked_sub(since_ping).filter(|left| !left.is_zero()) {
                Some(left) => Pulse::Wait(left),
                None => Pulse::Dead,
            }
        }
        _ => Pulse::Ping,
    }
}

/// How long the server may stay silent after a ping.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(SILENCE_LIMIT_S);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::KEEPALIVE_MAX_S;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pings_are_twenty_to_thirty_seconds_apart() {
        assert_eq!(interval(KEEPALIVE_MAX_S, 0), s(20));
        assert_eq!(interval(KEEPALIVE_MAX_S, u32::MAX), s(KEEPALIVE_MAX_S));
        assert_eq!(interval(KEEPALIVE_MAX_S, 1 << 31), s(25));
        assert_eq!(interval(1, 0), Duration::from_millis(667));
        assert!(interval(u64::MAX, u32::MAX) <= Duration::from_millis(u64::MAX));
    }

    #[test]
    fn only_silence_after_a_ping_is_death() {
        assert_eq!(pulse(None, s(1000)), Pulse::Ping);
        assert_eq!(pulse(Some(s(25)), s(24)), Pulse::Ping);
        assert_eq!(pulse(Some(s(5)), s(30)), Pulse::Wait(s(SILENCE_LIMIT_S - 5)));
        assert_eq!(pulse(Some(s(SILENCE_LIMIT_S)), s(45)), Pulse::Dead);
        assert_eq!(pulse(Some(s(100)), s(130)), Pulse::Dead);
    }
}
