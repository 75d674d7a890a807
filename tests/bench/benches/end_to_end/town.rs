//! Clients, each over a driver and a store as an application has them, and one simulated server. No sockets, and
//! the clock stands still: nothing waits, so what is measured is work.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use sanswire::crypto::PublicKey;
use sanswire::event::{DownReason, Event, LinkEvent};
use sanswire::ops::{CallId, Operation};
use sanswire::wire::OwnedJid;
use sanswire::{Batch, Client, Config, Input, Mono, Now, Table, Target, UnixMs};
use sanswire_bench::allocations;
use sanswire_driver::{Clock, Driver, Handle, Wire};
use sanswire_sim::clock::Time;
use sanswire_sim::seed::Seed;
use sanswire_sim::server::{AdminRequest, ConnId, Server, ServerOutput};
use sanswire_store::{Store, StoreError};

/// Everybody, and the server between them.
pub(crate) struct Town<S: Store> {
    pub(crate) server: Server,
    pub(crate) people: Vec<Person<S>>,
    /// What the server's part costs.
    pub(crate) server_spent: Spent,
    seed: Seed,
}

/// One client with its store.
pub(crate) struct Person<S: Store> {
    pub(crate) number: Option<OwnedJid>,
    /// Messages handed to the application.
    pub(crate) received: u64,
    /// What the client, its driver and its store cost.
    pub(crate) spent: Spent,
    driver: Driver<Client, Counted<S>>,
    handle: Handle,
    qr: Option<String>,
    ready: bool,
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
    pub(crate) fn new() -> Self {
        let mut seed = Seed::new([9; 32]);
        // Every message is remembered otherwise, to judge later ones by.
        let config = sanswire_sim::server::Config {
            welcome: false,
            copies_only: false,
            keys_remembered: Some(0),
            ..Default::default()
        };
        let server = Server::new(config, seed.fork(), Time(NOW_MS));
        Self { server, people: Vec::new(), server_spent: Spent::default(), seed }
    }

    /// Somebody new, paired and ready. Gives the place in [`Self::people`].
    pub(crate) fn moves_in(&mut self, store: S) -> usize {
        let mut config = Config::default();
        config.trust.root = PublicKey::new(self.server.cert_root());
        config.profile.push_name = Some(format!("Account {}", self.people.len()));
        config.first_prekeys = FIRST_PREKEYS;
        let client = Client::new(config, self.seed.bytes(), now()).unwrap();
        let (driver, handle) = Driver::over(client, Counted { store, commits: 0 }, Clock::new());
        let place = self.people.len();
        self.people.push(Person {
            number: None,
            received: 0,
            spent: Spent::default(),
            driver,
            handle,
            qr: None,
            ready: false,
            conn: None,
            inputs: VecDeque::new(),
            calls: 0,
        });
        self.step(place, None);
        self.run();
        let qr = self.people[place].qr.take().unwrap();
        let scanned = self.server.admin(AdminRequest::ScanQr(qr), Time(NOW_MS));
        assert_eq!(scanned.status, 200, "{}", scanned.body);
        self.run();
        assert!(self.people[place].ready);
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

    fn step(&mut self, who: usize, input: Option<Input>) {
        let person = &mut self.people[who];
        let mut wire = Orders::default();
        person
            .spent
            .on(|| match input {
                None => person.driver.start(now(), &mut wire),
                Some(input) => person.driver.feed(input, now(), &mut wire),
            })
            .unwrap();
        for order in wire.0 {
            self.carry_out(who, order);
        }
        self.people[who].look();
    }

    fn carry_out(&mut self, who: usize, order: Order) {
        let person = &mut self.people[who];
        match order {
            Order::Connect => {
                person.conn = Some(self.server.connect(Time(NOW_MS)));
                person.inputs.push_back(Input::Connected);
            }
            Order::Send(bytes) => {
                if let Some(conn) = person.conn {
                    self.server_spent.on(|| self.server.receive(conn, &bytes, Time(NOW_MS)));
                }
            }
            Order::Close => {
                if let Some(conn) = person.conn.take() {
                    self.server.closed(conn, Time(NOW_MS));
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

impl<S: Store> Person<S> {
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

    fn scan(
        &mut self,
        table: Table,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.store.scan(table, from, limit)
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        self.commits += 1;
        self.store.apply(batches)
    }
}

fn now() -> Now {
    Now { mono: Mono(NOW_MS), unix: UnixMs(NOW_MS) }
}

/// Late in 2023.
const NOW_MS: u64 = 1_700_000_000_000;
/// Enough for everybody who writes.
const FIRST_PREKEYS: u32 = 30;
