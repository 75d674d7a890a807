//! Whole runs: a plan goes in, a world lives through its workload and its faults, promises are checked.
//!
//! Everything that will happen is drawn up front from the plan's seed: what people do ([`workload`]) and what
//! goes wrong ([`schedule`]). So a run can be repeated exactly, and repeated with fewer faults: [`shrink`] looks
//! for the smallest schedule that still breaks a promise.
//!
//! ```
//! use sanswire_sim::run::{Plan, run};
//!
//! let plan = Plan { accounts: 2, minutes: 5, ..Plan::new(1) };
//! let report = run(&plan);
//! assert_eq!(report.broken, []);
//! ```

mod faults;
mod groups;
mod people;
pub mod schedule;
mod shrink;
mod stage;
pub mod workload;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::Broken;
use crate::world::Maker;

pub use schedule::{FaultKind, MalformedStrike, Rate, Strike, UnknownFault};
pub use shrink::shrink;
pub use stage::Clients;
pub use workload::Workload;

/// What shall happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many accounts; each has a phone and one to three more devices.
    pub accounts: u32,
    /// How long the workload lasts.
    pub minutes: u32,
    /// What goes wrong, and how often.
    pub faults: BTreeMap<FaultKind, Rate>,
    /// What people do.
    pub workload: Workload,
}

impl Plan {
    /// An hour of three accounts with every fault twice per account.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let faults = FaultKind::ALL.into_iter().map(|kind| (kind, Rate(48))).collect();
        Self { seed, accounts: 3, minutes: 60, faults, workload: Workload::default() }
    }

    /// The faults of this plan, in the order of time.
    #[must_use]
    pub fn schedule(&self) -> Vec<Strike> {
        schedule::draw(self)
    }
}

/// What came of a plan.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was to happen.
    pub plan: Plan,
    /// The faults as they were drawn, or as they were given.
    pub schedule: Vec<Strike>,
    /// How much time passed in the world.
    pub simulated: Duration,
    /// Messages that the server took from clients and phones.
    pub messages: u64,
    /// Deliveries: events with a message that applications were shown for the first time.
    pub deliveries: u64,
    /// Clients that were ever paired.
    pub devices: u32,
    /// Faults that struck; one that met nobody does not count.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Promises that were not kept.
    pub broken: Vec<Broken>,
    /// The journal's digest: the same plan gives the same.
    pub digest: [u8; 32],
}

/// Lives through a plan.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    run_scheduled(plan, &plan.schedule())
}

/// Lives through a plan with other faults than its own.
#[must_use]
pub fn run_scheduled(plan: &Plan, schedule: &[Strike]) -> Report {
    run_with(plan, schedule, &|_, _| crate::world::honest())
}

/// The same, with clients of another make: a recorder around each, or one that is broken.
#[must_use]
pub fn run_with(plan: &Plan, schedule: &[Strike], clients: &Clients<'_>) -> Report {
    stage::Stage::new(plan, clients).play(schedule)
}

/// Every client of one make.
pub fn all_of(maker: Maker) -> impl Fn(usize, &str) -> Maker {
    move |_, _| Arc::clone(&maker)
}
