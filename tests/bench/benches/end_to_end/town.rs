//! Clients, each over a driver and a store as an application has them, and one simulated server. No sockets, and
//! the clock moves only while somebody comes in: nothing waits, so what is measured is work.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::fs::File;
use std::time::Instant;

use bytes::Bytes;
use sanswire::crypto::PublicKey;
use sanswire::event::{DownReason, Event, LinkEvent};
use sanswire::ops::{CallId, Operation};
use sanswire::wire::{Jid, OwnedJid};
use sanswire::{Batch, Client, Config, Input, Mono, Now, Table, Target, UnixMs};
use sanswire_bench::allocations;
use sanswire_driver::{Clock, Driver, Handle, Machine, Next, Recording, Wire};
use sanswire_sim::clock::Time;
use sanswire_sim::seed::Seed;
use sanswire_sim::server::{Addressing, AdminRequest, AdminResponse, ConnId, Server, ServerOutput};
use sanswire_store::{Store, StoreError};

/// Everybody, and the server between them.
pub(crate) struct Town<S: Store, M: Machine = Client> {
    pub(crate) server: Server,
    pub(crate) people: Vec<Person<S, M>>,
    /// What the server's part costs.
    pub(crate) server_spent: Spent,
    seed: Seed,
    now_ms: u64,
}

/// One client with its store.
pub(crate) struct Person<S: Store, M: Machine = Client> {
    pub(crate) number: Option<OwnedJid>,
    /// Messages handed to the application.
    pub(crate) received: u64,
    /// What the client, its driver and its store cost.
    pub(crate) spent: Spent,
    driver: Driver<M, Counted<S>>,
    handle: Handle,
    qr: Option<String>,
    ready: bool,
    /// When it wants to be woken.
    deadline: Option<Mono>,
    conn: Option<ConnId>,
    inputs: VecDeque<Input>,
    calls: u64,
}

/// What somebody's part of the work cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) allocations: u64,
}

impl Spent {
    fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (before, start) = (allocations::count(), Instant::now());
        let result = work();
        self.time += start.elapsed();
        self.allocations += allocations::count() - before;
        result
    }
}

impl<S: Store> Town<S> {
    /// Somebody new, paired and ready. Gives the place in [`Self::people`].
    pub(crate) fn moves_in(&mut self, store: S) -> usize {
        self.settle(store, |config, seed, now, _| Client::new(config, seed, now).unwrap())
    }
}

impl<S: Store> Town<S, Recording<File>> {
    /// As [`Self::moves_in`], with a recording that goes to a file.
    pub(crate) fn moves_in_recorded(&mut self, store: S, sink: File) -> usize {
        self.settle(store, |config, seed, now, store| {
            Recording::begin(config, seed, now, store, sink).unwrap()
        })
    }
}

impl<S: Store, M: Machine> Town<S, M> {
    pub(crate) fn new() -> Self {
        let mut seed = Seed::new([9; 32]);
        // Every message is remembered otherwise, to judge later ones by.
        let config = sanswire_sim::server::Config {
            welcome: false,
            copies_only: false,
            keys_remembered: Some(0),
            ..Default::default()
        };
        let server = Server::new(config, seed.fork(), Time(BEGINNING_MS));
        Self { server, people: Vec::new(), server_spent: Spent::default(), seed, now_ms: BEGINNING_MS }
    }

    fn settle(&mut self, mut store: S, machine: impl FnOnce(Config, [u8; 32], Now, &mut S) -> M) -> usize {
        let mut config = Config::default();
        config.trust.root = PublicKey::new(self.server.cert_root());
        config.profile.push_name = Some(name(self.people.len()));
        config.first_prekeys = FIRST_PREKEYS;
        let machine = machine(config, self.seed.bytes(), self.now(), &mut store);
        let (driver, handle) = Driver::over(machine, Counted { store, commits: 0 }, Clock::new());
        let place = self.people.len();
        self.people.push(Person {
            number: None,
            received: 0,
            spent: Spent::default(),
            driver,
            handle,
            qr: None,
            ready: false,
            deadline: None,
            conn: None,
            inputs: VecDeque::new(),
            calls: 0,
        });
        self.step(place, None);
        self.run();
        let qr = self.people[place].qr.take().unwrap();
        self.ask(AdminRequest::ScanQr(qr));
        self.run();
        while !self.people[place].ready {
            let deadline = self.people[place].deadline.unwrap();
            self.now_ms = self.now_ms.max(deadline.0);
            self.step(place, Some(Input::Tick));
            self.run();
        }
        place
    }

    /// Asks somebody's client for something; nothing moves before [`Self::run`].
    pub(crate) fn call(&mut self, who: usize, operation: impl Into<Operation>) {
        let person = &mut self.people[who];
        person.calls += 1;
        person.inputs.push_back(Input::Call(CallId(person.calls), operation.into()));
    }

