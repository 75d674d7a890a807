//! One turn: what a handler may read, and everything it may cause.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::connection::Connection;
use super::memory::Memory;
use super::request::{Continuation, RequestId};
use super::work::Work;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::OpError;
use crate::event::{DownReason, Event, EventId};
use crate::limits::PRUNED_MARKS;
use crate::now::{Mono, Now};
use crate::ops::{Answer, CallId};
use crate::records::transaction::{Missing, Rows, Transaction};
use crate::records::{Record, RecordError, Table};
use crate::stanza::Reject;
use crate::timer::Timer;
use crate::wire::noise::{Initiator, Opener, Sealer};
use crate::wire::{Jid, Node};

/// Why a turn ends without taking effect.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Records are missing: load them and run the turn again.
    Missing,
    /// The peer sent something wrong; `stanza::reaction` says what to do about it.
    Reject(Reject),
    /// Storage holds something unreadable.
    Record(RecordError),
}

impl From<Missing> for Stop {
    fn from(_: Missing) -> Self {
        Self::Missing
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl<R: Into<Reject>> From<R> for Stop {
    fn from(reject: R) -> Self {
        Self::Reject(reject.into())
    }
}

/// A change to the connection, in the order in which turns ask for them.
#[derive(Debug)]
pub(crate) enum LinkEffect {
    /// Bytes before the transport keys.
    Raw(Vec<u8>),
    /// A stanza, encoded, to be sealed.
    Stanza(Vec<u8>),
    /// The handshake's first message is out.
    Greet(Box<Initiator>),
    /// Transport keys from here on, both ways.
    Encrypt(Box<(Sealer, Opener)>),
    /// Ask the adapter to connect.
    Dial,
    /// Ask the adapter to close.
    HangUp(DownReason),
}

/// An event to hand out.
#[derive(Debug)]
pub(crate) struct Emitted {
    pub(crate) id: EventId,
    pub(crate) repeated: bool,
    pub(crate) event: Event,
}

type MemoryChange = Box<dyn FnOnce(&mut Memory) + Send>;

/// Everything a turn did, waiting for the commit.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) link: Vec<LinkEffect>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) replies: Vec<(CallId, Result<Answer, OpError>)>,
    pub(crate) asks: Vec<(RequestId, Arc<dyn Continuation>)>,
    pub(crate) timers: Vec<(Timer, Option<Mono>)>,
    pub(crate) memory: Vec<MemoryChange>,
    pub(crate) schedule: Vec<Work>,
    pub(crate) fence: bool,
    pub(crate) next_id: u64,
    pub(crate) next_event: u64,
}

/// The context of a handler: records and clocks to read, effects to cause. Nothing it causes takes effect
/// unless the handler returns `Ok`.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) memory: &'a Memory,
    pub(crate) connection: &'a Connection,
    pub(crate) entropy: Entropy,
    pub(super) transaction: Transaction<'a>,
    pub(super) effects: Effects,
}

