//! How long a client waits for what, in seconds.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::limits::{
    ACK_LIMIT_S, BACKOFF_FIRST_S, BACKOFF_MAX_S, CONNECT_LIMIT_S, HANDSHAKE_LIMIT_S, IQ_LIMIT_S,
    KEEPALIVE_MAX_S, OFFLINE_LIMIT_S, OPTION_SECONDS_MAX, QR_FIRST_S, QR_NEXT_S,
};

/// Deadlines and pauses, each from 1 to [`OPTION_SECONDS_MAX`] seconds. Reference 01 §12-14, 17.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// How long the adapter may take to connect. Default: 20 s.
    pub connect_s: u64,
    /// How long the handshake and the answer to the login may take together. Default: 20 s.
    pub handshake_s: u64,
    /// How long the server may take to answer a query. Default: 75 s.
    pub query_s: u64,
    /// Longest time between two pings; the shortest is two thirds of it, and each lies somewhere between.
    /// Default: 30 s.
    pub keepalive_s: u64,
    /// How long the first QR code is shown. Servers forget it after the default. Default: 60 s.
    pub qr_first_s: u32,
    /// How long each later QR code is shown. Default: 20 s.
    pub qr_next_s: u32,
    /// How long sends wait for the end of the offline queue. Default: 60 s.
    pub offline_s: u64,
    /// How long the server may take to ack a message before it is written again. Default: 75 s.
    pub ack_s: u64,
    /// Shortest wait before dialing again. Default: 1 s.
    pub backoff_first_s: u64,
    /// Longest wait before dialing again, no shorter than the shortest. Default: 900 s.
    pub backoff_max_s: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_s: CONNECT_LIMIT_S,
            handshake_s: HANDSHAKE_LIMIT_S,
            query_s: IQ_LIMIT_S,
            keepalive_s: KEEPALIVE_MAX_S,
            qr_first_s: QR_FIRST_S,
            qr_next_s: QR_NEXT_S,
            offline_s: OFFLINE_LIMIT_S,
            ack_s: ACK_LIMIT_S,
            backoff_first_s: BACKOFF_FIRST_S,
            backoff_max_s: BACKOFF_MAX_S,
        }
    }
}

impl Timing {
    /// How long to wait for the answer to a query.
    pub(crate) const fn query(&self) -> Duration {
        Duration::from_secs(self.query_s)
    }

    /// How long to wait for the ack of a message.
    pub(crate) const fn ack(&self) -> Duration {
        Duration::from_secs(self.ack_s)
    }

    /// Checks the bounds.
    pub(super) fn check(&self) -> Result<(), Misuse> {
        let all = [
            self.connect_s,
            self.handshake_s,
            self.query_s,
            self.keepalive_s,
            self.qr_first_s.into(),
            self.qr_next_s.into(),
            self.offline_s,
            self.ack_s,
            self.backoff_first_s,
            self.backoff_max_s,
        ];
        if !all.iter().all(|seconds| (1..=OPTION_SECONDS_MAX).contains(seconds)) {
            return Err(Misuse::Config("a time is zero or too long"));
        }
        if self.backoff_first_s > self.backoff_max_s {
            return Err(Misuse::Config("the shortest back-off is longer than the longest"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_neither_zero_nor_endless() {
        let with = |query_s| Timing { query_s, ..Timing::default() }.check();
        assert_eq!((with(1), with(OPTION_SECONDS_MAX)), (Ok(()), Ok(())));
        assert!(with(0).is_err());
        assert!(with(OPTION_SECONDS_MAX + 1).is_err());
    }

    #[test]
    fn the_shortest_back_off_is_no_longer_than_the_longest() {
        let with = |backoff_first_s, backoff_max_s| {
            Timing { backoff_first_s, backoff_max_s, ..Timing::default() }.check()
        };
        assert_eq!(with(10, 10), Ok(()));
        assert!(with(11, 10).is_err());
    }
}
