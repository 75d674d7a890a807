//! Reading a record with every check that a client makes, and writing it anew: what storages are examined with.

use bytes::Bytes;
use prost::Message;
use sanswire_proto::records::{
    AppStateKey, Blocklist, Credentials as StoredCredentials, DeviceList, DirtyCollection, GroupRecord,
    Identity, InboxEntry, LidMapping, MessageSecret, MessagingMeta, OutboxEntry, OwnProfile,
    PlaceholderEntry, PreKey as StoredPreKey, PrivacySettings, PrivacyToken, ReceiptMark, RetryCounter,
    SenderKeyRecord, SentIndex, SentMessage, SessionRecord as StoredSessions, SharedKey, ShownMark,
    StoreMeta, TokenSalt,
};

use super::credentials::Credentials;
use super::record::META_KEY;
use super::{Record, RecordCause, RecordError, Table, sender_key, signal};

impl Record for MessageSecret {
    const TABLE: Table = Table::Secret;
}

impl Record for SenderKeyRecord {
    const TABLE: Table = Table::SenderKey;
}

impl Record for PlaceholderEntry {
    const TABLE: Table = Table::Placeholder;
}

impl Record for ReceiptMark {
    const TABLE: Table = Table::Receipt;
}

impl Record for PrivacySettings {
    const TABLE: Table = Table::Account;
}

impl Record for Blocklist {
    const TABLE: Table = Table::Account;
}

impl Record for OwnProfile {
    const TABLE: Table = Table::Account;
}

impl Record for DirtyCollection {
    const TABLE: Table = Table::Account;
}

impl Record for AppStateKey {
    const TABLE: Table = Table::Account;
}

impl Record for PrivacyToken {
    const TABLE: Table = Table::Token;
}

impl Record for TokenSalt {
    const TABLE: Table = Table::Account;
}

/// Where [`PrivacySettings`] are in table `account`.
pub(crate) const PRIVACY_KEY: &[u8] = b"privacy";

/// Where the [`Blocklist`] is in table `account`.
pub(crate) const BLOCKLIST_KEY: &[u8] = b"blocklist";

/// Where the [`OwnProfile`] is in table `account`.
pub(crate) const PROFILE_KEY: &[u8] = b"profile";

/// What the keys of [`DirtyCollection`]s in table `account` begin with.
pub(crate) const COLLECTION_KEYS: &[u8] = b"collection/";

/// What the keys of [`AppStateKey`]s in table `account` begin with.
pub(crate) const APP_STATE_KEYS: &[u8] = b"key/";

/// Where [`TokenSalt`] is in table `account`.
pub(crate) const TOKEN_SALT_KEY: &[u8] = b"salt";

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
        Table::SenderKey => {
            let stored = SenderKeyRecord::from_record(value)?;
            let keys = sender_key::sender_key_to(&sender_key::sender_key_from(&stored)?);
            Ok(SenderKeyRecord { epoch: stored.epoch, ..keys }.to_record())
        }
        Table::Token => same::<PrivacyToken>(value),
        Table::Account if key == TOKEN_SALT_KEY => same::<TokenSalt>(value),
        Table::Placeholder => same::<PlaceholderEntry>(value),
        Table::Receipt => same::<ReceiptMark>(value),
        Table::Account if key == PRIVACY_KEY => same::<PrivacySettings>(value),
        Table::Account if key == BLOCKLIST_KEY => same::<Blocklist>(value),
        Table::Account if key == PROFILE_KEY => same::<OwnProfile>(value),
        Table::Account if key.starts_with(COLLECTION_KEYS) => same::<DirtyCollection>(value),
        Table::Account if key.starts_with(APP_STATE_KEYS) => same::<AppStateKey>(value),
        Table::Group => same::<GroupRecord>(value),
        Table::SharedKey => same::<SharedKey>(value),
        Table::Account => versioned(table, value),
    }
}

/// For records whose schema is not known here: only the version is checked.
fn versioned(table: Table, value: Bytes) -> Result<Bytes, RecordError> {
    match value.first() {
        Some(1) => Ok(value),
        Some(&version) => Err(RecordError { table, cause: RecordCause::Version(version) }),
        None => Err(RecordError::malformed(table)),
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
