//! What an async runtime has to offer.

use core::future::Future;
use core::time::Duration;

use bytes::Bytes;
use sanswire::Target;
use thiserror::Error;

/// Sockets, a timer, and a place for work that blocks. Everything that may not be written twice is in
/// [`run`](crate::run).
pub trait Runtime: Send + Sync {
    /// The receiving half of a WebSocket.
    type Reader: Reader;
    /// The sending half.
    type Writer: Writer;

    /// Opens a WebSocket: name lookup, TCP, TLS for `wss`, upgrade. Dropping the future gives it up.
    fn connect(
        &self,
        target: &Target,
    ) -> impl Future<Output = Result<(Self::Reader, Self::Writer), ConnectError>> + Send;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Runs what blocks where it holds up nobody. Once begun it runs to its end, even if the future is dropped.
    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send;
}

/// The receiving half of a WebSocket.
pub trait Reader: Send {
    /// The content of the next binary message; `None` when the peer closed the connection. Other messages are
    /// passed over.
    fn read(&mut self) -> impl Future<Output = Result<Option<Bytes>, ConnectError>> + Send;
}

/// The sending half of a WebSocket.
pub trait Writer: Send {
    /// Writes one binary message, and returns when it has been given to the operating system.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), ConnectError>> + Send;

    /// Says goodbye.
    fn close(&mut self) -> impl Future<Output = Result<(), ConnectError>> + Send;
}

/// Why a connection could not be opened, or broke. For people: the core decides what to do from the fact alone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is not one of a WebSocket.
    #[error("not a WebSocket address: {0}")]
    Address(String),
    /// The operating system refused.
    #[error("{0}")]
    Socket(#[from] std::io::Error),
    /// TLS failed, for example because nobody vouches for the server's certificate.
    #[error("TLS: {0}")]
    Tls(String),
    /// The peer does not speak WebSocket as it should.
    #[error("WebSocket: {0}")]
    WebSocket(String),
}

/// The largest WebSocket message that is accepted, in bytes: the largest frame of the protocol fits.
pub const MESSAGE_BYTES_MAX: usize = 1 << 25;
