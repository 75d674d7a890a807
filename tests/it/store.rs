//! One list of demands on storage, run over every implementation.

use core::sync::atomic::{AtomicU32, Ordering};
use std::path::PathBuf;

use bytes::Bytes;
use sanswire::{Batch, Table, Write};
use sanswire_store::{MemoryStore, SqliteStore, Store, StoreError};

/// Makes stores of one kind.
trait Kind {
    type Store: Store;

    /// A place for a new store.
    fn new() -> Self;
    /// Opens the store at the place: the same records as when the last one ended.
    fn open(&mut self) -> Self::Store;
    /// What a process finds that comes after one which was killed now, with `store` open.
    fn after_kill(&self, store: &Self::Store) -> Self::Store;
    /// Ends a store in good order.
    fn close(&mut self, store: Self::Store);
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(Bytes::copy_from_slice(value)) }
}

fn remove(table: Table, key: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: None }
}

fn batch(generation: u64, writes: impl Into<Vec<Write>>) -> Batch {
    Batch::new(generation - 1, generation, writes.into())
}

fn generation(store: &mut impl Store) -> u64 {
    let (table, key) = Batch::GENERATION_AT;
    Batch::generation_in(store.get(table, key).unwrap().as_ref())
}

fn row(key: &[u8], value: &[u8]) -> (Vec<u8>, Bytes) {
    (key.to_vec(), Bytes::copy_from_slice(value))
}

fn empty_store_has_nothing<K: Kind>() {
    let mut store = K::new().open();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"a").unwrap(), None);
        assert_eq!(store.scan(table, &[], 10).unwrap(), []);
    }
}

fn records_are_set_replaced_and_removed<K: Kind>() {
    let mut place = K::new();
    let mut store = place.open();
    store.apply(&[batch(1, [put(Table::Session, b"a", b"1"), put(Table::Session, b"b", b"")])]).unwrap();
    store.apply(&[batch(2, [put(Table::Session, b"a", b"2"), remove(Table::Session, b"absent")])]).unwrap();
    assert_eq!(store.get(Table::Session, b"a").unwrap().unwrap(), "2");
    assert_eq!(store.get(Table::Session, b"b").unwrap().unwrap(), "", "an empty value is a value");
    store.apply(&[batch(3, [remove(Table::Session, b"a")])]).unwrap();
    assert_eq!(store.get(Table::Session, b"a").unwrap(), None);
}

fn tables_are_apart<K: Kind>() {
    let mut store = K::new().open();
    let writes: Vec<Write> = Table::ALL.iter().map(|table| put(*table, b"k", &[table.number()])).collect();
    store.apply(&[batch(1, writes)]).unwrap();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"k").unwrap().unwrap(), [table.number()].as_slice());
        assert_eq!(store.scan(table, b"k", 1).unwrap(), [row(b"k", &[table.number()])], "{table:?}");
    }
}

fn scans_are_in_byte_order_and_bounded<K: Kind>() {
    let mut store = K::new().open();
    let keys: [&[u8]; 6] = [b"b", b"", b"\x00", b"a\xff", b"a", b"\xff\x00"];
    store.apply(&[batch(1, keys.map(|key| put(Table::Inbox, key, key)))]).unwrap();
    let all = store.scan(Table::Inbox, &[], u32::MAX).unwrap();
    let ordered: [&[u8]; 6] = [b"", b"\x00", b"a", b"a\xff", b"b", b"\xff\x00"];
    assert_eq!(all, ordered.map(|key| row(key, key)));
    assert_eq!(store.scan(Table::Inbox, b"a", 2).unwrap(), [row(b"a", b"a"), row(b"a\xff", b"a\xff")]);
    assert_eq!(store.scan(Table::Inbox, b"a\x00", 1).unwrap(), [row(b"a\xff", b"a\xff")]);
    assert_eq!(store.scan(Table::Inbox, b"a", 0).unwrap(), []);
    assert_eq!(store.scan(Table::Inbox, b"\xff\x01", 9).unwrap(), []);
}

