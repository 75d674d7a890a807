//! The phone's chats: what it hears, what it says, and what it keeps of both. Reference 05 §4, 07 §3.

use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;
use sanswire_proto::whatsapp::message::DeviceSentMessage;
use sanswire_proto::whatsapp::{Conversation, HistorySyncMsg, Message, MessageKey, WebMessageInfo};

use super::Phone;
use crate::clock::Time;

/// Something to say: one message for the recipient's devices, one for the account's own.
pub(crate) struct Said {
    pub(crate) id: String,
    /// What the recipient's devices get.
    pub(crate) message: Vec<u8>,
    /// What the account's other devices get.
    pub(crate) copy: Vec<u8>,
}

/// What a decrypted message turned out to be.
pub(crate) enum Heard {
    /// From somebody else.
    Inbound,
    /// A copy of what another own device sent.
    OwnCopy,
    /// A request to the phone from its own companion.
    Request(Box<Message>),
    /// A sender key and nothing else.
    Key,
    /// Not a message.
    Garbage,
}

/// Messages by chat, newest last, and what was sent under which id.
#[derive(Debug, Default)]
pub(super) struct MessageStore {
    chats: BTreeMap<String, VecDeque<WebMessageInfo>>,
    sent: BTreeMap<String, Sent>,
}

#[derive(Clone, Debug)]
struct Sent {
    message: Vec<u8>,
    copy: Vec<u8>,
}

impl MessageStore {
    fn keep(&mut self, chat: &str, info: WebMessageInfo) {
        let id = |info: &WebMessageInfo| info.key.as_ref().and_then(|key| key.id.clone());
        let kept = self.chats.entry(chat.to_owned()).or_default();
        if kept.iter().any(|old| id(old) == id(&info)) {
            return;
        }
        kept.push_back(info);
        if kept.len() > CHAT_LENGTH {
            kept.pop_front();
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<&WebMessageInfo> {
        let named = |info: &&WebMessageInfo| info.key.as_ref().and_then(|key| key.id.as_deref()) == Some(id);
        self.chats.values().flatten().find(named)
    }

    /// The newest messages of every chat, newest first, as the first history carries them.
    pub(super) fn conversations(&self) -> Vec<Conversation> {
        self.chats
            .iter()
            .map(|(chat, kept)| Conversation {
                id: chat.clone().into(),
                messages: kept
                    .iter()
                    .rev()
                    .take(HISTORY_LENGTH)
                    .map(|info| HistorySyncMsg { message: Some(info.clone()), msg_order_id: None })
                    .collect(),
                conversation_timestamp: kept.back().and_then(|info| info.message_timestamp),
                ..Conversation::default()
            })
            .collect()
    }
}

impl Phone {
    /// Writes a text to `chat` (a bare address).
    pub(crate) fn say(&mut self, chat: &str, text: &str, now: Time) -> Said {
        let id = self.fresh_message_id();
        let message = Message { conversation: Some(text.to_owned()), ..Message::default() };
        let copy = Message {
            device_sent_message: Some(
                DeviceSentMessage {
                    destination_jid: Some(chat.to_owned()),
                    message: Some(message.clone().into()),
                    ..DeviceSentMessage::default()
                }
                .into(),
            ),
            ..Message::default()
        };
        let envelope =
            Incoming { id: &id, chat, own: true, peer: false, t: now.seconds(), name: None, author: None };
        self.remember(&envelope, chat, true, &message);
        let said = Said { id: id.clone(), message: message.encode_to_vec(), copy: copy.encode_to_vec() };
        let sent = Sent { message: said.message.clone(), copy: said.copy.clone() };
        self.messages.sent.insert(id, sent);
        said
    }

    /// Keeps a peer message, so that it can be sent again when asked.
    pub(crate) fn keep_peer_message(&mut self, id: &str, message: &Message) {
        let bytes = message.encode_to_vec();
        self.messages.sent.insert(id.to_owned(), Sent { message: bytes.clone(), copy: bytes });
    }

    /// What was sent under an id, in the form that own devices or others get.
    pub(crate) fn said(&self, id: &str, own_device: bool) -> Option<Vec<u8>> {
        let sent = self.messages.sent.get(id)?;
        Some(if own_device { sent.copy.clone() } else { sent.message.clone() })
    }

    /// Takes a decrypted message. `chat` is the other side's bare address; `own` says that the sender is a
    /// device of this account.
    pub(crate) fn hear(&mut self, incoming: &Incoming<'_>, plaintext: &[u8]) -> Heard {
        let Ok(message) = Message::decode(plaintext) else { return Heard::Garbage };
        if let Some(inner) = message.device_sent_message.as_ref().filter(|_| incoming.own) {
            let chat = inner.destination_jid.clone().unwrap_or_else(|| incoming.chat.to_owned());
            if let Some(inner) = &inner.message {
                if inner.protocol_message.is_some() && incoming.peer {
                    return Heard::Request(Box::new((**inner).clone()));
                }
                self.remember(incoming, &chat, true, inner);
            }
            return Heard::OwnCopy;
        }
        if incoming.own && message.protocol_message.is_some() {
            return Heard::Request(Box::new(message));
        }
        self.remember(incoming, incoming.chat, incoming.own, &message);
        if incoming.own { Heard::OwnCopy } else { Heard::Inbound }
    }

    pub(super) fn remember(&mut self, incoming: &Incoming<'_>, chat: &str, mine: bool, message: &Message) {
        let author = incoming.author.map(str::to_owned);
        let key = MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(mine),
            id: Some(incoming.id.to_owned()),
            participant: author.clone().filter(|_| !mine),
        };
        let info = WebMessageInfo {
            key: Some(key.into()),
            message: Some(message.clone().into()),
            message_timestamp: Some(incoming.t),
            push_name: incoming.name.filter(|_| !mine).map(str::to_owned),
            participant: author,
            ..WebMessageInfo::default()
        };
        self.messages.keep(chat, info);
    }

    /// Keeps what was sent to a group, for whoever asks for it again.
    pub(super) fn keep_shared(&mut self, id: &str, message: &Message) {
        let bytes = message.encode_to_vec();
        self.messages.sent.insert(id.to_owned(), Sent { message: bytes.clone(), copy: bytes });
    }
}

/// The envelope of a message that reached the phone.
pub(crate) struct Incoming<'a> {
    pub(crate) id: &'a str,
    /// Bare address of the chat.
    pub(crate) chat: &'a str,
    /// The sender is a device of this account.
    pub(crate) own: bool,
    /// `category=peer`.
    pub(crate) peer: bool,
    pub(crate) t: u64,
    pub(crate) name: Option<&'a str>,
    /// Bare address of who wrote it, in chats of many.
    pub(crate) author: Option<&'a str>,
}

/// Messages kept per chat.
const CHAT_LENGTH: usize = 200;
/// Messages per chat in the first history.
const HISTORY_LENGTH: usize = 20;
