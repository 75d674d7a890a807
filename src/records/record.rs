//! One versioned record and how it becomes bytes.

use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;
use sanswire_proto::records::StoreMeta;
use thiserror::Error;

use super::table::Table;

/// The version byte in front of every record. A reader accepts this one and older ones it can migrate.
const RECORD_VERSION: u8 = 1;

/// A protobuf message that is stored under a table.
pub(crate) trait Record: Message + Default {
    /// Where it lives.
    const TABLE: Table;

    /// The stored form: the version byte, then the protobuf.
    fn to_record(&self) -> Bytes {
        let mut out = Vec::with_capacity(1 + self.encoded_len());
        out.push(RECORD_VERSION);
        // Encoding into a growing vector cannot run out of space.
        let _ = self.encode(&mut out);
        out.into()
    }

    /// Reads the stored form; nested byte fields share `bytes` instead of copying.
    ///
    /// # Errors
    /// [`RecordError`] when storage holds something this version did not write.
    fn from_record(mut bytes: Bytes) -> Result<Self, RecordError> {
        let broken = |cause| RecordError { table: Self::TABLE, cause };
        match bytes.first() {
            Some(&RECORD_VERSION) => {
                let body = bytes.split_off(1);
                Self::decode(body).map_err(|_| broken(RecordCause::Malformed))
            }
            Some(&version) => Err(broken(RecordCause::Version(version))),
            None => Err(broken(RecordCause::Malformed)),
        }
    }
}

/// The key of the storage's own record.
pub(crate) const META_KEY: &[u8] = b"store";

impl Record for StoreMeta {
    const TABLE: Table = Table::Meta;
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("record in table {table:?}: {cause}")]
pub struct RecordError {
    /// Where it was found.
    pub table: Table,
    /// What is wrong with it.
    pub cause: RecordCause,
}

impl RecordError {
    /// A record whose fields do not make sense.
    #[must_use]
    pub const fn malformed(table: Table) -> Self {
        Self { table, cause: RecordCause::Malformed }
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordCause {
    /// Not the protobuf that the table holds, or a field of the wrong length.
    #[error("malformed")]
    Malformed,
    /// Written by a newer version.
    #[error("version {0} is newer than this library")]
    Version(u8),
}
