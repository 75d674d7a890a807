//! A client with a witness: the law of its interface, the order of its outputs, and how many there are.

use core::hash::{Hash, Hasher};
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanswire::event::{Envelope, Event, SendState};
use sanswire::limits::FRAME_BYTES_MAX;
use sanswire::ops::CallId;
use sanswire::{Batch, Client, Found, Input, Machine, Misuse, Mono, Now, Output, Table, UnixMs, Want};
use sanswire_sim::world::Maker;

/// What all clients of one storage did, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    digest: DefaultHasher,
    generation: Option<u64>,
    /// Events that are durable.
    inbox: BTreeSet<u64>,
    replied: BTreeSet<CallId>,
    /// How far the wall clock is off, in milliseconds.
    skew_ms: i64,
    shut_down: bool,
}

impl Watch {
    /// Makes clients that are watched.
    pub(super) fn maker(&self) -> Maker {
        let watch = self.clone();
        Arc::new(move |config, seed, now| {
            let client = Client::new(config, seed, now).expect("the script's configuration is valid");
            watch.seen().shut_down = false;
            let watch = watch.clone();
            Box::new(Watched { client, watch, wants: None, connected: false, outputs: 0, now: now.mono })
        })
    }

    /// Of all outputs so far.
    pub(super) fn digest(&self) -> u64 {
        self.seen().digest.finish()
    }

    /// Moves the wall clock of all that follows.
    pub(super) fn skew(&self, ms: i64) {
        let mut seen = self.seen();
        seen.skew_ms = seen.skew_ms.saturating_add(ms);
    }

    /// Sets the wall clock right again.
    pub(super) fn set_right(&self) {
        self.seen().skew_ms = 0;
    }

    /// Storage was damaged: what was durable need not be there any more.
    pub(super) fn forget_inbox(&self) {
        self.seen().inbox.clear();
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.seen().shut_down
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watched {
    client: Client,
    watch: Watch,
    /// What it waits to be loaded.
    wants: Option<Vec<Want>>,
    connected: bool,
    /// Since the last input.
    outputs: usize,
    now: Mono,
}

impl Machine for Watched {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        let skew = self.watch.seen().skew_ms;
        let now = Now { unix: UnixMs(now.unix.0.saturating_add_signed(skew)), ..now };
        match &input {
            Input::Loaded(found) => {
                self.refuse_wrong_loads(found, now);
                self.wants = None;
            }
            Input::Closed => self.connected = false,
            Input::Shutdown => self.watch.seen().shut_down = true,
            _ => {}
        }
        self.outputs = 0;
        self.now = self.now.max(now.mono);
        self.client.handle(input, now)
    }

    fn poll(&mut self) -> Output {
        let output = self.client.poll();
        self.outputs += 1;
        assert!(self.outputs <= OUTPUTS_MAX, "one input has too many outputs");
        if !matches!(output, Output::Wait(_)) {
            let early = self.client.handle(Input::Tick, Now { mono: self.now, unix: UnixMs(0) });
            assert_eq!(
                early,
                Err(Misuse::NotDrained),
                "an input was taken before the outputs of the last one"
            );
        }
        self.check(&output);
        self.digest(&output);
        output
    }
}

impl Watched {
    fn check(&mut self, output: &Output) {
        match output {
            Output::Connect(_) => self.connected = true,
            Output::Disconnect(_) => self.connected = false,
            Output::Send(bytes) => {
                assert!(self.connected, "a frame without a connection");
                assert!(bytes.len() <= FRAME_BYTES_MAX + 64, "a frame of {} bytes", bytes.len());
            }
            Output::Store(batch) => self.store(batch),
            Output::Load(wants) => {
                assert!(self.wants.is_none(), "a second load before the first was answered");
                assert!(!wants.is_empty(), "a load of nothing");
                self.wants = Some(wants.clone());
            }
            Output::Event(envelope) => self.event(envelope),
            Output::Reply(call, _) => {
                assert!(self.watch.seen().replied.insert(*call), "a call was answered twice");
            }
            Output::Wait(None) => {
                assert!(!self.connected || self.wants.is_some(), "connected, and waits for ever");
            }
            Output::Wait(Some(at)) => assert!(*at > self.now, "waits for what is over"),
            _ => {}
        }
    }

    fn store(&self, batch: &Batch) {
        let mut seen = self.watch.seen();
        assert_eq!(batch.generation, batch.follows + 1);
        assert!(
            seen.generation.is_none_or(|last| batch.follows == last),
            "a batch does not follow the last one"
        );
        seen.generation = Some(batch.generation);
        let keys: BTreeSet<_> = batch.writes.iter().map(|write| (write.table, &write.key)).collect();
        assert_eq!(keys.len(), batch.writes.len(), "two writes of one record in one batch");
        for write in batch.writes.iter().filter(|write| write.table == Table::Inbox) {
            let Ok(id) = write.key.as_slice().try_into().map(u64::from_be_bytes) else { continue };
            let _ = if write.value.is_some() { seen.inbox.insert(id) } else { seen.inbox.remove(&id) };
        }
    }

    fn event(&self, envelope: &Envelope) {
        let kept = match &envelope.event {
            Event::Message(_) => true,
            Event::Send(progress) => !matches!(progress.state, SendState::Queued | SendState::Written),
            _ => false,
        };
        let durable = self.watch.seen().inbox.contains(&envelope.id.0);
        assert!(durable || !kept || envelope.repeated, "an event before its batch: {envelope:?}");
    }

    /// Answers that do not fit what was asked for are misuse, and change nothing.
    fn refuse_wrong_loads(&mut self, found: &[Found], now: Now) {
        let other = match found.first() {
            Some(Found::Value(_)) => Found::Rows(Vec::new()),
            _ => Found::Value(None),
        };
        let longer = [found, &[Found::Value(None)]].concat();
        let mut changed = found.to_vec();
        changed.truncate(found.len().saturating_sub(1));
        changed.push(other);
        for wrong in [Vec::new(), longer, changed] {
            let taken = self.client.handle(Input::Loaded(wrong), now);
            assert_eq!(taken, Err(Misuse::UnexpectedLoaded), "a load that was not asked for was taken");
        }
    }

    fn digest(&self, output: &Output) {
        let digest = &mut self.watch.seen().digest;
        core::mem::discriminant(output).hash(digest);
        match output {
            Output::Send(bytes) => bytes.hash(digest),
            Output::Store(batch) => {
                for write in &batch.writes {
                    (write.table, &write.key, &write.value).hash(digest);
                }
            }
            output => format!("{output:?}").hash(digest),
        }
    }
}

/// Most outputs of one input: a restart hands out all events that were not confirmed.
const OUTPUTS_MAX: usize = 600;
