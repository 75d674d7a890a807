//! One strike of each kind of fault.

use core::time::Duration;

use super::schedule::{FaultKind, Strike};
use super::stage::{Later, Stage};
use crate::server::{Fault, Target};
use crate::world::Who;

impl Stage<'_> {
    /// Lets a fault strike; it counts if it met somebody.
    pub(super) fn strike(&mut self, strike: Strike) {
        if strike.fault == FaultKind::ServerRestart {
            self.world.struck(strike.to_string());
            self.world.restart_server();
        } else {
            let Some(who) = self.device(strike.account, strike.device) else { return };
            self.world.struck(strike.to_string());
            if !self.meet(who, strike) {
                return;
            }
        }
        *self.struck.entry(strike.fault).or_default() += 1;
    }

    /// Says whether it made a difference.
    fn meet(&mut self, who: Who, strike: Strike) -> bool {
        let mut dice = Dice(strike.dice);
        let world = &mut self.world;
        match strike.fault {
            FaultKind::Delay => {
                world.delay(who, dice.millis(1000, 40_000), dice.millis(10_000, 300_000));
                world[who].is_running()
            }
            FaultKind::Stall => world.stall(who, dice.millis(500, 90_000)),
            FaultKind::Cut => world.cut(who),
            FaultKind::CutFrame => {
                let to_server = dice.below(2) == 0;
                world.cut_after(who, to_server, dice.below(400) as usize)
            }
            FaultKind::HalfOpen => world.silence(who),
            FaultKind::Redelivery => self.arm(who, Fault::DuplicateDelivery, 1 + dice.below(3)),
            FaultKind::WithheldAnswer => {
                let space = IQ_SPACES[dice.below(IQ_SPACES.len() as u32) as usize];
                self.arm(who, Fault::WithholdAnswer(space.to_owned()), 1)
            }
            FaultKind::LostAck => self.arm(who, Fault::LoseAck, 1),
            FaultKind::LateReceipt => self.arm(who, Fault::WithholdStanza("receipt".to_owned()), 1),
            FaultKind::Damage => self.arm(who, Fault::CorruptCiphertext, 1),
            FaultKind::SlowStorage => {
                let until = world.now().after(dice.millis(5000, 120_000));
                world.actor(who).slow_down_storage(dice.millis(5, 4000), until);
                world[who].is_running()
            }
            FaultKind::FailedStorage => {
                world.actor(who).refuses_batches = 1 + dice.below(3);
                world[who].is_running()
            }
            FaultKind::Crash => {
                let down = dice.millis(0, 120_000);
                world.actor(who).light_fuse_for(dice.below(60), down);
                world[who].is_running()
            }
            FaultKind::OldStorage => {
                let copy = Box::new(world[who].storage.clone());
                self.after(u64::from(dice.between(1000, 600_000)), Later::PutBack { who, copy });
                true
            }
            FaultKind::ClockJump => {
                let ahead = i64::from(dice.below(2 * CLOCK_JUMP_MAX_MS)) - i64::from(CLOCK_JUMP_MAX_MS);
                world.actor(who).clock_ahead_ms = ahead;
                true
            }
            FaultKind::TwoProcesses => {
                world.start_twin(who);
                self.after(u64::from(dice.between(1000, 240_000)), Later::StopTwin { who });
                true
            }
            FaultKind::ServerRestart => false,
        }
    }

    fn arm(&mut self, who: Who, fault: Fault, times: u32) -> bool {
        let Some(device) = self.world.device(who) else { return false };
        self.world.server.arm(fault, Target::Device(device), times);
        true
    }
}

/// Numbers out of the one number of a strike.
struct Dice(u32);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        // One step of a linear congruential generator per number; its high bits are the good ones.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * u64::from(bound)) >> 32) as u32
    }

    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    fn millis(&mut self, low: u32, high: u32) -> Duration {
        Duration::from_millis(u64::from(self.between(low, high)))
    }
}

/// Name spaces of the questions that a client asks.
const IQ_SPACES: [&str; 5] = ["encrypt", "usync", "w:p", "passive", "md"];
/// Twenty hours: the server's certificates are a day old.
const CLOCK_JUMP_MAX_MS: u32 = 20 * 3_600_000;
