//! What an application holds.

use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use sanswire::event::{Envelope, EventId};
use sanswire::ops::{Answer, CallId, Operate, Operation};
use sanswire::{Health, Input, OpError};

use crate::shared::{Reply, Shared};

/// An application's side of a client. Clones are the same client; events go to whoever takes them first.
///
/// It works on any runtime, and on none: its futures only wait for the driver.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Asks for an operation. It is under way when this returns; await what is returned for the answer, or
    /// drop it if the answer does not matter.
    ///
    /// The answer is [`OpError::Disconnected`] when the client ends before it came.
    pub fn call<O: Operate>(&self, operation: O) -> Call<O> {
        let (id, reply) = self.shared.call(operation.into());
        Call { id, reply: Box::pin(first(reply)), operation: PhantomData }
    }

    /// Asks for an operation that is known only as data.
    pub fn call_any(&self, operation: Operation) -> AnyCall {
        let (id, reply) = self.shared.call(operation);
        AnyCall { id, reply: Box::pin(first(reply)) }
    }

    /// The next event; `None` when the client has ended and all events were taken.
    ///
    /// Take events all the time: while [`EVENTS_WAITING_MAX`](crate::EVENTS_WAITING_MAX) of them wait, nothing
    /// more is read from the connection.
    pub async fn next_event(&self) -> Option<Envelope> {
        self.shared.events.pop().await
    }

    /// Says that an event has been dealt with: it does not come again after a restart.
    pub fn seen(&self, event: EventId) {
        // A client that has ended gives the event again: that is the promise.
        drop(self.shared.asked.push(Input::Seen(event)));
    }

    /// Ends the client in good order: what was asked for before is handled, the connection is closed. Returns
    /// when the store is closed.
    pub async fn shutdown(&self) {
        drop(self.shared.asked.push(Input::Shutdown));
        self.over().await;
    }

    /// Waits until the client has ended, however it ended, and its store is closed.
    pub async fn over(&self) {
        self.shared.over.closed().await;
    }

    /// How the client was after its last turn, and at its end how it ended; `None` before the first turn.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.shared.health.get()
    }

    /// Waits until the client is as wanted, say `|health| health.link == LinkState::Ready`; `None` when it ends
    /// without. States that last for less than a turn may go unseen.
    pub async fn when(&self, wanted: impl Fn(&Health) -> bool + Send) -> Option<Health> {
        self.shared.health.until(wanted).await
    }

    /// Why the last attempt to connect failed or the last connection broke, in words for a person; `None`
    /// while it stands.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }
}

/// An operation under way.
#[must_use = "await it for the answer"]
pub struct Call<O: Operate> {
    id: CallId,
    reply: Pin<Box<dyn Future<Output = Answered> + Send>>,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operate> Call<O> {
    /// The id under which events speak of it.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }
}

impl<O: Operate> Future for Call<O> {
    type Output = Result<O::Output, OpError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.reply.as_mut().poll(cx).map(|answer| {
            let answer = answer.unwrap_or(Err(OpError::Disconnected))?;
            O::output(answer).ok_or_else(|| OpError::Malformed(format!("not an answer of {}", O::NAME)))
        })
    }
}

/// An operation under way that is known only as data.
#[must_use = "await it for the answer"]
pub struct AnyCall {
    id: CallId,
    reply: Pin<Box<dyn Future<Output = Answered> + Send>>,
}

impl AnyCall {
    /// The id under which events speak of it.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }
}

impl Future for AnyCall {
    type Output = Result<Answer, OpError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.reply.as_mut().poll(cx).map(|answer| answer.unwrap_or(Err(OpError::Disconnected)))
    }
}

/// `None` when the driver ended first.
type Answered = Option<Result<Answer, OpError>>;

async fn first(reply: Arc<Reply>) -> Answered {
    reply.pop().await
}
