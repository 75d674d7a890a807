//! Why a client cannot begin or go on.

use sanswire::Misuse;
use sanswire_store::StoreError;
use thiserror::Error;

/// The client is over. Nothing durable is lost: a new one over the same store goes on where this one ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DriverError {
    /// Storage failed: what was not durable yet was not shown to anybody.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration is not acceptable, or the driver was used against the contract.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The operating system gave no random seed.
    #[error("no randomness from the operating system")]
    Seed,
    /// The machine asks for something that this version of the driver does not know.
    #[error("the core asks for something unknown")]
    UnknownOutput,
    /// The driver failed before, or was shut down.
    #[error("the client is over")]
    Over,
}
