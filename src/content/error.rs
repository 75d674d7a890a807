//! Why content cannot be sent, or an add-on not be opened. Reference 06 §13.

use alloc::string::String;

use thiserror::Error;

/// Why a draft cannot become a message, or what was sealed under a message's secret cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentError {
    /// Something that the kind needs is empty or was left out: fill it in.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text or list is longer than is sent: shorten it.
    #[error("{what} is too long: at most {limit}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// The largest length, in bytes of a text or entries of a list.
        limit: usize,
    },
    /// A value is outside of what clients understand.
    #[error("{what}: {why}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// This kind is received, but never sent by a normal account.
    #[error("{0} cannot be sent")]
    NotSendable(&'static str),
    /// This kind has no place for a quote or mentions: send it without.
    #[error("{0} cannot quote or mention")]
    NoContext(&'static str),
    /// The bytes are not a protobuf `Message`, or hold no content.
    #[error("{0} is not a message")]
    NotAMessage(&'static str),
    /// The secret of the message that an add-on belongs to is not known: it was never received.
    #[error("the secret of message {0} is not known")]
    NoSecret(String),
    /// The sealed bytes have no valid form: an iv that is not 12 bytes, or fewer bytes than a tag.
    #[error("sealed content is malformed")]
    Malformed,
    /// The sealed bytes do not open under this secret and these identities: try the users' other addresses.
    #[error("sealed content does not open")]
    Sealed,
}
