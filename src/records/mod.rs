//! Durable state: typed records, the transaction that reads and writes them, and the cache before storage.
//!
//! A record is bytes under `(table, key)`: one version byte, then a protobuf of `sanswire_proto::records`.
//! [`table`] lists the tables.

pub(crate) mod cache;
mod canonical;
pub(crate) mod credentials;
mod record;
pub(crate) mod sender_key;
pub(crate) mod signal;
mod table;
pub(crate) mod transaction;

pub use canonical::canonical_record;
pub(crate) use canonical::{
    APP_STATE_KEYS, BLOCKLIST_KEY, COLLECTION_KEYS, PRIVACY_KEY, PROFILE_KEY, TOKEN_SALT_KEY,
};
pub(crate) use record::{META_KEY, Record};
pub use record::{RecordCause, RecordError};
pub use sender_key::read_sender_keys;
pub use signal::read_sessions;
pub use table::Table;
