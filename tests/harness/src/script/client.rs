//! The client under test, its surroundings, and the verbs of a script.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use sanswire::event::{DownReason, Envelope, Event, LinkEvent, Received, SendProgress};
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::wire::certificate::ChainPlan;
use sanswire::wire::noise::Responder;
use sanswire::wire::{Node, encode};
use sanswire::{Config, Health, Input, Machine, Mono, Now, OpError, Output, UnixMs, Want};
use sanswire_proto::whatsapp::ClientPayload;

use super::socket::{Socket, framed};
use crate::clock::Time;
use crate::seed::Seed;
use crate::world::{Maker, Storage, honest};

/// One client and a server without a will of its own. Nothing happens before the first [`Self::run`].
pub struct Script {
    /// What survives a restart of the client.
    pub storage: Storage,
    /// Every event handed out.
    pub events: Vec<Envelope>,
    /// Whether the network connects. Default: yes.
    pub connects: bool,
    /// Whether the server answers the handshake. Default: yes.
    pub greets: bool,
    /// Whether storage answers. Default: yes.
    pub loads: bool,
    /// Whether events are confirmed at once. Default: yes.
    pub confirms: bool,
    /// Whether pings and the questions of every login are answered, so that silence of the script is not silence of the server. Default: yes.
    pub pongs: bool,
    /// How often the client asked for a connection.
    pub dials: usize,
    /// The routing info that the newest connection began with.
    pub routing: Option<Vec<u8>>,
    /// Who the client said it was when it last registered.
    pub(super) registration: Option<ClientPayload>,
    pub(super) seed: Seed,
    pub(super) now: Time,
    pub(super) sent: Vec<Node<'static>>,
    config: Config,
    responder: Responder,
    client: Box<dyn Machine>,
    maker: Maker,
    socket: Option<Socket>,
    inputs: VecDeque<Input>,
    held: Option<Vec<Want>>,
    deadline: Option<Mono>,
    /// How much the wall clock was moved.
    jumped: Duration,
    replies: Vec<(CallId, Result<Answer, OpError>)>,
    next_call: u64,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Script {
    /// A client that was never paired, before its first step.
    ///
    /// # Panics
    /// Never: the configuration is valid.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::configured(seed, |_| ())
    }