impl Turn<'_> {
    /// The record under `key`, or `None` when there is none.
    pub(crate) fn get<R: Record>(&mut self, key: &[u8]) -> Result<Option<R>, Stop> {
        match self.transaction.get(&(R::TABLE, key.to_vec()))? {
            Some(bytes) => Ok(Some(R::from_record(bytes)?)),
            None => Ok(None),
        }
    }

    /// Several records of one table; what is missing is loaded at once.
    pub(crate) fn get_all<R: Record>(
        &mut self,
        keys: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Vec<Option<R>>, Stop> {
        let mut missing = false;
        let keys = keys.into_iter();
        let mut found = Vec::with_capacity(keys.size_hint().0);
        for key in keys {
            match self.transaction.get(&(R::TABLE, key)) {
                Ok(Some(bytes)) => found.push(Some(R::from_record(bytes)?)),
                Ok(None) => found.push(None),
                Err(Missing) => missing = true,
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(found) }
    }

    /// Asks for records that will be read soon, so that one load brings them all.
    pub(crate) fn prefetch(&mut self, keys: &[(Table, Vec<u8>)]) -> Result<(), Stop> {
        let missing = keys.iter().filter(|key| self.transaction.get(key) == Err(Missing)).count();
        if missing > 0 { Err(Stop::Missing) } else { Ok(()) }
    }

    /// Rows of a table from a key on, as storage has them.
    pub(crate) fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Rows, Stop> {
        Ok(self.transaction.scan(table, from, limit)?)
    }

    /// Looks at the next [`PRUNED_MARKS`] rows of a table, going round, and drops those that `keep` does not want;
    /// says whether there may be more in this round.
    pub(crate) fn sweep(&mut self, table: Table, keep: impl Fn(&[u8], Bytes) -> bool) -> Result<bool, Stop> {
        let from = self.memory.sweeps.get(&table).cloned().unwrap_or_default();
        let rows = self.scan(table, &from, PRUNED_MARKS)?;
        let full = rows.len() >= PRUNED_MARKS as usize;
        // The next run begins behind this one; after the last it begins at the start.
        let next = rows.last().filter(|_| full).map(|(key, _)| [key.as_slice(), &[0]].concat());
        for (key, value) in rows {
            if !keep(&key, value) {
                self.delete(table, &key);
            }
        }
        self.remember(move |memory| {
            memory.sweeps.insert(table, next.unwrap_or_default());
        });
        Ok(full)
    }

    /// Sets a record.
    pub(crate) fn put<R: Record>(&mut self, key: &[u8], record: &R) {
        self.transaction.set((R::TABLE, key.to_vec()), Some(record.to_record()));
    }

    /// Removes a record.
    pub(crate) fn delete(&mut self, table: Table, key: &[u8]) {
        self.transaction.set((table, key.to_vec()), None);
    }

    /// Sends a stanza after the turn's writes are durable. Dropped when there is no connection by then.
    pub(crate) fn send(&mut self, node: &Node<'_>) {
        // What cannot be encoded was built wrong by us: a bug that the tests of each builder catch.
        match crate::wire::encode(node) {
            Ok(bytes) => self.effects.link.push(LinkEffect::Stanza(bytes)),
            Err(error) => debug_assert!(false, "stanza cannot be encoded: {error}"),
        }
    }

    /// Sends a stanza that is encoded already.
    pub(crate) fn send_encoded(&mut self, bytes: Vec<u8>) {
        self.effects.link.push(LinkEffect::Stanza(bytes));
    }

    /// Sends an iq; `then` goes on with the answer, a time-out, or the end of the connection.
    /// Reference 01 §11.
    pub(crate) fn ask(&mut self, iq: Node<'_>, limit: Duration, then: Arc<dyn Continuation>) {
        let request = RequestId(self.effects.next_id);
        let id = self.new_id();
        self.send(&iq.attr("id", id));
        self.arm(Timer::Request(request), limit);
        self.effects.asks.push((request, then));
    }

    /// A stanza id that this client has not used: random prefix of the connection, then a counter.
    pub(crate) fn new_id(&mut self) -> String {
        let id = format!("{}{}", self.memory.id_prefix, self.effects.next_id);
        self.effects.next_id += 1;
        id
    }

    /// Stores a batch even if nothing is written: what was read is still what is stored, and from here on nobody
    /// else who uses this storage can write to it.
    pub(crate) const fn fence(&mut self) {
        self.effects.fence = true;
    }

    /// Where event ids start after a restart: beyond all that were written with earlier generations.
    pub(crate) fn start_event_ids(&mut self, generation: u64) {
        self.effects.next_event = (generation << EVENTS_PER_GENERATION_BITS) + 1;
    }

    /// Hands out an event that is not kept: it is not given again after a restart.
    pub(crate) fn emit(&mut self, event: Event) {
        let id = self.new_event_id();
        self.emit_as(id, false, event);
    }

    /// Hands out an event under an id drawn before, typically one whose record was written in this turn.
    pub(crate) fn emit_as(&mut self, id: EventId, repeated: bool, event: Event) {
        self.effects.events.push(Emitted { id, repeated, event });
    }

    /// The next event id; ids only grow.
    pub(crate) fn new_event_id(&mut self) -> EventId {
        let id = EventId(self.effects.next_event);
        self.effects.next_event += 1;
        id
    }

    /// Answers an operation.
    pub(crate) fn reply(&mut self, call: CallId, result: Result<Answer, OpError>) {
        self.effects.replies.push((call, result));
    }

    /// Starts or moves a timer.
    pub(crate) fn arm(&mut self, timer: Timer, wait: Duration) {
        self.effects.timers.push((timer, Some(self.now.mono.after(wait))));
    }

    /// Stops a timer.
    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.effects.timers.push((timer, None));
    }

    /// Changes volatile state at the commit; this turn still reads the old one.
    pub(crate) fn remember(&mut self, change: impl FnOnce(&mut Memory) + Send + 'static) {
        self.effects.memory.push(Box::new(change));
    }

    /// Adds a work item behind those already waiting.
    pub(crate) fn schedule(&mut self, work: Work) {
        self.effects.schedule.push(work);
    }

    /// Sends bytes as they are, before the transport keys.
    pub(crate) fn send_raw(&mut self, bytes: Vec<u8>) {
        self.effects.link.push(LinkEffect::Raw(bytes));
    }

    /// The handshake has begun: its state waits for the server's answer.
    pub(crate) fn greet(&mut self, initiator: Initiator) {
        self.effects.link.push(LinkEffect::Greet(Box::new(initiator)));
    }

    /// The handshake is done: everything from here on is sealed with the transport keys.
    pub(crate) fn encrypt(&mut self, sealer: Sealer, opener: Opener) {
        self.effects.link.push(LinkEffect::Encrypt(Box::new((sealer, opener))));
    }

    /// Asks the adapter for a connection.
    pub(crate) fn dial(&mut self) {
        self.effects.link.push(LinkEffect::Dial);
    }

    /// Asks the adapter to close the connection once what was sent is flushed; requests in flight end as
    /// disconnected.
    pub(crate) fn hang_up(&mut self, reason: DownReason) {
        self.effects.link.push(LinkEffect::HangUp(reason));
    }

    /// Whether a JID names a device of this account.
    pub(crate) fn is_me(&self, jid: &Jid<'_>) -> bool {
        self.memory.me.as_ref().is_some_and(|me| me.is_me(jid))
    }
}

/// Event ids of one generation of storage. A kept event writes a batch, so the next start begins far beyond.
const EVENTS_PER_GENERATION_BITS: u32 = 20;
