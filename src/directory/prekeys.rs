//! Publishing one-time prekeys. Reference 04 §9.

use alloc::vec;
use alloc::vec::Vec;

use super::own;
use crate::crypto::PublicKey;
use crate::engine::{Stop, Turn};
use crate::limits::{PREKEYS_FIRST, PREKEYS_TOP_UP};
use crate::signal::{PreKey, next_id};
use crate::wire::{Jid, Node};

/// The upload, and the id after its last prekey. Keys of an upload that was never confirmed go out again;
/// only when there are none are new ones made. They are durable before the iq leaves.
pub(crate) fn build_upload(cx: &mut Turn<'_>) -> Result<Option<(Node<'static>, u32)>, Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(None) };
    let mut batch = waiting(cx, keys.first_unuploaded_prekey_id, keys.next_prekey_id)?;
    if batch.is_empty() {
        let count = if keys.server_has_prekeys { PREKEYS_TOP_UP } else { cx.config.first_prekeys };
        keys.first_unuploaded_prekey_id = keys.next_prekey_id;
        for _ in 0..count {
            let prekey = PreKey::new(keys.next_prekey_id, cx.entropy.bytes());
            own::save_prekey(cx, &prekey, false);
            keys.next_prekey_id = next_id(keys.next_prekey_id);
            batch.push((prekey.id, prekey.pair.public));
        }
        own::save_credentials(cx, &keys);
    }
    let list = Node::new("list").children(batch.iter().map(|(id, public)| own::numbered("key", *id, public)));
    let iq = Node::new("iq")
        .attr("to", Jid::SERVER)
        .attr("type", "set")
        .attr("xmlns", "encrypt")
        .child(Node::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()))
        .child(Node::new("type").bytes(vec![PublicKey::TYPE]))
        .child(Node::new("identity").bytes(keys.identity.public.as_bytes().to_vec()))
        .child(list)
        .children(own::build_signed_prekey(&keys));
    Ok(Some((iq, keys.next_prekey_id)))
}

/// The server has taken everything before `next`.
pub(crate) fn uploaded(cx: &mut Turn<'_>, next: u32) -> Result<(), Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    keys.first_unuploaded_prekey_id = next;
    keys.server_has_prekeys = true;
    own::save_credentials(cx, &keys);
    Ok(())
}

/// The server has prekeys, so an upload whose answer was lost has reached it: uploads are made only when it has
/// next to none. Sent again later, its ids would name keys that were handed out meanwhile.
pub(crate) fn arrived(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let Some(keys) = own::credentials(cx)? else { return Ok(()) };
    if keys.first_unuploaded_prekey_id == keys.next_prekey_id {
        return Ok(());
    }
    uploaded(cx, keys.next_prekey_id)
}

/// Prekeys of the range that were made but neither confirmed, used, nor handed out otherwise.
fn waiting(cx: &mut Turn<'_>, first: u32, next: u32) -> Result<Vec<(u32, PublicKey)>, Stop> {
    let mut ids = Vec::new();
    let mut id = first;
    while id != next && ids.len() < PREKEYS_FIRST as usize {
        ids.push(id);
        id = next_id(id);
    }
    own::waiting_prekeys(cx, &ids)
}
