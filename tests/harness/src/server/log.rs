//! What the server took and what phones heard, for worlds that check that nothing got lost.

use sanswire::wire::{Jid, OwnedJid};

use super::DeviceRef;

/// One thing that a checker wants to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A message was accepted, with the devices that it was not accepted for before.
    Took {
        /// The device that wrote it.
        from: DeviceRef,
        /// The stanza's id.
        id: String,
        /// The recipient, without device, in the sender's form; or the group.
        chat: OwnedJid,
        /// Grows with every message accepted.
        order: u64,
        /// Every device that it was handed to.
        to: Vec<DeviceRef>,
    },
    /// A message was accepted once more, for a device that had asked for it.
    Resent {
        /// The device that wrote it.
        from: DeviceRef,
        /// The stanza's id.
        id: String,
        /// The device that asked.
        to: DeviceRef,
    },
    /// A phone decrypted a message.
    Heard {
        /// The phone.
        by: DeviceRef,
        /// The device that wrote it.
        from: DeviceRef,
        /// The stanza's id.
        id: String,
    },
}

/// What happened and was not read yet. Empty unless somebody asked for it: a server that runs for long must
/// not grow.
#[derive(Debug, Default)]
pub(crate) struct Log {
    kept: bool,
    order: u64,
    unread: Vec<Happening>,
}

impl Log {
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }

    pub(crate) fn read(&mut self) -> Vec<Happening> {
        core::mem::take(&mut self.unread)
    }

    pub(crate) fn took(&mut self, from: DeviceRef, id: String, to: &Jid<'_>, devices: Vec<DeviceRef>) {
        if self.kept && !devices.is_empty() {
            self.order += 1;
            let chat = to.bare().into_owned();
            self.unread.push(Happening::Took { from, id, chat, order: self.order, to: devices });
        }
    }

    pub(crate) fn resent(&mut self, from: DeviceRef, id: &str, to: DeviceRef) {
        if self.kept {
            self.unread.push(Happening::Resent { from, id: id.to_owned(), to });
        }
    }

    pub(crate) fn heard(&mut self, by: DeviceRef, from: DeviceRef, id: &str) {
        if self.kept {
            self.unread.push(Happening::Heard { by, from, id: id.to_owned() });
        }
    }
}

impl super::Server {
    /// Keeps what happens for [`read_log`](Self::read_log) from here on.
    pub fn keep_log(&mut self) {
        self.log.keep();
    }

    /// What happened since the last call.
    pub fn read_log(&mut self) -> Vec<Happening> {
        self.log.read()
    }
}
