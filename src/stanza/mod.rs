//! What all stanzas have in common: the route table, typed reading of attributes, acks, and what happens
//! when the peer is wrong. `route` is the page to read first.

mod ack;
pub(crate) mod parse;
pub(crate) mod reaction;
mod reject;
pub(crate) mod route;

pub(crate) use ack::{ack, nack};
pub use reaction::NackCode;
pub use reject::{Reject, StanzaError};
