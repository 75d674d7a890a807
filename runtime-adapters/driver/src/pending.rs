//! Batches that wait for their commit, and reads that must see them.

use std::collections::BTreeMap;

use bytes::Bytes;
use sanswire::{Batch, Found, Table, Want};
use sanswire_store::{Store, StoreError};

/// The batches of one drain that are not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    batches: Vec<Batch>,
    latest: BTreeMap<(Table, Vec<u8>), Option<Bytes>>,
    bytes: usize,
}

impl Pending {
    pub(crate) fn push(&mut self, batch: Batch) {
        for write in &batch.writes {
            self.bytes += write.key.len() + write.value.as_ref().map_or(0, Bytes::len);
            self.latest.insert((write.table, write.key.clone()), write.value.clone());
        }
        self.batches.push(batch);
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Size of the keys and values that wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes everything durable, in one transaction.
    pub(crate) fn commit<S: Store>(&mut self, store: &mut S) -> Result<(), StoreError> {
        if self.batches.is_empty() {
            return Ok(());
        }
        store.apply(&self.batches)?;
        *self = Self::default();
        Ok(())
    }

    /// Answers one want as if everything had been applied.
    pub(crate) fn load<S: Store>(&self, want: Want, store: &mut S) -> Result<Found, StoreError> {
        match want {
            Want::Get { table, key } => {
                let at = (table, key);
                match self.latest.get(&at) {
                    Some(value) => Ok(Found::Value(value.clone())),
                    None => Ok(Found::Value(store.get(at.0, &at.1)?)),
                }
            }
            Want::Scan { table, from, limit } => Ok(Found::Rows(self.scan(table, from, limit, store)?)),
        }
    }

    fn scan<S: Store>(
        &self,
        table: Table,
        from: Vec<u8>,
        limit: u32,
        store: &mut S,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let newer: Vec<_> =
            self.latest.range((table, from.clone())..).take_while(|((of, _), _)| *of == table).collect();
        let gone = newer.iter().filter(|(_, value)| value.is_none()).count();
        let enough = limit.saturating_add(u32::try_from(gone).unwrap_or(u32::MAX));
        let stored = store.scan(table, &from, enough)?;
        if newer.is_empty() {
            return Ok(stored);
        }
        let mut rows: BTreeMap<Vec<u8>, Bytes> = stored.into_iter().collect();
        for ((_, key), value) in newer {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sanswire::Write;
    use sanswire_store::MemoryStore;

    use super::*;

    fn batch(writes: &[(&[u8], Option<&'static [u8]>)]) -> Batch {
        let write = |(key, value): &(&[u8], Option<&'static [u8]>)| Write {
            table: Table::Inbox,
            key: key.to_vec(),
            value: value.map(Bytes::from_static),
        };
        Batch { follows: 0, generation: 1, writes: writes.iter().map(write).collect() }
    }

    #[test]
    fn reads_see_what_is_not_durable_yet() {
        let mut store = MemoryStore::new();
        let stored = [
            (b"a".as_slice(), Some(b"1".as_slice())),
            (b"b", Some(b"1")),
            (b"c", Some(b"1")),
            (b"d", Some(b"1")),
        ];
        store.apply(&[batch(&stored)]).unwrap();
        let mut pending = Pending::default();
        pending.push(batch(&[(b"b", None), (b"c", Some(b"2")), (b"bb", Some(b"2"))]));

        let get = |key: &[u8]| {
            pending.load(Want::Get { table: Table::Inbox, key: key.to_vec() }, &mut store.clone()).unwrap()
        };
        assert_eq!(get(b"a"), Found::Value(Some(Bytes::from_static(b"1"))));
        assert_eq!(get(b"b"), Found::Value(None));
        assert_eq!(get(b"c"), Found::Value(Some(Bytes::from_static(b"2"))));

        let scan = |pending: &Pending, store: &mut MemoryStore, limit| {
            pending.load(Want::Scan { table: Table::Inbox, from: b"a".to_vec(), limit }, store).unwrap()
        };
        for limit in 0..6 {
            let seen = scan(&pending, &mut store.clone(), limit);
            let mut committed = store.clone();
            committed.apply(&pending.batches).unwrap();
            assert_eq!(seen, scan(&Pending::default(), &mut committed, limit), "limit {limit}");
        }
    }
}
