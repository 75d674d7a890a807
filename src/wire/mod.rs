//! What travels on a connection: the byte stream, its encryption, and the binary nodes inside. Reference 01, 03.
//!
//! [`frame`] cuts the byte stream into frames; the first of them are handshake messages ([`noise`], with the
//! server's [`certificate`]), later ones are encrypted nodes.
//!
//! Bytes come in as [`Document`] (decoded once, read through [`NodeRef`] without copying) and go out as
//! [`Node`] (a tree, built with chained calls, written by [`encode`]). [`Jid`] names users, devices and
//! places.
//!
//! Attribute values are [`Value::Text`] or [`Value::Jid`], as the sender typed them: text is never turned
//! into a JID on the way out, and reading is liberal both ways ([`NodeRef::get`], [`NodeRef::get_jid`]).

mod address;
mod attrs;
mod bots;
pub mod certificate;
mod decode;
mod document;
mod encode;
pub mod frame;
pub mod ids;
mod inflate;
pub mod intro;
mod jid;
mod node;
pub mod noise;
mod packed;
mod phash;
mod server;
mod text;
mod token;
mod view;

pub use address::{SignalAddress, sender_key_name};
pub use attrs::{Attrs, Value};
pub use bots::{bot_of_pn, pn_of_bot};
pub use decode::NodeError;
pub use document::{Document, decode};
pub use encode::{EncodeError, encode, encode_into};
pub use jid::{Jid, JidError, OwnedJid};
pub use node::{Content, Node};
pub use phash::participant_hash;
pub use server::Server;
pub use view::{AttrIter, ContentRef, NodeIter, NodeRef};