    /// The same with another configuration.
    ///
    /// # Panics
    /// When the configuration is refused.
    pub fn configured(seed: u64, change: impl FnOnce(&mut Config)) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let mut seed = Seed::new(key);
        let (root, intermediate, leaf) = (seed.key_pair(), seed.key_pair(), seed.key_pair());
        let plan = ChainPlan {
            root: &root.private,
            root_serial: 0,
            intermediate: &intermediate,
            leaf: leaf.public,
            not_before: 0,
            not_after: u64::from(u32::MAX),
        };
        let chain = plan.make(&[seed.bytes(), seed.bytes()]);
        let mut config = Config::default();
        config.trust.root = root.public;
        change(&mut config);
        let maker = honest();
        let client = maker(config.clone(), seed.bytes(), reading(BEGINNING, Duration::ZERO));
        Self {
            storage: Storage::default(),
            events: Vec::new(),
            connects: true,
            greets: true,
            loads: true,
            confirms: true,
            pongs: true,
            dials: 0,
            routing: None,
            registration: None,
            seed,
            now: BEGINNING,
            sent: Vec::new(),
            config,
            responder: Responder::new(leaf, chain),
            client,
            maker,
            socket: None,
            inputs: VecDeque::new(),
            held: None,
            deadline: None,
            jumped: Duration::ZERO,
            replies: Vec::new(),
            next_call: 1,
        }
    }

    /// The client's process dies and starts again over what is durable.
    ///
    /// # Panics
    /// Never: the configuration was valid before.
    pub fn restart(&mut self) {
        self.client = (self.maker)(self.config.clone(), self.seed.bytes(), self.clock());
        self.socket = None;
        self.inputs.clear();
        self.held = None;
        self.deadline = None;
        self.run();
    }

    /// The same account once more, over a copy of what is durable now: another client, made by `maker`, before
    /// its first step. The two scripts go on independently, and equally as long as the same happens to both.
    ///
    /// # Panics
    /// When the maker does.
    #[must_use]
    pub fn again(&self, maker: Maker) -> Self {
        let mut seed = self.seed.clone();
        let client = maker(self.config.clone(), seed.bytes(), self.clock());
        Self {
            storage: self.storage.clone(),
            events: Vec::new(),
            connects: true,
            greets: true,
            loads: true,
            confirms: true,
            pongs: true,
            dials: 0,
            routing: None,
            registration: self.registration.clone(),
            seed,
            now: self.now,
            sent: Vec::new(),
            config: self.config.clone(),
            responder: self.responder.clone(),
            client,
            maker,
            socket: None,
            inputs: VecDeque::new(),
            held: None,
            deadline: None,
            jumped: self.jumped,
            replies: Vec::new(),
            next_call: self.next_call,
        }
    }

    /// Lets the client do all it can at this moment.
    ///
    /// # Panics
    /// When it does not come to rest.
    pub fn run(&mut self) {
        if self.loads
            && let Some(wants) = self.held.take()
        {
            self.inputs.push_front(Input::Loaded(self.storage.read(&wants)));
        }
        for _ in 0..STEPS_MAX {
            let output = self.client.poll();
            if let Output::Wait(deadline) = output {
                self.deadline = deadline;
                let due = deadline.filter(|at| *at <= self.clock().mono).map(|_| Input::Tick);
                let Some(input) = self.inputs.pop_front().or(due) else { return };
                let taken = self.client.handle(input, self.clock());
                assert_eq!(taken, Ok(()), "the script keeps the client's contract");
            } else {
                self.carry_out(output);
            }
        }
        panic!("the client does not come to rest");
    }

    /// What the client looks like from outside, if it can tell.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.client.health()
    }

    /// The server sends a stanza.
    ///
    /// # Panics
    /// When there is no connection, or the node cannot be encoded.
    pub fn send(&mut self, node: &Node<'_>) {
        match encode(node) {
            Ok(plaintext) => self.send_plaintext(&plaintext),
            Err(error) => panic!("{error}: {node}"),
        }
    }

    /// The server sends a well-sealed frame with any content.
    ///
    /// # Panics
    /// When there is no connection.
    pub fn send_plaintext(&mut self, plaintext: &[u8]) {
        let frame = self.socket.as_mut().and_then(|socket| socket.seal(plaintext));
        let Some(frame) = frame else { panic!("no connection to send over: {:?}", self.down_reasons()) };
        self.inputs.push_back(Input::Received(frame));
        self.run();
    }

    /// The server sends a frame with this body, sealed or not.
    pub fn send_frame(&mut self, body: &[u8]) {
        self.send_bytes(framed(body));
    }

    /// The server sends these bytes as they are.
    pub fn send_bytes(&mut self, bytes: Bytes) {
        self.inputs.push_back(Input::Received(bytes));
        self.run();
    }

    /// Whether a stanza can be sent: the handshake is over and the connection stands.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.socket.as_ref().is_some_and(Socket::is_open)
    }

    /// The client gets an input that nothing here gave cause for.
    pub fn feed(&mut self, input: Input) {
        self.inputs.push_back(input);
        self.run();
    }

    /// The server closes the connection.
    pub fn close(&mut self) {
        self.socket = None;
        self.inputs.push_back(Input::Closed);
        self.run();
    }

    /// What the client has sent since this was last asked.
    pub fn sent(&mut self) -> Vec<Node<'static>> {
        core::mem::take(&mut self.sent)
    }

    /// Those of the stanzas sent that have this tag; the others are forgotten.
    pub fn sent_tagged(&mut self, tag: &str) -> Vec<Node<'static>> {
        self.sent().into_iter().filter(|node| node.tag == tag).collect()
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now.after(time);
        self.run();
        while let Some(Mono(next)) = self.deadline.filter(|next| next.0 <= end.0) {
            self.now = Time(next).max(self.now);
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// Moves the wall clock, but not the one that timers follow.
    pub fn jump(&mut self, time: Duration) {
        self.jumped += time;
    }

    /// The application asks for something.
    pub fn call(&mut self, operation: impl Into<Operation>) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.inputs.push_back(Input::Call(call, operation.into()));
        self.run();
        call
    }

    /// The answer of a call, once there is one.
    #[must_use]
    pub fn reply(&self, call: CallId) -> Option<&Result<Answer, OpError>> {
        self.replies.iter().find(|(id, _)| *id == call).map(|(_, result)| result)
    }

    /// The application confirms all events handed out so far.
    pub fn confirm(&mut self) {
        let seen = self.events.iter().map(|envelope| Input::Seen(envelope.id));
        self.inputs.extend(seen);
        self.run();
    }

    /// The application confirms the first event that was handed out.
    pub fn confirm_first(&mut self) {
        let first = self.events.iter().find(|envelope| matches!(envelope.event, Event::Message(_)));
        self.inputs.extend(first.map(|envelope| Input::Seen(envelope.id)));
        self.run();
    }

    /// The time by the clock that timers follow, in whole seconds since 1970.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.now.seconds()
    }

    /// The events of one kind, in order.
    pub fn select<'a, T>(&'a self, pick: impl Fn(&'a Event) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(|envelope| pick(&envelope.event)).collect()
    }

    /// Everything about connection and pairing.
    #[must_use]
    pub fn link_events(&self) -> Vec<&LinkEvent> {
        self.select(|event| if let Event::Link(event) = event { Some(event) } else { None })
    }

    /// Why connections ended.
    #[must_use]
    pub fn down_reasons(&self) -> Vec<&DownReason> {
        self.select(|event| match event {
            Event::Link(LinkEvent::Down { reason, .. }) => Some(reason),
            _ => None,
        })
    }

    /// Named errors reported so far.
    #[must_use]
    pub fn faults(&self) -> Vec<&str> {
        self.select(|event| if let Event::Fault { error, .. } = event { Some(error.as_str()) } else { None })
    }

    /// Stanzas shown to the application because nothing is known about them.
    #[must_use]
    pub fn unhandled(&self) -> Vec<&str> {
        self.select(
            |event| if let Event::Unhandled { stanza } = event { Some(stanza.as_str()) } else { None },
        )
    }

    /// Messages handed out.
    #[must_use]
    pub fn received(&self) -> Vec<&Received> {
        self.select(|event| if let Event::Message(received) = event { Some(received) } else { None })
    }

    /// The progress of messages sent.
    #[must_use]
    pub fn progress(&self) -> Vec<&SendProgress> {
        self.select(|event| if let Event::Send(progress) = event { Some(progress) } else { None })
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect(_) => {
                self.dials += 1;
                self.hang_up();
                if self.connects {
                    self.socket = Some(Socket::new(self.responder.clone()));
                    self.inputs.push_back(Input::Connected);
                }
            }
            Output::Send(bytes) => self.take(&bytes),
            Output::Store(batch) => self.storage.apply(batch),
            Output::Load(wants) if !self.loads => self.held = Some(wants),
            Output::Load(wants) => self.inputs.push_front(Input::Loaded(self.storage.read(&wants))),
            Output::Event(envelope) => {
                if self.confirms {
                    self.inputs.push_back(Input::Seen(envelope.id));
                }
                self.events.push(*envelope);
            }
            Output::Reply(call, result) => self.replies.push((call, result)),
            Output::Disconnect(_) => self.hang_up(),
            _ => {}
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(socket) = self.socket.as_mut().filter(|_| self.greets) else { return };
        let taken = socket.take(bytes, &mut self.seed);
        if let Some(intro) = taken.intro {
            self.routing = intro.routing_info;
        }
        self.inputs.extend(taken.answer.map(Input::Received));
        let registers = |payload: &ClientPayload| payload.device_pairing_data.is_some();
        if let Some(payload) = taken.payload.filter(registers) {
            self.registration = Some(payload);
        }
        for node in taken.nodes {
            match node.get("xmlns").as_deref() {
                Some("w:p") if self.pongs => self.pong(&node, None),
                // What every login asks for: this account has said nothing about either.
                Some("privacy") if self.pongs && node.find("privacy").is_some() && is_get(&node) => {
                    self.pong(&node, Some(Node::new("privacy")));
                }
                Some("blocklist") if self.pongs && is_get(&node) => self.pong(&node, Some(Node::new("list"))),
                _ => self.sent.push(node),
            }
        }
    }

    fn pong(&mut self, ping: &Node<'_>, child: Option<Node<'static>>) {
        let pong = Node::new("iq").attr("type", "result").attr_opt("id", ping.get("id")).children(child);
        let frame = encode(&pong).ok().and_then(|plaintext| self.socket.as_mut()?.seal(&plaintext));
        self.inputs.extend(frame.map(Input::Received));
    }

    fn hang_up(&mut self) {
        self.socket = None;
        self.inputs.retain(|input| !matches!(input, Input::Received(_) | Input::Closed | Input::Connected));
    }

    fn clock(&self) -> Now {
        reading(self.now, self.jumped)
    }
}

fn is_get(iq: &Node<'_>) -> bool {
    iq.get("type").as_deref() == Some("get")
}

fn reading(now: Time, jumped: Duration) -> Now {
    Now { mono: Mono(now.0), unix: UnixMs(now.after(jumped).0) }
}

/// When scripts begin: late in 2023.
const BEGINNING: Time = Time(1_700_000_000_000);

/// More steps than these at one moment mean that the client goes in circles.
const STEPS_MAX: u32 = 1_000_000;
