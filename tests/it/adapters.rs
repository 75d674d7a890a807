//! One list of demands on runtime adapters, run over each of them, on loopback sockets against a scripted peer.

mod machine;
mod peer;
mod story;

use std::sync::Arc;
use std::thread::JoinHandle;

use futures_lite::future::{block_on, or};
use sanswire::link::SetAvailable;
use sanswire::{OpError, Table};
use sanswire_driver::{Clock, Driver, DriverError, Handle, Machine, Queue};
use sanswire_store::{MemoryStore, Store, StoreError};

use machine::Echo;
use peer::Peer;

/// One adapter.
trait Subject {
    /// Runs a driver on a runtime of its own until it ends or `stop` is closed; `None` in the latter case.
    fn run<M: Machine + 'static, S: Store + 'static>(
        driver: Driver<M, S>,
        roots: Option<&[u8]>,
        stop: &Queue<()>,
    ) -> Option<Result<(), DriverError>>;
}

struct OnTokio;

impl Subject for OnTokio {
    fn run<M: Machine + 'static, S: Store + 'static>(
        driver: Driver<M, S>,
        roots: Option<&[u8]>,
        stop: &Queue<()>,
    ) -> Option<Result<(), DriverError>> {
        let tls = roots
            .map_or_else(sanswire_tokio::Tls::default, |pem| sanswire_tokio::Tls::with_roots(pem).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(stoppable(sanswire_tokio::run(driver, tls), stop))
    }
}

struct OnSmol;

impl Subject for OnSmol {
    fn run<M: Machine + 'static, S: Store + 'static>(
        driver: Driver<M, S>,
        roots: Option<&[u8]>,
        stop: &Queue<()>,
    ) -> Option<Result<(), DriverError>> {
        let tls = roots
            .map_or_else(sanswire_smol::Tls::default, |pem| sanswire_smol::Tls::with_roots(pem).unwrap());
        smol::block_on(stoppable(sanswire_smol::run(driver, tls), stop))
    }
}

async fn stoppable<T>(run: impl Future<Output = T>, stop: &Queue<()>) -> Option<T> {
    let stopped = async {
        stop.closed().await;
        None
    };
    or(async { Some(run.await) }, stopped).await
}

/// A client under test, on a thread of its own.
struct Running {
    handle: Handle,
    stop: Arc<Queue<()>>,
    thread: JoinHandle<Option<Result<(), DriverError>>>,
}

impl Running {
    fn start<A: Subject, S: Store + 'static>(url: &str, roots: Option<Vec<u8>>, store: S) -> Self {
        Self::over::<A, _, _>(Driver::over(Echo::new(url), store, Clock::new()), roots)
    }

    fn over<A: Subject, M: Machine + 'static, S: Store + 'static>(
        (driver, handle): (Driver<M, S>, Handle),
        roots: Option<Vec<u8>>,
    ) -> Self {
        let stop = Arc::new(Queue::new());
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || A::run(driver, roots.as_deref(), &stop)
        });
        Self { handle, stop, thread }
    }

    /// The next event as text.
    fn event(&self) -> String {
        block_on(self.handle.next_event())
            .map_or_else(|| "end".to_owned(), |envelope| machine::text(&envelope))
    }

    fn shut_down(self) {
        block_on(self.handle.shutdown());
        assert!(matches!(self.thread.join().unwrap(), Some(Ok(()))));
    }

    /// Drops the client without a word.
    fn crash(self) {
        self.stop.close();
        assert!(self.thread.join().unwrap().is_none());
        block_on(self.handle.over());
    }
}

fn upgrade_carries_the_origin_and_bytes_go_both_ways<A: Subject>() {
    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.origin, "https://origin.test");
        assert_eq!(socket.receive(), "hello");
        socket.send_text("text messages are passed over");
        socket.send("one");
        socket.send(&"x".repeat(300_000));
        assert_eq!(socket.receive(), "heard one");
        assert_eq!(socket.receive().len(), 300_006);
        assert_eq!(socket.receive(), "goodbye");
        assert!(socket.is_closed());
    });
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    assert_eq!(running.event(), "connected");
    assert_eq!(running.event(), "received one");
    assert_eq!(running.event().len(), 300_009);
    assert_eq!(running.handle.trouble(), None);
    running.shut_down();
    peer.join();
}

fn peer_that_closes_or_refuses_is_reported_as_closed<A: Subject>() {
    let peer = Peer::start(|mut socket| assert_eq!(socket.receive(), "hello"));
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    assert_eq!(running.event(), "connected");
    assert_eq!(running.event(), "closed");
    peer.join();
    // Nobody listens there any more.
    block_on(running.handle.call(SetAvailable { available: true })).unwrap();
    assert_eq!(running.event(), "closed");
    assert!(running.handle.trouble().is_some());
    running.shut_down();
}

