//! Records in memory.

use core::ops::Bound;
use std::collections::BTreeMap;

use bytes::Bytes;
use sanswire::{Batch, Table};

use crate::{Store, StoreError, check_follows};

/// Keeps records until it is dropped. For tests, and for clients that are thrown away.
///
/// A clone is a snapshot: what a client that was killed at this moment would find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self { records: BTreeMap::new() }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl Store for MemoryStore {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.records.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = self.records.range((Bound::Included((table, from.to_vec())), Bound::Unbounded));
        let of_table = rows.take_while(|((of, _), _)| *of == table);
        Ok(of_table.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let (table, key) = Batch::GENERATION_AT;
        check_follows(self.records.get(&(table, key.to_vec())), batches)?;
        for write in batches.iter().flat_map(|batch| &batch.writes) {
            let key = (write.table, write.key.clone());
            match &write.value {
                Some(value) => self.records.insert(key, value.clone()),
                None => self.records.remove(&key),
            };
        }
        Ok(())
    }
}
