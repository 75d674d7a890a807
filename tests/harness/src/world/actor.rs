//! One client in the world, with its storage, its connection, and all that it has told its application.

use core::fmt;
use std::collections::VecDeque;

use bytes::Bytes;
use sanswire::event::{Envelope, Event, LinkEvent, Received, SendProgress};
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::{Batch, Config, Health, Input, Machine, Mono, Now, OpError, Output, UnixMs};

use super::journal::{Fact, Journal};
use super::storage::Storage;
use super::{Maker, Who};
use crate::clock::Time;
use crate::seed::Seed;
use crate::server::{ConnId, Server};

/// A client and its surroundings.
pub struct Actor {
    /// The push name it registers with.
    pub name: String,
    /// What survives a crash.
    pub storage: Storage,
    /// Every event handed out, over all lives of the client.
    pub events: Vec<Envelope>,
    /// Every answer to a call.
    pub replies: Vec<(CallId, Result<Answer, OpError>)>,
    /// Whether events are confirmed as soon as they are handed out. Default: yes.
    pub confirms: bool,
    /// Whether the network lets it connect. Default: yes.
    pub online: bool,
    who: Who,
    life: u32,
    maker: Maker,
    config: Config,
    client: Option<Box<dyn Machine>>,
    pub(super) connection: Option<ConnId>,
    inputs: VecDeque<Input>,
    deadline: Option<Mono>,
    seed: Seed,
    next_call: u64,
    fuse: Option<u32>,
}

impl Actor {
    pub(super) fn new(who: Who, name: &str, maker: Maker, config: Config, seed: Seed) -> Self {
        Self {
            name: name.to_string(),
            storage: Storage::default(),
            events: Vec::new(),
            replies: Vec::new(),
            confirms: true,
            online: true,
            who,
            life: 0,
            maker,
            config,
            client: None,
            connection: None,
            inputs: VecDeque::new(),
            deadline: None,
            seed,
            next_call: 1,
            fuse: None,
        }
    }

    /// Starts the client over what is durable.
    pub(super) fn start(&mut self, journal: &mut Journal, now: Time) {
        self.life += 1;
        journal.note(now, Fact::Started { who: self.who, life: self.life }, &[]);
        let config = Config { known_generation: self.storage.newest(), ..self.config.clone() };
        self.client = Some((self.maker)(config, self.seed.bytes(), clock(now)));
        self.inputs.clear();
        self.deadline = None;
    }

    /// The client is gone from one moment to the next; what was on its way is lost.
    pub(super) fn crash(&mut self, journal: &mut Journal, now: Time) -> Option<ConnId> {
        if self.client.take().is_some() {
            journal.note(now, Fact::Crashed { who: self.who, life: self.life }, &[]);
        }
        self.inputs.clear();
        self.deadline = None;
        self.connection.take()
    }

    /// Its how-manieth life the client lives.
    #[must_use]
    pub const fn life(&self) -> u32 {
        self.life
    }

    /// Kills the client just before it carries out the output that follows the next `outputs` ones; it starts
    /// again at once from what is durable.
    pub fn light_fuse(&mut self, outputs: u32) {
        self.fuse = Some(outputs);
    }

    /// Whether the fuse has burned down, or was never lit.
    #[must_use]
    pub const fn has_burned(&self) -> bool {
        self.fuse.is_none()
    }

