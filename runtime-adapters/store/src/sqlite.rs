//! Records in one SQLite file.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use sanswire::{Batch, Table};

use crate::witness::Witness;
use crate::{Store, StoreError, check_follows};

/// Keeps records in one SQLite file, which only its owner may read (on Unix) and only one client may use.
///
/// While a client runs there is a second file beside it, with `-wal` at the end of its name; after a crash
/// the two belong together. What is applied is on the disk: each transaction waits for it. What is removed
/// is overwritten, since it may be a key that must not come back.
///
/// A third file, with `-generation` at the end, tells an older copy of the first from the one that was written
/// last: a backup that is put back is noticed as long as this file is not put back with it.
pub struct SqliteStore {
    connection: Connection,
    witness: Witness,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens a file, and makes it first if there is none. It stays locked until the store is dropped or the
    /// process ends, however it ends.
    ///
    /// # Errors
    /// - [`StoreError::InUse`] when it is open already, here or in another process.
    /// - [`StoreError::Foreign`] when it is not a sanswire store, [`StoreError::Newer`] when this version is
    ///   too old for it. The file is left as it is.
    /// - [`StoreError::Open`] when the file cannot be made or opened, for example because the folder is missing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        let open_error = |source| StoreError::Open { path: path.clone(), source };
        let fresh = create_private(&path).map_err(open_error)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| opening(error, &path))?;
        prepare(&connection, &path).map_err(|error| match error {
            Refusal::Database(error) => opening(error, &path),
            Refusal::Store(error) => error,
        })?;
        let witness = Witness::open(&path, fresh).map_err(open_error)?;
        Ok(Self { connection, witness, path })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the batches inside a transaction; it is rolled back when dropped before its commit.
    fn write(&mut self, batches: &[Batch]) -> Result<Transaction<'_>, Refusal> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (table, key) = Batch::GENERATION_AT;
        check_follows(read(&transaction, table, key)?.as_ref(), batches).map_err(Refusal::Store)?;
        {
            let mut put = transaction.prepare_cached(PUT)?;
            let mut delete = transaction.prepare_cached(DELETE)?;
            for write in batches.iter().flat_map(|batch| &batch.writes) {
                match &write.value {
                    Some(value) => put.execute(params![write.table.number(), write.key, value.as_ref()])?,
                    None => delete.execute(params![write.table.number(), write.key])?,
                };
            }
        }
        Ok(transaction)
    }
}

impl Store for SqliteStore {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        read(&self.connection, table, key).map_err(running)
    }

    fn scan(&mut self, table: Table, from: &[u8], limit: u32) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let mut statement = self.connection.prepare_cached(SCAN).map_err(running)?;
        let rows = statement
            .query_map(params![table.number(), from, limit], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, Bytes::from(row.get::<_, Vec<u8>>(1)?)))
            })
            .map_err(running)?;
        rows.collect::<rusqlite::Result<_>>().map_err(running)
    }

    fn apply(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let written = self.write(batches).and_then(|transaction| Ok(transaction.commit()?));
        written.map_err(|error| match error {
            Refusal::Database(error) => running(error),
            Refusal::Store(error) => error,
        })?;
        if let Some(last) = batches.last() {
            // The batches are durable: that a copy might go unnoticed later is no reason to say otherwise.
            drop(self.witness.note(last.generation));
        }
        Ok(())
    }

    fn known_generation(&self) -> u64 {
        self.witness.known()
    }
}

