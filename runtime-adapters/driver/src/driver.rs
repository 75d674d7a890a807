//! The synchronous driver: one input in, everything that comes of it carried out in order.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use sanswire::event::DownReason;
use sanswire::{Client, Config, Input, Machine, Mono, Now, Output, Target, Want};
use sanswire_store::Store;

use crate::clock::Clock;
use crate::error::DriverError;
use crate::handle::Handle;
use crate::pending::Pending;
use crate::recording::Recording;
use crate::shared::{Guard, Shared};

/// What a driver does with the connection. None of it may block: the work is done elsewhere, in this order.
pub trait Wire {
    /// Open a connection; answer with [`Input::Connected`] or [`Input::Closed`]. One that is still open is
    /// given up.
    fn connect(&mut self, target: Target);
    /// Write one binary WebSocket message.
    fn send(&mut self, bytes: Bytes);
    /// Close the connection once everything sent before is written. No answer is needed.
    fn close(&mut self, reason: DownReason);
}

/// What a driver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The next input, or [`Input::Tick`] when this instant has come.
    Input(Option<Mono>),
    /// Nothing: it was shut down, and everything is stored. Drop it.
    Over,
}

/// One client over its store.
///
/// # Order
/// All batches of one drain share one commit, which is durable before anything that the same drain sends,
/// shows or answers. So what has left this driver is never ahead of what is stored; what is stored may be
/// ahead of what was sent, as it always may when a connection breaks.
///
/// # Failure
/// When an error is returned the driver is over, and nothing of what was not durable has left it: make a new
/// one over the store, reopened.
pub struct Driver<M: Machine, S: Store> {
    machine: M,
    store: S,
    clock: Clock,
    pending: Pending,
    held: Vec<Output>,
    state: State,
    shared: Arc<Shared>,
    // Dropped last: who waits for the end finds the store closed.
    guard: Arc<Guard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Over,
}

impl<S: Store> Driver<Client, S> {
    /// Makes a client over what the store holds, with a fresh seed from the operating system.
    ///
    /// # Errors
    /// [`DriverError::Misuse`] when the configuration is not acceptable, [`DriverError::Seed`] when the
    /// operating system gives no randomness.
    pub fn open(mut config: Config, store: S) -> Result<(Self, Handle), DriverError> {
        config.known_generation = config.known_generation.max(store.known_generation());
        let clock = Clock::new();
        let client = Client::new(config, fresh_seed()?, clock.now())?;
        Ok(Self::over(client, store, clock))
    }
}

impl<W: io::Write + Send, S: Store> Driver<Recording<W>, S> {
    /// As [`open`](Driver::open), with a recording that goes to `sink`: what the store holds, the seed, and
    /// from then on every input and output. It holds keys and messages in the clear: make the file readable by
    /// its owner only. When the sink fails, the client goes on without a recording:
    /// [`Recording::failure`] tells.
    ///
    /// # Errors
    /// As [`open`](Driver::open), and [`DriverError::Store`] when the store cannot be read.
    pub fn open_recorded(mut config: Config, mut store: S, sink: W) -> Result<(Self, Handle), DriverError> {
        config.known_generation = config.known_generation.max(store.known_generation());
        let clock = Clock::new();
        let recording = Recording::begin(config, fresh_seed()?, clock.now(), &mut store, sink)?;
        Ok(Self::over(recording, store, clock))
    }
}

fn fresh_seed() -> Result<[u8; 32], DriverError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| DriverError::Seed)?;
    Ok(seed)
}

impl<M: Machine, S: Store> Driver<M, S> {
    /// A driver over any machine: a client with a recorder around it, or a script.
    pub fn over(machine: M, store: S, clock: Clock) -> (Self, Handle) {
        let shared = Arc::new(Shared::default());
        let driver = Self {
            machine,
            store,
            clock,
            pending: Pending::default(),
            held: Vec::new(),
            state: State::Running,
            shared: Arc::clone(&shared),
            guard: Arc::new(Guard(Arc::clone(&shared))),
        };
        (driver, Handle::new(shared))
    }

    /// The machine, for diagnostics.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The store, for snapshots.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The clock that gives the time for inputs.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whoever holds it too delays the news that the client has ended.
    pub(crate) const fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// The next thing that a [`Handle`] asked for, if there is one: feed it.
    pub fn asked(&self) -> Option<Input> {
        self.shared.asked.try_pop()
    }

