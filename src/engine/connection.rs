//! The transport as the engine sees it.

use alloc::boxed::Box;

use crate::wire::frame::FrameBuffer;
use crate::wire::noise::{Initiator, Opener, Sealer};

/// How far the connection at hand is. Bytes in and out pass through here; what to do next is decided by the
/// handlers in `link`.
#[derive(Debug, Default)]
pub(crate) enum Connection {
    /// None, and none wanted now.
    #[default]
    None,
    /// Asked for, not open yet.
    Dialing,
    /// Open; the handshake is to begin, or its first message is out.
    Greeting(Option<Box<Initiator>>, FrameBuffer),
    /// Transport keys are in use.
    Open(Box<(Sealer, Opener)>, FrameBuffer),
}

impl Connection {
    /// The handshake in progress.
    pub(crate) fn initiator(&self) -> Option<&Initiator> {
        match self {
            Self::Greeting(Some(initiator), _) => Some(initiator),
            _ => None,
        }
    }

    /// Whether bytes from the peer belong to it.
    pub(crate) fn frames(&mut self) -> Option<&mut FrameBuffer> {
        match self {
            Self::None | Self::Dialing => None,
            Self::Greeting(_, frames) | Self::Open(_, frames) => Some(frames),
        }
    }
}
