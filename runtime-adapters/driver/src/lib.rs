//! What every runtime shares: a client over its storage, its outputs carried out in order, and handles for
//! the application.
//!
//! # Layers
//! - [`Driver`] is synchronous. It owns the client and its store, takes one input at a time, and carries out
//!   what comes of it: [`Load`](sanswire::Output::Load)s are answered, [`Store`](sanswire::Output::Store)s are
//!   made durable in one commit before anything that follows them, answers and events go to the [`Handle`].
//!   What concerns the connection goes to a [`Wire`]. It has no socket and no timer.
//! - [`run`] is the loop around it for any async runtime that has the few things of [`Runtime`]: connect,
//!   sleep, and a place for work that blocks. `sanswire-tokio` and `sanswire-smol` are two.
//! - [`Handle`] is what an application holds: typed calls, events, shutdown.
//!
//! # Recording
//! [`Driver::open_recorded`] instead of [`Driver::open`] writes down everything that goes into the client and
//! comes out of it; the runtimes run either. `sanswire replay` and [`sanswire::replay`] run it again.
//!
//! An own event loop without a runtime uses [`Driver`] alone.

#![forbid(unsafe_code)]

mod clock;
mod driver;
mod error;
mod handle;
mod link;
mod pending;
mod queue;
mod recording;
mod runtime;
mod shared;
mod shell;
mod tls;
mod watch;

pub use clock::Clock;
pub use driver::{Driver, INPUTS_PER_COMMIT, Next, Wire};
pub use error::DriverError;
pub use handle::{AnyCall, Call, Handle};
pub use queue::Queue;
pub use recording::Recording;
pub use runtime::{ConnectError, MESSAGE_BYTES_MAX, Reader, Runtime, Writer};
pub use sanswire::Machine;
pub use shell::{EVENTS_WAITING_MAX, run};
pub use tls::{NoRoots, Tls};
