//! What a new companion gets: the app-state key and the first history. Reference 09 §3, 10 Part B.

use miniz_oxide::deflate::compress_to_vec_zlib;
use prost::Message as _;
use sanswire_proto::whatsapp::history_sync::HistorySyncType;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId,
    AppStateSyncKeyShare, HistorySyncNotification, ProtocolMessage,
};
use sanswire_proto::whatsapp::{HistorySync, Message, PhoneNumberToLidMapping, Pushname};

use super::Phone;
use crate::clock::Time;
use crate::seed::Seed;

/// The key that the account's app state is encrypted with.
#[derive(Debug)]
pub(super) struct SyncKey {
    id: [u8; 6],
    key: [u8; 32],
    made: Time,
}

impl SyncKey {
    /// Ids are a device number and an epoch, big-endian. Reference 09 §3.
    pub(super) fn draw(seed: &mut Seed, now: Time) -> Self {
        let epoch = (seed.number() >> 1).to_be_bytes();
        Self { id: [0, 0, epoch[0], epoch[1], epoch[2], epoch[3]], key: seed.bytes(), made: now }
    }
}

/// A person that the first history names.
pub(crate) struct Person {
    pub(crate) pn: String,
    pub(crate) lid: String,
    pub(crate) name: String,
}

impl Phone {
    /// APP_STATE_SYNC_KEY_SHARE with the current key.
    pub(crate) fn key_share(&self) -> Message {
        let fingerprint = AppStateSyncKeyFingerprint {
            raw_id: Some(self.linked.raw_id()),
            current_index: Some(self.linked.current()),
            device_indexes: [0].into_iter().chain(self.linked.valid()).collect(),
        };
        let data = AppStateSyncKeyData {
            key_data: Some(self.sync_key.key.to_vec().into()),
            fingerprint: Some(fingerprint),
            timestamp: i64::try_from(self.sync_key.made.0).ok(),
        };
        let key = AppStateSyncKey {
            key_id: Some(AppStateSyncKeyId { key_id: Some(self.sync_key.id.to_vec().into()) }),
            key_data: Some(data),
        };
        protocol(ProtocolMessage {
            r#type: Some(Type::AppStateSyncKeyShare as i32),
            app_state_sync_key_share: Some(AppStateSyncKeyShare { keys: vec![key] }.into()),
            ..ProtocolMessage::default()
        })
    }

    /// The answer to a request for keys: the known one if it was asked for, otherwise an empty share.
    pub(crate) fn key_answer(&self, wanted: &[Vec<u8>]) -> Message {
        if wanted.iter().any(|id| *id == self.sync_key.id) {
            return self.key_share();
        }
        protocol(ProtocolMessage {
            r#type: Some(Type::AppStateSyncKeyShare as i32),
            app_state_sync_key_share: Some(AppStateSyncKeyShare { keys: Vec::new() }.into()),
            ..ProtocolMessage::default()
        })
    }

    /// HISTORY_SYNC_NOTIFICATION with the whole bootstrap inline: names and address pairs of the people this
    /// account has met, and the newest messages of each chat; besides the salt of the account's tokens.
    pub(crate) fn first_history(&self, people: &[Person], salt: Option<[u8; 32]>) -> Message {
        let history = HistorySync {
            sync_type: Some(HistorySyncType::InitialBootstrap as i32),
            conversations: self.messages.conversations(),
            chunk_order: Some(1),
            progress: Some(100),
            nct_salt: salt.map(|salt| salt.to_vec().into()),
            pushnames: people
                .iter()
                .map(|person| Pushname { id: Some(person.pn.clone()), pushname: Some(person.name.clone()) })
                .collect(),
            phone_number_to_lid_mappings: people
                .iter()
                .map(|person| PhoneNumberToLidMapping {
                    pn_jid: Some(person.pn.clone()),
                    lid_jid: Some(person.lid.clone()),
                })
                .collect(),
            ..HistorySync::default()
        };
        let blob = compress_to_vec_zlib(&history.encode_to_vec(), 6);
        let notification = HistorySyncNotification {
            sync_type: Some(HistorySyncType::InitialBootstrap as i32),
            chunk_order: Some(1),
            progress: Some(100),
            initial_hist_bootstrap_inline_payload: Some(blob.into()),
            ..HistorySyncNotification::default()
        };
        protocol(ProtocolMessage {
            r#type: Some(Type::HistorySyncNotification as i32),
            history_sync_notification: Some(notification.into()),
            ..ProtocolMessage::default()
        })
    }
}

/// A message that holds one protocol message.
pub(super) fn protocol(inner: ProtocolMessage) -> Message {
    Message { protocol_message: Some(inner.into()), ..Message::default() }
}
