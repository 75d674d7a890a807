//! The engine: inputs become work items, work items become turns, turns become outputs.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::connection::Connection;
use super::memory::Memory;
use super::request::{Continuation, Outcome, RequestId, ServerError};
use super::trace::{Trace, Traced};
use super::turn::{Effects, Stop, Turn};
use super::work::Work;
use crate::config::Config;
use crate::crypto::Secret;
use crate::entropy::Entropy;
use crate::error::{Misuse, OpError};
use crate::input::{Found, Input};
use crate::limits::QUEUED_CALLS;
use crate::now::{Mono, Now};
use crate::output::{Output, Want};
use crate::records::cache::Cache;
use crate::records::transaction::{Loaded, Transaction};
use crate::stanza::{Reject, reaction, route};
use crate::timer::Timer;
use crate::wire::Document;

/// Everything a client is, behind its three verbs.
pub(crate) struct Engine {
    pub(super) config: Config,
    seed: Secret<32>,
    pub(super) now: Now,
    pub(super) turn: u64,
    pub(super) next_id: u64,
    pub(super) next_event: u64,
    pub(super) queue: VecDeque<Work>,
    waiting: Option<(Work, Vec<Want>)>,
    loaded: Loaded,
    pub(super) cache: Cache,
    pub(super) memory: Memory,
    pub(super) timers: BTreeMap<Timer, Mono>,
    pub(super) requests: BTreeMap<RequestId, Arc<dyn Continuation>>,
    pub(super) connection: Connection,
    pub(super) outputs: VecDeque<Output>,
    pub(super) trace: Option<Trace>,
    drained: bool,
}

impl Engine {
    pub(crate) fn new(config: Config, seed: [u8; 32], now: Now) -> Self {
        Self {
            cache: Cache::new(config.cache_bytes),
            config,
            seed: Secret::new(seed),
            now,
            turn: 0,
            next_id: 0,
            next_event: 1,
            queue: VecDeque::from([Work::Start]),
            waiting: None,
            loaded: Loaded::default(),
            memory: Memory::default(),
            timers: BTreeMap::new(),
            requests: BTreeMap::new(),
            connection: Connection::None,
            outputs: VecDeque::new(),
            trace: None,
            drained: true,
        }
    }

