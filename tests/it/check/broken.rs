//! Clients that are broken on purpose: an honest one, and what is done to its inputs and outputs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use sanswire::event::{Envelope, Event, EventId};
use sanswire::ops::{CallId, Operation};
use sanswire::{Client, Config, Health, Input, Machine, Misuse, Mono, Now, Output, Table, Write};
use sanswire_proto::records::OutboxEntry;
use sanswire_sim::world::Maker;

use prost::Message as _;

/// What is wrong with a client.
pub(crate) trait Twist: Send {
    /// What is fed instead of an input; the first counts as the input itself.
    fn input(&mut self, input: Input) -> Vec<Input> {
        vec![input]
    }

    /// What comes out instead of an output.
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        out.push_back(output);
    }

    /// Bytes that it holds besides the client's.
    fn hoarded(&self) -> usize {
        0
    }
}

/// A client with something wrong.
pub(crate) struct Twisted {
    client: Client,
    twist: Box<dyn Twist>,
    more: VecDeque<Input>,
    out: VecDeque<Output>,
    now: Now,
}

/// Makes clients with this twist; a new one for each life.
pub(crate) fn twisted<T: Twist + 'static>(twist: impl Fn() -> T + Send + Sync + 'static) -> Maker {
    Arc::new(move |config: Config, seed: [u8; 32], now: Now| {
        let client = Client::new(config, seed, now).unwrap();
        let twist = Box::new(twist());
        Box::new(Twisted { client, twist, more: VecDeque::new(), out: VecDeque::new(), now })
            as Box<dyn Machine>
    })
}

/// Makes clients that have nothing wrong.
pub(crate) fn honest() -> Maker {
    Arc::new(|config, seed, now| Box::new(Client::new(config, seed, now).unwrap()) as Box<dyn Machine>)
}

impl Machine for Twisted {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        self.now = now;
        self.more.extend(self.twist.input(input));
        match self.more.pop_front() {
            Some(input) => self.client.handle(input, now),
            None => Ok(()),
        }
    }

    fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.out.pop_front() {
                return output;
            }
            let output = self.client.poll();
            if matches!(output, Output::Wait(_))
                && let Some(input) = self.more.pop_front()
            {
                self.client.handle(input, self.now).unwrap();
                continue;
            }
            self.twist.output(output, &mut self.out);
        }
    }

    fn health(&self) -> Option<Health> {
        let mut health = self.client.health();
        health.cached_bytes += self.twist.hoarded();
        Some(health)
    }
}

/// Lets everything out before it is durable.
#[derive(Default)]
pub(crate) struct StoresLast(Vec<Output>);

impl Twist for StoresLast {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        match output {
            Output::Store(_) => self.0.push(output),
            // What is loaded has to be there.
            Output::Load(_) | Output::Wait(_) => {
                out.extend(self.0.drain(..));
                out.push_back(output);
            }
            other => out.push_back(other),
        }
    }
}

/// Stores less than it should: what is left of the writes of a batch is durable.
pub(crate) struct Forgets<F>(pub(crate) F);

impl<F: FnMut(&mut Vec<Write>) + Send> Twist for Forgets<F> {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        let Output::Store(mut batch) = output else { return out.push_back(output) };
        (self.0)(&mut batch.writes);
        out.push_back(Output::Store(batch));
    }
}

/// Whether a batch writes to a table.
pub(crate) fn writes_to(writes: &[Write], table: Table) -> bool {
    writes.iter().any(|write| write.table == table)
}

/// Stores messages to send without the stanza that was made of them, so that they are encrypted anew.
pub(crate) struct ForgetsStanzas;

impl Twist for ForgetsStanzas {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        let Output::Store(mut batch) = output else { return out.push_back(output) };
        for write in batch.writes.iter_mut().filter(|write| write.table == Table::Outbox) {
            let Some(value) = &write.value else { continue };
            let mut entry = OutboxEntry::decode(value.slice(1..)).unwrap();
            entry.stanza = None;
            write.value = Some([&[value[0]], entry.encode_to_vec().as_slice()].concat().into());
        }
        out.push_back(Output::Store(batch));
    }
}

/// Does something else with the events of messages that hold a text.
pub(crate) struct Events<F>(pub(crate) F);

impl<F: FnMut(Box<Envelope>, &mut VecDeque<Output>) + Send> Twist for Events<F> {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        match output {
            Output::Event(envelope) if is_text(&envelope) => (self.0)(envelope, out),
            other => out.push_back(other),
        }
    }
}

