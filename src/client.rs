//! The client: three verbs, and the two of them that a wrapper has as well.

use alloc::vec::Vec;
use core::fmt;

use crate::config::Config;
pub use crate::engine::Traced;
use crate::engine::{Engine, Memory, Phase};
use crate::error::Misuse;
use crate::input::Input;
use crate::now::{Mono, Now, UnixMs};
use crate::output::Output;
use crate::timer::Timer;

/// One account's side of the protocol, as a pure state machine.
///
/// # The law
/// Handle one input, then poll until [`Output::Wait`].
///
/// Outputs are carried out in the order in which they come. A [`Output::Store`] must be durable before any
/// later [`Output::Send`], [`Output::Event`] or [`Output::Reply`]; several `Store`s of one drain may share a
/// commit. If storage fails, drop the client and make a new one from what is durable.
///
/// # Determinism
/// What comes out is a function of the configuration, the records, the seed, and the inputs with their
/// times. The seed must be fresh from the operating system for every client that is made, and is never
/// stored.
pub struct Client {
    engine: Engine,
}

impl Client {
    /// Makes a client over whatever its storage holds, which it asks for when needed. Poll it at once: its
    /// first outputs load the credentials, hand out unconfirmed events, and ask for a connection.
    ///
    /// # Errors
    /// [`Misuse::Config`] when a value of the configuration is out of range.
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Result<Self, Misuse> {
        config.check()?;
        Ok(Self { engine: Engine::new(config, seed, now) })
    }

    /// Takes one input.
    ///
    /// # Errors
    /// [`Misuse`] when the caller broke the contract; the input is not taken then. Nothing that the network
    /// sends is an error here: it becomes outputs.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        self.engine.handle(input, now)
    }

    /// The next thing to do; [`Output::Wait`] when there is nothing more.
    pub fn poll(&mut self) -> Output {
        self.engine.poll()
    }

    /// Switches on or off that the stanzas of each drain are kept in the clear, for [`Self::take_trace`]. It
    /// changes no output.
    pub fn trace(&mut self, on: bool) {
        self.engine.trace(on);
    }

    /// The stanzas since the last input or the last call of this, in the order in which they were received and
    /// sent. Empty unless [switched on](Self::trace). The next input discards what was not taken.
    pub fn take_trace(&mut self) -> Vec<Traced> {
        self.engine.take_trace()
    }

    /// A snapshot for diagnostics; it holds no secrets.
    #[must_use]
    pub fn health(&self) -> Health {
        let memory = self.engine.memory();
        Health {
            link: LinkState::of(memory),
            logged_in: memory.phase.is_logged_in(),
            linked: memory.me.is_some() && !memory.logged_out,
            ready_since: memory.ready_since,
            offline_done: memory.offline_done,
            connects_at: self.engine.deadline(Timer::Reconnect),
            unwritten_sends: memory.outbox.values().filter(|pending| pending.written.is_none()).count(),
            unacked_sends: memory.outbox.len(),
            unconfirmed_events: memory.unseen,
            cached_bytes: self.engine.cache_used(),
            generation: memory.generation,
        }
    }
}

/// The two verbs of a running client. [`Client`] has them; so does a recorder around one, or a script in a test.
pub trait Machine: Send {
    /// Takes one input.
    ///
    /// # Errors
    /// [`Misuse`] when the caller broke the contract; the input is not taken then.
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse>;

    /// The next thing to do; [`Output::Wait`] when there is nothing more.
    fn poll(&mut self) -> Output;

    /// A snapshot for diagnostics, of those that can tell.
    fn health(&self) -> Option<Health> {
        None
    }
}

impl Machine for Client {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        Self::handle(self, input, now)
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }

    fn health(&self) -> Option<Health> {
        Some(Self::health(self))
    }
}

impl<M: Machine + ?Sized> Machine for alloc::boxed::Box<M> {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        (**self).handle(input, now)
    }

    fn poll(&mut self) -> Output {
        (**self).poll()
    }

    fn health(&self) -> Option<Health> {
        (**self).health()
    }
}

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkState {
    /// None, and none will be made unless the application asks for one.
    Stopped,
    /// None; the next one is made when the back-off is over.
    Waiting,
    /// The adapter has been asked to connect.
    Dialing,
    /// Handshake and login are under way.
    Greeting,
    /// Waiting for a phone to link this device.
    Linking,
    /// Logged in, not active yet: own keys are being checked.
    LoggingIn,
    /// Logged in and active.
    Ready,
}

impl LinkState {
    const fn of(memory: &Memory) -> Self {
        match memory.phase {
            Phase::Idle if memory.stopped => Self::Stopped,
            Phase::Idle => Self::Waiting,
            Phase::Dialing => Self::Dialing,
            Phase::HelloSent | Phase::FinishSent => Self::Greeting,
            Phase::Registering => Self::Linking,
            Phase::LoggingIn => Self::LoggingIn,
            Phase::Ready => Self::Ready,
        }
    }
}

/// What a client looks like from outside: enough for a host to wait for a state, to see what is pending, and to tell
/// a slow network from a client that will not connect again. It holds no names and no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How far the connection is.
    pub link: LinkState,
    /// A session with the server stands.
    pub logged_in: bool,
    /// A phone has linked this device, and nobody has unlinked it.
    pub linked: bool,
    /// Since when the session has been active, by the wall clock; `None` when there is none.
    pub ready_since: Option<UnixMs>,
    /// The server has delivered what it kept while this device was away, or has taken too long; until then sends
    /// wait.
    pub offline_done: bool,
    /// When the next connection is made, by the monotonic clock, while the client waits for that.
    pub connects_at: Option<Mono>,
    /// Messages that have not been written to this connection: those that wait for it, for device lists, for keys.
    pub unwritten_sends: usize,
    /// Messages that the server has not acked, those among them that were not written.
    pub unacked_sends: usize,
    /// Kept events that the application has not confirmed. At [`INBOX_EVENTS`](crate::limits::INBOX_EVENTS) nothing
    /// more is taken from the server.
    pub unconfirmed_events: u32,
    /// Bytes of records held in memory.
    pub cached_bytes: usize,
    /// Batches stored over the life of the storage.
    pub generation: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("health", &self.health()).finish_non_exhaustive()
    }
}
