//! The Noise handshake of WhatsApp Web, and the encrypted transport after it. Reference 01 §5.
//!
//! [`Initiator`] is the client, [`Responder`] the server; both end in a [`Transport`]. Messages are the bodies
//! of frames: [`super::frame`] cuts them from the byte stream, [`super::intro`] goes before the first.
//! Nothing here draws randomness or reads a clock: ephemeral keys and the time are arguments. The fields of
//! the extended and post-quantum handshakes are never set, and ignored when they come.

mod error;
mod initiator;
mod message;
mod responder;
mod symmetric;
mod transport;

pub use error::{Fault, HandshakeError, Part};
pub use initiator::{Established, Initiator};
pub use responder::{Answered, Arrived, AwaitClientFinish, Responder, Resumption};
pub use symmetric::{Pattern, Symmetric};
pub use transport::{NoiseError, Opener, Sealer, Transport};