fn later_batches_of_one_commit_win<K: Kind>() {
    let mut store = K::new().open();
    let first = batch(1, [put(Table::Outbox, b"a", b"1"), put(Table::Outbox, b"b", b"1")]);
    let second = batch(2, [put(Table::Outbox, b"a", b"2"), remove(Table::Outbox, b"b")]);
    store.apply(&[first, second]).unwrap();
    assert_eq!(store.scan(Table::Outbox, &[], 9).unwrap(), [row(b"a", b"2")]);
    assert_eq!(generation(&mut store), 2);
}

fn records_are_there_after_reopening<K: Kind>() {
    let mut place = K::new();
    let mut store = place.open();
    store.apply(&[batch(1, [put(Table::Credentials, b"", &[9; 5000])])]).unwrap();
    store.apply(&[]).unwrap();
    place.close(store);
    let mut store = place.open();
    assert_eq!(store.get(Table::Credentials, b"").unwrap().unwrap(), vec![9; 5000]);
    store.apply(&[batch(2, [remove(Table::Credentials, b"")])]).unwrap();
    place.close(store);
    assert_eq!(place.open().get(Table::Credentials, b"").unwrap(), None);
}

fn what_was_applied_survives_a_kill<K: Kind>() {
    let mut place = K::new();
    let mut store = place.open();
    for generation in 1..=50u64 {
        let writes = [put(Table::Sent, &generation.to_be_bytes(), &[1; 700])];
        store.apply(&[batch(generation, writes)]).unwrap();
    }
    let mut found = place.after_kill(&store);
    assert_eq!(found.scan(Table::Sent, &[], 100).unwrap().len(), 50);
    assert_eq!(generation(&mut found), 50);
}

/// What fences off the slower of two clients that got hold of one storage.
fn batch_that_does_not_follow_what_is_stored_is_refused_whole<K: Kind>() {
    let mut place = K::new();
    let mut store = place.open();
    store.apply(&[batch(1, [put(Table::Session, b"a", b"1")])]).unwrap();
    let late = [batch(1, [put(Table::Session, b"a", b"2")])];
    let ahead = [batch(2, [put(Table::Session, b"a", b"2")]), batch(4, [put(Table::Session, b"b", b"2")])];
    for (refused, [expected, found]) in [(late.as_slice(), [0, 1]), (&ahead, [3, 2])] {
        let error = store.apply(refused).unwrap_err();
        let told =
            matches!(error, StoreError::Overtaken { expected: e, found: f } if [e, f] == [expected, found]);
        assert!(told, "{error}");
        assert_eq!(store.scan(Table::Session, &[], 9).unwrap(), [row(b"a", b"1")]);
    }
    store.apply(&[Batch::new(1, 90, vec![put(Table::Session, b"a", b"3")])]).unwrap();
    place.close(store);
    assert_eq!(generation(&mut place.open()), 90);
}

macro_rules! suite {
    ($kind:ident: $($name:ident)*) => {
        $(#[test] fn $name() { super::$name::<super::$kind>(); })*
    };
    ($($module:ident = $kind:ident;)*) => {
        $(mod $module {
            suite! { $kind:
                empty_store_has_nothing
                records_are_set_replaced_and_removed
                tables_are_apart
                scans_are_in_byte_order_and_bounded
                later_batches_of_one_commit_win
                records_are_there_after_reopening
                what_was_applied_survives_a_kill
                batch_that_does_not_follow_what_is_stored_is_refused_whole
            }
        })*
    };
}

suite! {
    memory = InMemory;
    sqlite = InFile;
}

/// A memory store, kept aside while it is closed.
struct InMemory(MemoryStore);

impl Kind for InMemory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::new())
    }

    fn open(&mut self) -> MemoryStore {
        self.0.clone()
    }

    fn after_kill(&self, store: &MemoryStore) -> MemoryStore {
        store.clone()
    }

    fn close(&mut self, store: MemoryStore) {
        self.0 = store;
    }
}

/// A folder of its own for one SQLite file.
struct InFile(PathBuf);

impl InFile {
    fn file(&self) -> PathBuf {
        self.0.join("account.db")
    }

