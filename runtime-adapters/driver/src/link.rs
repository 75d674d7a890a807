//! One connection, as it lies between the driver and the sockets.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sanswire::event::DownReason;
use sanswire::{Input, Target};

use crate::driver::Wire;
use crate::queue::Queue;

/// The two directions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// To be written; closed when the connection is to be closed after that.
    pub(crate) writes: Queue<Bytes>,
    /// What came of it, for the driver.
    pub(crate) inputs: Queue<Input>,
    /// Closed when nobody is interested in it any more.
    pub(crate) given_up: Queue<()>,
}

/// The connection of the moment, and those that are to be opened.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// To be opened, in order; closed when there will be none any more.
    pub(crate) dials: Queue<(Target, Arc<Link>)>,
    current: Mutex<Option<Arc<Link>>>,
}

impl Links {
    /// The connection that the driver believes in.
    pub(crate) fn current(&self) -> Option<Arc<Link>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, link: Option<Arc<Link>>) -> Option<Arc<Link>> {
        core::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), link)
    }

    /// No connection will be opened after those that are to be closed.
    pub(crate) fn end(&self, at_once: bool) {
        if let Some(link) = self.replace(None) {
            link.writes.close();
            if at_once {
                link.given_up.close();
            }
        }
        self.dials.close();
    }
}

impl Wire for &Links {
    fn connect(&mut self, target: Target) {
        let link = Arc::new(Link::default());
        if let Some(old) = self.replace(Some(Arc::clone(&link))) {
            old.writes.close();
            old.given_up.close();
        }
        // Closed only after the driver has ended.
        drop(self.dials.push((target, link)));
    }

    fn send(&mut self, bytes: Bytes) {
        if let Some(link) = self.current() {
            // A connection that broke takes nothing more: the driver is told by its own input.
            drop(link.writes.push(bytes));
        }
    }

    fn close(&mut self, _: DownReason) {
        if let Some(link) = self.replace(None) {
            link.writes.close();
        }
    }
}
