//! Durable storage for sanswire records: the interface, and two implementations of it.
//!
//! A client's durable state is a map from (table, key) to bytes. The client decides what is in it; a
//! [`Store`] only keeps it: [`SqliteStore`] in one file, [`MemoryStore`] until the process ends.
//!
//! Whoever writes another one runs the suite in `tests/it/store.rs` over it: both of these pass it.

#![forbid(unsafe_code)]

mod error;
mod memory;
mod sqlite;
mod witness;

use bytes::Bytes;
use sanswire::{Batch, Table};

pub use error::StoreError;
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// Where a client's records are kept. One client owns one store.
pub trait Store: Send {
    /// The value of one record, or `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when storage cannot be read.
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The first `limit` records of a table whose keys are not smaller than `from`, in ascending order of
    /// their keys as bytes.
    ///
    /// # Errors
    /// [`StoreError`] when storage cannot be read.
    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError>;

    /// Applies all batches in their order as one transaction. When it returns `Ok` they are durable: neither
    /// the end of the process nor of the power undoes them. When it returns an error, or never returns, all
    /// of them took effect or none did.
    ///
    /// What is stored must be at the generation that the first batch [follows](Batch::follows), which is looked at
    /// inside the transaction: of two clients that got hold of one storage, only one goes on.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when another client has written, any other [`StoreError`] when the batches could
    /// not be made durable. The client that made them is of no use then: make a new one from what is stored.
    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError>;

    /// The newest generation that was ever applied, as far as is known from a place that is not put back together
    /// with the records; 0 when there is no such place. It goes into
    /// [`Config::known_generation`](sanswire::Config::known_generation).
    fn known_generation(&self) -> u64 {
        0
    }
}

/// Refuses batches that do not follow each other, or not what is stored.
fn check_follows(stored: Option<&Bytes>, batches: &[Batch]) -> Result<(), StoreError> {
    let mut found = Batch::generation_in(stored);
    for batch in batches {
        if batch.follows != found {
            return Err(StoreError::Overtaken { expected: batch.follows, found });
        }
        found = batch.generation;
    }
    Ok(())
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        (**self).get(table, key)
    }

    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        (**self).scan(table, from, limit)
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        (**self).apply(batches)
    }

    fn known_generation(&self) -> u64 {
        (**self).known_generation()
    }
}
