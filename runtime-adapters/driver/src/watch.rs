//! The newest value of something, for whoever looks or waits.

use core::future::{Future, poll_fn};
use core::task::{Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One value that changes. Values that nobody looked at in time are gone.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    closed: bool,
    waiting: Vec<Waker>,
}

impl<T: Copy + PartialEq> Watch<T> {
    /// The value from now on; `None` when there is none.
    pub(crate) fn set(&self, value: Option<T>) {
        let mut state = self.lock();
        if state.value != value {
            state.value = value;
            wake(state);
        }
    }

    /// No more values come.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// The value as it is.
    pub(crate) fn get(&self) -> Option<T> {
        self.lock().value
    }

    /// Waits for a value that fits, which may be there already; `None` when no more come.
    pub(crate) fn until(&self, fits: impl Fn(&T) -> bool + Send) -> impl Future<Output = Option<T>> + Send
    where
        T: Send,
    {
        poll_fn(move |cx| {
            let mut state = self.lock();
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            let (value, closed) = (state.value, state.closed);
            // What the caller asks may look at this value again.
            drop(state);
            match value.filter(&fits) {
                Some(value) => Poll::Ready(Some(value)),
                None if closed => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs between two changes under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake<T>(mut state: MutexGuard<'_, State<T>>) {
    let waiting = core::mem::take(&mut state.waiting);
    drop(state);
    waiting.into_iter().for_each(Waker::wake);
}

impl<T> Default for Watch<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { value: None, closed: false, waiting: Vec::new() }) }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once, zip};

    use super::*;

    #[test]
    fn who_waits_gets_the_first_value_that_fits() {
        let watch = Watch::default();
        assert_eq!(watch.get(), None);
        watch.set(Some(1));
        let mut waiting = core::pin::pin!(watch.until(|value| *value > 2));
        assert_eq!(block_on(poll_once(waiting.as_mut())), None);
        watch.set(Some(2));
        assert_eq!(block_on(poll_once(waiting.as_mut())), None);
        let found = block_on(zip(waiting, async { watch.set(Some(3)) })).0;
        assert_eq!((found, watch.get()), (Some(3), Some(3)));
    }

    #[test]
    fn who_waits_may_look_at_the_value_meanwhile() {
        let watch = Watch::default();
        watch.set(Some(1));
        assert_eq!(block_on(watch.until(|value| watch.get() == Some(*value))), Some(1));
    }

    #[test]
    fn waiting_ends_with_the_values() {
        let watch = Watch::<u8>::default();
        let found = block_on(zip(watch.until(|_| true), async { watch.close() })).0;
        assert_eq!(found, None);
        watch.set(Some(1));
        assert_eq!(block_on(watch.until(|_| true)), Some(1), "the last one stays");
    }
}
