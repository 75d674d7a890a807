//! What messages say: one enum of all kinds, both for sending and for what was received. Reference 06.
//!
//! [`build()`] makes the protobuf of a [`Draft`] and fills in what follows from it; [`read()`] gives the [`View`] of
//! any protobuf and never fails. [`secret`] seals and opens what travels under another message's secret.

mod build;
mod context;
mod edit;
mod envelope;
mod error;
mod key;
mod kinds;
mod names;
mod number;
mod parts;
mod reaction;
mod read;
pub mod secret;
mod slots;
mod text;
mod unwrap;

pub use build::{Building, Parent, build, needs_secret_of};
pub use context::{Ad, Context, GroupMention, NewsletterPost, Quote};
pub use edit::{Edit, Revoke};
pub use envelope::{Business, Envelope, envelope};
pub use error::ContentError;
pub use key::Key;
pub(crate) use kinds::base64_bytes;
pub use kinds::{Content, Draft, Forward, View};
pub use number::Number;
pub use parts::{Blob, Colour};
pub use reaction::{Comment, Keep, Pin, Reaction};
pub use read::read;
pub use text::{LinkPicture, LinkPreview, Text};
pub(crate) use unwrap::is_protocol;
pub use unwrap::{Flags, Unwrapped, kind, unwrap};
