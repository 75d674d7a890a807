//! tokio as the driver sees it.

use core::future::pending;
use core::time::Duration;
use std::panic::resume_unwind;

use sanswire::Target;
use sanswire_driver::{ConnectError, Driver, DriverError, Machine, Runtime, Tls};
use sanswire_store::Store;

use crate::connect;
use crate::websocket::{Reader, Writer, halves};

/// Runs a client until it is shut down or fails; see [`sanswire_driver::run`]. Needs a tokio runtime with IO
/// and time.
///
/// # Errors
/// [`DriverError`] when storage fails.
pub async fn run<M, S>(driver: Driver<M, S>, tls: Tls) -> Result<(), DriverError>
where
    M: Machine + 'static,
    S: Store + 'static,
{
    sanswire_driver::run(driver, Tokio::new(tls)).await
}

/// Sockets, timers and blocking work of the tokio runtime that it is used in.
#[derive(Clone, Debug)]
pub struct Tokio {
    tls: Tls,
}

impl Tokio {
    /// With these authorities for `wss`.
    #[must_use]
    pub const fn new(tls: Tls) -> Self {
        Self { tls }
    }
}

impl Runtime for Tokio {
    type Reader = Reader;
    type Writer = Writer;

    async fn connect(&self, target: &Target) -> Result<(Reader, Writer), ConnectError> {
        connect::open(target, &self.tls).await.map(halves)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn unblock<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime is being shut down, and this future with it.
            Err(_) => pending().await,
        }
    }
}
