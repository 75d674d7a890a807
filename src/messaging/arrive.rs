//! A message in the clear: unwrap it, do what it asks for, keep its secret, and hand it out. Reference 07 §3.4, §3.5.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::source::{Source, person};
use super::{addons, inbox, perspective, protocol, secrets, shown};
use crate::content::{self, Content};
use crate::engine::{Stop, Turn};
use crate::event::{Event, Received};

/// Takes a message that was not shown before. Everything lands in one batch: what it teaches, its secret, its event.
pub(super) fn take(cx: &mut Turn<'_>, source: Source, message: Message) -> Result<(), Stop> {
    let message = unwrap_own(message, source.from_me);
    let shows = protocol::act(cx, &source, &message)?;
    shown::mark(cx, &source);
    if !shows {
        return Ok(());
    }
    show(cx, source, &message)
}

/// Keeps the secret of a message and the event about it.
pub(super) fn show(cx: &mut Turn<'_>, source: Source, message: &Message) -> Result<(), Stop> {
    secrets::keep(cx, &source.sender, &source.id, message)?;
    let mut details = source.details.clone();
    let mut view = content::read(message);
    if let Content::Sealed(sealed) = &view.content
        && let Some(opened) = addons::open(cx, &source, sealed)?
    {
        view = opened;
        details.unsealed = true;
    }
    if !source.from_me {
        perspective::turn(cx, &source, &mut view.content);
    }
    let received = Received {
        id: source.id,
        chat: source.chat,
        chat_alt: source.chat_alt,
        sender: source.sender,
        sender_alt: source.sender_alt,
        from_me: source.from_me,
        timestamp: source.timestamp,
        push_name: source.push_name,
        offline: source.offline,
        content: view.content,
        context: view.context,
        flags: view.flags,
        details: Box::new(details),
        message: Bytes::from(message.encode_to_vec()),
    };
    inbox::keep(cx, Event::Message(received));
    Ok(())
}

/// The message inside the wrapper for copies among own devices; the wrapper of anybody else is left as it
/// is, and reads as nothing. Reference 07 §3.4.
fn unwrap_own(mut message: Message, from_me: bool) -> Message {
    if !from_me {
        return message;
    }
    let Some(wrapper) = message.device_sent_message.take() else { return message };
    let outer = message.message_context_info.take();
    let mut inner = wrapper.message.map(|inner| *inner).unwrap_or_default();
    match (&mut inner.message_context_info, outer) {
        (slot @ None, outer) => *slot = outer,
        (Some(inner), Some(outer)) => {
            inner.message_secret = inner.message_secret.take().or(outer.message_secret);
            inner.message_association = inner.message_association.take().or(outer.message_association);
            inner.bot_metadata = inner.bot_metadata.take().or(outer.bot_metadata);
            if inner.thread_id.is_empty() {
                inner.thread_id = outer.thread_id;
            }
            inner.limit_sharing_v2 = outer.limit_sharing_v2;
        }
        (Some(_), None) => {}
    }
    inner
}

/// Other names of a sender: what it is called in the stanza, and the other address. Bare.
pub(super) fn names(source: &Source) -> Vec<crate::wire::OwnedJid> {
    core::iter::once(&source.sender).chain(&source.sender_alt).map(|jid| person(jid)).collect()
}
