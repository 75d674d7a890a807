//! Sender keys of others: taken when they are handed out, used when a message comes under them.
//! Reference 07 §3.1, §3.4, 04 §7.

use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;

use super::source::Source;
use crate::directory::sender_keys;
use crate::engine::{Stop, Turn};
use crate::signal::{GroupError, SenderKeyDistribution, SenderKeyMessage, group_decrypt};
use crate::wire::Jid;

/// Opens a `skmsg`; the step of the member's chain goes into this turn's batch.
pub(super) fn open(
    cx: &mut Turn<'_>,
    source: &Source,
    bytes: &[u8],
) -> Result<Result<Vec<u8>, GroupError>, Stop> {
    if !source.many {
        return Ok(Err(GroupError::NoSenderKey));
    }
    let key_id = match SenderKeyMessage::parse(bytes) {
        Ok(message) => message.id(),
        Err(error) => return Ok(Err(error)),
    };
    let mut address = sender_keys::address_of(cx, &source.sender)?;
    let mut record = sender_keys::load(cx, &source.chat, &address)?;
    if !record.knows(key_id)
        && let Some((device, found)) = sender_keys::find(cx, &source.chat, &address, key_id)?
    {
        (address, record) = (device, found);
    }
    let opened = group_decrypt(&mut record, bytes);
    if opened.is_ok() {
        sender_keys::save(cx, &source.chat, &address, &record);
    }
    Ok(opened)
}

/// Takes the sender key that a message hands out, for the group that the stanza names. One that is malformed, or
/// for another group, is left: the sender is asked again when a message comes under it.
pub(super) fn accept(cx: &mut Turn<'_>, source: &Source, message: &Message) -> Result<(), Stop> {
    let Some(handed) = message.sender_key_distribution_message.as_ref().filter(|_| source.many) else {
        return Ok(());
    };
    let group = handed.group_id.as_deref().and_then(|id| Jid::parse(id).ok());
    let bytes = handed.axolotl_sender_key_distribution_message.as_deref().unwrap_or_default();
    let (true, Ok(distribution)) =
        (group.is_some_and(|group| group == source.chat), SenderKeyDistribution::parse(bytes))
    else {
        return Ok(());
    };
    // Our own chain moves by sending only.
    let own =
        cx.memory.me.as_ref().is_some_and(|me| {
            me.pn == source.sender || me.lid.as_ref().is_some_and(|lid| *lid == source.sender)
        });
    if own {
        return Ok(());
    }
    let address = sender_keys::address_of(cx, &source.sender)?;
    let mut record = sender_keys::load(cx, &source.chat, &address)?;
    record.process(&distribution);
    sender_keys::save(cx, &source.chat, &address, &record);
    Ok(())
}

/// Whether a message holds nothing but a sender key: then there is nothing to tell.
pub(super) fn only_hands_out(message: &Message) -> bool {
    message.sender_key_distribution_message.is_some() && {
        let rest =
            Message { sender_key_distribution_message: None, message_context_info: None, ..message.clone() };
        rest == Message::default()
    }
}
