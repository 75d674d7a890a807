//! What is opened with the secrets of other messages: votes, responses, reactions, comments and edits
//! that travel sealed, and the answers of bots. Reference 07 §3.6, §9.

use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::MessageSecretMessage;

use super::source::{Source, person};
use super::{arrive, secrets};
use crate::content::View;
use crate::content::secret::{self, Sealed, UseCase};
use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::wire::{Jid, NodeRef, OwnedJid};

/// Opens what is sealed under another message's secret; `None` when the secret is not known, or does not fit.
pub(super) fn open(cx: &mut Turn<'_>, source: &Source, sealed: &Sealed) -> Result<Option<View>, Stop> {
    // As its sender sees it: its own message, or else whoever the key names.
    let author = match (sealed.to.from_me, &sealed.to.sender, &sealed.to.chat) {
        (true, ..) | (false, None, None) => source.sender.clone(),
        (false, Some(author), _) | (false, None, Some(author)) => author.clone(),
    };
    let authors = both_names(cx, &author)?;
    let Some(secret) = secrets::find(cx, &author, &sealed.to.id)? else { return Ok(None) };
    let actors = match source.from_me {
        true => both_names(cx, &source.sender)?,
        false => arrive::names(source),
    };
    let authors: Vec<&Jid<'_>> = authors.iter().collect();
    let actors: Vec<&Jid<'_>> = actors.iter().collect();
    Ok(sealed.open(secret.expose(), &authors, &actors).ok())
}

/// Opens a bot's answer: the plain protobuf; `None` when the secret of what it answers is not known, or does not fit.
pub(super) fn open_reply(
    cx: &mut Turn<'_>,
    node: NodeRef<'_>,
    source: &Source,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, Stop> {
    let Ok(sealed) = MessageSecretMessage::decode(bytes) else { return Ok(None) };
    let meta = node.find("meta");
    let Some(target) = meta.and_then(|meta| meta.get("target_id")) else { return Ok(None) };
    let Some(me) = cx.memory.me.clone() else { return Ok(None) };
    let named = meta.and_then(|meta| meta.get_jid("target_sender_jid")).map(|jid| jid.bare().into_owned());
    let own = if source.sender.is_pn() { me.pn.clone() } else { me.lid.clone().unwrap_or(me.pn) };
    let author = named.unwrap_or_else(|| own.bare().into_owned());
    let authors = both_names(cx, &author)?;
    let Some(secret) = secrets::find(cx, &author, &target)? else { return Ok(None) };
    // Parts of an answer that replace an earlier one are sealed under the id of the first.
    let bot = source.details.bot.as_ref().filter(|bot| bot.step != "first");
    let id: &str = bot.and_then(|bot| bot.edits.as_deref()).unwrap_or(&source.id);
    let key = secret::bot_secret(secret.expose());
    let (iv, payload) = (sealed.enc_iv.unwrap_or_default(), sealed.enc_payload.unwrap_or_default());
    let open = |author: &OwnedJid| {
        secret::open(UseCase::BotReply, key.expose(), id, [author, &source.sender], &iv, &payload).ok()
    };
    Ok(authors.iter().find_map(open))
}

/// A user under both names, the given one first; groups and others under their only one.
fn both_names(cx: &mut Turn<'_>, jid: &Jid<'_>) -> Result<Vec<OwnedJid>, Stop> {
    let name = person(jid);
    let other = lid::other_name(cx, &name)?;
    Ok(core::iter::once(name).chain(other).collect())
}
