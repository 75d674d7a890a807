//! One client in the world, with its storage and all that it has told its application.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use sanswire::event::{Envelope, Event, EventId, LinkEvent, Received, SendProgress};
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::{Batch, Config, Health, Input, Mono, Now, OpError, Output, Table, UnixMs, Write};
use sanswire_proto::records::InboxEntry;

use super::journal::{Fact, Journal};
use super::network::{Network, Piece, Way};
use super::process::Process;
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
    /// How far its wall clock is ahead of the world's, in milliseconds.
    pub clock_ahead_ms: i64,
    /// How many of the next batches its storage refuses.
    pub refuses_batches: u32,
    /// How long its storage takes for a batch or a load, and until when it is that slow.
    pub(super) slow_storage: (Duration, Time),
    /// When a process that ended is started again.
    pub(super) starts_at: Option<Time>,
    who: Who,
    lives: u32,
    maker: Maker,
    config: Config,
    processes: [Option<Process>; 2],
    /// A second process has been seen: storage may rightly refuse a batch.
    contested: bool,
    seed: Seed,
    next_call: u64,
    fuse: Option<(u32, Duration)>,
}

/// Which of the processes of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The one that is meant to run.
    Main,
    /// One that somebody started beside it.
    Twin,
}

/// What a process acts upon.
pub(super) struct Around<'a> {
    pub(super) server: &'a mut Server,
    pub(super) network: &'a mut Network,
    pub(super) journal: &'a mut Journal,
    pub(super) now: Time,
}

/// What came of one step.
enum Step {
    Idle,
    Done,
    Ended(End),
}

