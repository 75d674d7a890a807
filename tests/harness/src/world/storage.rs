//! A client's storage in the world: what is durable, and nothing else, survives a crash.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use sanswire::replay::Row;
use sanswire::{Batch, Found, Table, Want};

/// Records in memory.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
    generation: u64,
    newest: u64,
}

impl Storage {
    /// Applies a batch whole.
    ///
    /// # Panics
    /// When a batch does not follow the last one: that breaks the write-ahead rule.
    pub fn apply(&mut self, batch: Batch) {
        assert!(self.offer(batch), "a batch follows what is stored, and generations grow");
    }

    /// Applies a batch whole; refuses one that does not follow what is stored, as somebody else has written then.
    pub(super) fn offer(&mut self, batch: Batch) -> bool {
        if batch.follows != self.generation || batch.generation <= self.newest {
            return false;
        }
        self.generation = batch.generation;
        self.newest = batch.generation;
        for write in batch.writes {
            match write.value {
                Some(value) => self.records.insert((write.table, write.key), value),
                None => self.records.remove(&(write.table, write.key)),
            };
        }
        true
    }

    /// What it holds for each want, in order.
    #[must_use]
    pub fn read(&self, wants: &[Want]) -> Vec<Found> {
        wants.iter().map(|want| self.find(want)).collect()
    }

    /// Everything it holds, as a recording wants it.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |((table, key), value): (&(Table, Vec<u8>), &Bytes)| Row {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        };
        self.records.iter().map(row).collect()
    }

    /// How many records a table holds.
    #[must_use]
    pub fn count(&self, table: Table) -> usize {
        self.records.keys().filter(|(other, _)| *other == table).count()
    }

    /// Puts a record there behind the client's back, as an earlier life of it may have left it: the version
    /// byte, then the protobuf.
    pub fn plant(&mut self, table: Table, key: &[u8], record: &impl Message) {
        let value = [&[1], record.encode_to_vec().as_slice()].concat();
        self.records.insert((table, key.to_vec()), value.into());
    }

    /// Replaces the value of a record behind the client's back, as damage does; nothing without such a record.
    pub fn damage(&mut self, table: Table, key: &[u8], value: Bytes) {
        if let Some(stored) = self.records.get_mut(&(table, key.to_vec())) {
            *stored = value;
        }
    }

    /// Ids of the messages to send or sent that it knows and another storage does not.
    pub(super) fn sent_unlike(&self, other: &Self) -> Vec<String> {
        let known = self.records.keys().filter(|(table, _)| *table == Table::SentId);
        let lost = known.filter(|key| !other.records.contains_key(*key));
        lost.map(|(_, id)| String::from_utf8_lossy(id).into_owned()).collect()
    }

    /// Puts an older copy back. That there was a newer one stays known.
    pub fn put_back(&mut self, copy: Self) {
        *self = Self { newest: self.newest, ..copy };
    }

    /// The newest generation that was ever applied, as a witness outside of the storage knows it.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// Removes every record of a table, as a damaged disk might.
    pub fn wipe(&mut self, table: Table) {
        self.records.retain(|(other, _), _| *other != table);
    }

    /// Replaces every record of a table with bytes that mean nothing.
    pub fn scramble(&mut self, table: Table) {
        for ((_, _), value) in self.records.iter_mut().filter(|((other, _), _)| *other == table) {
            *value = Bytes::from_static(&[1, 0xff, 0xff, 0xff]);
        }
    }

    fn find(&self, want: &Want) -> Found {
        match want {
            Want::Get { table, key } => Found::Value(self.records.get(&(*table, key.clone())).cloned()),
            Want::Scan { table, from, limit } => {
                let rows = self.records.range((*table, from.clone())..);
                let own = rows.take_while(|((other, _), _)| other == table);
                let rows = own.map(|((_, key), value)| (key.clone(), value.clone()));
                Found::Rows(rows.take(*limit as usize).collect())
            }
        }
    }
}