pub(crate) fn is_text(envelope: &Envelope) -> bool {
    let Event::Message(received) = &envelope.event else { return false };
    matches!(received.content, sanswire::content::Content::Text(_))
}

/// Shows a text only behind the next one.
pub(crate) fn swaps() -> Events<impl FnMut(Box<Envelope>, &mut VecDeque<Output>) + Send> {
    let mut held: Option<Box<Envelope>> = None;
    Events(move |envelope, out: &mut VecDeque<Output>| match held.take() {
        None => held = Some(envelope),
        Some(first) => out.extend([Output::Event(envelope), Output::Event(first)]),
    })
}

/// Never answers its first call.
#[derive(Default)]
pub(crate) struct NeverAnswers(Option<CallId>);

impl Twist for NeverAnswers {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        match output {
            Output::Reply(call, _) if *self.0.get_or_insert(call) == call => {}
            other => out.push_back(other),
        }
    }
}

/// Waits until another time than the client would.
pub(crate) struct Waits<F>(pub(crate) F);

impl<F: FnMut(Option<Mono>) -> Option<Mono> + Send> Twist for Waits<F> {
    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        out.push_back(match output {
            Output::Wait(deadline) => Output::Wait((self.0)(deadline)),
            other => other,
        });
    }
}

/// Calls of its own beside each message that the application sends, under call ids of their own.
pub(crate) struct Calls<F> {
    pub(crate) operations: F,
    ids: Vec<String>,
}

impl<F> Calls<F> {
    pub(crate) const fn new(operations: F) -> Self {
        Self { operations, ids: Vec::new() }
    }
}

/// Where the call ids of [`Calls`] begin: no application counts so far.
const OWN_CALLS: u64 = 1 << 40;

impl<F: FnMut(&Operation) -> Vec<Operation> + Send> Twist for Calls<F> {
    fn input(&mut self, input: Input) -> Vec<Input> {
        let Input::Call(call, operation) = &input else { return vec![input] };
        let own = (self.operations)(operation).into_iter().zip(1..);
        let own = own.map(|(own, n)| Input::Call(CallId(OWN_CALLS * n + call.0), own)).collect::<Vec<_>>();
        [input].into_iter().chain(own).collect()
    }

    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        match &output {
            Output::Reply(call, _) if call.0 >= OWN_CALLS => return,
            Output::Event(envelope) => {
                if let Event::Send(progress) = &envelope.event {
                    if progress.call.is_some_and(|call| call.0 >= OWN_CALLS) {
                        self.ids.push(progress.id.clone());
                    }
                    if self.ids.contains(&progress.id) {
                        return;
                    }
                }
            }
            _ => {}
        }
        out.push_back(output);
    }
}

/// Changes what the application asks for.
pub(crate) struct Rewrites<F>(pub(crate) F);

impl<F: FnMut(&mut Operation) + Send> Twist for Rewrites<F> {
    fn input(&mut self, mut input: Input) -> Vec<Input> {
        if let Input::Call(_, operation) = &mut input {
            (self.0)(operation);
        }
        vec![input]
    }
}

/// Keeps every byte that it ever received.
#[derive(Default)]
pub(crate) struct Hoards(usize);

impl Twist for Hoards {
    fn input(&mut self, input: Input) -> Vec<Input> {
        if let Input::Received(bytes) = &input {
            self.0 += bytes.len();
        }
        vec![input]
    }

    fn hoarded(&self) -> usize {
        self.0
    }
}

/// Tells its application that it had to load.
pub(crate) struct SpeaksOfLoads;

impl Twist for SpeaksOfLoads {
    fn input(&mut self, input: Input) -> Vec<Input> {
        // The client has never heard of these events.
        if input == Input::Seen(EventId(0)) { Vec::new() } else { vec![input] }
    }

    fn output(&mut self, output: Output, out: &mut VecDeque<Output>) {
        let load = matches!(output, Output::Load(_));
        out.push_back(output);
        if load {
            let event = Event::Fault { error: "records had to be loaded".to_owned(), stanza: None };
            let (id, at) = (EventId(0), sanswire::UnixMs(0));
            out.push_back(Output::Event(Box::new(Envelope { id, repeated: false, at, event })));
        }
    }
}

/// Makes clients whose randomness does not come from the seed alone.
pub(crate) fn moody() -> Maker {
    let made = Arc::new(Mutex::new(0_u8));
    Arc::new(move |config, mut seed: [u8; 32], now| {
        let mut made = made.lock().unwrap();
        *made += 1;
        seed[0] ^= *made;
        Box::new(Client::new(config, seed, now).unwrap()) as Box<dyn Machine>
    })
}
