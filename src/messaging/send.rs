//! The operation that sends a message: checks it, makes it durable, and leaves the rest to the outbox.
//! Reference 05 §1, §3.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use prost::Message as _;
use sanswire_proto::records::{OutboxEntry, SentIndex};
use sanswire_proto::whatsapp::Message;
use serde::{Deserialize, Serialize};

use super::audience::Audience;
use super::state::Sequence as _;
use super::{outbox, recipients, secrets, state};
use crate::content::{self, Building, ContentError, Draft, Parent};
use crate::engine::{PendingSend, Stop, Turn, Work};
use crate::error::OpError;
use crate::event::{Event, SendProgress, SendState};
use crate::limits::{MESSAGE_ID_BYTES, OUTBOX_MESSAGES};
use crate::ops::{CallId, Start};
use crate::records::{RecordError, Table};
use crate::wire::{OwnedJid, ids};

/// Sends a message. The reply comes with the server's ack; until then, and after, the events [`Event::Send`] tell how
/// far it is, under the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// A user by number or by LID, without device; a group, a channel, a bot, or `status@broadcast`.
    pub to: OwnedJid,
    /// What to say; its fields stand beside `to` in JSON.
    #[serde(flatten)]
    pub draft: Box<Draft>,
    /// The message's id; made up when absent. Sending the same id twice is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// For a status (`status@broadcast`), and only there: who may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
}

impl SendMessage {
    /// A message under an id that is made up.
    #[must_use]
    pub fn new(to: OwnedJid, draft: impl Into<Draft>) -> Self {
        Self { to, draft: Box::new(draft.into()), id: None, audience: None }
    }

    /// Plain text.
    #[must_use]
    pub fn text(to: OwnedJid, body: impl Into<String>) -> Self {
        Self::new(to, Draft::text(body))
    }

    /// The same under an id of the caller.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The same for a status that these may see.
    #[must_use]
    pub fn with_audience(self, audience: Audience) -> Self {
        Self { audience: Some(audience), ..self }
    }
}

/// The server took the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's id.
    pub id: String,
    /// The server's time, seconds since 1970.
    pub timestamp: u64,
    /// In channels: the number that the server gave the post; reactions name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<u64>,
}

impl Start for SendMessage {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        if let Err(error) = self.check(cx) {
            cx.reply(call, Err(error));
            return Ok(());
        }
        let id = match &self.id {
            Some(id) => id.clone(),
            None => new_message_id(cx),
        };
        if cx.get::<SentIndex>(id.as_bytes())?.is_some() {
            cx.reply(call, Err(OpError::Argument("a message with this id was sent before".to_string())));
            return Ok(());
        }
        let message = match self.build(cx)? {
            Ok(message) => message,
            Err(error) => {
                cx.reply(call, Err(OpError::Argument(error.to_string())));
                return Ok(());
            }
        };
        let mut counters = state::load(cx)?;
        let seq = counters.next();
        state::save(cx, &counters);
        secrets::keep_own(cx, &id, &message)?;
        let entry = OutboxEntry {
            id: Some(id.clone()),
            chat: Some(self.to.to_string()),
            message: Some(message.encode_to_vec().into()),
            created_unix_ms: Some(cx.now.unix.0),
            audience: self.audience.iter().flat_map(|it| &it.users).map(ToString::to_string).collect(),
            audience_kind: self.audience.as_ref().map(|audience| audience.kind.number()),
            ..OutboxEntry::default()
        };
        outbox::put(cx, seq, &entry);
        cx.put(id.as_bytes(), &SentIndex { sequence: Some(seq) });
        let chat = self.to.clone();
        let progress =
            SendProgress { id: id.clone(), chat: chat.clone(), call: Some(call), state: SendState::Queued };
        cx.emit(Event::Send(progress));
        let pending = PendingSend::new(id, chat, Some(call));
        cx.remember(move |memory| {
            memory.outbox.insert(seq, pending);
        });
        cx.schedule(Work::Advance(seq));
        Ok(())
    }
}

impl SendMessage {
    /// The message as the recipient shall read it, with everything that follows from the draft.
    fn build(&self, cx: &mut Turn<'_>) -> Result<Result<Message, ContentError>, Stop> {
        let Some((chat, me)) = recipients::addressing(cx, &self.to)? else {
            return Err(Stop::Record(RecordError::malformed(Table::Credentials)));
        };
        let known = match content::needs_secret_of(&self.draft) {
            Some(key) => secrets::of_target(cx, key, &chat, &me)?,
            None => None,
        };
        let with = Building {
            now_ms: cx.now.unix.0,
            secret: cx.entropy.bytes::<32>(),
            iv: cx.entropy.bytes::<12>(),
            me: &me,
            chat: &chat,
            parent: known.as_ref().map(|(secret, author)| Parent { secret: secret.expose(), author }),
        };
        Ok(content::build(&self.draft, &with))
    }

    /// Broadcast lists are refused: nobody supports sending to them. Reference 05 §6.
    fn check_destination(&self) -> Result<(), OpError> {
        let refuse = |why: &str| Err(OpError::Argument(why.to_string()));
        match &self.audience {
            Some(audience) if self.to.is_status() => return audience.check(),
            Some(_) => return refuse("only a status has an audience"),
            None if self.to.is_status() => return refuse("a status needs users who may see it"),
            None => {}
        }
        if self.to.is_broadcast() {
            return refuse("broadcast lists are not supported");
        }
        let known = self.to.is_pn() || self.to.is_lid() || self.to.is_group();
        if !(known || self.to.is_newsletter() || self.to.is_bot()) || self.to.user().is_empty() {
            return refuse("recipient is no user, group, channel or bot");
        }
        Ok(())
    }

    fn check(&self, cx: &Turn<'_>) -> Result<(), OpError> {
        let refuse = |why: &str| Err(OpError::Argument(why.to_string()));
        if cx.memory.me.is_none() || cx.memory.logged_out {
            return Err(OpError::NotLoggedIn);
        }
        self.check_destination()?;
        if self.to.device() != 0 {
            return refuse("recipient has a device number");
        }
        if self.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MESSAGE_ID_BYTES) {
            return refuse("id is empty or too long");
        }
        if cx.memory.outbox.len() >= OUTBOX_MESSAGES {
            return Err(OpError::QueueFull);
        }
        Ok(())
    }
}

/// A fresh id in the form that other clients use. Reference 03 §15.
pub(super) fn new_message_id(cx: &mut Turn<'_>) -> String {
    let random = cx.entropy.bytes::<16>();
    let me = cx.memory.me.as_ref().map(|me| &me.pn);
    ids::message_id(cx.now.unix.seconds(), me, &random)
}