    /// The files as they lie there, the last `cut` bytes of the log left out, opened elsewhere.
    fn copied(&self, cut: u64) -> SqliteStore {
        let elsewhere = self.0.join("copy");
        std::fs::create_dir_all(&elsewhere).unwrap();
        let log = |folder: &PathBuf| folder.join("account.db-wal");
        std::fs::copy(self.file(), elsewhere.join("account.db")).unwrap();
        std::fs::copy(log(&self.0), log(&elsewhere)).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(log(&elsewhere)).unwrap();
        let len = file.metadata().unwrap().len();
        file.set_len(len.saturating_sub(cut)).unwrap();
        drop(file);
        SqliteStore::open(elsewhere.join("account.db")).unwrap()
    }
}

impl Kind for InFile {
    type Store = SqliteStore;

    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sanswire-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn open(&mut self) -> SqliteStore {
        SqliteStore::open(self.file()).unwrap()
    }

    fn after_kill(&self, _: &SqliteStore) -> SqliteStore {
        self.copied(0)
    }

    fn close(&mut self, store: SqliteStore) {
        drop(store);
    }
}

impl Drop for InFile {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn sqlite_commit_that_was_cut_short_did_not_happen() {
    let mut place = InFile::new();
    let mut store = place.open();
    store.apply(&[batch(1, [put(Table::Session, b"a", b"1")])]).unwrap();
    let both =
        [batch(2, [put(Table::Session, b"a", b"2")]), batch(3, [put(Table::Session, b"b", &[3; 20_000])])];
    store.apply(&both).unwrap();
    for cut in [1, 4096, 10_000, 20_000] {
        let mut found = place.copied(cut);
        assert_eq!(found.scan(Table::Session, &[], 9).unwrap(), [row(b"a", b"1")], "{cut} bytes missing");
        assert_eq!(generation(&mut found), 1);
    }
}

#[test]
fn sqlite_backup_that_is_put_back_is_told_from_the_newest_file() {
    let mut place = InFile::new();
    let mut store = place.open();
    store.apply(&[batch(1, [])]).unwrap();
    place.close(store);
    let backup = std::fs::read(place.file()).unwrap();
    let mut store = place.open();
    assert_eq!(store.known_generation(), 1);
    store.apply(&[batch(2, []), batch(3, [])]).unwrap();
    place.close(store);
    std::fs::write(place.file(), backup).unwrap();
    let mut store = place.open();
    assert_eq!((generation(&mut store), store.known_generation()), (1, 3));
    place.close(store);
    std::fs::remove_file(place.file()).unwrap();
    assert_eq!(place.open().known_generation(), 0, "a new file has no past");
}

#[test]
fn sqlite_file_opened_twice_is_refused() {
    let mut place = InFile::new();
    let mut store = place.open();
    let error = SqliteStore::open(place.file()).err().expect("refused");
    assert!(matches!(&error, StoreError::InUse { path } if *path == place.file()), "{error}");
    assert!(error.to_string().ends_with("account.db is in use by another client"), "{error}");
    store.apply(&[batch(1, [put(Table::Session, b"a", b"1")])]).unwrap();
    drop(store);
    assert_eq!(place.open().get(Table::Session, b"a").unwrap().unwrap(), "1", "free again once dropped");
}

#[test]
fn sqlite_refuses_what_it_cannot_open_with_a_named_error() {
    let mut place = InFile::new();
    let missing = place.0.join("missing").join("account.db");
    assert!(matches!(SqliteStore::open(&missing), Err(StoreError::Open { .. })));
    std::fs::write(place.file(), [b'x'; 4096]).unwrap();
    assert!(matches!(SqliteStore::open(place.file()), Err(StoreError::Foreign { .. })));
    std::fs::remove_file(place.file()).unwrap();
    drop(place.open());
}

#[cfg(unix)]
#[test]
fn sqlite_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let mut place = InFile::new();
    let mut store = place.open();
    store.apply(&[batch(1, [])]).unwrap();
    for entry in std::fs::read_dir(&place.0).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}
