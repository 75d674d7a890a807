//! What a driver does with the outputs of a scripted machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_lite::future::{block_on, poll_once};
use sanswire::event::{Envelope, Event, EventId};
use sanswire::link::SetAvailable;
use sanswire::{Batch, Found, LinkState, Misuse, OpError, Table, UnixMs, Write};
use sanswire_store::{MemoryStore, StoreError};

use super::*;

/// Gives out, for each input, the outputs written down for it; notes what it is told.
#[derive(Default)]
struct Script {
    turns: VecDeque<Vec<Output>>,
    now: VecDeque<Output>,
    told: Vec<Input>,
    wait: Option<Mono>,
}

impl Script {
    fn new(turns: impl IntoIterator<Item = Vec<Output>>) -> Self {
        let mut turns: VecDeque<_> = turns.into_iter().collect();
        let now = turns.pop_front().unwrap_or_default().into();
        Self { turns, now, ..Self::default() }
    }
}

impl Machine for Script {
    fn handle(&mut self, input: Input, _: Now) -> Result<(), Misuse> {
        if !self.now.is_empty() {
            return Err(Misuse::NotDrained);
        }
        self.told.push(input);
        self.now = self.turns.pop_front().unwrap_or_default().into();
        Ok(())
    }

    fn poll(&mut self) -> Output {
        self.now.pop_front().unwrap_or(Output::Wait(self.wait))
    }
}

/// Notes commits, and fails from a given one on.
struct Noted {
    inner: MemoryStore,
    log: Log,
    fail_at: usize,
}

type Log = std::sync::Arc<Mutex<Vec<String>>>;

impl Store for Noted {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(table, key)
    }

    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.inner.scan(table, from, limit)
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let generations: Vec<u64> = batches.iter().map(|batch| batch.generation).collect();
        if generations.contains(&(self.fail_at as u64)) {
            return Err(StoreError::Full);
        }
        self.log.lock().unwrap().push(format!("commit {generations:?}"));
        self.inner.apply(batches)
    }
}

/// Notes what goes to the connection.
struct NotedWire(Log);

impl Wire for NotedWire {
    fn connect(&mut self, target: Target) {
        self.0.lock().unwrap().push(format!("connect {}", target.url));
    }

    fn send(&mut self, bytes: Bytes) {
        self.0.lock().unwrap().push(format!("send {}", String::from_utf8_lossy(&bytes)));
    }

    fn close(&mut self, reason: DownReason) {
        self.0.lock().unwrap().push(format!("close {reason:?}"));
    }
}

fn store(generation: u64, len: usize) -> Output {
    let write = Write {
        table: Table::Inbox,
        key: generation.to_be_bytes().to_vec(),
        value: Some(vec![0; len].into()),
    };
    Output::Store(Batch::new(generation - 1, generation, vec![write]))
}

fn send(text: &'static str) -> Output {
    Output::Send(Bytes::from_static(text.as_bytes()))
}

fn event(id: u64) -> Output {
    let event = Event::Fault { error: "test".to_owned(), stanza: None };
    Output::Event(Box::new(Envelope { id: EventId(id), repeated: false, at: UnixMs(0), event }))
}

fn rig(turns: Vec<Vec<Output>>, fail_at: usize) -> (Driver<Script, Noted>, Handle, NotedWire, Log) {
    let log = Log::default();
    let store = Noted { inner: MemoryStore::new(), log: log.clone(), fail_at };
    let (driver, handle) = Driver::over(Script::new(turns), store, Clock::new());
    (driver, handle, NotedWire(log.clone()), log)
}

#[test]
fn one_commit_comes_before_everything_of_a_drain() {
    let turns =
        vec![vec![send("a"), store(1, 1), send("b"), store(2, 1), Output::Disconnect(DownReason::Restart)]];
    let (mut driver, _handle, mut wire, log) = rig(turns, 0);
    assert_eq!(driver.start(Now::default(), &mut wire).unwrap(), Next::Input(None));
    assert_eq!(*log.lock().unwrap(), ["commit [1, 2]", "send a", "send b", "close Restart"]);
}

