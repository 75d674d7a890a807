//! What a history notification with inline history teaches: pairs of names, privacy tokens, the token salt.
//! Reference 05 §11, 07 §8.2.

use alloc::vec::Vec;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use prost::Message as _;
use sanswire_proto::whatsapp::{Conversation, HistorySync, Message};

use crate::directory::{lid, tctoken};
use crate::engine::{Stop, Turn};
use crate::limits::{HISTORY_INFLATED_BYTES, HISTORY_PAIRS};
use crate::wire::{Jid, OwnedJid};

/// Learns from a message of our own phone; anything but inline history, and what cannot be read, teaches nothing.
pub(crate) fn learn(cx: &mut Turn<'_>, message: &Message) -> Result<(), Stop> {
    let notification =
        message.protocol_message.as_ref().and_then(|protocol| protocol.history_sync_notification.as_ref());
    let payload = notification.and_then(|known| known.initial_hist_bootstrap_inline_payload.as_ref());
    let inflated =
        payload.and_then(|zlib| decompress_to_vec_zlib_with_limit(zlib, HISTORY_INFLATED_BYTES).ok());
    let Some(history) = inflated.and_then(|bytes| HistorySync::decode(&bytes[..]).ok()) else {
        return Ok(());
    };
    let pairs = pairs(&history);
    let tokens: Vec<Token<'_>> = history.conversations.iter().filter_map(token).take(HISTORY_PAIRS).collect();
    // One load for all of it.
    let mut wanted: Vec<_> = pairs.iter().map(|(pn, _)| lid::record_key(pn)).collect();
    wanted.extend(tokens.iter().map(|token| tctoken::record_key(&token.user)));
    cx.prefetch(&wanted)?;
    for (pn, lid) in &pairs {
        lid::learn(cx, pn, lid)?;
    }
    for token in &tokens {
        tctoken::import(cx, &token.user, token.bytes, token.received, token.issued)?;
    }
    if let Some(salt) = history.nct_salt {
        tctoken::learn_salt(cx, salt)?;
    }
    Ok(())
}

struct Token<'a> {
    user: OwnedJid,
    bytes: &'a [u8],
    received: Option<u64>,
    issued: Option<u64>,
}

fn token(chat: &Conversation) -> Option<Token<'_>> {
    let user = user(chat.id.as_deref()?)?;
    let bytes = chat.tc_token.as_deref().unwrap_or_default();
    let (received, issued) = (chat.tc_token_timestamp, chat.tc_token_sender_timestamp);
    (!bytes.is_empty() || issued.is_some()).then_some(Token { user, bytes, received, issued })
}

/// Numbers with their LIDs: from the list, and from chats that name both.
fn pairs(history: &HistorySync) -> Vec<(OwnedJid, OwnedJid)> {
    let listed = history
        .phone_number_to_lid_mappings
        .iter()
        .filter_map(|pair| Some((user(pair.pn_jid.as_deref()?)?, user(pair.lid_jid.as_deref()?)?)));
    let chats = history.conversations.iter().filter_map(|chat| {
        let id = user(chat.id.as_deref()?)?;
        match (&chat.pn_jid, &chat.lid_jid) {
            (Some(pn), _) if id.is_lid() => Some((user(pn)?, id)),
            (_, Some(lid)) if id.is_pn() => Some((id, user(lid)?)),
            _ => None,
        }
    });
    listed.chain(chats).filter(|(pn, lid)| pn.is_pn() && lid.is_lid()).take(HISTORY_PAIRS).collect()
}

fn user(text: &str) -> Option<OwnedJid> {
    Jid::parse(text).ok().filter(|jid| jid.is_pn() || jid.is_lid()).map(|jid| jid.bare().into_owned())
}
