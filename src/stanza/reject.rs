//! Every way in which the peer can be wrong, by layer.

use thiserror::Error;

use crate::records::RecordError;
use crate::wire::frame::FrameError;
use crate::wire::noise::{HandshakeError, NoiseError};
use crate::wire::{JidError, NodeError};

/// Something that the peer sent, or that storage held, cannot be used. `stanza::reaction` has the row that
/// says what is done about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// The framing is broken, or more unread bytes wait than a frame and a WebSocket message need.
    #[error("frame: {0}")]
    Frame(#[from] FrameError),
    /// A transport frame does not authenticate.
    #[error("transport: {0}")]
    Noise(NoiseError),
    /// The handshake failed.
    #[error("handshake: {0}")]
    Handshake(#[from] HandshakeError),
    /// A frame that is not a stanza.
    #[error("node: {0}")]
    Node(NodeError),
    /// A stanza without what its kind requires.
    #[error("stanza: {0}")]
    Stanza(#[from] StanzaError),
    /// A frame before the handshake asked for one.
    #[error("frame out of turn")]
    OutOfTurn,
    /// A record that cannot be read.
    #[error("{0}")]
    Record(RecordError),
}

/// What a stanza lacks.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StanzaError {
    /// A required attribute is absent.
    #[error("<{tag}> without {attr}")]
    MissingAttr {
        /// The element.
        tag: &'static str,
        /// The attribute.
        attr: &'static str,
    },
    /// An attribute is not a number in its range, not a JID, or not one of the known words.
    #[error("<{tag}> with unusable {attr}")]
    BadAttr {
        /// The element.
        tag: &'static str,
        /// The attribute.
        attr: &'static str,
    },
    /// A required child is absent.
    #[error("<{tag}> without <{child}>")]
    MissingChild {
        /// The element.
        tag: &'static str,
        /// The child.
        child: &'static str,
    },
    /// The content has another length or form than its kind requires.
    #[error("content of <{tag}> is unusable")]
    BadContent {
        /// The element.
        tag: &'static str,
    },
    /// The sender, the chat and the recipient do not fit together. Reference 07 §2.1.
    #[error("message source does not fit: {0}")]
    Source(&'static str),
    /// An address that is not one.
    #[error("jid: {0}")]
    Jid(#[from] JidError),
}
