//! Reactions to a status: only their author gets them, though they go to the status. Reference 05 §6.

use prost::Message as _;
use sanswire_proto::records::OutboxEntry;
use sanswire_proto::whatsapp::Message;

use super::fanout::{self, Sealed};
use super::recipients::{self, Found};
use crate::engine::{Stop, Turn};
use crate::wire::{Jid, OwnedJid};

/// The author of the status that an entry reacts to; `None` for everything else, which goes to its whole audience.
pub(super) fn author_of(chat: &OwnedJid, entry: &OutboxEntry) -> Option<OwnedJid> {
    if !chat.is_status() {
        return None;
    }
    let message = Message::decode(entry.message.clone()?).ok()?;
    let reaction = message.reaction_message?;
    let author = reaction.key?.participant.clone()?;
    Jid::parse(&author).ok().map(|author| author.bare().into_owned())
}

/// Encrypts a reaction for the devices of the status' author and our own others.
pub(super) fn seal_for_author(
    cx: &mut Turn<'_>,
    chat: &OwnedJid,
    author: &OwnedJid,
    entry: &OutboxEntry,
) -> Result<Sealed, Stop> {
    match recipients::resolve(cx, author)? {
        Found::Known(recipients) => fanout::seal_for(cx, entry, &recipients, Some(chat)),
        Found::Asked(about) => Ok(Sealed::Asked(about)),
    }
}
