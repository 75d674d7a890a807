//! The stage of a run: the world, who is on it, and what is still to come.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use sanswire::event::Event;
use sanswire::wire::OwnedJid;

use super::schedule::{FaultKind, Strike, stream};
use super::workload::{self, Deed};
use super::{Plan, Report};
use crate::check;
use crate::clock::Time;
use crate::server::{AdminRequest, Config};
use crate::world::{Fact, Maker, Storage, Who, World};

/// Gives the make of each client: by its number and its account's name.
pub type Clients<'a> = dyn Fn(usize, &str) -> Maker + 'a;

/// A world in the middle of a run.
pub(super) struct Stage<'a> {
    pub(super) world: World,
    pub(super) people: Vec<Person>,
    pub(super) groups: Vec<OwnedJid>,
    pub(super) struck: BTreeMap<FaultKind, u64>,
    /// Texts are numbered, so that no two are equal.
    pub(super) texts: u64,
    plan: &'a Plan,
    clients: &'a Clients<'a>,
    devices: u32,
    begun: Time,
    later: BTreeMap<(u64, u64), Later>,
    next_later: u64,
}

/// One account.
pub(super) struct Person {
    pub(super) name: String,
    /// Phone number, digits only.
    pub(super) number: String,
    /// Hidden id, digits only.
    pub(super) lid: String,
    /// Others write to the hidden id.
    pub(super) moved: bool,
    /// Linked devices, or about to be.
    pub(super) devices: Vec<Who>,
}

/// What follows from something that happened before.
pub(super) enum Later {
    /// The phone scans the code of a new device.
    Scan { account: u32, who: Who, tries: u32 },
    /// Somebody answers.
    Reply { account: u32, to: u32, device: u32 },
    /// The second process ends, and whoever looks after the first starts it again.
    StopTwin { who: Who },
    /// An older copy of the storage is put back.
    PutBack { who: Who, copy: Box<Storage> },
}

impl<'a> Stage<'a> {
    /// Everybody is paired and online; nothing has gone wrong yet.
    pub(super) fn new(plan: &'a Plan, clients: &'a Clients<'a>) -> Self {
        let config = Config { ack_patience: ACK_PATIENCE, ..Config::default() };
        let world = World::with(plan.seed, config);
        let begun = world.now();
        let mut stage = Self {
            world,
            people: Vec::new(),
            groups: Vec::new(),
            struck: BTreeMap::new(),
            texts: 0,
            plan,
            clients,
            devices: 0,
            begun,
            later: BTreeMap::new(),
            next_later: 0,
        };
        let mut seed = stream(plan, b"people");
        for account in 0..plan.accounts {
            let name = format!("Account {account}");
            let described = stage.world.admin(AdminRequest::CreateAccount { name: name.clone() }).body;
            let digits = |key: &str| {
                described[key].as_str().and_then(|jid| jid.split('@').next()).unwrap_or_default().to_owned()
            };
            let (number, lid) = (digits("jid"), digits("lid"));
            stage.people.push(Person { name, number, lid, moved: false, devices: Vec::new() });
            for _ in 0..=seed.below(3) {
                let who = stage.add_client(account);
                stage.world.pair(who);
                stage.people[account as usize].devices.push(who);
            }
        }
        if plan.workload.has_groups() {
            stage.make_groups();
        }
        stage.world.set_latency(Duration::from_millis(5), Duration::from_millis(80));
        stage
    }

    /// Lives through the workload and the faults, lets everything come to rest, and checks.
    pub(super) fn play(mut self, schedule: &[Strike]) -> Report {
        self.begun = self.world.now();
        let deeds = workload::draw(self.plan);
        let (mut deeds, mut strikes) = (deeds.into_iter().peekable(), schedule.iter().copied().peekable());
        let end = u64::from(self.plan.minutes) * 60_000;
        loop {
            let deed = deeds.peek().map_or(end, |deed: &Deed| deed.at_ms);
            let strike = strikes.peek().map_or(end, |strike| strike.at_ms);
            let later = self.later.first_key_value().map_or(end, |((at, _), _)| *at);
            let next = deed.min(strike).min(later).min(end);
            self.world.run_until(Time(self.begun.0 + next));
            if next >= end {
                break;
            } else if later == next {
                if let Some((_, later)) = self.later.pop_first() {
                    self.follow_up(later);
                }
            } else if strike == next {
                if let Some(strike) = strikes.next() {
                    self.strike(strike);
                }
            } else if let Some(deed) = deeds.next() {
                self.act(deed);
            }
        }
        self.come_to_rest();
        self.report(schedule)
    }

    /// Trouble ends, everybody that went down for good is started once more, and time passes.
    fn come_to_rest(&mut self) {
        for ((..), later) in core::mem::take(&mut self.later) {
            if let Later::StopTwin { who } = later {
                self.follow_up(Later::StopTwin { who });
            }
        }
        self.world.heal();
        self.world.set_latency(Duration::ZERO, Duration::ZERO);
        let devices: Vec<Who> = self.people.iter().flat_map(|person| person.devices.clone()).collect();
        for who in devices {
            self.world.actor(who).clock_ahead_ms = 0;
            if !self.world.is_ready(who) {
                self.world.restart(who);
            }
        }
        self.world.run_for(REST);
        check::settle(&mut self.world);
        self.world.run_for(REST);
    }

    fn report(self, schedule: &[Strike]) -> Report {
        let (mut messages, mut shown) = (0, BTreeSet::new());
        for entry in self.world.journal().entries() {
            match &entry.fact {
                Fact::Took { .. } => messages += 1,
                Fact::Shown { who, envelope, .. } => {
                    if let Event::Message(received) = &envelope.event {
                        shown.insert((*who, &received.sender, &received.id));
                    }
                }
                _ => {}
            }
        }
        Report {
            plan: self.plan.clone(),
            schedule: schedule.to_vec(),
            simulated: self.world.now().since(self.begun),
            messages,
            deliveries: shown.len() as u64,
            devices: self.devices,
            faults: self.struck,
            broken: check::check(&self.world),
            digest: self.world.journal().digest(),
        }
    }

    /// A new client of an account, not paired yet.
    pub(super) fn add_client(&mut self, account: u32) -> Who {
        let name = self.people[account as usize].name.clone();
        let maker = (self.clients)(self.devices as usize, &name);
        self.devices += 1;
        self.world.client_made(&name, maker, |config| config.first_prekeys = FIRST_PREKEYS)
    }

    /// Lets something happen after a while.
    pub(super) fn after(&mut self, wait_ms: u64, later: Later) {
        let at = self.world.now().0 - self.begun.0 + wait_ms;
        self.next_later += 1;
        self.later.insert((at, self.next_later), later);
    }

    /// A device of an account that is linked by now.
    pub(super) fn device(&self, account: u32, device: u32) -> Option<Who> {
        let all = &self.people.get(account as usize)?.devices;
        let paired: Vec<Who> = all.iter().copied().filter(|who| self.world.device(*who).is_some()).collect();
        paired.get(device as usize % paired.len().max(1)).copied()
    }
}

/// Stalls and delays keep acks away for long, which is not the client's doing.
const ACK_PATIENCE: Duration = Duration::from_secs(1200);
/// Few enough to run out, and quick to make.
const FIRST_PREKEYS: u32 = 30;
/// Longer than the longest back-off and the longest patience with acks.
const REST: Duration = Duration::from_secs(1800);
