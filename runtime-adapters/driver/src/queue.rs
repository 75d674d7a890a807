//! A queue between threads and tasks of any runtime.

use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// First in, first out. Pushing never blocks; taking waits. Any number of takers share what comes.
///
/// Dropping a future of it loses nothing.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    waiting: Vec<Waker>,
}

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false, waiting: Vec::new() }) }
    }

    /// Adds an item at the end; gives it back when the queue is closed.
    ///
    /// # Errors
    /// The item, when nobody will take it any more.
    pub fn push(&self, item: T) -> Result<(), T> {
        self.change(|state| {
            if state.closed {
                return Err(item);
            }
            state.items.push_back(item);
            Ok(())
        })
    }

    /// Ends the queue: nothing can be added. What is in it can still be taken.
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Takes the first item; waits for one. `None` when the queue is closed and empty.
    pub fn pop(&self) -> impl Future<Output = Option<T>> + Send + '_
    where
        T: Send,
    {
        poll_fn(|cx| {
            self.poll(cx, |state| match state.items.pop_front() {
                Some(item) => Poll::Ready(Some(item)),
                None if state.closed => Poll::Ready(None),
                None => Poll::Pending,
            })
        })
    }

    /// Takes the first item if there is one.
    pub fn try_pop(&self) -> Option<T> {
        self.change(|state| state.items.pop_front())
    }

    /// Waits until fewer than `count` items are in the queue, or it is closed.
    pub fn shorter_than(&self, count: usize) -> impl Future<Output = ()> + Send + '_
    where
        T: Send,
    {
        poll_fn(move |cx| {
            self.poll(cx, |state| {
                if state.closed || state.items.len() < count { Poll::Ready(()) } else { Poll::Pending }
            })
        })
    }

    /// Waits until the queue is closed.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + '_
    where
        T: Send,
    {
        poll_fn(|cx| self.poll(cx, |state| if state.closed { Poll::Ready(()) } else { Poll::Pending }))
    }

    /// Whether the queue is closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many items are in it.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn poll<R>(&self, cx: &mut Context<'_>, step: impl FnOnce(&mut State<T>) -> Poll<R>) -> Poll<R> {
        let mut state = self.lock();
        let outcome = step(&mut state);
        let woken = match outcome {
            // Whoever waits for the queue to become shorter may go on.
            Poll::Ready(_) => core::mem::take(&mut state.waiting),
            Poll::Pending => {
                if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    state.waiting.push(cx.waker().clone());
                }
                Vec::new()
            }
        };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        outcome
    }

    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.lock();
        let outcome = change(&mut state);
        let woken = core::mem::take(&mut state.waiting);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that runs under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_lite::future::{block_on, or, poll_once, zip};

    use super::*;

    #[test]
    fn items_come_in_order_and_a_closed_queue_is_emptied_first() {
        let queue = Queue::new();
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        queue.close();
        assert_eq!(queue.push(3), Err(3));
        assert_eq!(block_on(zip(queue.pop(), queue.pop())), (Some(1), Some(2)));
        assert_eq!(block_on(queue.pop()), None);
        block_on(queue.closed());
    }

    #[test]
    fn a_taker_that_gave_up_takes_nothing() {
        let queue = Queue::new();
        assert_eq!(block_on(poll_once(queue.pop())), None);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(block_on(or(async { None }, queue.pop())), None);
        assert_eq!(queue.try_pop(), Some(1));
    }

    #[test]
    fn takers_and_those_who_wait_for_room_are_woken_across_threads() {
        let queue = Arc::new(Queue::new());
        let taker = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || block_on(async { (queue.pop().await, queue.pop().await, queue.pop().await) })
        });
        for item in 0..3 {
            block_on(queue.shorter_than(1));
            assert_eq!(queue.push(item), Ok(()));
        }
        assert_eq!(taker.join().ok(), Some((Some(0), Some(1), Some(2))));
    }
}
