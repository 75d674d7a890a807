//! What a driver and its handles share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanswire::event::Envelope;
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::{Health, Input, OpError};

use crate::queue::Queue;
use crate::watch::Watch;

/// One answer on its way to one caller.
pub(crate) type Reply = Queue<Result<Answer, OpError>>;

#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What handles ask for, in order.
    pub(crate) asked: Queue<Input>,
    /// What the application has not taken yet.
    pub(crate) events: Queue<Envelope>,
    /// Closed when the driver has been dropped, its store included.
    pub(crate) over: Queue<()>,
    /// How the machine is after its last turn.
    pub(crate) health: Watch<Health>,
    calls: Mutex<Calls>,
    trouble: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Calls {
    last: u64,
    waiting: BTreeMap<CallId, Arc<Reply>>,
}

impl Shared {
    /// Queues an operation under a new id; the answer comes through what is returned, closed without one when
    /// the driver ends first.
    pub(crate) fn call(&self, operation: Operation) -> (CallId, Arc<Reply>) {
        let reply = Arc::new(Reply::new());
        let mut calls = lock(&self.calls);
        calls.last += 1;
        let id = CallId(calls.last);
        calls.waiting.insert(id, Arc::clone(&reply));
        // Under the lock: the end of the driver must not come between.
        if self.asked.push(Input::Call(id, operation)).is_err() {
            calls.waiting.remove(&id);
            reply.close();
        }
        (id, reply)
    }

    pub(crate) fn answer(&self, id: CallId, result: Result<Answer, OpError>) {
        let waiting = lock(&self.calls).waiting.remove(&id);
        if let Some(reply) = waiting {
            // Whoever asked may have given up.
            drop(reply.push(result));
        }
    }

    pub(crate) fn show(&self, envelope: Envelope) {
        // Closed only when the driver is gone: an event comes before that, or again after a restart.
        drop(self.events.push(envelope));
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    fn end(&self) {
        self.asked.close();
        let waiting = core::mem::take(&mut lock(&self.calls).waiting);
        waiting.values().for_each(|reply| reply.close());
        self.events.close();
        self.health.close();
        self.over.close();
    }
}

/// Tells everybody that the driver is gone, however it went.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under these locks can leave the contents half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
