//! Messages to channels: not encrypted, as everybody may read them. Reference 05 §7.

use alloc::string::String;

use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::ProtocolMessage;
use sanswire_proto::whatsapp::message::protocol_message::Type;

use super::fanout::{self, Sealed, Stanza};
use super::form;
use crate::content::{self, Envelope};
use crate::engine::Stop;
use crate::wire::{Node, OwnedJid};

/// The stanza of a message, a reaction, an edit or a revocation. A reaction names the post by the number that the
/// server gave it, in place of the message's id; edits and revocations go under the id of the post.
pub(super) fn seal(chat: &OwnedJid, entry: &OutboxEntry) -> Result<Sealed, Stop> {
    let bytes = entry.message.clone().unwrap_or_default();
    let message = fanout::decode(&bytes)?;
    let envelope = content::envelope(&message);
    let id = entry.id.clone().unwrap_or_default();
    if let Some(reaction) = &message.reaction_message {
        let target = reaction.key.as_ref().and_then(|key| key.id.clone()).unwrap_or_default();
        let emoji = reaction.text.clone().filter(|text| !text.is_empty());
        let stanza = Node::new("message")
            .attr("id", id)
            .attr("to", chat.clone())
            .attr("type", "reaction")
            .attr("server_id", target)
            .attr_opt("edit", emoji.is_none().then_some("7"))
            .child(Node::new("reaction").attr_opt("code", emoji));
        return Ok(Sealed::Stanza(Stanza::new(fanout::encode(&stanza)?, chat.clone())));
    }
    let (target, edit, plain) = match change(&message) {
        Some((target, Some(inner))) => (Some(target), Some("3"), inner.encode_to_vec()),
        Some((target, None)) => (Some(target), Some("8"), alloc::vec::Vec::new()),
        None => (None, None, bytes.to_vec()),
    };
    let envelope = Envelope { edit, ..envelope };
    let content = Node::new("plaintext").attr_opt("mediatype", envelope.media).bytes(plain);
    let stanza = form::message(target.clone().unwrap_or(id), chat, &envelope).child(content);
    let stanza = form::with_extras(stanza, &envelope);
    Ok(Sealed::Stanza(Stanza { id: target, ..Stanza::new(fanout::encode(&stanza)?, chat.clone()) }))
}

/// The post that a message changes, and what it says now; nothing when it is taken back.
fn change(message: &Message) -> Option<(String, Option<&Message>)> {
    let wrapped = message.edited_message.as_ref().and_then(|wrapper| wrapper.message.as_ref());
    let protocol: &ProtocolMessage =
        wrapped.and_then(|inner| inner.protocol_message.as_ref()).or(message.protocol_message.as_ref())?;
    let target = protocol.key.as_ref()?.id.clone()?;
    match protocol.r#type() {
        Type::MessageEdit => Some((target, Some(protocol.edited_message.as_deref()?))),
        Type::Revoke => Some((target, None)),
        _ => None,
    }
}
