//! A bot that is called into a conversation with others gets a copy of its own. Reference 05 §13.

use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::{fanout, form};
use crate::content::{self, Envelope};
use crate::engine::Turn;
use crate::signal::{CiphertextKind, SessionRecord};
use crate::wire::{Node, OwnedJid};

/// A bot that a message calls.
pub(super) struct Called {
    /// Its address, which is its only device.
    pub(super) bot: OwnedJid,
    /// What it gets to read.
    plaintext: Vec<u8>,
}

/// The bot that a message to `chat` calls; a bot that is written to directly reads the message itself.
pub(super) fn called(message: &Message, chat: &OwnedJid) -> Option<Called> {
    let bot = content::bot_called(message).filter(|_| !chat.is_bot())?;
    let copy = content::copy_for_bot(message)?;
    Some(Called { bot, plaintext: copy.encode_to_vec() })
}

impl Called {
    /// `<bot>` with the bot's copy, and the form of its ciphertext; `None` when there is no session to use.
    pub(super) fn seal(
        &self,
        cx: &mut Turn<'_>,
        record: SessionRecord,
    ) -> Option<(Node<'static>, CiphertextKind)> {
        let (kind, bytes) = fanout::encrypt(cx, &self.bot, record, &self.plaintext)?;
        let enc = form::enc(kind, bytes, &Envelope::default());
        let to = Node::new("to").attr("jid", self.bot.clone()).child(enc);
        Some((Node::new("bot").child(to), kind))
    }
}
