//! Our own keys: credentials and one-time prekeys, as records. Reference 04 §9, 01 §16.

use alloc::vec;
use alloc::vec::Vec;

use sanswire_proto::records::{Credentials as StoredCredentials, PreKey as StoredPreKey};

use crate::crypto::{PrivateKey, PublicKey};
use crate::engine::{Stop, Turn};
use crate::records::credentials::Credentials;
use crate::records::{Record, Table, signal};
use crate::signal::PreKey;
use crate::wire::Node;

impl Record for StoredCredentials {
    const TABLE: Table = Table::Credentials;
}

impl Record for StoredPreKey {
    const TABLE: Table = Table::PreKey;
}

/// The credentials; `None` before the first start.
pub(crate) fn credentials(cx: &mut Turn<'_>) -> Result<Option<Credentials>, Stop> {
    match cx.get::<StoredCredentials>(CREDENTIALS)? {
        Some(stored) => Ok(Some(Credentials::from_stored(&stored)?)),
        None => Ok(None),
    }
}

/// Stores the credentials.
pub(crate) fn save_credentials(cx: &mut Turn<'_>, credentials: &Credentials) {
    cx.put(CREDENTIALS, &credentials.to_stored());
}

/// The one-time prekey with an id; `None` when it was never made, or used.
pub(crate) fn prekey(cx: &mut Turn<'_>, id: u32) -> Result<Option<PreKey>, Stop> {
    let Some(stored) = cx.get::<StoredPreKey>(&id.to_be_bytes())? else { return Ok(None) };
    Ok(Some(signal::prekey_from(&stored)?))
}

/// Stores a one-time prekey, to be durable before anybody hears of it; `handed_out` keeps it out of uploads.
pub(crate) fn save_prekey(cx: &mut Turn<'_>, key: &PreKey, handed_out: bool) {
    cx.put(&key.id.to_be_bytes(), &signal::prekey_to(key, handed_out));
}

/// Removes a one-time prekey that was used.
pub(crate) fn delete_prekey(cx: &mut Turn<'_>, id: u32) {
    cx.delete(Table::PreKey, &id.to_be_bytes());
}

/// A prekey of ours as others see it.
pub(crate) struct Published {
    /// Its id.
    pub(crate) id: u32,
    /// The public half.
    pub(crate) public: PublicKey,
    /// Whether it was handed out, or confirmed.
    pub(crate) handed_out: bool,
}

/// The prekeys with these ids; `None` for each that was never made, or used.
pub(crate) fn published_prekeys(cx: &mut Turn<'_>, ids: &[u32]) -> Result<Vec<Option<Published>>, Stop> {
    let keys = ids.iter().map(|id| id.to_be_bytes().to_vec());
    let public = |key: StoredPreKey| {
        let public = match key.public.as_ref().and_then(|public| PublicKey::from_raw(public).ok()) {
            Some(public) => public,
            // Earlier versions stored the private half only.
            None => PrivateKey::from_slice(key.private.as_ref()?).ok()?.public(),
        };
        Some(Published { id: key.id?, public, handed_out: key.uploaded == Some(true) })
    };
    Ok(cx.get_all::<StoredPreKey>(keys)?.into_iter().map(|key| key.and_then(public)).collect())
}

/// The `<keys>` of a retry receipt: a bundle of ours. Reference 04 §12.1.
pub(crate) fn build_keys(keys: &Credentials, prekey: &PreKey) -> Node<'static> {
    let account = keys.account.as_ref().map(|account| Node::new("device-identity").bytes(account.to_vec()));
    Node::new("keys")
        .child(Node::new("type").bytes(vec![PublicKey::TYPE]))
        .child(Node::new("identity").bytes(keys.identity.public.as_bytes().to_vec()))
        .child(numbered("key", prekey.id, &prekey.pair.public))
        .children(build_signed_prekey(keys))
        .children(account)
}

/// `<skey>`: the newest signed prekey.
pub(crate) fn build_signed_prekey(keys: &Credentials) -> Option<Node<'static>> {
    let key = keys.newest_signed_prekey()?;
    let signature = Node::new("signature").bytes(key.signature.to_vec());
    Some(numbered("skey", key.id, &key.pair.public).child(signature))
}

/// A public key with its id: 3 bytes, big endian.
pub(crate) fn numbered(tag: &'static str, id: u32, public: &PublicKey) -> Node<'static> {
    let [_, a, b, c] = id.to_be_bytes();
    Node::new(tag)
        .child(Node::new("id").bytes(vec![a, b, c]))
        .child(Node::new("value").bytes(public.as_bytes().to_vec()))
}

const CREDENTIALS: &[u8] = b"";
