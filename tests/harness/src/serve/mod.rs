//! The server on a real socket, for other people's clients and for `sanswire serve`. Reference 14 §2, §5.
//!
//! One TCP port takes WebSockets on `/ws/chat`, administration over HTTP, and both over TLS when a
//! connection begins like it. One thread runs everything; the wall clock is the server's clock.

mod http;
mod hub;
mod listener;
mod routes;
mod tls;
mod websocket;

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::server::{AdminRequest, AdminResponse, Config};

use hub::Hub;
use listener::Started;

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The server's own settings.
    pub config: Config,
    /// Makes the server's keys and ids reproducible; drawn from the operating system when `None`.
    pub seed: Option<[u8; 32]>,
    /// Announce `wss://` and `https://` addresses. TLS is accepted either way.
    pub tls: bool,
}

/// A server that is listening. Dropping it leaves it running; [`Running::shutdown`] ends it.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    tls: bool,
    tls_root: String,
    hub: Arc<Hub>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on `listen` (`127.0.0.1:0` picks a free port) and returns once it accepts connections.
///
/// # Errors
/// When the address cannot be bound, or the operating system gives no randomness or no thread.
pub fn serve(listen: SocketAddr, options: ServeOptions) -> io::Result<Running> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(io::Error::other)?;
            seed
        }
    };
    let hub = Arc::new(Hub::new(options.config, seed));
    let Started { addr, tls_root, thread } = listener::start(listen, Arc::clone(&hub))?;
    Ok(Running { addr, tls: options.tls, tls_root, hub, thread: Some(thread) })
}

impl Running {
    /// The bound address.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The WebSocket address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}/ws/chat", if self.tls { "wss" } else { "ws" }, self.addr)
    }

    /// The certificate of the TLS side as PEM, for clients that verify it.
    #[must_use]
    pub fn tls_root(&self) -> &str {
        &self.tls_root
    }

    /// The 32-byte root key that clients must trust.
    #[must_use]
    pub fn cert_root(&self) -> [u8; 32] {
        self.hub.with(|server, _| server.cert_root())
    }

    /// Does what the admin endpoint does, without a socket.
    #[must_use]
    pub fn admin(&self, request: AdminRequest) -> AdminResponse {
        self.hub.with(|server, now| server.admin(request, now))
    }

    /// Says 503 to every client, closes all connections and waits for the thread to end.
    pub fn shutdown(mut self) {
        self.hub.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to close.
            drop(thread.join());
        }
    }

    /// Waits until the server ends by itself, which it does only when its listener breaks.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
