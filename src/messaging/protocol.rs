//! Messages that ask something of the client rather than say something. Reference 07 §5.

use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::records::AppStateKey;
use sanswire_proto::whatsapp::message::ProtocolMessage;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::{LidMigrationMappingSyncPayload, Message};

use super::source::Source;
use super::{inbox, placeholder};
use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::history::bootstrap;
use crate::limits::{APP_STATE_KEYS_PER_SHARE, HISTORY_PAIRS};
use crate::records::APP_STATE_KEYS;
use crate::wire::{Jid, Node, OwnedJid};

/// Does what a protocol message asks for; says whether the message is handed out. What only own devices may ask for
/// is ignored from others, and not shown.
pub(super) fn act(cx: &mut Turn<'_>, source: &Source, message: &Message) -> Result<bool, Stop> {
    let Some(protocol) = message.protocol_message.as_deref() else { return Ok(true) };
    // What is there counts where no kind is named.
    let told = match protocol.r#type {
        None if protocol.history_sync_notification.is_some() => Some(Ok(Type::HistorySyncNotification)),
        kind => kind.map(Type::try_from),
    };
    let Some(Ok(kind)) = told else { return Ok(true) };
    if !is_for_own_devices(kind) {
        return Ok(true);
    }
    if !source.from_me {
        return Ok(false);
    }
    match kind {
        Type::HistorySyncNotification => history(cx, source, message)?,
        Type::AppStateSyncKeyShare => app_state_keys(cx, protocol),
        Type::InitialSecurityNotificationSettingSync => {
            let setting = protocol.initial_security_notification_setting_sync.as_ref();
            if let Some(enabled) = setting.and_then(|setting| setting.security_notification_enabled) {
                inbox::keep(cx, Event::Account(AccountEvent::SecurityNotifications { enabled }));
            }
        }
        Type::LidMigrationMappingSync => lid_mappings(cx, protocol)?,
        Type::PeerDataOperationRequestResponseMessage if source.sender.device() == 0 => {
            if let Some(response) = protocol.peer_data_operation_request_response_message.as_ref() {
                placeholder::answered(cx, response)?;
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Kinds that only devices of the account send to each other.
const fn is_for_own_devices(kind: Type) -> bool {
    matches!(
        kind,
        Type::HistorySyncNotification
            | Type::AppStateSyncKeyShare
            | Type::AppStateSyncKeyRequest
            | Type::MsgFanoutBackfillRequest
            | Type::InitialSecurityNotificationSettingSync
            | Type::AppStateFatalExceptionNotification
            | Type::PeerDataOperationRequestMessage
            | Type::PeerDataOperationRequestResponseMessage
            | Type::LidMigrationMappingSync
    )
}

/// The phone offers history: the event about it is durable with this batch, so the phone may go on.
fn history(cx: &mut Turn<'_>, source: &Source, message: &Message) -> Result<(), Stop> {
    if source.sender.device() != 0 {
        return Ok(());
    }
    bootstrap::learn(cx, message)?;
    let receipt = Node::new("receipt")
        .attr("id", source.id.clone())
        .attr("to", source.sender.bare().into_owned())
        .attr("type", "hist_sync");
    cx.send(&receipt);
    Ok(())
}

fn app_state_keys(cx: &mut Turn<'_>, protocol: &ProtocolMessage) {
    let Some(share) = &protocol.app_state_sync_key_share else { return };
    let mut ids = Vec::new();
    for shared in share.keys.iter().take(APP_STATE_KEYS_PER_SHARE) {
        let id = shared.key_id.as_ref().and_then(|id| id.key_id.clone()).filter(|id| !id.is_empty());
        let data = shared.key_data.as_ref().filter(|data| data.key_data().len() == APP_STATE_KEY_BYTES);
        let (Some(id), Some(data)) = (id, data) else { continue };
        let record = AppStateKey {
            id: Some(id.clone()),
            key: data.key_data.clone(),
            fingerprint: data.fingerprint.as_ref().map(|print| print.encode_to_vec().into()),
            created_unix_ms: data.timestamp.and_then(|at| u64::try_from(at).ok()),
        };
        cx.put(&[APP_STATE_KEYS, &id].concat(), &record);
        ids.push(id.into());
    }
    inbox::keep(cx, Event::Account(AccountEvent::AppStateKeys { ids }));
}

fn lid_mappings(cx: &mut Turn<'_>, protocol: &ProtocolMessage) -> Result<(), Stop> {
    let payload =
        protocol.lid_migration_mapping_sync_message.as_ref().and_then(|m| m.encoded_mapping_payload.clone());
    let Some(payload) = payload.and_then(|bytes| LidMigrationMappingSyncPayload::decode(bytes).ok()) else {
        return Ok(());
    };
    let number = |user: u64| alloc::format!("{user}");
    let pairs: Vec<(OwnedJid, OwnedJid)> = payload
        .pn_to_lid_mappings
        .iter()
        .filter_map(|pair| Some((pair.pn?, pair.latest_lid.or(pair.assigned_lid)?)))
        .take(HISTORY_PAIRS)
        .map(|(pn, lid)| (Jid::pn(number(pn), 0), Jid::lid(number(lid), 0)))
        .collect();
    let wanted: Vec<_> = pairs.iter().map(|(pn, _)| lid::record_key(pn)).collect();
    cx.prefetch(&wanted)?;
    for (pn, lid) in &pairs {
        lid::learn(cx, pn, lid)?;
    }
    Ok(())
}

const APP_STATE_KEY_BYTES: usize = 32;
