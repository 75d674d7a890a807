//! What goes wrong and when, drawn before the run begins.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use super::Plan;
use crate::seed::Seed;

/// How often something happens: times per account and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u32);

/// One fault at one moment. Which device it meets, and how hard, follows from its numbers and from who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When, in milliseconds since the beginning of the workload.
    pub at_ms: u64,
    /// What.
    pub fault: FaultKind,
    /// Which account, counted from 0.
    pub account: u32,
    /// Which of its devices, modulo how many it has at that moment.
    pub device: u32,
    /// Decides everything else.
    pub dice: u32,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.at_ms / 1000, self.at_ms % 1000);
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let Self { fault, account, device, dice, .. } = self;
        write!(f, "{h:02}:{m:02}:{s:02}.{ms:03} {fault} account {account} device {device} dice {dice}")
    }
}

/// A line that is no strike.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not a fault of a schedule: {0:?}")]
pub struct MalformedStrike(String);

impl FromStr for Strike {
    type Err = MalformedStrike;

    fn from_str(line: &str) -> Result<Self, MalformedStrike> {
        let read = || {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [time, fault, "account", account, "device", device, "dice", dice] = words[..] else {
                return None;
            };
            let (clock, ms) = time.split_once('.')?;
            let mut seconds = 0;
            for part in clock.split(':') {
                seconds = seconds * 60 + part.parse::<u64>().ok()?;
            }
            Some(Self {
                at_ms: seconds * 1000 + ms.parse::<u64>().ok()?,
                fault: fault.parse().ok()?,
                account: account.parse().ok()?,
                device: device.parse().ok()?,
                dice: dice.parse().ok()?,
            })
        };
        read().ok_or_else(|| MalformedStrike(line.to_owned()))
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Kinds of faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind { $($(#[$doc])* $variant,)* }

        impl FaultKind {
            /// Every kind.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// A client's messages take much longer for a while.
    Delay = "delay";
    /// Nothing passes between a client and the server for a while; then everything does.
    Stall = "stall";
    /// A connection breaks, and both ends notice.
    Cut = "cut";
    /// A connection breaks in the middle of a frame.
    CutFrame = "cut-frame";
    /// A connection's bytes vanish both ways, and nobody is told.
    HalfOpen = "half-open";
    /// The server drops all connections and what was in flight.
    ServerRestart = "server-restart";
    /// The server sends the same stanza again.
    Redelivery = "redelivery";
    /// The server leaves one iq unanswered.
    WithheldAnswer = "withheld-answer";
    /// The server takes a message and does not say so.
    LostAck = "lost-ack";
    /// The server keeps a receipt back until the next connection.
    LateReceipt = "late-receipt";
    /// A ciphertext is damaged on its way.
    Damage = "damage";
    /// Every batch and every load takes long for a while.
    SlowStorage = "slow-storage";
    /// Storage refuses a batch.
    FailedStorage = "failed-storage";
    /// A client dies between two outputs.
    Crash = "crash";
    /// An older copy of the storage is put back.
    OldStorage = "old-storage";
    /// A wall clock jumps.
    ClockJump = "clock-jump";
    /// Somebody starts a second process over the same storage.
    TwoProcesses = "two-processes";
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no fault has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no fault is called {0:?}")]
pub struct UnknownFault(String);

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// Draws a plan's faults, in the order of time.
pub(super) fn draw(plan: &Plan) -> Vec<Strike> {
    let seed = stream(plan, b"faults");
    let mut strikes = Vec::new();
    for (&fault, &rate) in &plan.faults {
        // A stream of its own for each kind: leaving one out changes nothing about the others.
        let mut seed = seed.fork_for(fault.name());
        for at_ms in times(plan, rate, &mut seed) {
            let [account, device, dice] = [seed.below(plan.accounts), seed.number(), seed.number()];
            strikes.push(Strike { at_ms, fault, account, device, dice });
        }
    }
    strikes.sort_by_key(|strike| strike.at_ms);
    strikes
}

/// The moments at which something with this rate happens, in no order.
pub(super) fn times(plan: &Plan, rate: Rate, seed: &mut Seed) -> Vec<u64> {
    let length_ms = plan.minutes.saturating_mul(60_000);
    let expected = u64::from(plan.accounts) * u64::from(plan.minutes) * u64::from(rate.0);
    let rest = u32::try_from(expected % MINUTES_PER_DAY).unwrap_or(0);
    let one_more = seed.below(MINUTES_PER_DAY as u32) < rest;
    let count = expected / MINUTES_PER_DAY + u64::from(one_more);
    (0..count).map(|_| u64::from(seed.below(length_ms))).collect()
}

/// A random stream of a plan for one purpose.
pub(super) fn stream(plan: &Plan, purpose: &[u8]) -> Seed {
    let key = sanswire::crypto::mac::sha256(&[b"run", purpose, &plan.seed.to_be_bytes()]);
    Seed::new(key)
}

const MINUTES_PER_DAY: u64 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_kinds() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("flood".parse::<FaultKind>().is_err());
    }

    #[test]
    fn a_strike_that_was_printed_can_be_read_again() {
        for strike in draw(&Plan::new(7)) {
            assert_eq!(strike.to_string().parse(), Ok(strike));
        }
        assert!("00:00:01.000 cut account 1".parse::<Strike>().is_err());
    }

    #[test]
    fn the_same_plan_draws_the_same_faults_and_a_kind_less_leaves_the_rest_alone() {
        let plan = Plan::new(5);
        assert_eq!(draw(&plan), draw(&plan));
        assert!(draw(&plan).len() > 50);
        let mut less = plan.clone();
        less.faults.remove(&FaultKind::Cut);
        let mut rest = draw(&plan);
        rest.retain(|strike| strike.fault != FaultKind::Cut);
        assert_eq!(draw(&less), rest);
        assert_ne!(draw(&Plan::new(6)), draw(&plan));
    }
}
