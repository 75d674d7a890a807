//! Why a message, a bundle or a send was refused. Reference 04 §13.

use thiserror::Error;

use crate::crypto::CurveError;

/// How the bytes of a message break its wire form.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireFault {
    /// The message ends within its version byte, a field or its MAC.
    #[error("message ends early")]
    Truncated,
    /// A field key or length is not a protobuf varint.
    #[error("varint is longer than 10 bytes")]
    Varint,
    /// Field number 0, or a wire type that protobuf does not have.
    #[error("field key {0} is not protobuf")]
    FieldKey(u64),
    /// A known field has another wire type than its own.
    #[error("field {0} has the wrong wire type")]
    WireType(u32),
    /// A field that the message cannot do without is absent.
    #[error("field {0} is missing")]
    Missing(u32),
    /// A key does not have the length of its kind.
    #[error("field {0} has the wrong length")]
    Length(u32),
}

/// What is wrong with the first byte of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum VersionFault {
    Missing,
    Other(u8),
}

/// Why a received message was not decrypted. Nothing has changed then.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptError {
    /// The MAC is right in none of the sessions.
    #[error("mac does not match")]
    BadMac,
    /// The message is of another protocol version than 3.
    #[error("message version byte is {0:#04x}")]
    BadVersion(u8),
    /// The message's key was used already: it arrived before.
    #[error("message {counter} was received before")]
    DuplicateMessage {
        /// Position of the message in its chain.
        counter: u32,
    },
    /// The message lies further ahead than [`SIGNAL_JUMP_MAX`](crate::limits::SIGNAL_JUMP_MAX).
    #[error("message {counter} is too far ahead of {next}")]
    FutureMessage {
        /// Position of the message in its chain.
        counter: u32,
        /// Position that was expected next.
        next: u32,
    },
    /// A public key in the message is malformed or a low-order point.
    #[error("key in message: {0}")]
    InvalidKey(CurveError),
    /// The MAC is right, but length or padding of the ciphertext is not.
    #[error("ciphertext does not decrypt")]
    InvalidMessage,
    /// The message names a one-time prekey that we do not have (any more).
    #[error("one-time prekey {0} is unknown")]
    InvalidPreKeyId(u32),
    /// The message names a signed prekey that we do not have.
    #[error("signed prekey {0} is unknown")]
    InvalidSignedPreKeyId(u32),
    /// The bytes are not a message.
    #[error("malformed message: {0}")]
    Malformed(WireFault),
    /// There is no session with the sender.
    #[error("no session")]
    NoSession,
}

impl DecryptError {
    /// The class of the failure table (reference 04 §13), by which reactions and vectors name it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::BadMac => "BadMac",
            Self::BadVersion(_) => "BadVersion",
            Self::DuplicateMessage { .. } => "DuplicateMessage",
            Self::FutureMessage { .. } => "FutureMessage",
            Self::InvalidKey(_) => "InvalidKey",
            Self::InvalidMessage => "InvalidMessage",
            Self::InvalidPreKeyId(_) => "InvalidPreKeyId",
            Self::InvalidSignedPreKeyId(_) => "InvalidSignedPreKeyId",
            Self::Malformed(_) => "Malformed",
            Self::NoSession => "NoSession",
        }
    }
}

impl From<CurveError> for DecryptError {
    fn from(error: CurveError) -> Self {
        Self::InvalidKey(error)
    }
}

impl From<WireFault> for DecryptError {
    fn from(fault: WireFault) -> Self {
        Self::Malformed(fault)
    }
}

impl From<VersionFault> for DecryptError {
    fn from(fault: VersionFault) -> Self {
        match fault {
            VersionFault::Missing => Self::Malformed(WireFault::Truncated),
            VersionFault::Other(version) => Self::BadVersion(version),
        }
    }
}

/// Why a group message was not encrypted or decrypted, or a sender key not taken. Nothing has changed then.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupError {
    /// The message is of another protocol version than 3.
    #[error("message version byte is {0:#04x}")]
    BadVersion(u8),
    /// Our sender key has given its last iteration; a new one is needed.
    #[error("sender key is used up")]
    ChainExhausted,
    /// The message's key was used already.
    #[error("message {iteration} was received before")]
    DuplicateMessage {
        /// Position of the message in its chain.
        iteration: u32,
    },
    /// The message is older than what the member handed out: it was never readable here.
    #[error("message {iteration} is older than the sender key, which starts at {first}")]
    EarlierMessage {
        /// Position of the message in its chain.
        iteration: u32,
        /// Position that the key was handed out at.
        first: u32,
    },
    /// The message lies further ahead than [`SIGNAL_JUMP_MAX`](crate::limits::SIGNAL_JUMP_MAX).
    #[error("message {iteration} is too far ahead of {next}")]
    FutureMessage {
        /// Position of the message in its chain.
        iteration: u32,
        /// Position that was expected next.
        next: u32,
    },
    /// The signing key is malformed.
    #[error("key in message: {0}")]
    InvalidKey(CurveError),
    /// The signature is right, but length or padding of the ciphertext is not.
    #[error("ciphertext does not decrypt")]
    InvalidMessage,
    /// The message is not signed by the owner of the sender key.
    #[error("signature of the message does not verify")]
    InvalidSignature,
    /// The bytes are not a message.
    #[error("malformed message: {0}")]
    Malformed(WireFault),
    /// The member has not handed out the key that the message names; or we have made none of our own.
    #[error("no sender key")]
    NoSenderKey,
}

impl GroupError {
    /// The class of the failure table (reference 04 §13), by which reactions and vectors name it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::BadVersion(_) => "BadVersion",
            Self::ChainExhausted => "ChainExhausted",
            // Other libraries make no difference.
            Self::DuplicateMessage { .. } | Self::EarlierMessage { .. } => "DuplicateMessage",
            Self::FutureMessage { .. } => "FutureMessage",
            Self::InvalidKey(_) => "InvalidKey",
            Self::InvalidMessage => "InvalidMessage",
            Self::InvalidSignature => "InvalidSignature",
            Self::Malformed(_) => "Malformed",
            Self::NoSenderKey => "NoSenderKey",
        }
    }
}

impl From<CurveError> for GroupError {
    fn from(error: CurveError) -> Self {
        Self::InvalidKey(error)
    }
}

impl From<WireFault> for GroupError {
    fn from(fault: WireFault) -> Self {
        Self::Malformed(fault)
    }
}

impl From<VersionFault> for GroupError {
    fn from(fault: VersionFault) -> Self {
        match fault {
            VersionFault::Missing => Self::Malformed(WireFault::Truncated),
            VersionFault::Other(version) => Self::BadVersion(version),
        }
    }
}

/// Why a session was not started or a message not encrypted. Nothing has changed then.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalError {
    /// The sending chain has given its last index; only a new session helps.
    #[error("sending chain is used up")]
    ChainExhausted,
    /// A public key of the bundle is a low-order point.
    #[error("key in bundle: {0}")]
    InvalidKey(CurveError),
    /// The bundle's signed prekey is not signed by its identity.
    #[error("signature of the signed prekey does not verify")]
    InvalidSignature,
    /// There is no session to encrypt with.
    #[error("no session")]
    NoSession,
}

impl SignalError {
    /// The class of the failure table (reference 04 §13), by which vectors name it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::ChainExhausted => "ChainExhausted",
            Self::InvalidKey(_) => "InvalidKey",
            Self::InvalidSignature => "InvalidSignature",
            Self::NoSession => "NoSession",
        }
    }
}

impl From<CurveError> for SignalError {
    fn from(error: CurveError) -> Self {
        Self::InvalidKey(error)
    }
}