    /// Carries out what the machine wants before its first input. Once, before the first [`feed`](Self::feed).
    ///
    /// # Errors
    /// [`DriverError`]: the driver is over.
    pub fn start(&mut self, now: Now, wire: &mut impl Wire) -> Result<Next, DriverError> {
        self.step(None, || None, || now, wire)
    }

    /// Takes one input and carries out what comes of it.
    ///
    /// # Errors
    /// [`DriverError`]: the driver is over.
    pub fn feed(&mut self, input: Input, now: Now, wire: &mut impl Wire) -> Result<Next, DriverError> {
        self.step(Some(input), || None, || now, wire)
    }

    /// Takes an input, and while there is something to be made durable all that `more` has at hand, at most
    /// [`INPUTS_PER_COMMIT`] inputs: they share one commit, so a store that waits for the disk waits once. Nothing is
    /// let out before.
    ///
    /// # Errors
    /// [`DriverError`]: the driver is over.
    pub fn feed_all(
        &mut self,
        first: Input,
        more: impl FnMut() -> Option<Input>,
        now: impl FnMut() -> Now,
        wire: &mut impl Wire,
    ) -> Result<Next, DriverError> {
        self.step(Some(first), more, now, wire)
    }

    fn step(
        &mut self,
        mut input: Option<Input>,
        mut more: impl FnMut() -> Option<Input>,
        mut now: impl FnMut() -> Now,
        wire: &mut impl Wire,
    ) -> Result<Next, DriverError> {
        if self.state == State::Over {
            return Err(DriverError::Over);
        }
        // Over until proven otherwise: whatever fails below must not be tried again.
        self.state = State::Over;
        for fed in 1.. {
            let ending = matches!(input, Some(Input::Shutdown));
            let now = now();
            if let Some(input) = input.take() {
                self.machine.handle(input, now)?;
            }
            let wait = self.drain(now, wire)?;
            if !ending && fed < INPUTS_PER_COMMIT && self.has_room() {
                input = more();
            }
            if input.is_none() {
                self.release(wire)?;
                if ending {
                    break;
                }
                self.state = State::Running;
                return Ok(Next::Input(wait));
            }
        }
        Ok(Next::Over)
    }

    /// Whether another input may come before the commit. What was said on a connection that the machine has given up
    /// must not.
    fn has_room(&self) -> bool {
        let moves = |output: &Output| matches!(output, Output::Connect(_) | Output::Disconnect(_));
        !self.pending.is_empty() && !self.held.iter().any(moves)
    }

    fn drain(&mut self, now: Now, wire: &mut impl Wire) -> Result<Option<Mono>, DriverError> {
        let mut wanted: Option<Vec<Want>> = None;
        loop {
            match self.machine.poll() {
                Output::Store(batch) => {
                    self.pending.push(batch);
                    if self.pending.bytes() > COMMIT_BYTES_MAX {
                        self.release(wire)?;
                    }
                }
                Output::Load(wants) => wanted = Some(wants),
                Output::Wait(deadline) => match wanted.take() {
                    Some(wants) => {
                        let load = |want| self.pending.load(want, &mut self.store);
                        let found = wants.into_iter().map(load).collect::<Result<_, _>>()?;
                        self.machine.handle(Input::Loaded(found), now)?;
                    }
                    None => return Ok(deadline),
                },
                other => self.held.push(other),
            }
        }
    }

    /// Makes durable what waits, then lets out what depends on it.
    fn release(&mut self, wire: &mut impl Wire) -> Result<(), DriverError> {
        self.pending.commit(&mut self.store)?;
        // Before the events: whoever takes one finds the state that it speaks of.
        self.shared.health.set(self.machine.health());
        for output in core::mem::take(&mut self.held) {
            match output {
                Output::Connect(target) => wire.connect(target),
                Output::Send(bytes) => wire.send(bytes),
                Output::Disconnect(reason) => wire.close(reason),
                Output::Event(envelope) => self.shared.show(*envelope),
                Output::Reply(call, result) => self.shared.answer(call, result),
                _ => return Err(DriverError::UnknownOutput),
            }
        }
        Ok(())
    }
}

/// Inputs that share a commit, at most.
pub const INPUTS_PER_COMMIT: u32 = 64;

/// A drain that stores more than this commits in between, so that it does not grow without bound.
const COMMIT_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
