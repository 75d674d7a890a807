//! What the loop bounds, over a runtime without sockets or time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use futures_lite::future::{block_on, poll_once};
use sanswire::event::{DownReason, Envelope, Event, EventId};
use sanswire::{Misuse, Now, Output, UnixMs};
use sanswire_store::MemoryStore;

use super::*;
use crate::handle::Handle;

/// Connects; tells each message as an event; says goodbye when shut down.
struct Teller {
    out: VecDeque<Output>,
    events: u64,
}

impl Machine for Teller {
    fn handle(&mut self, input: Input, _: Now) -> Result<(), Misuse> {
        match input {
            Input::Received(_) => {
                self.events += 1;
                let event = Event::Fault { error: "received".to_owned(), stanza: None };
                let envelope = Envelope { id: EventId(self.events), repeated: false, at: UnixMs(0), event };
                self.out.push_back(Output::Event(Box::new(envelope)));
            }
            Input::Shutdown => {
                self.out.push_back(Output::Send(Bytes::from_static(b"goodbye")));
                self.out.push_back(Output::Disconnect(DownReason::Requested));
            }
            Input::Connected | Input::Closed => {}
            other => panic!("unexpected {other:?}"),
        }
        Ok(())
    }

    fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or(Output::Wait(None))
    }
}

/// What goes wrong with the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The peer talks without end.
    Chatters,
    /// The peer neither talks nor reads.
    Hangs,
    /// It never opens.
    NeverOpens,
}

#[derive(Clone)]
struct Fake {
    fate: Fate,
    read: Arc<AtomicUsize>,
    slept: Arc<Mutex<Vec<Duration>>>,
}

impl Runtime for Fake {
    type Reader = Self;
    type Writer = Self;

    async fn connect(&self, _: &Target) -> Result<(Self, Self), ConnectError> {
        if self.fate == Fate::NeverOpens {
            pending::<()>().await;
        }
        Ok((self.clone(), self.clone()))
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
    }

    async fn unblock<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }
}

impl Reader for Fake {
    async fn read(&mut self) -> Result<Option<Bytes>, ConnectError> {
        if self.fate == Fate::Hangs {
            pending::<()>().await;
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Bytes::from_static(b"word")))
    }
}

impl Writer for Fake {
    async fn write(&mut self, _: Bytes) -> Result<(), ConnectError> {
        pending().await
    }

    async fn close(&mut self) -> Result<(), ConnectError> {
        pending().await
    }
}

fn rig(fate: Fate) -> (Fake, Handle, impl Future<Output = Result<(), DriverError>>) {
    let fake = Fake { fate, read: Arc::default(), slept: Arc::default() };
    let target = Target { url: "ws://127.0.0.1/".to_owned(), origin: String::new() };
    let teller = Teller { out: VecDeque::from([Output::Connect(target)]), events: 0 };
    let (driver, handle) = Driver::over(teller, MemoryStore::new(), Clock::new());
    let run = run(driver, fake.clone());
    (fake, handle, run)
}

#[test]
fn nothing_more_is_read_while_the_application_takes_no_events() {
    let (fake, handle, run) = rig(Fate::Chatters);
    let mut run = Box::pin(run);
    let mut settle = || {
        let mut before = usize::MAX;
        while core::mem::replace(&mut before, fake.read.load(Ordering::Relaxed)) != before {
            for _ in 0..4 {
                assert!(block_on(poll_once(&mut run)).is_none());
            }
        }
        before
    };
    let bound = EVENTS_WAITING_MAX + INPUTS_WAITING_MAX + 1;
    let read = settle();
    assert!((EVENTS_WAITING_MAX..=bound).contains(&read), "{read}");
    for _ in 0..100 {
        assert!(block_on(handle.next_event()).is_some());
    }
    assert_eq!(settle(), read + 100);
}

#[test]
fn peer_that_does_not_read_cannot_hold_up_the_end() {
    let (fake, handle, run) = rig(Fate::Hangs);
    let mut run = Box::pin(run);
    assert!(block_on(poll_once(&mut run)).is_none());
    let ((), ended) = block_on(zip(handle.shutdown(), run));
    assert!(ended.is_ok());
    assert_eq!(*fake.slept.lock().unwrap(), [LINGER]);
}

#[test]
fn connection_that_never_opens_cannot_hold_up_the_end() {
    let (fake, handle, run) = rig(Fate::NeverOpens);
    let mut run = Box::pin(run);
    assert!(block_on(poll_once(&mut run)).is_none());
    let ((), ended) = block_on(zip(handle.shutdown(), run));
    assert!(ended.is_ok());
    assert!(fake.slept.lock().unwrap().is_empty());
}