/// How a process ends by itself.
enum End {
    /// Its fuse burned down.
    Crash(Duration),
    /// Its storage refused a batch: the adapter drops it.
    Refused,
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
            clock_ahead_ms: 0,
            refuses_batches: 0,
            slow_storage: (Duration::ZERO, Time(0)),
            starts_at: None,
            who,
            lives: 0,
            maker,
            config,
            processes: [None, None],
            contested: false,
            seed,
            next_call: 1,
            fuse: None,
        }
    }

    /// Starts a process over what is durable; one that runs in its place is gone.
    pub(super) fn start(&mut self, place: Place, around: &mut Around<'_>) {
        self.crash(place, around);
        self.contested |= place == Place::Twin;
        self.lives += 1;
        let life = self.lives;
        around.journal.note(around.now, Fact::Started { who: self.who, life }, &[]);
        let config = Config { known_generation: self.storage.newest(), ..self.config.clone() };
        let client = (self.maker)(config, self.seed.bytes(), self.clock(around.now));
        self.processes[place as usize] = Some(Process::new(client, life, around.now));
    }

    /// A process is gone from one moment to the next. Says whether there was one.
    pub(super) fn crash(&mut self, place: Place, around: &mut Around<'_>) -> bool {
        if place == Place::Main {
            self.starts_at = None;
        }
        let Some(mut process) = self.processes[place as usize].take() else { return false };
        around.journal.note(around.now, Fact::Crashed { who: self.who, life: process.life }, &[]);
        if let Some(conn) = process.forget_connection() {
            around.network.hang_up(conn, around.now);
        }
        true
    }

    /// Its how-manieth life the client lives; a second process beside it counts as well.
    #[must_use]
    pub const fn life(&self) -> u32 {
        self.lives
    }

    /// Kills the client just before it carries out the output that follows the next `outputs` ones; it starts
    /// again at once from what is durable.
    pub fn light_fuse(&mut self, outputs: u32) {
        self.fuse = Some((outputs, Duration::ZERO));
    }

    /// The same, and it stays down for a while.
    pub fn light_fuse_for(&mut self, outputs: u32, down: Duration) {
        self.fuse = Some((outputs, down));
    }

    /// Takes the fuse out.
    pub fn put_out_fuse(&mut self) {
        self.fuse = None;
    }

    /// Whether the fuse has burned down, or was never lit.
    #[must_use]
    pub const fn has_burned(&self) -> bool {
        self.fuse.is_none()
    }

    /// What the client looks like from outside, if it runs and can tell.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.processes[0].as_ref()?.client.health()
    }

    /// What it is configured with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the client runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.processes[0].is_some()
    }

    /// Makes storage slow until a moment: each batch and each load takes this long.
    pub fn slow_down_storage(&mut self, each: Duration, until: Time) {
        self.slow_storage = (each, until);
    }

    /// The connection of the client at this moment.
    pub(super) fn connection(&self, place: Place) -> Option<ConnId> {
        self.processes[place as usize].as_ref()?.connection
    }

    /// The connection is no more, and the process is told.
    pub(super) fn lose_connection(&mut self, place: Place) {
        if let Some(process) = &mut self.processes[place as usize] {
            process.connection = None;
            process.inputs.push_back(Input::Closed);
        }
    }

    /// Something arrived over a connection; it is nothing to a process that has another one by now.
    pub(super) fn arrived(&mut self, place: Place, conn: ConnId, piece: Piece) {
        let Some(process) = &mut self.processes[place as usize] else { return };
        if process.connection != Some(conn) {
            return;
        }
        match piece {
            Piece::Open => process.inputs.push_back(Input::Connected),
            Piece::Bytes(bytes) => process.inputs.push_back(Input::Received(bytes)),
            Piece::End => self.lose_connection(place),
        }
    }

    /// Queues a call and gives its id. Nobody answers when the client does not run.
    pub(super) fn call(&mut self, operation: Operation) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        if let Some(process) = &mut self.processes[0] {
            process.inputs.push_back(Input::Call(call, operation));
        }
        call
    }

    /// When there is something to do, if nothing comes before.
    pub(super) fn alarm(&self) -> Option<Time> {
        let processes = self.processes.iter().flatten().filter_map(Process::alarm);
        processes.chain(self.starts_at).min()
    }

    /// Lets both processes do what they can do now. Says whether anything happened.
    pub(super) fn work(&mut self, around: &mut Around<'_>) -> bool {
        let mut busy = false;
        if self.starts_at.is_some_and(|at| at <= around.now) {
            self.start(Place::Main, around);
            busy = true;
        }
        for place in [Place::Main, Place::Twin] {
            busy |= self.work_at(place, around);
        }
        busy
    }

    fn work_at(&mut self, place: Place, around: &mut Around<'_>) -> bool {
        let Some(mut process) = self.processes[place as usize].take() else { return false };
        let mut busy = false;
        let end = loop {
            match self.step(place, &mut process, around) {
                Step::Idle => break None,
                Step::Done => busy = true,
                Step::Ended(end) => break Some(end),
            }
        };
        self.processes[place as usize] = Some(process);
        let Some(end) = end else { return busy };
        self.crash(place, around);
        match end {
            End::Crash(Duration::ZERO) => self.start(place, around),
            End::Crash(down) => self.starts_at = Some(around.now.after(down)),
            End::Refused if place == Place::Main => self.starts_at = Some(around.now.after(RESTART_AFTER)),
            End::Refused => {}
        }
        true
    }

    /// Carries out one output, or hands in one input.
    fn step(&mut self, place: Place, process: &mut Process, around: &mut Around<'_>) -> Step {
        if process.busy_until > around.now {
            return Step::Idle;
        }
        let output = process.client.poll();
        if let Output::Wait(deadline) = output {
            process.deadline = deadline;
            let loading = process.load.is_some();
            around.journal.note_wait(around.now, Fact::Waited { who: self.who, deadline, loading });
            let Some(input) = self.next_input(process, around.now) else { return Step::Idle };
            self.feed(process, input, around);
            return Step::Done;
        }
        if place == Place::Main
            && let Some((left, down)) = &mut self.fuse
        {
            if *left == 0 {
                // The process dies here: this output and all behind it never happened.
                let down = *down;
                self.fuse = None;
                return Step::Ended(End::Crash(down));
            }
            *left -= 1;
        }
        self.carry_out(place, process, output, around)
    }

    fn next_input(&self, process: &mut Process, now: Time) -> Option<Input> {
        if let Some((_, wants)) = process.load.take_if(|(due, _)| *due <= now) {
            // Read now: every batch before it has been applied.
            return Some(Input::Loaded(self.storage.read(&wants)));
        }
        let due = process.deadline.filter(|at| at.0 <= now.0).map(|_| Input::Tick);
        process.inputs.pop_front().or(due)
    }

    fn feed(&self, process: &mut Process, input: Input, around: &mut Around<'_>) {
        let (who, life) = (self.who, process.life);
        let fact = match &input {
            Input::Call(call, operation) => {
                Fact::Called { who, life, call: *call, operation: operation.clone() }
            }
            Input::Seen(event) => Fact::Confirmed { who, event: *event },
            other => Fact::Fed { who, input: kind(other) },
        };
        around.journal.note(around.now, fact, &[]);
        let taken = process.client.handle(input, self.clock(around.now));
        assert!(taken.is_ok(), "the world keeps the client's contract: {taken:?}");
    }

    fn carry_out(
        &mut self,
        place: Place,
        process: &mut Process,
        output: Output,
        around: &mut Around<'_>,
    ) -> Step {
        let (who, life, now) = (self.who, process.life, around.now);
        match output {
            Output::Connect(_) if !self.online => process.inputs.push_back(Input::Closed),
            Output::Connect(_) => {
                hang_up(process, around);
                let conn = around.server.connect(now);
                process.connection = Some(conn);
                around.network.open(conn, (who, place), now);
            }
            Output::Send(bytes) => {
                around.journal.note(now, Fact::Sent { who, bytes: bytes.len() }, &bytes);
                if let Some(conn) = process.connection {
                    around.network.send(conn, Way::Up, Piece::Bytes(bytes), now);
                }
            }
            Output::Store(batch) => return self.store(process, batch, around),
            Output::Load(wants) => process.load = Some((now.after(self.storage_takes(now)), wants)),
            Output::Event(envelope) => {
                if self.confirms {
                    process.inputs.push_back(Input::Seen(envelope.id));
                }
                let bytes = message_bytes(&envelope.event);
                around.journal.note(now, Fact::Shown { who, life, envelope: envelope.clone() }, &bytes);
                self.events.push(*envelope);
            }
            Output::Reply(call, result) => {
                around.journal.note(now, Fact::Replied { who, life, call, result: result.clone() }, &[]);
                self.replies.push((call, result));
            }
            Output::Disconnect(_) => hang_up(process, around),
            _ => {}
        }
        Step::Done
    }

    fn store(&mut self, process: &mut Process, batch: Batch, around: &mut Around<'_>) -> Step {
        let (who, now) = (self.who, around.now);
        let failing = self.refuses_batches > 0;
        self.refuses_batches = self.refuses_batches.saturating_sub(1);
        let (fact, digest) = stored(who, &batch);
        if failing || !self.storage.offer(batch) {
            assert!(failing || self.contested, "a client alone on its storage never conflicts with it");
            around.journal.note(now, Fact::StoreFailed { who }, &[]);
            return Step::Ended(End::Refused);
        }
        around.journal.note(now, fact, &digest);
        process.busy_until = now.after(self.storage_takes(now));
        // What follows the batch waits for it, whatever the client said last.
        process.deadline = Some(Mono(process.busy_until.0));
        Step::Done
    }

    fn storage_takes(&self, now: Time) -> Duration {
        let (each, until) = self.slow_storage;
        if now < until { each } else { Duration::ZERO }
    }

    /// The reading that the client gets: its monotonic clock follows the world's, its wall clock may be off.
    fn clock(&self, now: Time) -> Now {
        Now { mono: Mono(now.0), unix: UnixMs(now.0.saturating_add_signed(self.clock_ahead_ms)) }
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

fn hang_up(process: &mut Process, around: &mut Around<'_>) {
    if let Some(conn) = process.forget_connection() {
        around.network.hang_up(conn, around.now);
    }
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
    let gone = batch.writes.iter().filter(|write| write.table == Table::Inbox && write.value.is_none());
    let forgot = gone.filter_map(|write| write.key.as_slice().try_into().ok());
    let forgot = forgot.map(|id| EventId(u64::from_be_bytes(id))).collect();
    let inbox = batch.writes.iter().filter(|write| write.table == Table::Inbox);
    let message = |write: &Write| InboxEntry::decode(write.value.as_ref()?.get(1..)?).ok()?.received?.id;
    let kept = inbox.filter_map(message).collect();
    (Fact::Stored { who, generation: batch.generation, tables, bytes, forgot, kept }, digest)
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
            .field("life", &self.lives)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

/// How long it takes to start a client again whose storage refused a batch.
const RESTART_AFTER: Duration = Duration::from_secs(2);
