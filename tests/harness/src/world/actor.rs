//! One client in the world, with its storage, its connection, and all that it has told its application.

use std::collections::VecDeque;

use sanswire::event::{Envelope, Event, LinkEvent, Received, SendProgress};
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::{Client, Config, Input, Mono, Now, OpError, Output, UnixMs};

use super::storage::Storage;
use crate::clock::Time;
use crate::seed::Seed;
use crate::server::{ConnId, Server};

/// A client and its surroundings.
#[derive(Debug)]
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
    config: Config,
    client: Option<Client>,
    pub(super) connection: Option<ConnId>,
    inputs: VecDeque<Input>,
    deadline: Option<Mono>,
    seed: Seed,
    next_call: u64,
    fuse: Option<u32>,
}

impl Actor {
    pub(super) fn new(name: &str, config: Config, seed: Seed) -> Self {
        Self {
            name: name.to_string(),
            storage: Storage::default(),
            events: Vec::new(),
            replies: Vec::new(),
            confirms: true,
            online: true,
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
    pub(super) fn start(&mut self, now: Time) {
        let config = Config { known_generation: self.storage.newest(), ..self.config.clone() };
        let client = Client::new(config, self.seed.bytes(), clock(now));
        assert!(client.is_ok(), "the world's configuration is valid");
        self.client = client.ok();
        self.inputs.clear();
        self.deadline = None;
    }

    /// The client is gone from one moment to the next; what was on its way is lost.
    pub(super) fn crash(&mut self) -> Option<ConnId> {
        self.client = None;
        self.inputs.clear();
        self.deadline = None;
        self.connection.take()
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
    pub(super) fn work(&mut self, server: &mut Server, now: Time) -> bool {
        let mut busy = false;
        while let Some(output) = self.client.as_mut().map(Client::poll) {
            if let Output::Wait(deadline) = output {
                self.deadline = deadline;
                let due = deadline.filter(|at| *at <= clock(now).mono).map(|_| Input::Tick);
                let Some(input) = self.inputs.pop_front().or(due) else { break };
                let taken = self.client.as_mut().map(|client| client.handle(input, clock(now)));
                assert!(matches!(taken, Some(Ok(()))), "the world keeps the client's contract: {taken:?}");
            } else if self.fuse == Some(0) {
                // The process dies here: this output and all behind it never happened.
                self.fuse = None;
                if let Some(connection) = self.crash() {
                    server.closed(connection, now);
                }
                self.start(now);
            } else {
                self.fuse = self.fuse.map(|left| left - 1);
                self.carry_out(output, server, now);
            }
            busy = true;
        }
        busy
    }

    fn carry_out(&mut self, output: Output, server: &mut Server, now: Time) {
        match output {
            Output::Connect(_) if !self.online => self.inputs.push_back(Input::Closed),
            Output::Connect(_) => {
                self.hang_up(server, now);
                self.connection = Some(server.connect(now));
                self.inputs.push_back(Input::Connected);
            }
            Output::Send(bytes) => {
                if let Some(connection) = self.connection {
                    server.receive(connection, &bytes, now);
                }
            }
            Output::Store(batch) => self.storage.apply(batch),
            Output::Load(wants) => {
                // Answered before anything else that waits, as an adapter with storage at hand does.
                self.inputs.push_front(Input::Loaded(self.storage.read(&wants)));
            }
            Output::Event(envelope) => {
                if self.confirms {
                    self.inputs.push_back(Input::Seen(envelope.id));
                }
                self.events.push(*envelope);
            }
            Output::Reply(call, result) => self.replies.push((call, result)),
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