/// Feeds one input, with as many more at hand as the script has turns for; gives how many were left.
fn feed_all(driver: &mut Driver<Script, Noted>, wire: &mut NotedWire, at_hand: usize) -> usize {
    let mut left = at_hand;
    let more = || {
        left = left.checked_sub(1)?;
        Some(Input::Tick)
    };
    let _ = driver.feed_all(Input::Tick, more, Now::default, wire).unwrap();
    left
}

#[test]
fn inputs_that_are_there_already_share_a_commit() {
    let turns =
        vec![vec![], vec![send("a"), store(1, 1), event(1)], vec![send("b")], vec![store(2, 1), send("c")]];
    let (mut driver, handle, mut wire, log) = rig(turns, 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    assert_eq!(feed_all(&mut driver, &mut wire, 2), 0);
    assert_eq!(*log.lock().unwrap(), ["commit [1, 2]", "send a", "send b", "send c"]);
    assert_eq!(block_on(handle.next_event()).map(|envelope| envelope.id), Some(EventId(1)));
}

#[test]
fn what_needs_no_commit_waits_for_no_other_input() {
    let (mut driver, _handle, mut wire, log) = rig(vec![vec![], vec![send("a")], vec![store(1, 1)]], 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    assert_eq!(feed_all(&mut driver, &mut wire, 1), 1);
    assert_eq!(*log.lock().unwrap(), ["send a"]);
}

#[test]
fn nothing_is_fed_between_giving_up_a_connection_and_closing_it() {
    let turns = vec![vec![], vec![store(1, 1), Output::Disconnect(DownReason::Restart)], vec![store(2, 1)]];
    let (mut driver, _handle, mut wire, log) = rig(turns, 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    assert_eq!(feed_all(&mut driver, &mut wire, 1), 1);
    assert_eq!(*log.lock().unwrap(), ["commit [1]", "close Restart"]);
}

#[test]
fn so_many_inputs_share_a_commit_at_most() {
    let limit = usize::try_from(INPUTS_PER_COMMIT).unwrap();
    let stores = (1..).map(|generation| vec![store(generation, 1)]).take(limit + 1);
    let (mut driver, _handle, mut wire, log) = rig(core::iter::once(vec![]).chain(stores).collect(), 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    assert_eq!(feed_all(&mut driver, &mut wire, limit), 1);
    assert_eq!(log.lock().unwrap().len(), 1);
    assert_eq!(feed_all(&mut driver, &mut wire, 0), 0);
    assert_eq!(log.lock().unwrap().len(), 2);
}

#[test]
fn a_failed_commit_of_several_inputs_lets_nothing_out() {
    let turns = vec![vec![], vec![send("a"), store(1, 1)], vec![send("b"), store(2, 1)]];
    let (mut driver, _handle, mut wire, log) = rig(turns, 2);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    let mut more = Some(Input::Tick).into_iter();
    let error = driver.feed_all(Input::Tick, || more.next(), Now::default, &mut wire).unwrap_err();
    assert!(matches!(error, DriverError::Store(StoreError::Full)), "{error}");
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn long_drain_commits_in_between() {
    let (mut driver, _handle, mut wire, log) =
        rig(vec![vec![send("a"), store(1, COMMIT_BYTES_MAX), send("b"), store(2, 1)]], 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    assert_eq!(*log.lock().unwrap(), ["commit [1]", "send a", "commit [2]", "send b"]);
}

#[test]
fn loads_are_answered_inside_the_drain_and_see_what_waits() {
    let want = Want::Get { table: Table::Inbox, key: 1u64.to_be_bytes().to_vec() };
    let turns = vec![vec![store(1, 3), Output::Load(vec![want])], vec![send("a")]];
    let (mut driver, _handle, mut wire, log) = rig(turns, 0);
    driver.machine.wait = Some(Mono(7));
    assert_eq!(driver.start(Now::default(), &mut wire).unwrap(), Next::Input(Some(Mono(7))));
    assert_eq!(driver.machine.told, [Input::Loaded(vec![Found::Value(Some(vec![0; 3].into()))])]);
    assert_eq!(*log.lock().unwrap(), ["commit [1]", "send a"]);
}

#[test]
fn nothing_is_let_out_when_storage_fails_and_the_driver_is_over() {
    let (mut driver, handle, mut wire, log) =
        rig(vec![vec![store(1, 1), event(1)], vec![send("a"), store(2, 1), event(2)]], 2);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    let call = handle.call(SetAvailable { available: true });
    let asked = driver.asked().unwrap();
    let error = driver.feed(asked, Now::default(), &mut wire).unwrap_err();
    assert!(matches!(error, DriverError::Store(StoreError::Full)), "{error}");
    assert!(matches!(driver.feed(Input::Tick, Now::default(), &mut wire), Err(DriverError::Over)));
    assert_eq!(*log.lock().unwrap(), ["commit [1]"]);
    drop(driver);
    assert_eq!(block_on(handle.next_event()).map(|envelope| envelope.id), Some(EventId(1)));
    assert_eq!(block_on(handle.next_event()), None);
    assert_eq!(block_on(call), Err(OpError::Disconnected));
    assert_eq!(block_on(handle.call(SetAvailable { available: true })), Err(OpError::Disconnected));
    block_on(handle.over());
}

#[test]
fn replies_reach_their_callers() {
    let answer = |id, result| Output::Reply(sanswire::ops::CallId(id), result);
    let turns = vec![
        vec![],
        vec![],
        vec![answer(2, Err(OpError::QueueFull)), answer(1, Ok(sanswire::ops::Answer::SetAvailable(())))],
    ];
    let (mut driver, handle, mut wire, _) = rig(turns, 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    let mut first = handle.call(SetAvailable { available: true });
    let second = handle.call(SetAvailable { available: false });
    drop(handle.call(SetAvailable { available: false }));
    assert_eq!((first.id().0, second.id().0), (1, 2));
    assert_eq!(block_on(poll_once(&mut first)), None);
    let mut asked = 0;
    while let Some(input) = driver.asked() {
        asked += 1;
        let _ = driver.feed(input, Now::default(), &mut wire).unwrap();
    }
    assert_eq!(asked, 3);
    assert_eq!(block_on(first), Ok(()));
    assert_eq!(block_on(second), Err(OpError::QueueFull));
}

#[test]
fn shutdown_ends_after_its_drain() {
    let (mut driver, handle, mut wire, log) =
        rig(vec![vec![], vec![store(1, 1), Output::Disconnect(DownReason::Requested)]], 0);
    let _ = driver.start(Now::default(), &mut wire).unwrap();
    let mut end = Box::pin(handle.shutdown());
    assert_eq!(block_on(poll_once(&mut end)), None);
    let asked = driver.asked().unwrap();
    assert_eq!(driver.feed(asked, Now::default(), &mut wire).unwrap(), Next::Over);
    assert_eq!(*log.lock().unwrap(), ["commit [1]", "close Requested"]);
    assert!(matches!(driver.feed(Input::Tick, Now::default(), &mut wire), Err(DriverError::Over)));
    drop(driver);
    block_on(end);
}

#[test]
fn a_host_waits_for_a_state_of_the_client_and_learns_of_its_end() {
    let (mut driver, handle) = Driver::open(Config::default(), MemoryStore::new()).unwrap();
    assert_eq!(handle.health(), None);
    let mut wire = Mute;
    let mut dials = Box::pin(handle.when(|health| health.link == LinkState::Dialing));
    let mut ready = Box::pin(handle.when(|health| health.link == LinkState::Ready));
    assert_eq!(block_on(poll_once(&mut dials)), None);
    let now = driver.clock().now();
    let _ = driver.start(now, &mut wire).unwrap();
    assert_eq!(block_on(dials), handle.health());
    assert_eq!(block_on(poll_once(&mut ready)), None);
    assert_eq!(driver.feed(Input::Shutdown, now, &mut wire).unwrap(), Next::Over);
    assert_eq!(handle.health().map(|health| health.link), Some(LinkState::Stopped));
    drop(driver);
    assert_eq!(block_on(ready), None);
}

/// Looks at the client's state when a connection is wanted.
struct Looks(Handle, Option<LinkState>);

impl Wire for Looks {
    fn connect(&mut self, _: Target) {
        self.1 = self.0.health().map(|health| health.link);
    }

    fn send(&mut self, _: Bytes) {}

    fn close(&mut self, _: DownReason) {}
}

#[test]
fn what_is_let_out_finds_the_state_that_it_speaks_of() {
    let (mut driver, handle) = Driver::open(Config::default(), MemoryStore::new()).unwrap();
    let mut wire = Looks(handle, None);
    let now = driver.clock().now();
    let _ = driver.start(now, &mut wire).unwrap();
    assert_eq!(wire.1, Some(LinkState::Dialing));
}

#[test]
fn misuse_is_told_to_the_caller() {
    struct Refuses;

    impl Machine for Refuses {
        fn handle(&mut self, _: Input, _: Now) -> Result<(), Misuse> {
            Err(Misuse::NoConnection)
        }

        fn poll(&mut self) -> Output {
            panic!("polled after a misuse")
        }
    }

    let (mut driver, _handle) = Driver::over(Refuses, MemoryStore::new(), Clock::new());
    let error = driver.feed(Input::Connected, Now::default(), &mut NotedWire(Log::default())).unwrap_err();
    assert!(matches!(error, DriverError::Misuse(Misuse::NoConnection)), "{error}");
}

/// Takes so many writes, then fails.
struct Sink {
    written: Log,
    left: usize,
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("the disk is full"));
        }
        self.left -= 1;
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.written.lock().unwrap().push(hex);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that takes everything and says nothing.
struct Mute;

impl Wire for Mute {
    fn connect(&mut self, _: Target) {}
    fn send(&mut self, _: Bytes) {}
    fn close(&mut self, _: DownReason) {}
}

/// Starts a client, connects it and closes the connection; what got into the recording, and why not all of it.
fn record(writes: usize) -> (Vec<u8>, Option<String>) {
    let (written, mut store) = (Log::default(), MemoryStore::new());
    let write = Write { table: Table::Lid, key: b"somebody".to_vec(), value: Some(Bytes::from_static(b"x")) };
    store.apply(&[Batch::new(0, 1, vec![write])]).unwrap();
    let sink = Sink { written: Arc::clone(&written), left: writes };
    let (mut driver, _handle) = Driver::open_recorded(Config::default(), store, sink).unwrap();
    let now = driver.clock().now();
    assert!(matches!(driver.start(now, &mut Mute), Ok(Next::Input(Some(_)))));
    for input in [Input::Connected, Input::Closed] {
        assert!(matches!(driver.feed(input, now, &mut Mute), Ok(Next::Input(_))), "the client lives on");
    }
    let hex = written.lock().unwrap().concat();
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    (bytes.collect(), driver.machine().failure().map(ToString::to_string))
}

#[test]
fn a_recording_replays_with_the_records_that_the_store_held() {
    let (recording, failure) = record(usize::MAX);
    assert_eq!(failure, None);
    let mut replayer = sanswire::replay::Replayer::new(recording).unwrap();
    while replayer.step().unwrap().is_some() {}
    assert!(replayer.knows_records() && !replayer.summary().cut);
    assert!(replayer.records().any(|place| place.to_string() == "lid somebody"));
}

#[test]
fn a_sink_that_fails_ends_the_recording_and_not_the_client() {
    let (whole, _) = record(usize::MAX);
    for writes in 0..4 {
        let (part, failure) = record(writes);
        assert!(part.len() < whole.len());
        assert_eq!(failure.as_deref(), Some("the disk is full"));
        if writes > 0 {
            sanswire::replay::Replayer::new(part).unwrap().run().unwrap();
        }
    }
}
