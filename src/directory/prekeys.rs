//! Publishing one-time prekeys. Reference 04 §9.

use alloc::vec;
use alloc::vec::Vec;

use super::own::{self, Published};
use crate::crypto::PublicKey;
use crate::engine::{Stop, Turn};
use crate::limits::{PREKEYS_FIRST, PREKEYS_TOP_UP};
use crate::records::credentials::Credentials;
use crate::signal::{PreKey, next_id};
use crate::wire::{Jid, Node};

/// What an upload held, to be remembered once the server confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The id after its last one-time prekey.
    next: u32,
    /// The id of its signed prekey.
    signed: u32,
    /// Its prekeys were sent before, and the answer was lost.
    again: bool,
    /// It was the first.
    first: bool,
}

/// The upload. Keys of one that was never confirmed go out again, unless one of them was used, which shows that the
/// server has them; only when there are none are new ones made. They are durable before the iq leaves.
pub(crate) fn build_upload(cx: &mut Turn<'_>) -> Result<Option<(Node<'static>, Upload)>, Stop> {
    let Some(keys) = own::credentials(cx)? else { return Ok(None) };
    let batch = waiting(cx, keys.first_unuploaded_prekey_id, keys.next_prekey_id)?;
    match batch {
        Some(batch) if !batch.is_empty() => Ok(Some(build(&keys, batch, true))),
        _ => build_new_upload(cx, keys).map(Some),
    }
}

/// An upload of new prekeys only.
pub(crate) fn build_new_upload(
    cx: &mut Turn<'_>,
    mut keys: Credentials,
) -> Result<(Node<'static>, Upload), Stop> {
    let count = if keys.server_has_prekeys { PREKEYS_TOP_UP } else { cx.config.first_prekeys };
    keys.first_unuploaded_prekey_id = keys.next_prekey_id;
    let mut batch = Vec::new();
    for _ in 0..count {
        let prekey = PreKey::new(keys.next_prekey_id, cx.entropy.bytes());
        own::save_prekey(cx, &prekey, false);
        keys.next_prekey_id = next_id(keys.next_prekey_id);
        batch.push((prekey.id, prekey.pair.public));
    }
    own::save_credentials(cx, &keys);
    Ok(build(&keys, batch, false))
}

fn build(keys: &Credentials, batch: Vec<(u32, PublicKey)>, again: bool) -> (Node<'static>, Upload) {
    let list = Node::new("list").children(batch.iter().map(|(id, public)| own::numbered("key", *id, public)));
    let iq = Node::new("iq")
        .attr("to", Jid::SERVER)
        .attr("type", "set")
        .attr("xmlns", "encrypt")
        .child(Node::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()))
        .child(Node::new("type").bytes(vec![PublicKey::TYPE]))
        .child(Node::new("identity").bytes(keys.identity.public.as_bytes().to_vec()))
        .child(list)
        .children(own::build_signed_prekey(keys));
    let signed = keys.newest_signed_prekey().map_or(0, |key| key.id);
    (iq, Upload { next: keys.next_prekey_id, signed, again, first: !keys.server_has_prekeys })
}

/// The server has taken everything of an upload.
pub(crate) fn uploaded(cx: &mut Turn<'_>, upload: Upload) -> Result<(), Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    keys.first_unuploaded_prekey_id = upload.next;
    keys.server_has_prekeys = true;
    keys.confirm_signed_prekey(upload.signed, cx.now.unix.seconds());
    own::save_credentials(cx, &keys);
    if upload.first {
        // There is nothing else that it could have of ours.
        cx.remember(|memory| memory.prekeys_checked = true);
    }
    Ok(())
}

/// The server does not take an upload. One that was sent before may have arrived then, and some of its ids may name
/// keys that were handed out: the next has others. Once in the life of a client, as each time costs a batch.
pub(crate) fn refused(cx: &mut Turn<'_>, upload: Upload, code: u32) -> Result<(), Stop> {
    if !upload.again || code != BAD_REQUEST || cx.memory.gave_up_prekeys {
        return Ok(());
    }
    cx.remember(|memory| memory.gave_up_prekeys = true);
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    keys.first_unuploaded_prekey_id = keys.next_prekey_id;
    own::save_credentials(cx, &keys);
    Ok(())
}

/// The server has prekeys, so an upload whose answer was lost has reached it: uploads are made only when it has
/// next to none. Sent again later, its ids would name keys that were handed out meanwhile.
pub(crate) fn arrived(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    if keys.first_unuploaded_prekey_id == keys.next_prekey_id {
        return Ok(());
    }
    keys.first_unuploaded_prekey_id = keys.next_prekey_id;
    keys.server_has_prekeys = true;
    own::save_credentials(cx, &keys);
    Ok(())
}

/// Prekeys of the range that were made but neither confirmed nor handed out otherwise. `None` when one of the range
/// was used: then the server has had them. (A key of a retry receipt that was used says the same, wrongly; that
/// costs a batch.)
fn waiting(cx: &mut Turn<'_>, first: u32, next: u32) -> Result<Option<Vec<(u32, PublicKey)>>, Stop> {
    let mut ids = Vec::new();
    let mut id = first;
    while id != next && ids.len() < PREKEYS_FIRST as usize {
        ids.push(id);
        id = next_id(id);
    }
    let found = own::published_prekeys(cx, &ids)?;
    if found.iter().any(Option::is_none) {
        return Ok(None);
    }
    let waiting = found.into_iter().flatten().filter(|key| !key.handed_out);
    Ok(Some(waiting.map(|Published { id, public, .. }| (id, public)).collect()))
}

const BAD_REQUEST: u32 = 400;
