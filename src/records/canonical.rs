//! Reading a record with every check that a client makes, and writing it anew: what storages are examined with.

use bytes::Bytes;
use prost::Message;
use sanswire_proto::records::{
    Credentials as StoredCredentials, DeviceList, Identity, InboxEntry, LidMapping, MessageSecret,
    MessagingMeta, OutboxEntry, PreKey as StoredPreKey, RetryCounter, SentIndex, SentMessage,
    SessionRecord as StoredSessions, ShownMark, StoreMeta,
};

use super::credentials::Credentials;
use super::record::META_KEY;
use super::{Record, RecordError, Table, signal};

impl Record for MessageSecret {
    const TABLE: Table = Table::Secret;
}

/// Reads the record of a table as a client does, and gives the form in which this version writes it. Records of
/// this version are in that form already.
///
/// # Errors
/// [`RecordError`] when a client would not take the record for what the table holds.
pub fn canonical_record(table: Table, key: &[u8], value: Bytes) -> Result<Bytes, RecordError> {
    match table {
        Table::Meta if key == META_KEY => same::<StoreMeta>(value),
        Table::Meta => same::<MessagingMeta>(value),
        Table::Credentials => {
            let stored = StoredCredentials::from_record(value)?;
            Ok(Credentials::from_stored(&stored)?.to_stored().to_record())
        }
        Table::PreKey => {
            let stored = StoredPreKey::from_record(value)?;
            Ok(signal::prekey_to(&signal::prekey_from(&stored)?, stored.uploaded()).to_record())
        }
        Table::Identity => {
            let stored = Identity::from_record(value)?;
            signal::identity_from(&stored)?;
            Ok(stored.to_record())
        }
        Table::Session => {
            let stored = StoredSessions::from_record(value)?;
            let sessions = signal::session_to(&signal::session_from(&stored)?);
            Ok(StoredSessions { epoch: stored.epoch, ..sessions }.to_record())
        }
        Table::Devices => same::<DeviceList>(value),
        Table::Lid => same::<LidMapping>(value),
        Table::Outbox => same::<OutboxEntry>(value),
        Table::Sent => same::<SentMessage>(value),
        Table::SentId => same::<SentIndex>(value),
        Table::Inbox => same::<InboxEntry>(value),
        Table::Shown => same::<ShownMark>(value),
        Table::Retry => same::<RetryCounter>(value),
        Table::Secret => same::<MessageSecret>(value),
    }
}

/// For records whose protobuf is all there is to check.
fn same<R: Record + Message>(value: Bytes) -> Result<Bytes, RecordError> {
    R::from_record(value).map(|record| record.to_record())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::records::RecordCause;

    #[test]
    fn records_are_checked_as_deeply_as_a_client_checks_them() {
        let empty = |table| canonical_record(table, &[], Bytes::from_static(&[1]));
        for table in Table::ALL {
            let needs_fields = matches!(table, Table::Credentials | Table::PreKey | Table::Identity);
            assert_eq!(empty(table).is_err(), needs_fields, "{table:?}");
            let newer = canonical_record(table, &[], Bytes::from_static(&[2]));
            assert_eq!(newer.unwrap_err().cause, RecordCause::Version(2));
        }
    }

    #[test]
    fn unknown_fields_are_gone_from_the_canonical_form() {
        let stored = Bytes::from_static(&[1, 0x28, 7, 0x0a, 1, b'9', 0x78, 1]);
        let canonical = canonical_record(Table::Lid, &[], stored).unwrap();
        assert_eq!(canonical, Bytes::from_static(&[1, 0x0a, 1, b'9']));
    }
}
