//! smol as the driver sees it.

use core::time::Duration;

use sanswire::Target;
use sanswire_driver::{ConnectError, Driver, DriverError, Machine, Runtime, Tls};
use sanswire_store::Store;

use crate::connect;
use crate::websocket::{Reader, Writer, halves};

/// Runs a client until it is shut down or fails; see [`sanswire_driver::run`]. Works on any executor.
///
/// # Errors
/// [`DriverError`] when storage fails.
pub async fn run<M, S>(driver: Driver<M, S>, tls: Tls) -> Result<(), DriverError>
where
    M: Machine + 'static,
    S: Store + 'static,
{
    sanswire_driver::run(driver, Smol::new(tls)).await
}

/// Sockets, timers and blocking work of smol.
#[derive(Clone, Debug)]
pub struct Smol {
    tls: Tls,
}

impl Smol {
    /// With these authorities for `wss`.
    #[must_use]
    pub const fn new(tls: Tls) -> Self {
        Self { tls }
    }
}

impl Runtime for Smol {
    type Reader = Reader;
    type Writer = Writer;

    async fn connect(&self, target: &Target) -> Result<(Reader, Writer), ConnectError> {
        connect::open(target, &self.tls).await.map(halves)
    }

    async fn sleep(&self, duration: Duration) {
        smol::Timer::after(duration).await;
    }

    async fn unblock<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        smol::unblock(work).await
    }
}