/// Takes the file for this connection alone, before anything is read from it, and makes the tables of a new one.
fn prepare(connection: &Connection, path: &Path) -> Result<(), Refusal> {
    connection.busy_timeout(core::time::Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // In this mode the first transaction takes the lock for good.
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = application == 0 && format == 0 && tables == 0;
    let path = || path.to_path_buf();
    if !fresh && application != APPLICATION_ID {
        return Err(Refusal::Store(StoreError::Foreign { path: path() }));
    }
    if format > FORMAT {
        return Err(Refusal::Store(StoreError::Newer { path: path(), found: format, known: FORMAT }));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    if fresh {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
    }
    Ok(())
}

fn read(connection: &Connection, table: Table, key: &[u8]) -> rusqlite::Result<Option<Bytes>> {
    let mut statement = connection.prepare_cached(GET)?;
    let value = statement.query_row(params![table.number(), key], |row| row.get::<_, Vec<u8>>(0));
    Ok(value.optional()?.map(Bytes::from))
}

/// Why a file was not taken: found by us, or said by the database.
#[derive(Debug)]
enum Refusal {
    Database(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes the file if there is none, and says whether it did. An existing one is not opened: closing it again would drop every lock
/// that this process holds on it.
fn create_private(path: &Path) -> std::io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        other => other.map(|_| true),
    }
}

fn opening(error: rusqlite::Error, path: &Path) -> StoreError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            StoreError::Open { path, source: std::io::Error::other(error.to_string()) }
        }
        _ => running(error),
    }
}

fn running(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

/// `SNSW`, in the header of the file.
const APPLICATION_ID: i32 = 0x534e_5357;
/// Version of the layout below; what is inside a value has its own version.
const FORMAT: u32 = 1;
const SCHEMA: &str = "CREATE TABLE records (
    tbl INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID, STRICT";
const GET: &str = "SELECT value FROM records WHERE tbl = ?1 AND key = ?2";
const SCAN: &str = "SELECT key, value FROM records WHERE tbl = ?1 AND key >= ?2 ORDER BY key LIMIT ?3";
const PUT: &str = "INSERT INTO records (tbl, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM records WHERE tbl = ?1 AND key = ?2";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sanswire::Write;

    use super::*;

    fn batch(generation: u64, key: &[u8], value: &[u8]) -> Batch {
        let value = Some(Bytes::copy_from_slice(value));
        let write = Write { table: Table::Session, key: key.to_vec(), value };
        Batch::new(generation - 1, generation, vec![write])
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sanswire-sqlite-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("account.db")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn transaction_that_was_not_committed_leaves_no_trace() {
        let folder = Folder::new("torn");
        let mut store = SqliteStore::open(folder.file()).unwrap();
        store.apply(&[batch(1, b"a", b"old")]).unwrap();
        drop(store.write(&[batch(2, b"a", b"new"), batch(3, b"b", b"new")]).unwrap());
        drop(store);
        let mut store = SqliteStore::open(folder.file()).unwrap();
        assert_eq!(
            store.scan(Table::Session, &[], 9).unwrap(),
            [(b"a".to_vec(), Bytes::from_static(b"old"))]
        );
    }

    #[test]
    fn full_disk_is_an_error_and_nothing_is_half_written() {
        let folder = Folder::new("full");
        let mut store = SqliteStore::open(folder.file()).unwrap();
        store.apply(&[batch(1, b"a", b"old")]).unwrap();
        let pages: u32 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages + 1).unwrap();
        let error = store.apply(&[batch(2, b"a", b"new"), batch(3, b"b", &[7; 100_000])]).unwrap_err();
        assert!(matches!(error, StoreError::Full), "{error}");
        assert_eq!(store.get(Table::Session, b"a").unwrap().unwrap(), "old");
    }

    #[test]
    fn newer_format_is_refused_and_left_alone() {
        let folder = Folder::new("newer");
        let store = SqliteStore::open(folder.file()).unwrap();
        store.connection.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        drop(store);
        let error = SqliteStore::open(folder.file()).err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 2, known: FORMAT, .. }), "{error}");
    }

    #[test]
    fn file_of_another_program_is_refused_and_left_alone() {
        let folder = Folder::new("foreign");
        let other = Connection::open(folder.file()).unwrap();
        other.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
        drop(other);
        let before = std::fs::read(folder.file()).unwrap();
        assert!(matches!(SqliteStore::open(folder.file()), Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read(folder.file()).unwrap(), before);
    }
}
