//! What bots need to be asked: metadata, and for a bot that is called into a conversation a message of its own.
//! Reference 05 §13.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use bytes::Bytes;
use sanswire_proto::whatsapp::message::FutureProofMessage;
use sanswire_proto::whatsapp::{BotMetadata, Message, MessageContextInfo};

use super::parts::data;
use super::secret::bot_secret;
use crate::wire::{Jid, OwnedJid};

data! {
    /// Asks a bot.
    pub struct BotPrompt {
        /// Which of the bot's persons is asked; the usual one if left out.
        pub persona: Option<String>,
        /// The bot is called into a conversation with others.
        pub inline: bool,
    }
}

impl BotPrompt {
    pub(super) fn put(&self, mut message: Message) -> Message {
        let persona = self.persona.clone().unwrap_or_else(|| PERSONA.to_string());
        let metadata = BotMetadata { persona_id: Some(persona), ..BotMetadata::default() };
        let info = message.message_context_info.get_or_insert_default();
        info.bot_metadata = Some(Box::new(metadata));
        if !self.inline {
            return message;
        }
        let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
        Message { bot_invoke_message: Some(Box::new(wrapper)), ..Message::default() }
    }

    pub(super) fn read(info: Option<&MessageContextInfo>, inline: bool) -> Option<Self> {
        let metadata = info?.bot_metadata.as_deref()?;
        let persona = metadata.persona_id.clone().filter(|persona| persona != PERSONA);
        Some(Self { persona, inline })
    }
}

/// The copy for a bot that is called into a conversation: it answers under its own secret, and does not learn that
/// of the message. `None` when no bot is called, or the message has no secret.
#[must_use]
pub fn copy_for_bot(message: &Message) -> Option<Message> {
    let inner = message.bot_invoke_message.as_deref()?.message.as_deref()?;
    let secret: [u8; 32] =
        message.message_context_info.as_deref()?.message_secret.as_deref()?.try_into().ok()?;
    let metadata = inner.message_context_info.as_deref()?.bot_metadata.clone();
    let info = MessageContextInfo {
        bot_metadata: metadata,
        bot_message_secret: Some(Bytes::copy_from_slice(bot_secret(&secret).expose())),
        ..MessageContextInfo::default()
    };
    let mut inner = inner.clone();
    inner.message_context_info = Some(Box::new(info));
    let wrapper = FutureProofMessage { message: Some(Box::new(inner)) };
    Some(Message { bot_invoke_message: Some(Box::new(wrapper)), ..Message::default() })
}

/// The bot that a message calls into its conversation, by the person that is asked (`bot$person`); `None` when it
/// calls none.
#[must_use]
pub fn bot_called(message: &Message) -> Option<OwnedJid> {
    let inner = message.bot_invoke_message.as_deref()?.message.as_deref()?;
    let metadata = inner.message_context_info.as_deref()?.bot_metadata.as_deref()?;
    let (bot, _) = metadata.persona_id.as_deref()?.split_once('$')?;
    let bot = bot.parse::<u64>().ok()?;
    Jid::parse(&format!("{bot}@bot")).ok().map(Jid::into_owned)
}

/// The person that clients ask when none is named.
const PERSONA: &str = "867051314767696$760019659443059";
