//! Attempts at pairing that are under way: what a client knows of them only while it runs. Reference 02 §3, §4.

use alloc::string::String;
use alloc::sync::Arc;

use super::code::{Attempt, LinkCode};
use super::passkey::{PrimaryIdentity, Prologue};
use crate::crypto::KeyPair;
use crate::now::Mono;

/// A link code that the user may type into the phone. Its secrets are wiped when it goes.
#[derive(Clone, Debug)]
pub(crate) struct CodeAttempt {
    /// The code.
    pub(crate) code: LinkCode,
    /// Digits of the phone number.
    pub(crate) number: String,
    /// The pair whose public half the phone gets under the code; its public key also names the attempt.
    pub(crate) ephemeral: KeyPair,
    /// The server's reference, and how often the code was used.
    pub(crate) used: Attempt,
    /// When the code was made.
    pub(crate) since: Mono,
}

/// A passkey that the server wants to see before a phone may link this device.
#[derive(Clone, Debug)]
pub(crate) struct PasskeyAttempt {
    /// Tells this attempt from earlier ones.
    pub(crate) number: u32,
    /// How far it is.
    pub(crate) stage: PasskeyStage,
}

/// The steps of an attempt with a passkey, in their order.
#[derive(Clone, Debug)]
pub(crate) enum PasskeyStage {
    /// The application has the server's request.
    Wanted,
    /// It has answered; the server is asked for a reference.
    Answered,
    /// The phone has been sent our commitment.
    Opened(Arc<Prologue>),
    /// The phone has answered, and what the commitment hides is on its way.
    Revealed(Arc<Prologue>, PrimaryIdentity),
    /// The user compares codes.
    Shown(Arc<Prologue>, PrimaryIdentity),
    /// The user has said that they are the same.
    Confirmed,
}

impl PasskeyStage {
    /// Whether the phone has answered: a failure from here on is one of the continuation.
    pub(crate) const fn is_continued(&self) -> bool {
        matches!(self, Self::Revealed(..) | Self::Shown(..) | Self::Confirmed)
    }
}
