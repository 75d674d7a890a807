//! Records already read, within a byte budget; eviction depends only on the order of turns.

use alloc::collections::BTreeMap;

use bytes::Bytes;

use super::transaction::Key;
use crate::limits::CACHE_IDLE_BYTES;

/// The cache between transactions and storage. It is always right: this client is the only writer.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    budget: usize,
    used: usize,
    stamp: u64,
    settled: u64,
    entries: BTreeMap<Key, Entry>,
    oldest: BTreeMap<u64, Key>,
}

#[derive(Debug)]
struct Entry {
    value: Option<Bytes>,
    stamp: u64,
}

impl Cache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, ..Self::default() }
    }

    /// `None`: not cached. `Some(None)`: known to be absent from storage.
    pub(crate) fn get(&self, key: &Key) -> Option<Option<&Bytes>> {
        self.entries.get(key).map(|entry| entry.value.as_ref())
    }

    /// Remembers a value read or written, and forgets the oldest ones over the budget.
    pub(crate) fn put(&mut self, key: Key, value: Option<Bytes>) {
        let size = cost(&key, value.as_ref());
        if let Some(old) = self.entries.remove(&key) {
            self.used -= cost(&key, old.value.as_ref());
            self.oldest.remove(&old.stamp);
        }
        if size > self.budget {
            return;
        }
        self.stamp += 1;
        self.used += size;
        self.oldest.insert(self.stamp, key.clone());
        self.entries.insert(key, Entry { value, stamp: self.stamp });
        self.trim(self.budget);
    }

    /// Called from time to time: an account for which nothing was read or written since the last time is idle, and
    /// keeps little in memory.
    pub(crate) fn settle(&mut self) {
        if self.settled == self.stamp {
            self.trim(CACHE_IDLE_BYTES);
        }
        self.settled = self.stamp;
    }

    /// Forgets the oldest entries until no more than `budget` is used.
    fn trim(&mut self, budget: usize) {
        while self.used > budget {
            let Some((_, key)) = self.oldest.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&key) {
                self.used -= cost(&key, entry.value.as_ref());
            }
        }
    }

    /// Bytes in use, by the cache's own reckoning.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }
}

/// What an entry counts for: its bytes and the two tree nodes.
fn cost(key: &Key, value: Option<&Bytes>) -> usize {
    2 * key.1.len() + value.map_or(0, Bytes::len) + ENTRY_OVERHEAD
}

/// Bytes of bookkeeping counted per entry.
const ENTRY_OVERHEAD: usize = 128;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::records::Table;

    fn key(n: u8) -> Key {
        (Table::Session, vec![n])
    }

    #[test]
    fn the_oldest_entry_goes_first_when_the_budget_is_over() {
        let mut cache = Cache::new(2 * (ENTRY_OVERHEAD + 2 + 10));
        for n in 0..3 {
            cache.put(key(n), Some(vec![0; 10].into()));
        }
        assert_eq!(cache.get(&key(0)), None);
        assert!(cache.get(&key(1)).is_some() && cache.get(&key(2)).is_some());
        cache.put(key(1), None);
        assert_eq!(cache.get(&key(1)), Some(None));
        assert!(cache.used() <= cache.budget);
    }

    #[test]
    fn an_account_without_work_keeps_little() {
        let mut cache = Cache::new(1 << 20);
        for n in 0..200 {
            cache.put(key(n), Some(vec![0; 1000].into()));
        }
        let busy = cache.used();
        cache.settle();
        assert_eq!(cache.used(), busy, "there was work since the last time");
        cache.settle();
        assert!(cache.used() <= CACHE_IDLE_BYTES && cache.get(&key(199)).is_some(), "the newest stay");
    }

    #[test]
    fn a_budget_of_nothing_keeps_nothing() {
        let mut cache = Cache::new(0);
        cache.put(key(0), None);
        assert_eq!((cache.get(&key(0)), cache.used()), (None, 0));
    }
}
