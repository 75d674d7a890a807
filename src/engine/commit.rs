//! Making a turn take effect: the batch first, then frames, then events and replies.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::StoreMeta;

use super::connection::Connection;
use super::request::Outcome;
use super::run::Engine;
use super::turn::{Effects, LinkEffect};
use super::work::Work;
use crate::event::{DownReason, Envelope};
use crate::output::{Batch, Output, Write};
use crate::timer::Timer;
use crate::wire::frame::FrameBuffer;

impl Engine {
    /// Applies what a turn did, in write-ahead order.
    pub(super) fn commit(&mut self, writes: Vec<Write>, effects: Effects) {
        self.turn += 1;
        self.next_id = effects.next_id;
        self.next_event = effects.next_event;
        for change in effects.memory {
            change(&mut self.memory);
        }
        if effects.fence || !writes.is_empty() {
            self.store(writes);
        }
        for (request, then) in effects.asks {
            self.requests.insert(request, then);
        }
        for (timer, at) in effects.timers {
            match at {
                Some(at) => self.timers.insert(timer, at),
                None => self.timers.remove(&timer),
            };
        }
        self.queue.extend(effects.schedule);
        for effect in effects.link {
            self.apply_link(effect);
        }
        for emitted in effects.events {
            let envelope = Envelope {
                id: emitted.id,
                repeated: emitted.repeated,
                at: self.now.unix,
                event: emitted.event,
            };
            self.outputs.push_back(Output::Event(Box::new(envelope)));
        }
        for (call, result) in effects.replies {
            self.outputs.push_back(Output::Reply(call, result));
        }
    }

    fn store(&mut self, writes: Vec<Write>) {
        let memory = &mut self.memory;
        memory.generation += 1;
        let epoch = Some(memory.epoch).filter(|epoch| *epoch > 0);
        let meta = StoreMeta { generation: Some(memory.generation), epoch };
        let batch = Batch::with_meta(memory.stored, &meta, writes);
        memory.stored = memory.generation;
        for write in &batch.writes {
            self.cache.put((write.table, write.key.clone()), write.value.clone());
        }
        self.outputs.push_back(Output::Store(batch));
    }

    fn apply_link(&mut self, effect: LinkEffect) {
        match effect {
            LinkEffect::Raw(bytes) => {
                if matches!(self.connection, Connection::Greeting(..)) {
                    self.outputs.push_back(Output::Send(bytes.into()));
                }
            }
            LinkEffect::Stanza(plaintext) => self.seal(plaintext),
            LinkEffect::Greet(initiator) => {
                if let Connection::Greeting(slot, _) = &mut self.connection {
                    *slot = Some(initiator);
                }
            }
            LinkEffect::Encrypt(keys) => {
                if let Some(frames) = self.connection.frames() {
                    let frames = core::mem::replace(frames, FrameBuffer::new());
                    self.connection = Connection::Open(keys, frames);
                }
            }
            LinkEffect::Dial => {
                self.connection = Connection::Dialing;
                self.outputs.push_back(Output::Connect(self.config.target.clone()));
            }
            LinkEffect::HangUp(reason) => {
                self.drop_connection();
                self.cache.settle();
                self.outputs.push_back(Output::Disconnect(reason));
            }
        }
    }

    /// Seals one stanza; without a connection it is dropped, as everything that must arrive is in a record.
    fn seal(&mut self, plaintext: Vec<u8>) {
        let Connection::Open(keys, _) = &mut self.connection else { return };
        let mut frame = Vec::new();
        match keys.0.seal_into(&plaintext, &mut frame) {
            Ok(()) => {
                if let Some(trace) = &mut self.trace {
                    trace.saw(true, plaintext.into(), self.outputs.len());
                }
                self.outputs.push_back(Output::Send(Bytes::from(frame)));
            }
            // Counters are used up, or the stanza exceeds a frame: the connection is of no use any more.
            Err(_) => {
                self.drop_connection();
                self.queue.push_back(Work::Closed);
                self.outputs.push_back(Output::Disconnect(DownReason::Protocol));
            }
        }
    }

    /// Forgets the connection; what waits for an answer over it gets to know.
    pub(super) fn drop_connection(&mut self) {
        self.connection = Connection::None;
        for (request, then) in core::mem::take(&mut self.requests) {
            self.timers.remove(&Timer::Request(request));
            self.queue.push_back(Work::Answer(then, Outcome::Disconnected));
        }
    }
}
