//! The client: three verbs, and the two of them that a wrapper has as well.

use alloc::vec::Vec;
use core::fmt;

use crate::config::Config;
use crate::engine::Engine;
pub use crate::engine::Traced;
use crate::error::Misuse;
use crate::input::Input;
use crate::now::Now;
use crate::output::Output;

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
            logged_in: memory.phase.is_logged_in(),
            unacked_sends: memory.outbox.len(),
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

/// What a client looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// A session with the server stands.
    pub logged_in: bool,
    /// Messages that the server has not acked.
    pub unacked_sends: usize,
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
