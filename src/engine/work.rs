//! What a turn can be about.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::request::{Continuation, Outcome};
use crate::error::OpError;
use crate::event::EventId;
use crate::ops::{CallId, Operation};
use crate::stanza::Reject;
use crate::timer::Timer;
use crate::wire::{Document, OwnedJid};

/// One work item; turns run in the order in which items come.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// The client was made: find out what storage holds.
    Start,
    /// The connection is open.
    Connected,
    /// The connection ended.
    Closed,
    /// A frame that came before the transport keys.
    Handshake(Bytes),
    /// A stanza.
    Stanza(Arc<Document>),
    /// The outcome of a request.
    Answer(Arc<dyn Continuation>, Outcome),
    /// The peer broke the transport, or sent a frame that is no stanza.
    Broken(Reject),
    /// A timer fired.
    Timer(Timer),
    /// The application asks.
    Call(CallId, Operation),
    /// The application confirmed an event.
    Seen(EventId),
    /// Go on with the queued message of this sequence number.
    Advance(u64),
    /// Device lists or bundles have come: look again at what waits for them.
    Wake,
    /// Fail what is queued for users whose devices cannot be found out.
    FailSends(Vec<OwnedJid>, OpError),
    /// A user was set up anew: new sender keys are due in the groups from this record on.
    RetireKeys(OwnedJid, Vec<u8>),
    /// What is known of groups is out of date, from this record on.
    ForgetGroups(Vec<u8>),
    /// A new session is ready: send everything that has no ack.
    Resume,
    /// Make a new connection: the server gives what it kept only then.
    Reconnect,
    /// The server runs low on our prekeys.
    RefillPrekeys,
    /// Compare what the server has of our keys.
    CheckPrekeys,
    /// The application wants the connection closed for good.
    Shutdown,
}
