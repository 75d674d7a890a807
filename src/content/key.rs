//! Which message another one is about. Reference 06 §7.

use alloc::string::{String, ToString};

use sanswire_proto::whatsapp::MessageKey;

use super::build::Building;
use super::error::ContentError;
use super::parts::{data, jid};
use crate::limits::MESSAGE_ID_BYTES;
use crate::wire::{Jid, OwnedJid};

data! {
    /// Names a message. On the wire, and so in what is read, it is seen with the eyes of whoever sent it: their own
    /// messages are `from_me`. [`Key::turned`] makes it ours.
    pub struct Key {
        /// The conversation; when sending, left out for the one that is sent to.
        pub chat: Option<OwnedJid>,
        /// Written by the one who refers to it.
        pub from_me: bool,
        /// The message's id.
        pub id: String,
        /// Who wrote it, in groups and broadcasts, when it was somebody else. Without device.
        pub sender: Option<OwnedJid>,
    }
}

impl Key {
    /// A message of the conversation that is sent to, written by the account itself.
    #[must_use]
    pub fn own(id: impl Into<String>) -> Self {
        Self { from_me: true, id: id.into(), ..Self::default() }
    }

    /// A message of somebody else; `sender` in groups.
    #[must_use]
    pub fn of(id: impl Into<String>, sender: Option<OwnedJid>) -> Self {
        Self { id: id.into(), sender, ..Self::default() }
    }

    /// The conversation in which people see the message: for a broadcast list of somebody else that with its author.
    /// `None` when the key does not say. Reference 06 §7.
    #[must_use]
    pub fn conversation(&self) -> Option<&OwnedJid> {
        let chat = self.chat.as_ref()?;
        if chat.is_broadcast() && !chat.is_status() && !self.from_me {
            self.sender.as_ref()
        } else {
            Some(chat)
        }
    }

    /// The key as the account sees it, when `sender` sent it to the conversation `chat`: theirs is not ours, and
    /// ours is what names one of `own`. Only for keys of others: one's own are right already. Reference 06 §7.
    #[must_use]
    pub fn turned(&self, chat: &Jid<'_>, sender: &Jid<'_>, own: &[&Jid<'_>]) -> Self {
        let author = self.sender.as_ref().or(self.chat.as_ref());
        let ours = author.is_some_and(|author| own.iter().any(|own| own.same_user(author)));
        let many = chat.is_group() || chat.is_broadcast();
        let sender = self.sender.as_ref().unwrap_or(sender);
        Self {
            chat: Some(user(chat)),
            from_me: !self.from_me && ours,
            id: self.id.clone(),
            sender: many.then(|| user(sender)),
        }
    }

    /// As sent: in the conversation, with the author only where there are several.
    pub(super) fn build(&self, with: &Building<'_>) -> Result<MessageKey, ContentError> {
        if self.id.is_empty() {
            return Err(ContentError::Empty("the id of the message referred to"));
        }
        if self.id.len() > MESSAGE_ID_BYTES {
            return Err(ContentError::TooLong { what: "message id", limit: MESSAGE_ID_BYTES });
        }
        let chat = self.chat.as_ref().unwrap_or(with.chat).bare();
        let many = chat.is_group() || chat.is_broadcast();
        if many && !self.from_me && self.sender.is_none() {
            return Err(ContentError::Empty("the sender of the message referred to"));
        }
        Ok(MessageKey {
            remote_jid: Some(chat.to_string()),
            from_me: Some(self.from_me),
            id: Some(self.id.clone()),
            participant: self.sender.as_ref().filter(|_| many).map(|sender| sender.bare().to_string()),
        })
    }

    /// As received: `None` without an id.
    pub(super) fn read(key: Option<&MessageKey>) -> Option<Self> {
        let key = key?;
        let id = key.id.clone().filter(|id| !id.is_empty())?;
        Some(Self {
            chat: jid(key.remote_jid.as_ref()),
            from_me: key.from_me(),
            id,
            sender: jid(key.participant.as_ref()),
        })
    }
}

/// Without device; hosted devices belong to the plain server's user.
fn user(jid: &Jid<'_>) -> OwnedJid {
    let bare = jid.bare().into_owned();
    bare.with_server(jid.server().family()).into_owned()
}
