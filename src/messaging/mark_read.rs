//! The operations that tell senders that their messages were read or played. Reference 07 §6.4.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::PrivacySettings;
use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::Received;
use crate::limits::RECEIPT_IDS;
use crate::ops::{Answer, CallId, Start};
use crate::records::PRIVACY_KEY;
use crate::wire::{Jid, Node, OwnedJid};

/// Sends a read receipt for messages of one sender in one conversation. With `readreceipts` set to `none` in the
/// account's privacy settings, and for channels, only the account's own devices hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRead {
    /// The conversation, as in [`Received::chat`](crate::event::Received).
    pub chat: OwnedJid,
    /// The messages' ids, at least one.
    pub ids: Vec<String>,
    /// Who wrote them: needed in groups, lists and for statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<OwnedJid>,
}

/// Tells that voice messages of one sender were heard, or messages looked at that can be seen once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkPlayed {
    /// The conversation, as in [`Received::chat`](crate::event::Received).
    pub chat: OwnedJid,
    /// The messages' ids, at least one.
    pub ids: Vec<String>,
    /// Who wrote them: needed in groups, lists and for statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<OwnedJid>,
}

impl MarkRead {
    /// What marks these messages read: one call per conversation and sender, in the order of the first message of
    /// each. Messages of the account itself need none.
    #[must_use]
    pub fn all<'a>(messages: impl IntoIterator<Item = &'a Received>) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        for message in messages.into_iter().filter(|message| !message.from_me) {
            let many = message.chat.is_group() || message.chat.is_broadcast();
            let sender = many.then(|| message.sender.bare().into_owned());
            let same = |call: &&mut Self| {
                call.chat == message.chat && call.sender == sender && call.ids.len() < RECEIPT_IDS
            };
            match calls.iter_mut().find(same) {
                Some(call) => call.ids.push(message.id.clone()),
                None => calls.push(Self {
                    chat: message.chat.clone(),
                    ids: alloc::vec![message.id.clone()],
                    sender,
                }),
            }
        }
        calls
    }
}

impl Start for MarkRead {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let hidden = self.chat.is_newsletter() || {
            let settings = cx.get::<PrivacySettings>(PRIVACY_KEY)?;
            settings
                .is_some_and(|known| known.values.get("readreceipts").is_some_and(|value| value == "none"))
        };
        let kind = if hidden { "read-self" } else { "read" };
        let result = tell(cx, &self.chat, self.sender.as_ref(), &self.ids, kind);
        cx.reply(call, result.map(|()| Answer::MarkRead(())));
        Ok(())
    }
}

impl Start for MarkPlayed {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let result = tell(cx, &self.chat, self.sender.as_ref(), &self.ids, "played");
        cx.reply(call, result.map(|()| Answer::MarkPlayed(())));
        Ok(())
    }
}

/// One receipt: the first id is its own, the others are listed.
fn tell(
    cx: &mut Turn<'_>,
    chat: &Jid<'_>,
    sender: Option<&OwnedJid>,
    ids: &[String],
    kind: &'static str,
) -> Result<(), OpError> {
    let Some((first, rest)) = ids.split_first().filter(|_| ids.len() <= RECEIPT_IDS) else {
        return Err(OpError::Argument("between 1 and 256 ids are needed".to_string()));
    };
    let many = chat.is_group() || chat.is_broadcast();
    if many && sender.is_none() {
        return Err(OpError::Argument("the sender is needed for this conversation".to_string()));
    }
    if cx.memory.phase != Phase::Ready {
        return Err(OpError::Disconnected);
    }
    let mut receipt = Node::new("receipt")
        .attr("id", first.clone())
        .attr("to", chat.bare().into_owned())
        .attr("type", kind)
        .attr("t", cx.now.unix.seconds())
        .attr_opt("participant", sender.filter(|_| many).map(|sender| sender.bare().into_owned()));
    if !rest.is_empty() {
        let items = rest.iter().map(|id| Node::new("item").attr("id", id.clone()));
        receipt = receipt.child(Node::new("list").children(items));
    }
    cx.send(&receipt);
    Ok(())
}
