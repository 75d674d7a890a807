//! Why a handshake failed, by cause, with the pattern that was in force. Reference 01 §18.

use thiserror::Error;

use crate::crypto::aead::AeadError;
use crate::wire::certificate::CertificateError;

use super::symmetric::Pattern;

/// A handshake that ended without a connection. Holds no key, and nothing the peer encrypted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{pattern:?} handshake: {fault}")]
pub struct HandshakeError {
    /// The pattern in force when it failed.
    pub pattern: Pattern,
    /// What was wrong.
    #[source]
    pub fault: Fault,
}

impl HandshakeError {
    /// The name of the error class in the protocol reference (01 §18), for reports and for known answers.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        self.fault.class()
    }

    /// Whether the cached server chain has to be deleted, so that the next attempt is `XX`: true for every
    /// failure of `IK` itself, false once the server had fallen back. Reference 01 §5.4.
    #[must_use]
    pub const fn spoils_cached_chain(&self) -> bool {
        matches!(self.pattern, Pattern::Ik)
    }
}

/// What was wrong with a handshake message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A ciphertext does not open: altered, or made with other keys.
    #[error("ciphertext does not open")]
    Aead,
    /// The server's certificate chain is not good for its static key.
    #[error("server certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// An ephemeral key has this many bytes instead of 32.
    #[error("ephemeral key has {0} bytes")]
    EphemeralLength(usize),
    /// A public key of the peer is a point of low order.
    #[error("key agreement with a low-order point")]
    LowOrder,
    /// The message lacks a part that this step needs.
    #[error("message has no {0:?}")]
    Missing(Part),
    /// The message is not a protobuf `HandshakeMessage`.
    #[error("message is not protobuf")]
    Proto,
    /// A static key has this many bytes once decrypted, instead of 32.
    #[error("static key has {0} bytes")]
    StaticLength(usize),
}

impl Fault {
    /// As [`HandshakeError::class`].
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Aead => "aead",
            Self::Certificate(error) => error.class(),
            Self::EphemeralLength(_) => "ephemeral_length",
            Self::LowOrder => "low_order",
            Self::Missing(_) => "missing_field",
            Self::Proto => "proto",
            Self::StaticLength(_) => "static_length",
        }
    }

    /// The error of a handshake that ran `pattern`.
    pub(super) const fn during(self, pattern: Pattern) -> HandshakeError {
        HandshakeError { pattern, fault: self }
    }
}

impl From<AeadError> for Fault {
    fn from(_: AeadError) -> Self {
        Self::Aead
    }
}

/// A part of a handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The `clientHello` itself.
    ClientHello,
    /// The `serverHello` itself.
    ServerHello,
    /// The `clientFinish` itself.
    ClientFinish,
    /// The ephemeral public key.
    Ephemeral,
    /// The encrypted static public key.
    Static,
    /// The encrypted payload: client payload or certificate chain.
    Payload,
}
