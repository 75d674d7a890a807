//! What messages say: one enum of all kinds, both for sending and for what was received. Reference 06.
//!
//! [`build()`] makes the protobuf of a [`Draft`] and fills in what follows from it; [`read()`] gives the [`View`] of
//! any protobuf and never fails; [`envelope()`] says what the stanza around it says. [`secret`] seals and opens what
//! travels under another message's secret, [`report`] computes the token with which a message can be reported,
//! [`tally`] adds up votes, answers, reactions and receipts.

mod bot;
mod build;
mod calendar;
mod commerce;
mod context;
mod edit;
mod envelope;
mod error;
mod interactive;
mod invite;
mod key;
mod kinds;
mod media;
mod names;
mod notice;
mod number;
mod parts;
mod place;
mod poll;
mod reaction;
mod read;
mod reply;
pub mod report;
pub mod secret;
mod settings;
mod slots;
mod sticker;
pub mod tally;
mod text;
mod unwrap;

pub use bot::{BotPrompt, bot_called, copy_for_bot};
pub use build::{Building, Parent, build, needs_secret_of};
pub use calendar::{Answer, CalendarEvent, EventInvite, EventResponse};
pub use commerce::{Invoice, Order, Payment, Product};
pub use context::{Ad, Context, GroupMention, NewsletterPost, Quote};
pub use edit::{Edit, Revoke};
pub use envelope::{Business, Envelope, envelope};
pub use error::ContentError;
pub use interactive::{Button, Buttons, FlowButton, Interactive, List, ListRow, ListSection};
pub use invite::{GroupInvite, NewsletterInvite};
pub use key::Key;
pub(crate) use kinds::base64_bytes;
pub use kinds::{Content, Draft, Forward, View};
pub use media::{Album, Audio, Document, Image, MediaFile, Video};
pub use notice::{BotAnswer, CallLog, HistoryShare, QuestionAnswer, ScheduledCall, StatusNotice};
pub use number::Number;
pub use parts::{Blob, Colour};
pub use place::{Contact, Contacts, LiveLocation, Location};
pub use poll::{Poll, PollOption, PollResult, PollVote, option_hash};
pub use reaction::{Comment, Keep, Pin, Reaction};
pub use read::read;
pub use reply::{ButtonReply, InteractiveReply, ListReply};
pub use settings::{Disappearing, LimitSharing, MemberLabel, Protocol};
pub use sticker::{PackedSticker, Sticker, StickerPack};
pub use text::{LinkPicture, LinkPreview, Text};
pub(crate) use unwrap::is_protocol;
pub use unwrap::{Flags, Unwrapped, kind, unwrap};
