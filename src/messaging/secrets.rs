//! Message secrets: what votes, answers, reactions, comments and edits of a message are sealed with.
//! Reference 06 §5, 07 §9.

use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::MessageSecret;
use sanswire_proto::whatsapp::Message;

use crate::content::Key;
use crate::crypto::Secret;
use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::limits::SECRET_WEEKS;
use crate::records::{Record as _, Table};
use crate::wire::{Jid, OwnedJid};

/// Keeps the secret of a message that `author` sent, unless one is kept already: a secret never changes.
pub(super) fn keep(cx: &mut Turn<'_>, author: &Jid<'_>, id: &str, message: &Message) -> Result<(), Stop> {
    let info = message.message_context_info.as_deref();
    let secret = info.and_then(|info| info.message_secret.as_deref()).and_then(Secret::<32>::from_slice);
    let Some(secret) = secret else { return Ok(()) };
    let key = key(author, id);
    if cx.get::<MessageSecret>(&key)?.is_none() {
        let secret = Some(Bytes::copy_from_slice(secret.expose()));
        cx.put(&key, &MessageSecret { secret, unix_s: Some(cx.now.unix.seconds()) });
    }
    Ok(())
}

/// Keeps the secret of a message of this account, before it is sent.
pub(super) fn keep_own(cx: &mut Turn<'_>, id: &str, message: &Message) -> Result<(), Stop> {
    match cx.memory.me.as_ref().map(|me| me.pn.bare().into_owned()) {
        Some(me) => keep(cx, &me, id, message),
        None => Ok(()),
    }
}

/// The secret of a message, looked for under both names of its author.
pub(super) fn find(cx: &mut Turn<'_>, author: &Jid<'_>, id: &str) -> Result<Option<Secret<32>>, Stop> {
    let mut keys = Vec::from([key(author, id)]);
    keys.extend(lid::other_name(cx, author)?.map(|other| key(&other, id)));
    let found = cx.get_all::<MessageSecret>(keys)?;
    Ok(found.into_iter().flatten().find_map(|record| Secret::from_slice(&record.secret?)))
}

/// The secret of the message that a key names in the conversation `chat`, and its author in that conversation's
/// addressing; `me` is this account there.
pub(super) fn of_target(
    cx: &mut Turn<'_>,
    target: &Key,
    chat: &OwnedJid,
    me: &OwnedJid,
) -> Result<Option<(Secret<32>, OwnedJid)>, Stop> {
    let author = match (&target.sender, target.from_me) {
        (_, true) => me,
        (Some(sender), false) => sender,
        (None, false) => chat,
    };
    let author = author.bare().into_owned();
    Ok(find(cx, &author, &target.id)?.map(|secret| (secret, author)))
}

/// Drops secrets older than [`SECRET_WEEKS`], a run at a time; says whether there may be more.
pub(super) fn prune(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let keep_from = cx.now.unix.seconds().saturating_sub(u64::from(SECRET_WEEKS) * SECONDS_PER_WEEK);
    cx.sweep(Table::Secret, |_, value| {
        MessageSecret::from_record(value).is_ok_and(|secret| secret.unix_s() >= keep_from)
    })
}

/// Where the secret of a message is stored.
pub(super) fn key(author: &Jid<'_>, id: &str) -> Vec<u8> {
    [id.as_bytes(), &[0], author.bare().text().as_bytes()].concat()
}

const SECONDS_PER_WEEK: u64 = 7 * 24 * 3600;