    pub(crate) fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        if !self.drained {
            return Err(Misuse::NotDrained);
        }
        if let Some(trace) = &mut self.trace {
            trace.clear();
        }
        if let Input::Loaded(found) = input {
            self.loaded(found)?;
            self.now = self.now.advance(now);
            self.drained = false;
            return Ok(());
        }
        self.now = self.now.advance(now);
        self.drained = false;
        match input {
            Input::Connected if matches!(self.connection, Connection::Dialing) => {
                self.connection = Connection::Greeting(None, Default::default());
                self.memory.last_received = self.now.mono;
                self.queue.push_back(Work::Connected);
            }
            Input::Received(bytes) => self.received(&bytes),
            Input::Closed if !matches!(self.connection, Connection::None) => {
                self.queue.push_back(Work::Closed);
                self.drop_connection();
            }
            Input::Call(call, _) if self.queue.len() >= QUEUED_CALLS => {
                self.outputs.push_back(Output::Reply(call, Err(OpError::QueueFull)));
            }
            Input::Call(call, operation) => self.queue.push_back(Work::Call(call, operation)),
            Input::Seen(event) => self.queue.push_back(Work::Seen(event)),
            Input::Shutdown => self.queue.push_back(Work::Shutdown),
            // Late news of a connection that was given up, and the tick that only brings the time.
            Input::Connected | Input::Closed | Input::Tick | Input::Loaded(_) => {}
        }
        Ok(())
    }

    pub(crate) fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                self.drained = false;
                if let Some(trace) = &mut self.trace {
                    trace.given();
                }
                return output;
            }
            if self.waiting.as_ref().is_some_and(|(_, wants)| !wants.is_empty()) {
                // Only the load can move things on: a deadline here would make the adapter spin.
                self.drained = true;
                return Output::Wait(None);
            }
            match self.next_work() {
                Some(work) => self.run(work),
                None => {
                    self.drained = true;
                    return Output::Wait(self.timers.values().min().copied());
                }
            }
        }
    }

    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) const fn cache_used(&self) -> usize {
        self.cache.used()
    }

    /// When a timer fires, if it runs.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Mono> {
        self.timers.get(&timer).copied()
    }

    /// Starts or ends to keep the stanzas of each drain.
    pub(crate) fn trace(&mut self, on: bool) {
        self.trace = on.then(Trace::default);
    }

    pub(crate) fn take_trace(&mut self) -> Vec<Traced> {
        self.trace.as_mut().map_or_else(Vec::new, Trace::take)
    }

    fn loaded(&mut self, found: Vec<Found>) -> Result<(), Misuse> {
        let Some((_, wants)) = &mut self.waiting else { return Err(Misuse::UnexpectedLoaded) };
        let fits = |(want, found): (&Want, &Found)| {
            matches!((want, found), (Want::Get { .. }, Found::Value(_)) | (Want::Scan { .. }, Found::Rows(_)))
        };
        if wants.is_empty() || wants.len() != found.len() || !wants.iter().zip(&found).all(fits) {
            return Err(Misuse::UnexpectedLoaded);
        }
        for (want, found) in core::mem::take(wants).into_iter().zip(found) {
            match (want, found) {
                (Want::Get { table, key }, Found::Value(value)) => {
                    self.loaded.values.insert((table, key), value);
                }
                (want, Found::Rows(rows)) => self.loaded.scans.push((want, rows)),
                (Want::Scan { .. }, Found::Value(_)) => {}
            }
        }
        Ok(())
    }

    fn received(&mut self, bytes: &Bytes) {
        self.memory.last_received = self.now.mono;
        let Some(frames) = self.connection.frames() else { return };
        if let Err(error) = frames.push(bytes) {
            self.queue.push_back(Work::Broken(Reject::Frame(error)));
        }
    }

    /// The item that is waiting for records, else the queue, else the next frame, else a timer that is due.
    fn next_work(&mut self) -> Option<Work> {
        if let Some((work, _)) = self.waiting.take() {
            return Some(work);
        }
        self.queue.pop_front().or_else(|| self.next_frame()).or_else(|| self.next_timer())
    }

    fn next_frame(&mut self) -> Option<Work> {
        let mut frame = self.connection.frames()?.next_frame()?;
        let Connection::Open(keys, _) = &mut self.connection else {
            return Some(Work::Handshake(frame.freeze()));
        };
        let len = match keys.1.open_in_place(&mut frame) {
            Ok(plaintext) => plaintext.len(),
            Err(error) => return Some(Work::Broken(Reject::Noise(error))),
        };
        frame.truncate(len);
        let frame = frame.freeze();
        if let Some(trace) = &mut self.trace {
            trace.saw(false, frame.clone(), self.outputs.len());
        }
        Some(match Document::decode(frame) {
            Ok(document) => self.classify(Arc::new(document)),
            Err(error) => Work::Broken(Reject::Node(error)),
        })
    }

    /// Answers go to whoever asked; everything else is a stanza of its own.
    fn classify(&mut self, document: Arc<Document>) -> Work {
        let root = document.root();
        if !root.is("iq") {
            return Work::Stanza(document);
        }
        let kind = root.get("type");
        let (result, error) = (kind.as_deref() == Some("result"), kind.as_deref() == Some("error"));
        if !result && !error {
            return Work::Stanza(document);
        }
        let request = root.get("id").and_then(|id| self.request_of(&id));
        let Some((request, then)) = request.and_then(|id| self.requests.remove_entry(&id)) else {
            return Work::Stanza(document);
        };
        self.timers.remove(&Timer::Request(request));
        let outcome = if error {
            Outcome::Refused(ServerError::parse(root))
        } else {
            Outcome::Result(Arc::clone(&document))
        };
        Work::Answer(then, outcome)
    }

    fn request_of(&self, id: &str) -> Option<RequestId> {
        id.strip_prefix(self.memory.id_prefix.as_str())?.parse().ok().map(RequestId)
    }

    fn next_timer(&mut self) -> Option<Work> {
        let (at, timer) = self.timers.iter().map(|(timer, at)| (*at, *timer)).min()?;
        if at > self.now.mono {
            return None;
        }
        self.timers.remove(&timer);
        if timer == Timer::KeepAlive {
            self.cache.settle();
        }
        match timer {
            Timer::Request(request) => {
                self.requests.remove(&request).map(|then| Work::Answer(then, Outcome::TimedOut))
            }
            timer => Some(Work::Timer(timer)),
        }
    }

    fn run(&mut self, work: Work) {
        let (result, writes_or_wants, effects) = self.turn(&work, None);
        match result {
            Ok(()) => self.finish(writes_or_wants, effects),
            Err(Stop::Missing) => self.load(work, writes_or_wants),
            Err(Stop::Reject(reject)) => self.react(work, &reject),
            Err(Stop::Record(error)) => self.react(work, &Reject::Record(error)),
        }
    }

    /// What the peer did wrong is answered in a turn of its own, after everything of the first was dropped.
    fn react(&mut self, work: Work, reject: &Reject) {
        let (result, touched, effects) = self.turn(&work, Some(reject));
        match result {
            Ok(()) => self.finish(touched, effects),
            Err(Stop::Missing) => self.load(work, touched),
            // A reaction that cannot run leaves the stanza unanswered: the server sends it again.
            Err(Stop::Reject(_) | Stop::Record(_)) => self.loaded = Loaded::default(),
        }
    }

    fn load(&mut self, work: Work, touched: Touched) {
        if touched.wanted.is_empty() {
            // Nothing to load would mean running for ever: only a bug in a handler leads here.
            debug_assert!(false, "a turn lacks records but names none");
            self.loaded = Loaded::default();
            return;
        }
        self.outputs.push_back(Output::Load(touched.wanted.clone()));
        self.waiting = Some((work, touched.wanted));
    }

    fn finish(&mut self, touched: Touched, effects: Effects) {
        for (key, value) in core::mem::take(&mut self.loaded).values {
            self.cache.put(key, value);
        }
        self.commit(touched.writes, effects);
    }

    fn turn(&mut self, work: &Work, reject: Option<&Reject>) -> (Result<(), Stop>, Touched, Effects) {
        let mut cx = Turn {
            now: self.now,
            config: &self.config,
            memory: &self.memory,
            connection: &self.connection,
            entropy: Entropy::for_turn(self.seed.expose(), self.turn),
            transaction: Transaction::new(&self.cache, &self.loaded),
            effects: Effects { next_id: self.next_id, next_event: self.next_event, ..Effects::default() },
        };
        let result = match reject {
            None => route::run(&mut cx, work),
            Some(reject) => reaction::react(&mut cx, work, reject),
        };
        let effects = cx.effects;
        let touched = match result {
            Err(_) => Touched { wanted: cx.transaction.into_wanted(), writes: Vec::new() },
            Ok(()) => Touched { writes: cx.transaction.into_writes(), wanted: Vec::new() },
        };
        (result, touched, effects)
    }
}

/// What a turn wrote, or lacked.
struct Touched {
    writes: Vec<crate::output::Write>,
    wanted: Vec<Want>,
}
