//! What is done when the peer is wrong: one table. Reference 01 §18, 07 §3.7.

use alloc::string::ToString;
use alloc::sync::Arc;

use super::ack;
use super::reject::Reject;
use crate::engine::{Outcome, Stop, Turn, Work};
use crate::error::OpError;
use crate::event::{DownReason, Event};
use crate::link;
use crate::wire::noise::{Fault, HandshakeError};

/// Codes that a client puts into an ack. Reference 07 §3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum NackCode {
    /// The stanza could not be parsed.
    Parsing = 487,
    /// No known child.
    UnrecognizedStanza = 488,
    /// Decrypted, but not a `Message`.
    InvalidProtobuf = 491,
    /// A bot reply to a message whose secret is not known.
    MissingMessageSecret = 495,
    /// Anything else.
    Unhandled = 500,
}

impl NackCode {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reaction {
    /// Report it and go on; there is nothing that could be acked.
    Drop,
    /// Report it and ack with a code, so that the server does not send it again.
    Nack(NackCode),
    /// Report it and ack: what was not understood needs no code.
    Ack,
    /// Report it and close; a new connection follows.
    Close(DownReason),
}

/// The table.
fn reaction(work: &Work, reject: &Reject) -> Reaction {
    match reject {
        Reject::Frame(_) | Reject::Noise(_) | Reject::OutOfTurn => Reaction::Close(DownReason::Protocol),
        Reject::Handshake(HandshakeError { fault: Fault::Certificate(_), .. }) => {
            Reaction::Close(DownReason::Untrusted)
        }
        Reject::Handshake(_) => Reaction::Close(DownReason::Protocol),
        Reject::Node(_) => Reaction::Drop,
        // Left unacked: the server sends it again when storage may be readable.
        Reject::Record(_) => Reaction::Drop,
        Reject::Stanza(_) => match work {
            Work::Stanza(document) => match document.root().tag().as_ref() {
                "message" | "appdata" | "status" => Reaction::Nack(NackCode::Parsing),
                "receipt" | "notification" | "call" => Reaction::Ack,
                _ => Reaction::Drop,
            },
            _ => Reaction::Drop,
        },
    }
}

/// Runs in a turn of its own, after the one that was rejected left no trace.
pub(crate) fn react(cx: &mut Turn<'_>, work: &Work, reject: &Reject) -> Result<(), Stop> {
    let stanza = match work {
        Work::Stanza(document) => Some(document.root()),
        _ => None,
    };
    cx.emit(Event::Fault { error: reject.to_string(), stanza: stanza.map(|node| node.to_string()) });
    match work {
        Work::Answer(then, _) => {
            return Arc::clone(then).answer(cx, &Outcome::Malformed(reject.to_string()));
        }
        Work::Call(call, _) => cx.reply(*call, Err(OpError::Malformed(reject.to_string()))),
        Work::Start => link::not_started(cx)?,
        _ => {}
    }
    match (reaction(work, reject), stanza) {
        (Reaction::Nack(code), Some(stanza)) => ack::nack(cx, stanza, code),
        (Reaction::Ack, Some(stanza)) => ack::ack(cx, stanza),
        (Reaction::Close(reason), _) => link::fail(cx, reason)?,
        (Reaction::Drop | Reaction::Nack(_) | Reaction::Ack, _) => {}
    }
    Ok(())
}