fn new_connection_takes_the_place_of_the_old_one<A: Subject>() {
    let peer = Peer::start_many([
        Box::new(|mut socket: peer::Socket| {
            assert_eq!(socket.receive(), "hello");
            socket.send("again");
            assert!(socket.is_closed());
        }),
        Box::new(|mut socket: peer::Socket| {
            assert_eq!(socket.receive(), "hello");
            socket.send("here");
            assert_eq!(socket.receive(), "heard here");
            assert_eq!(socket.receive(), "goodbye");
        }),
    ]);
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    for expected in ["connected", "received again", "connected", "received here"] {
        assert_eq!(running.event(), expected);
    }
    running.shut_down();
    peer.join();
}

fn what_was_sent_before_a_close_is_flushed<A: Subject>() {
    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        socket.send("leave");
        // A peer that is slow to read, and says more meanwhile.
        socket.send("anything else?");
        assert_eq!(socket.receive().len(), 3_000_000);
        assert_eq!(socket.receive(), "last words");
        assert!(socket.is_closed());
    });
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    assert_eq!(running.event(), "connected");
    assert_eq!(running.event(), "received leave");
    peer.join();
    running.shut_down();
}

fn deadlines_come_as_ticks<A: Subject>() {
    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        socket.send("timer");
        assert_eq!(socket.receive(), "heard timer");
        assert_eq!(socket.receive(), "goodbye");
    });
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    for expected in ["connected", "received timer", "tick"] {
        assert_eq!(running.event(), expected);
    }
    running.shut_down();
    peer.join();
}

fn calls_are_answered_and_events_confirmed<A: Subject>() {
    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        assert_eq!(socket.receive(), "seen 1");
        assert_eq!(socket.receive(), "goodbye");
    });
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    let event = block_on(running.handle.next_event()).unwrap();
    assert_eq!(block_on(running.handle.call(SetAvailable { available: false })), Err(OpError::NotLoggedIn));
    running.handle.seen(event.id);
    let handle = running.handle.clone();
    running.shut_down();
    peer.join();
    assert_eq!(block_on(handle.call(SetAvailable { available: false })), Err(OpError::Disconnected));
    assert_eq!(block_on(handle.next_event()), None);
}

fn a_crash_closes_socket_and_store<A: Subject>() {
    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        socket.send("one");
        // Its answer may come too late, but the end comes.
        while !socket.is_closed() {}
    });
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    assert_eq!(running.event(), "connected");
    assert_eq!(running.event(), "received one");
    running.crash();
    peer.join();
}

fn storage_that_fails_ends_the_client_before_anything_is_shown<A: Subject>() {
    struct Full;

    impl Store for Full {
        fn get(&mut self, _: Table, _: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
            Ok(None)
        }

        fn scan(&mut self, _: Table, _: &[u8], _: u32) -> Result<Vec<(Vec<u8>, bytes::Bytes)>, StoreError> {
            Ok(Vec::new())
        }

        fn apply(&mut self, _: &[sanswire::Batch]) -> Result<(), StoreError> {
            Err(StoreError::Full)
        }
    }

    let peer = Peer::start(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        socket.send("one");
        assert!(socket.is_closed());
    });
    let running = Running::start::<A, _>(&peer.url, None, Full);
    assert_eq!(running.event(), "connected");
    assert_eq!(running.event(), "end");
    let end = running.thread.join().unwrap();
    assert!(matches!(end, Some(Err(DriverError::Store(StoreError::Full)))), "{end:?}");
    peer.join();
}

fn tls_is_checked_against_the_given_roots<A: Subject>() {
    let (peer, pem) = Peer::start_tls(|mut socket| {
        assert_eq!(socket.receive(), "hello");
        assert_eq!(socket.receive(), "goodbye");
    });
    let running = Running::start::<A, _>(&peer.url, Some(pem), MemoryStore::new());
    assert_eq!(running.event(), "connected");
    running.shut_down();
    peer.join();

    let (peer, _) = Peer::start_tls(|_| panic!("let in without trust"));
    let running = Running::start::<A, _>(&peer.url, None, MemoryStore::new());
    assert_eq!(running.event(), "closed");
    let trouble = running.handle.trouble().unwrap();
    assert!(trouble.starts_with("TLS: "), "{trouble}");
    running.shut_down();
}

macro_rules! suite {
    ($subject:ident: $($name:ident)*) => {
        $(#[test] fn $name() { super::$name::<super::$subject>(); })*
    };
    ($($module:ident = $subject:ident;)*) => {
        $(mod $module {
            suite! { $subject:
                upgrade_carries_the_origin_and_bytes_go_both_ways
                peer_that_closes_or_refuses_is_reported_as_closed
                new_connection_takes_the_place_of_the_old_one
                what_was_sent_before_a_close_is_flushed
                deadlines_come_as_ticks
                calls_are_answered_and_events_confirmed
                a_crash_closes_socket_and_store
                storage_that_fails_ends_the_client_before_anything_is_shown
                tls_is_checked_against_the_given_roots
            }

            #[test]
            fn two_accounts_talk_through_the_simulated_server_and_one_crashes() {
                super::story::tell::<super::$subject>(false);
            }

            #[test]
            fn the_same_inside_tls() {
                super::story::tell::<super::$subject>(true);
            }
        })*
    };
}

suite! {
    on_tokio = OnTokio;
    on_smol = OnSmol;
}
