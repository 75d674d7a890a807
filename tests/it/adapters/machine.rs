//! A machine with the client's verbs and a protocol of plain words.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use sanswire::event::{DownReason, Envelope, Event, EventId};
use sanswire::link::SetAvailable;
use sanswire::ops::{Answer, Operation};
use sanswire::{Batch, Input, Misuse, Mono, Now, OpError, Output, Table, Target, UnixMs, Write};
use sanswire_driver::Machine;

/// Connects, says hello, and answers `X` with `heard X`. On the words `again`, `leave` and `timer` it
/// reconnects, closes, and waits for a moment. The operation `available` makes it connect again.
pub(crate) struct Echo {
    target: Target,
    out: VecDeque<Output>,
    deadline: Option<Mono>,
    events: u64,
    generation: u64,
}

impl Echo {
    pub(crate) fn new(url: &str) -> Self {
        let target = Target { url: url.to_owned(), origin: "https://origin.test".to_owned() };
        let out = VecDeque::from([Output::Connect(target.clone())]);
        Self { target, out, deadline: None, events: 0, generation: 0 }
    }

    fn event(&mut self, text: String) {
        self.events += 1;
        let event = Event::Fault { error: text, stanza: None };
        let envelope = Envelope { id: EventId(self.events), repeated: false, at: UnixMs(0), event };
        self.out.push_back(Output::Event(Box::new(envelope)));
    }

    fn send(&mut self, text: impl Into<Vec<u8>>) {
        self.out.push_back(Output::Send(Bytes::from(text.into())));
    }

    fn received(&mut self, text: &str, now: Now) {
        self.generation += 1;
        let write =
            Write { table: Table::Inbox, key: vec![], value: Some(Bytes::copy_from_slice(text.as_bytes())) };
        self.out.push_back(Output::Store(Batch::new(self.generation - 1, self.generation, vec![write])));
        self.event(format!("received {text}"));
        match text {
            "again" => self.out.push_back(Output::Connect(self.target.clone())),
            "leave" => {
                self.send(vec![b'x'; 3_000_000]);
                self.send("last words");
                self.out.push_back(Output::Disconnect(DownReason::Requested));
            }
            _ => self.send(format!("heard {text}")),
        }
        if text == "timer" {
            self.deadline = Some(now.mono.after(Duration::from_millis(20)));
        }
    }
}

/// What an event of [`Echo`] says.
pub(crate) fn text(envelope: &Envelope) -> String {
    match &envelope.event {
        Event::Fault { error, .. } => error.clone(),
        other => panic!("not of the echo: {other:?}"),
    }
}

impl Machine for Echo {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        assert!(self.out.is_empty(), "fed before it was drained");
        match input {
            Input::Connected => {
                self.event("connected".to_owned());
                self.send("hello");
            }
            Input::Received(bytes) => self.received(&String::from_utf8_lossy(&bytes), now),
            Input::Closed => self.event("closed".to_owned()),
            Input::Tick => {
                assert!(self.deadline.take().is_some_and(|at| at <= now.mono), "tick before its time");
                self.event("tick".to_owned());
            }
            Input::Call(id, Operation::SetAvailable(SetAvailable { available: true })) => {
                self.out.push_back(Output::Connect(self.target.clone()));
                self.out.push_back(Output::Reply(id, Ok(Answer::SetAvailable(()))));
            }
            Input::Call(id, _) => self.out.push_back(Output::Reply(id, Err(OpError::NotLoggedIn))),
            Input::Seen(EventId(id)) => self.send(format!("seen {id}")),
            Input::Shutdown => {
                self.send("goodbye");
                self.out.push_back(Output::Disconnect(DownReason::Requested));
            }
            other => panic!("unexpected {other:?}"),
        }
        Ok(())
    }

    fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or(Output::Wait(self.deadline))
    }
}
