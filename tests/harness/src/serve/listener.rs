//! Accepts connections and finds out what each one is.

use core::future::Future;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_rustls::TlsAcceptor;
use smol::future::FutureExt as _;
use smol::io::{AsyncRead, AsyncWrite};
use smol::{Async, LocalExecutor, Timer};

use super::http::{Body, Request};
use super::hub::Hub;
use super::{routes, tls, websocket};
use crate::server::AdminResponse;

/// A byte stream, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// What is known of a server that has started.
pub(super) struct Started {
    pub(super) addr: SocketAddr,
    /// Certificate of the TLS side, as PEM.
    pub(super) tls_root: String,
    pub(super) thread: JoinHandle<()>,
}

/// Binds and serves on a thread of its own.
pub(super) fn start(listen: SocketAddr, hub: Arc<Hub>) -> io::Result<Started> {
    let listener = Async::<StdListener>::bind(listen)?;
    let addr = listener.get_ref().local_addr()?;
    let (acceptor, tls_root) = tls::acceptor()?;
    let thread = std::thread::Builder::new().name("sanswire-sim".into()).spawn(move || {
        let tasks = LocalExecutor::new();
        smol::block_on(tasks.run(run(&tasks, &listener, &acceptor, &hub)));
    })?;
    Ok(Started { addr, tls_root, thread })
}

/// Accepts until told to stop, then sees the open connections off.
async fn run(
    tasks: &LocalExecutor<'_>,
    listener: &Async<StdListener>,
    acceptor: &TlsAcceptor,
    hub: &Arc<Hub>,
) {
    tasks.spawn(tick(Arc::clone(hub))).detach();
    let accepting = async {
        // Accepting fails for one connection at a time, or for want of descriptors: wait, then go on.
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (acceptor, hub) = (acceptor.clone(), Arc::clone(hub));
                    tasks.spawn(async move { drop(greet(stream, acceptor, hub).await) }).detach();
                }
                Err(_) => drop(Timer::after(ACCEPT_PAUSE).await),
            }
        }
    };
    hub.stopped().or(accepting).await;
    hub.with(|server, now| server.shut_down(now));
    let empty = async {
        while !hub.is_quiet() {
            Timer::after(CLOSING_POLL).await;
        }
    };
    within(CLOSING, empty).await;
}

/// Drives the server's own deadlines.
async fn tick(hub: Arc<Hub>) {
    loop {
        let wait = hub.next_wait_ms().unwrap_or(u64::MAX).clamp(TICK_MIN_MS, TICK_MAX_MS);
        Timer::after(Duration::from_millis(wait)).await;
        hub.with(|server, now| server.tick(now));
    }
}

/// The first byte tells TLS from HTTP.
async fn greet(stream: Async<StdStream>, acceptor: TlsAcceptor, hub: Arc<Hub>) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    let mut first = [0];
    let peeked = within(UPGRADE, stream.peek(&mut first)).await.ok_or(io::ErrorKind::TimedOut)??;
    if peeked == 1 && first[0] == TLS_HANDSHAKE {
        let stream = within(UPGRADE, acceptor.accept(stream)).await.ok_or(io::ErrorKind::TimedOut)??;
        talk(stream, hub).await
    } else {
        talk(stream, hub).await
    }
}

/// Answers HTTP requests until one of them becomes a WebSocket.
async fn talk(mut stream: impl Stream, hub: Arc<Hub>) -> io::Result<()> {
    let mut held = Vec::new();
    loop {
        let read = within(UPGRADE, Request::read(&mut stream, &mut held)).await;
        let Some(request) = read.ok_or(io::ErrorKind::TimedOut)?? else { return Ok(()) };
        if request.path() == WEBSOCKET_PATH {
            if let Some(key) = request.websocket_key() {
                return websocket::run(stream, held, &key, &hub).await;
            }
            let body = Body::text("this is a WebSocket address\n");
            request.answer(&mut stream, 426, &body).await?;
            continue;
        }
        let answer = routes::route(&request);
        let (status, body) = match answer {
            Ok(Some(command)) => {
                let AdminResponse { status, body } = hub.with(|server, now| server.admin(command, now));
                (status, Body::json(&body))
            }
            Ok(None) => (200, Body::text("sanswire-sim\n")),
            Err((status, text)) => (status, Body::json(&serde_json::json!({ "error": text }))),
        };
        request.answer(&mut stream, status, &body).await?;
        if !request.keeps_alive() {
            return Ok(());
        }
    }
}

/// The result of `work`, or `None` when it took longer than `limit`.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let late = async {
        Timer::after(limit).await;
        None
    };
    async { Some(work.await) }.or(late).await
}

const WEBSOCKET_PATH: &str = "/ws/chat";
/// Content type of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a connection may take to say what it wants.
const UPGRADE: Duration = Duration::from_secs(10);
/// How long closing connections get at shutdown.
const CLOSING: Duration = Duration::from_secs(2);
const CLOSING_POLL: Duration = Duration::from_millis(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const TICK_MIN_MS: u64 = 5;
/// Deadlines may appear at any time: none is noticed later than this.
const TICK_MAX_MS: u64 = 250;
