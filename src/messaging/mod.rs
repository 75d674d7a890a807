//! Messages between users: out through the outbox, in through the inbox. Reference 05, 07.
//!
//! Sending is a machine over records: `outbox::advance` looks at one queued message and takes the next step
//! that it can take (ask for devices, ask for keys, encrypt and send), so a restart or a reconnect only has to
//! look again. Receiving is one turn per stanza.

pub(crate) mod acked;
mod addons;
mod arrive;
mod audience;
mod bot;
pub(crate) mod fanout;
mod form;
mod group_keys;
mod group_send;
mod ignore;
pub(crate) mod inbox;
mod mark_read;
pub(crate) mod media_retry;
mod newsletter;
mod open;
pub(crate) mod outbox;
mod own_event;
mod perspective;
mod phone;
pub(crate) mod placeholder;
mod protocol;
pub(crate) mod receipts;
pub(crate) mod receive;
pub(crate) mod recipients;
pub(crate) mod retry_in;
pub(crate) mod retry_out;
mod secrets;
mod send;
pub(crate) mod shown;
pub(crate) mod source;
mod state;
mod status;

pub use audience::{Audience, AudienceKind};
pub use mark_read::{MarkPlayed, MarkRead};
pub use send::{SendMessage, Sent};
