//! One transaction over records: reads see its own writes, and nothing takes effect before the end.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use bytes::Bytes;

use super::cache::Cache;
use super::table::Table;
use crate::output::{Want, Write};

/// A record's place.
pub(crate) type Key = (Table, Vec<u8>);

/// The rows of one scan.
pub(crate) type Rows = Vec<(Vec<u8>, Bytes)>;

/// What storage has answered for the work item at hand; kept until that item is done, so that a cache
/// budget of nothing still makes progress.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) values: BTreeMap<Key, Option<Bytes>>,
    pub(crate) scans: Vec<(Want, Rows)>,
}

/// The reads and writes of one turn.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    cache: &'a Cache,
    loaded: &'a Loaded,
    writes: BTreeMap<Key, Option<Bytes>>,
    wanted: Vec<Want>,
    /// The keys among them: a group has thousands.
    missing: BTreeSet<Key>,
}

/// The record is not at hand: the transaction is dropped, loads, and runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing;

impl<'a> Transaction<'a> {
    pub(crate) const fn new(cache: &'a Cache, loaded: &'a Loaded) -> Self {
        Self { cache, loaded, writes: BTreeMap::new(), wanted: Vec::new(), missing: BTreeSet::new() }
    }

    /// The record's bytes, or its absence.
    pub(crate) fn get(&mut self, key: &Key) -> Result<Option<Bytes>, Missing> {
        if let Some(value) = self.writes.get(key).or_else(|| self.loaded.values.get(key)) {
            return Ok(value.clone());
        }
        if let Some(value) = self.cache.get(key) {
            return Ok(value.cloned());
        }
        if self.missing.insert(key.clone()) {
            self.wanted.push(Want::Get { table: key.0, key: key.1.clone() });
        }
        Err(Missing)
    }

    /// Rows of a table as storage has them: this transaction's own writes are not in them, so scan first.
    pub(crate) fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Rows, Missing> {
        let want = Want::Scan { table, from: from.to_vec(), limit };
        if let Some((_, rows)) = self.loaded.scans.iter().find(|(scan, _)| *scan == want) {
            return Ok(rows.clone());
        }
        if !self.wanted.contains(&want) {
            self.wanted.push(want);
        }
        Err(Missing)
    }

    pub(crate) fn set(&mut self, key: Key, value: Option<Bytes>) {
        self.writes.insert(key, value);
    }

    /// The writes in order of key, leaving out nothing.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        self.writes.into_iter().map(|((table, key), value)| Write { table, key, value }).collect()
    }

    /// What was found missing, in the order in which it was asked for.
    pub(crate) fn into_wanted(self) -> Vec<Want> {
        self.wanted
    }
}
