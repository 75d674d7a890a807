//! The one server behind all sockets: time in, outputs out to the connections they are for.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use smol::channel::{Receiver, Sender};

use crate::clock::Time;
use crate::seed::Seed;
use crate::server::{Config, ConnId, Server, ServerOutput};

/// What a connection's task has to do.
pub(super) enum Outgoing {
    /// Write one frame as one WebSocket message.
    Frame(Bytes),
    /// Close after everything before was flushed.
    Close,
}

/// The server, its clock, and a way to every connection.
pub(super) struct Hub {
    inner: Mutex<Inner>,
    started: Instant,
    started_unix_ms: u64,
    stop: (Sender<()>, Receiver<()>),
}

struct Inner {
    server: Server,
    tasks: BTreeMap<ConnId, Sender<Outgoing>>,
}

impl Hub {
    pub(super) fn new(config: Config, seed: [u8; 32]) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        // It may run for months, with clients of any make: what it remembers must not grow.
        let keys_remembered = config.keys_remembered.or(Some(KEYS_REMEMBERED));
        let config = Config { keys_remembered, copies_only: false, ..config };
        let server = Server::new(config, Seed::new(seed), Time(started_unix_ms));
        Self {
            inner: Mutex::new(Inner { server, tasks: BTreeMap::new() }),
            started: Instant::now(),
            started_unix_ms,
            stop: smol::channel::bounded(1),
        }
    }

    /// Uses the server, then hands its outputs to the connections.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Server, Time) -> T) -> T {
        let mut inner = self.lock();
        let now = self.now();
        let result = act(&mut inner.server, now);
        inner.drain();
        result
    }

    /// Opens a connection: its number, and what its task has to do.
    pub(super) fn open(&self) -> (ConnId, Receiver<Outgoing>) {
        let (sender, receiver) = smol::channel::unbounded();
        let mut inner = self.lock();
        let now = self.now();
        let conn = inner.server.connect(now);
        inner.tasks.insert(conn, sender);
        (conn, receiver)
    }

    /// The connection is gone.
    pub(super) fn closed(&self, conn: ConnId) {
        self.with(|server, now| server.closed(conn, now));
        self.lock().tasks.remove(&conn);
    }

    /// Whether any connection is still open.
    pub(super) fn is_quiet(&self) -> bool {
        self.lock().tasks.is_empty()
    }

    /// Wakes whoever waits in [`Hub::stopped`].
    pub(super) fn stop(&self) {
        // Full means that somebody has asked already.
        let _ = self.stop.0.try_send(());
    }

    /// Returns when the server is to end.
    pub(super) async fn stopped(&self) {
        let _ = self.stop.1.recv().await;
    }

    /// Milliseconds until the server has something to do by itself, if ever.
    pub(super) fn next_wait_ms(&self) -> Option<u64> {
        let deadline = self.lock().server.next_deadline()?;
        Some(deadline.0.saturating_sub(self.now().0))
    }

    /// The wall clock as it was at the start, moved on by a clock that nobody sets.
    fn now(&self) -> Time {
        let passed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time(self.started_unix_ms.saturating_add(passed))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn drain(&mut self) {
        while let Some(output) = self.server.poll() {
            let (conn, outgoing) = match output {
                ServerOutput::Send { conn, bytes } => (conn, Outgoing::Frame(bytes)),
                ServerOutput::Close { conn } => (conn, Outgoing::Close),
            };
            if let Some(task) = self.tasks.get(&conn) {
                // A task that has ended no longer needs it.
                drop(task.try_send(outgoing));
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// Message keys remembered per sending device, unless the configuration says otherwise.
const KEYS_REMEMBERED: usize = 20_000;
