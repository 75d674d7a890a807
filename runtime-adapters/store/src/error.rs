//! Why storage could not be opened, read or written.

use std::path::PathBuf;

use thiserror::Error;

/// A failure of storage. It names files and causes, never what a record holds.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another store of this one, has the file open.
    #[error("{} is in use by another client", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not one of ours.
    #[error("{} is not a sanswire store", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version made the file: it is left as it is.
    #[error("{} has format {found}, this version knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// The file could not be made or opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Another client has written to this storage: nothing was applied.
    #[error("storage is at generation {found} instead of {expected}: another client uses it")]
    Overtaken {
        /// Generation that the batches follow.
        expected: u64,
        /// Generation that is stored.
        found: u64,
    },
    /// There is no room for more.
    #[error("storage is full")]
    Full,
    /// The file is damaged.
    #[error("storage is damaged: {0}")]
    Damaged(String),
    /// The database failed in another way.
    #[error("storage failed: {0}")]
    Failed(String),
}