    /// Lets everybody talk until nobody has anything to say.
    pub(crate) fn run(&mut self) {
        loop {
            self.server_speaks();
            let mut idle = true;
            for who in 0..self.people.len() {
                while let Some(input) = self.people[who].inputs.pop_front() {
                    idle = false;
                    self.step(who, Some(input));
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Lets one client do what it can without hearing from the server: from a call to the frame that it leads to.
    pub(crate) fn run_only(&mut self, who: usize) {
        while let Some(input) = self.people[who].inputs.pop_front() {
            self.step(who, Some(input));
        }
    }

    /// What the work costs somebody.
    pub(crate) fn cost(&mut self, who: usize, work: impl FnOnce(&mut Self)) -> Spent {
        self.people[who].spent = Spent::default();
        work(self);
        self.people[who].spent
    }

    /// Makes accounts that have nothing but their phones, which the server plays.
    pub(crate) fn phones_move_in(&mut self, names: &[String]) {
        for name in names {
            self.ask(AdminRequest::CreateAccount { name: name.clone() });
        }
    }

    /// Makes a group of these accounts, which somebody rules who is here already.
    pub(crate) fn group(&mut self, ruler: usize, members: &[String]) -> OwnedJid {
        let all = core::iter::once(name(ruler)).chain(members.iter().cloned()).collect();
        let subject = "Neighbours".to_string();
        let made = self.ask(AdminRequest::CreateGroup { subject, members: all, addressing: Addressing::Lid });
        self.run();
        Jid::parse(made.body["jid"].as_str().unwrap()).unwrap().into_owned()
    }

    /// Asks something of the server behind the wire.
    pub(crate) fn ask(&mut self, request: AdminRequest) -> AdminResponse {
        let answer = self.server.admin(request, Time(self.now_ms));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    fn step(&mut self, who: usize, input: Option<Input>) {
        let now = self.now();
        let person = &mut self.people[who];
        let mut wire = Orders::default();
        let next = person.spent.on(|| match input {
            None => person.driver.start(now, &mut wire),
            Some(input) => person.driver.feed(input, now, &mut wire),
        });
        if let Next::Input(deadline) = next.unwrap() {
            person.deadline = deadline;
        }
        for order in wire.0 {
            self.carry_out(who, order);
        }
        self.people[who].look();
    }

    fn now(&self) -> Now {
        Now { mono: Mono(self.now_ms), unix: UnixMs(self.now_ms) }
    }

    fn carry_out(&mut self, who: usize, order: Order) {
        let time = Time(self.now_ms);
        let person = &mut self.people[who];
        match order {
            Order::Connect => {
                person.conn = Some(self.server.connect(time));
                person.inputs.push_back(Input::Connected);
            }
            Order::Send(bytes) => {
                if let Some(conn) = person.conn {
                    self.server_spent.on(|| self.server.receive(conn, &bytes, time));
                }
            }
            Order::Close => {
                if let Some(conn) = person.conn.take() {
                    self.server.closed(conn, time);
                }
            }
        }
    }

    fn server_speaks(&mut self) {
        while let Some(output) = self.server.poll() {
            let (conn, input) = match output {
                ServerOutput::Send { conn, bytes } => (conn, Input::Received(bytes)),
                ServerOutput::Close { conn } => (conn, Input::Closed),
            };
            let to = self.people.iter_mut().rev().find(|person| person.conn == Some(conn));
            if let Some(person) = to {
                if matches!(input, Input::Closed) {
                    person.conn = None;
                }
                person.inputs.push_back(input);
            }
        }
    }
}

impl<S: Store, M: Machine> Person<S, M> {
    /// Takes the events and confirms them, as an application does.
    fn look(&mut self) {
        while let Poll::Ready(Some(envelope)) =
            pin!(self.handle.next_event()).poll(&mut Context::from_waker(Waker::noop()))
        {
            self.inputs.push_back(Input::Seen(envelope.id));
            match envelope.event {
                Event::Message(_) => self.received += 1,
                Event::Link(LinkEvent::QrCode { text, .. }) => self.qr = Some(text),
                Event::Link(LinkEvent::Paired { pn, .. }) => self.number = Some(pn.bare().into_owned()),
                Event::Link(LinkEvent::Ready) => self.ready = true,
                Event::Fault { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// How often its store committed.
    pub(crate) const fn commits(&self) -> u64 {
        self.driver.store().commits
    }
}

enum Order {
    Connect,
    Send(Bytes),
    Close,
}

#[derive(Default)]
struct Orders(Vec<Order>);

impl Wire for Orders {
    fn connect(&mut self, _: Target) {
        self.0.push(Order::Connect);
    }

    fn send(&mut self, bytes: Bytes) {
        self.0.push(Order::Send(bytes));
    }

    fn close(&mut self, _: DownReason) {
        self.0.push(Order::Close);
    }
}

/// A store that counts its commits.
struct Counted<S> {
    store: S,
    commits: u64,
}

impl<S: Store> Store for Counted<S> {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(table, key)
    }

    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.store.scan(table, from, limit)
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        self.commits += 1;
        self.store.apply(batches)
    }
}

/// The push name of somebody.
pub(crate) fn name(who: usize) -> String {
    format!("Account {who}")
}

/// Late in 2023.
const BEGINNING_MS: u64 = 1_700_000_000_000;
/// Enough for everybody who writes.
const FIRST_PREKEYS: u32 = 30;
