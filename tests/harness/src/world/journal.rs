//! Everything that happened in a world, in order, with a digest that two equal runs share.

use core::fmt::Write as _;

use sanswire::crypto::mac::sha256;
use sanswire::event::{Envelope, EventId};
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::wire::OwnedJid;
use sanswire::{Mono, OpError, Table};

use super::Who;
use crate::clock::Time;
use crate::server::DeviceRef;

/// What happened, oldest first. Checkers read it after a run.
#[derive(Debug)]
pub struct Journal {
    entries: Vec<Entry>,
    digest: [u8; 32],
    kept: bool,
    text: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub fact: Fact,
}

/// What can happen in a world.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A client was made over what its storage holds. Lives count from 1.
    Started {
        /// Which client.
        who: Who,
        /// Its how-manieth life this is.
        life: u32,
    },
    /// A client's process ended without a word.
    Crashed {
        /// Which client.
        who: Who,
        /// The life that ended.
        life: u32,
    },
    /// A client was handed an input.
    Fed {
        /// Which client.
        who: Who,
        /// The kind of input.
        input: &'static str,
    },
    /// The application called an operation.
    Called {
        /// Which client.
        who: Who,
        /// The life that took the call.
        life: u32,
        /// The call.
        call: CallId,
        /// What was asked for.
        operation: Operation,
    },
    /// The application got the answer of a call.
    Replied {
        /// Which client.
        who: Who,
        /// The life that answers.
        life: u32,
        /// The call.
        call: CallId,
        /// The answer.
        result: Result<Answer, OpError>,
    },
    /// The application was handed an event.
    Shown {
        /// Which client.
        who: Who,
        /// The life that handed it out.
        life: u32,
        /// The event.
        envelope: Box<Envelope>,
    },
    /// The application's confirmation of an event reached the client.
    Confirmed {
        /// Which client.
        who: Who,
        /// The event.
        event: EventId,
    },
    /// A batch became durable.
    Stored {
        /// Which client.
        who: Who,
        /// The batch's number.
        generation: u64,
        /// The tables it wrote to, once per write.
        tables: Vec<Table>,
        /// Bytes of keys and values.
        bytes: usize,
        /// Kept events that it removed, as they were confirmed.
        forgot: Vec<EventId>,
        /// Ids of the messages whose events it keeps until they are confirmed.
        kept: Vec<String>,
    },
    /// Storage refused a batch; the client was dropped.
    StoreFailed {
        /// Which client.
        who: Who,
    },
    /// An older copy of a client's storage was put back.
    PutBack {
        /// Which client.
        who: Who,
        /// Ids of the messages that it had sent, or begun to, and that the copy knows nothing of: it cannot send
        /// them again.
        unsent: Vec<String>,
    },
    /// A client wrote to its connection.
    Sent {
        /// Which client.
        who: Who,
        /// How many bytes.
        bytes: usize,
    },
    /// A client said that it has nothing more to do.
    Waited {
        /// Which client.
        who: Who,
        /// When it wants to be woken.
        deadline: Option<Mono>,
        /// A load has not been answered.
        loading: bool,
    },
    /// The server accepted a message. Listed are the devices that it had not accepted this message for
    /// before; neither resends to one device nor messages to the own phone count.
    Took {
        /// The device that wrote it.
        from: DeviceRef,
        /// The stanza's id.
        id: String,
        /// The recipient, without device, in the sender's form.
        chat: OwnedJid,
        /// Grows with every message accepted.
        order: u64,
        /// Every device with a ciphertext of its own.
        to: Vec<DeviceRef>,
    },
    /// The server accepted a message once more for a device that had asked its author for it.
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
    /// A fault struck.
    Struck {
        /// Which, and whom.
        fault: String,
    },
}

impl Default for Journal {
    fn default() -> Self {
        Self { entries: Vec::new(), digest: [0; 32], kept: true, text: String::new() }
    }
}

impl Journal {
    /// What happened so far; empty when nothing is kept.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// SHA-256 chained over every entry and over every byte that clients sent and stored.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Keeps no entries and counts no digest from here on: for worlds that only measure.
    pub fn close(&mut self) {
        self.kept = false;
    }

    /// Writes that a client waits, unless that is the last that was heard of it at this moment.
    pub(super) fn note_wait(&mut self, at: Time, fact: Fact) {
        if self.entries.last().is_none_or(|last| last.at != at || last.fact != fact) {
            self.note(at, fact, &[]);
        }
    }

    /// Writes one entry; `bytes` go into the digest only.
    pub(super) fn note(&mut self, at: Time, fact: Fact, bytes: &[u8]) {
        if !self.kept {
            return;
        }
        self.text.clear();
        // Formatting into a string cannot fail.
        let _ = write!(self.text, "{} {fact:?}", at.0);
        self.digest = sha256(&[&self.digest, self.text.as_bytes(), bytes]);
        self.entries.push(Entry { at, fact });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_every_entry_and_every_byte() {
        let digest = |facts: &[(&str, &[u8])]| {
            let mut journal = Journal::default();
            for (fault, bytes) in facts {
                journal.note(Time(1), Fact::Struck { fault: (*fault).to_owned() }, bytes);
            }
            journal.digest()
        };
        assert_eq!(digest(&[("a", b""), ("b", b"x")]), digest(&[("a", b""), ("b", b"x")]));
        assert_ne!(digest(&[("a", b""), ("b", b"x")]), digest(&[("b", b"x"), ("a", b"")]));
        assert_ne!(digest(&[("a", b"x")]), digest(&[("a", b"y")]));
    }
}
