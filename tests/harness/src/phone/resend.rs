//! Answers to companions that miss something: keys, or a message they could not read. Reference 07 §4.5, 10 B6.

use prost::Message as _;
use sanswire_proto::whatsapp::message::peer_data_operation_request_response_message::PeerDataOperationResult;
use sanswire_proto::whatsapp::message::peer_data_operation_request_response_message::peer_data_operation_result::PlaceholderMessageResendResponse;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{
    PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType, ProtocolMessage,
};
use sanswire_proto::whatsapp::Message;

use super::Phone;
use super::history::protocol;

impl Phone {
    /// The peer message that answers a companion's request, if the request is one that phones answer.
    pub(crate) fn answer(&self, request_id: &str, request: &Message) -> Option<Message> {
        let request = request.protocol_message.as_ref()?;
        match request.r#type() {
            Type::AppStateSyncKeyRequest => {
                let wanted = request.app_state_sync_key_request.as_ref()?;
                let ids = wanted.key_ids.iter().filter_map(|id| id.key_id.as_ref().map(|id| id.to_vec()));
                Some(self.key_answer(&ids.collect::<Vec<_>>()))
            }
            Type::PeerDataOperationRequestMessage => {
                let wanted = request.peer_data_operation_request_message.as_ref()?;
                let kind = wanted.peer_data_operation_request_type();
                (kind == PeerDataOperationRequestType::PlaceholderMessageResend).then(|| {
                    let ids = wanted.placeholder_message_resend_request.iter();
                    let ids = ids.filter_map(|wanted| wanted.message_key.as_ref()?.id.clone());
                    self.resend_placeholders(request_id, ids)
                })
            }
            _ => None,
        }
    }

    fn resend_placeholders(&self, request_id: &str, ids: impl Iterator<Item = String>) -> Message {
        let results = ids.map(|id| PeerDataOperationResult {
            placeholder_message_resend_response: Some(PlaceholderMessageResendResponse {
                web_message_info_bytes: self.messages.find(&id).map(|info| info.encode_to_vec().into()),
            }),
            ..PeerDataOperationResult::default()
        });
        let response = PeerDataOperationRequestResponseMessage {
            peer_data_operation_request_type: Some(
                PeerDataOperationRequestType::PlaceholderMessageResend as i32,
            ),
            stanza_id: Some(request_id.to_owned()),
            peer_data_operation_result: results.collect(),
        };
        protocol(ProtocolMessage {
            r#type: Some(Type::PeerDataOperationRequestResponseMessage as i32),
            peer_data_operation_request_response_message: Some(response.into()),
            ..ProtocolMessage::default()
        })
    }

    /// Counts one more retry for a message; `None` when it was asked for often enough.
    pub(crate) fn count_retry(&mut self, id: &str) -> Option<u64> {
        let count = self.retries.entry(id.to_owned()).or_default();
        *count += 1;
        (*count <= RETRIES).then_some(*count)
    }
}

/// How often a phone asks for the same message.
const RETRIES: u64 = 4;
