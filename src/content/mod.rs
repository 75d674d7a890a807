//! What messages say: builders to send, views of what was received. Reference 06.

mod text;

use alloc::string::String;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;
use serde::{Deserialize, Serialize};

pub use text::Text;
pub(crate) use text::{build_text, read};

/// The parsed view of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Plain text.
    Text(Text),
    /// A kind that this version has no view for: the protobuf is in the event.
    Other {
        /// Name of the protobuf field that is set, empty when there is none.
        kind: String,
    },
}

/// Whether an encoded message is protocol traffic of clients rather than something that a person said.
pub(crate) fn is_protocol(message: &[u8]) -> bool {
    Message::decode(message).is_ok_and(|message| message.protocol_message.is_some())
}

/// Byte fields of events as base64 text.
pub(crate) mod base64_bytes {
    use alloc::string::String;

    use base64ct::{Base64, Encoding};
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Bytes::from).map_err(D::Error::custom)
    }
}