    /// What the client looks like from outside, if it runs and can tell.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.client.as_ref()?.health()
    }

    /// Whether the client runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.client.is_some()
    }

    pub(super) fn push(&mut self, input: Input) {
        if self.client.is_some() {
            self.inputs.push_back(input);
        }
    }

    /// Queues a call and gives its id.
    pub(super) fn call(&mut self, operation: Operation) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.push(Input::Call(call, operation));
        call
    }

    /// When the client wants to be woken, if nothing comes before.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.client.as_ref().and(self.deadline)
    }

    /// Carries out everything the client wants, then feeds it one input at a time. Says whether anything
    /// happened.
    pub(super) fn work(&mut self, server: &mut Server, journal: &mut Journal, now: Time) -> bool {
        let mut busy = false;
        while let Some(output) = self.client.as_mut().map(|client| client.poll()) {
            if let Output::Wait(deadline) = output {
                self.deadline = deadline;
                let due = deadline.filter(|at| *at <= clock(now).mono).map(|_| Input::Tick);
                let Some(input) = self.inputs.pop_front().or(due) else { break };
                self.feed(input, journal, now);
            } else if self.fuse == Some(0) {
                // The process dies here: this output and all behind it never happened.
                self.fuse = None;
                if let Some(connection) = self.crash(journal, now) {
                    server.closed(connection, now);
                }
                self.start(journal, now);
            } else {
                self.fuse = self.fuse.map(|left| left - 1);
                self.carry_out(output, server, journal, now);
            }
            busy = true;
        }
        busy
    }

    fn feed(&mut self, input: Input, journal: &mut Journal, now: Time) {
        let (who, life) = (self.who, self.life);
        match &input {
            Input::Call(call, operation) => {
                let operation = operation.clone();
                journal.note(now, Fact::Called { who, life, call: *call, operation }, &[]);
            }
            Input::Seen(event) => journal.note(now, Fact::Confirmed { who, event: *event }, &[]),
            other => journal.note(now, Fact::Fed { who, input: kind(other) }, &[]),
        }
        let taken = self.client.as_mut().map(|client| client.handle(input, clock(now)));
        assert!(matches!(taken, Some(Ok(()))), "the world keeps the client's contract: {taken:?}");
    }

    fn carry_out(&mut self, output: Output, server: &mut Server, journal: &mut Journal, now: Time) {
        let (who, life) = (self.who, self.life);
        match output {
            Output::Connect(_) if !self.online => self.inputs.push_back(Input::Closed),
            Output::Connect(_) => {
                self.hang_up(server, now);
                self.connection = Some(server.connect(now));
                self.inputs.push_back(Input::Connected);
            }
            Output::Send(bytes) => {
                journal.note(now, Fact::Sent { who, bytes: bytes.len() }, &bytes);
                if let Some(connection) = self.connection {
                    server.receive(connection, &bytes, now);
                }
            }
            Output::Store(batch) => {
                let (fact, digest) = stored(who, &batch);
                journal.note(now, fact, &digest);
                self.storage.apply(batch);
            }
            Output::Load(wants) => {
                // Answered before anything else that waits, as an adapter with storage at hand does.
                self.inputs.push_front(Input::Loaded(self.storage.read(&wants)));
            }
            Output::Event(envelope) => {
                if self.confirms {
                    self.inputs.push_back(Input::Seen(envelope.id));
                }
                let bytes = message_bytes(&envelope.event);
                journal.note(now, Fact::Shown { who, life, envelope: envelope.clone() }, &bytes);
                self.events.push(*envelope);
            }
            Output::Reply(call, result) => {
                journal.note(now, Fact::Replied { who, life, call, result: result.clone() }, &[]);
                self.replies.push((call, result));
            }
            Output::Disconnect(_) => self.hang_up(server, now),
            _ => {}
        }
    }

    fn hang_up(&mut self, server: &mut Server, now: Time) {
        if let Some(connection) = self.connection.take() {
            server.closed(connection, now);
        }
        self.inputs.retain(|input| !matches!(input, Input::Received(_) | Input::Closed | Input::Connected));
    }

    /// The QR code shown last.
    #[must_use]
    pub fn qr_code(&self) -> Option<&str> {
        self.link_events().into_iter().rev().find_map(|event| match event {
            LinkEvent::QrCode { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    /// Everything about its connection and pairing.
    #[must_use]
    pub fn link_events(&self) -> Vec<&LinkEvent> {
        self.select(|event| if let Event::Link(event) = event { Some(event) } else { None })
    }

    /// Messages in the order in which they were handed out; those given again after a restart only if new.
    #[must_use]
    pub fn received(&self) -> Vec<&Received> {
        let mut seen = Vec::new();
        for envelope in &self.events {
            if let Event::Message(received) = &envelope.event
                && !(envelope.repeated && seen.iter().any(|known: &&Received| known.id == received.id))
            {
                seen.push(received);
            }
        }
        seen
    }

    /// The progress of messages it sent.
    #[must_use]
    pub fn progress(&self) -> Vec<&SendProgress> {
        self.select(|event| if let Event::Send(progress) = event { Some(progress) } else { None })
    }

    /// Named errors reported so far.
    #[must_use]
    pub fn faults(&self) -> Vec<&str> {
        self.select(|event| if let Event::Fault { error, .. } = event { Some(error.as_str()) } else { None })
    }

    /// The events of one kind, in order.
    pub fn select<'a, T>(&'a self, pick: impl Fn(&'a Event) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(|envelope| pick(&envelope.event)).collect()
    }
}

/// The reading that clients get: both clocks follow the world's.
pub(super) const fn clock(now: Time) -> Now {
    Now { mono: Mono(now.0), unix: UnixMs(now.0) }
}

/// The fact of a batch, and bytes that depend on all of its content.
fn stored(who: Who, batch: &Batch) -> (Fact, Vec<u8>) {
    let tables = batch.writes.iter().map(|write| write.table).collect();
    let mut digest = Vec::new();
    for write in &batch.writes {
        digest.push(write.table.number());
        digest.extend_from_slice(&write.key);
        digest.extend_from_slice(write.value.as_deref().unwrap_or_default());
    }
    let bytes = digest.len() - batch.writes.len();
    (Fact::Stored { who, generation: batch.generation, tables, bytes }, digest)
}

/// The plaintext of a message, which `Debug` does not show.
fn message_bytes(event: &Event) -> Bytes {
    if let Event::Message(received) = event { received.message.clone() } else { Bytes::new() }
}

const fn kind(input: &Input) -> &'static str {
    match input {
        Input::Connected => "connected",
        Input::Received(_) => "received",
        Input::Closed => "closed",
        Input::Tick => "tick",
        Input::Loaded(_) => "loaded",
        Input::Call(..) => "call",
        Input::Seen(_) => "seen",
        Input::Shutdown => "shutdown",
        _ => "other",
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor")
            .field("who", &self.who)
            .field("name", &self.name)
            .field("life", &self.life)
            .field("running", &self.client.is_some())
            .finish_non_exhaustive()
    }
}
