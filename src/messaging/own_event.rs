//! Messages that this client sent, as events like those of the account's other devices. Reference 01 §17.

use alloc::boxed::Box;
use alloc::string::String;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::inbox;
use crate::content;
use crate::engine::Turn;
use crate::event::{Event, Received};
use crate::wire::OwnedJid;

/// Keeps the event of a message that the server has just taken, when the configuration wants it. What we tell our
/// own phone in the background is no message to anybody.
pub(super) fn keep(cx: &mut Turn<'_>, id: String, chat: &OwnedJid, message: Option<&Bytes>, timestamp: u64) {
    if !cx.config.own_events {
        return;
    }
    let (Some(me), Some(bytes)) = (cx.memory.me.clone(), message) else { return };
    let Ok(message) = Message::decode(bytes.clone()) else { return };
    if message.protocol_message.is_some() && cx.is_me(chat) {
        return;
    }
    let (sender, sender_alt) = match me.lid {
        Some(lid) if !chat.is_pn() => (lid, Some(me.pn)),
        lid => (me.pn, lid),
    };
    let view = content::read(&message);
    let received = Received {
        id,
        chat: chat.clone(),
        chat_alt: None,
        sender,
        sender_alt,
        from_me: true,
        timestamp,
        push_name: None,
        offline: false,
        content: view.content,
        context: view.context,
        flags: view.flags,
        details: Box::default(),
        message: bytes.clone(),
    };
    inbox::keep(cx, Event::Message(received));
}
