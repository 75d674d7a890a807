//! Prekey bundles: the query, the answer, and the sessions that start from it. Reference 04 §10, §11.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{own, sessions};
use crate::crypto::PublicKey;
use crate::engine::{Continuation, Outcome, Stop, Turn, Work};
use crate::limits::{BUNDLES_PER_QUERY, UNREACHABLE_S};
use crate::signal::{Bundle, PreKeyPublic, SignedPreKeyPublic};
use crate::stanza::{StanzaError, parse};
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// Asks for the bundles of devices, unless that is being done already. Sessions start when they come, then
/// the outbox goes on; a device without a usable bundle counts as unreachable for [`UNREACHABLE_S`].
pub(crate) fn ask(cx: &mut Turn<'_>, devices: &[OwnedJid]) {
    let asking = &cx.memory.asking_bundles;
    let wanted: Vec<OwnedJid> = devices.iter().filter(|device| !asking.contains(*device)).cloned().collect();
    for chunk in wanted.chunks(BUNDLES_PER_QUERY) {
        let devices = chunk.to_vec();
        let marked = devices.clone();
        cx.remember(move |memory| memory.asking_bundles.extend(marked));
        let iq = build_query(&devices);
        cx.ask(iq, cx.config.timing.query(), Arc::new(Answered { devices }));
    }
}

fn build_query(devices: &[OwnedJid]) -> Node<'static> {
    let user = |device: &OwnedJid| Node::new("user").attr("jid", device.clone()).attr("reason", "identity");
    Node::new("iq")
        .attr("to", Jid::SERVER)
        .attr("type", "get")
        .attr("xmlns", "encrypt")
        .child(Node::new("key").children(devices.iter().map(user)))
}

#[derive(Debug)]
struct Answered {
    devices: Vec<OwnedJid>,
}

impl Continuation for Answered {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let devices = self.devices.clone();
        cx.remember(move |memory| {
            memory.asking_bundles.retain(|device| !devices.contains(device));
        });
        let list = match outcome {
            Outcome::Disconnected => return Ok(()),
            _ => outcome.result().and_then(|iq| iq.find("list")),
        };
        // Loaded at once: a turn that lacks a record runs again from its start, and starts sessions again.
        let addresses = sessions::addresses_of(cx, &self.devices)?;
        let primary = |address: &OwnedJid| sessions::record_keys(&address.with_device(0));
        let own = |address: &OwnedJid| sessions::record_keys(address);
        cx.prefetch(
            &addresses.iter().flat_map(|it| own(it).into_iter().chain(primary(it))).collect::<Vec<_>>(),
        )?;
        let mut reached = Vec::new();
        for user in list.into_iter().flat_map(|list| list.find_all("user")) {
            let Some(device) = user.get_jid("jid").map(Jid::into_owned) else { continue };
            // A device that was not asked for, or came twice, must not replace a session.
            if !self.devices.contains(&device) || reached.contains(&device) {
                continue;
            }
            let Ok(offer) = parse_offer(user) else { continue };
            if start_session(cx, &device, &offer)? {
                reached.push(device);
            }
        }
        let now = cx.now.mono;
        let until = now.after(Duration::from_secs(UNREACHABLE_S));
        let failed: Vec<OwnedJid> =
            self.devices.iter().filter(|device| !reached.contains(device)).cloned().collect();
        cx.remember(move |memory| {
            memory.unreachable.retain(|device, until| *until > now && !reached.contains(device));
            memory.unreachable.extend(failed.into_iter().map(|device| (device, until)));
        });
        cx.schedule(Work::Wake);
        Ok(())
    }
}

/// A bundle with the proof that the device belongs to its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) bundle: Bundle,
    pub(crate) device_identity: Option<Vec<u8>>,
}

/// Reads `<registration/><type/><identity/><skey/>[<key/>][<device-identity/>]`, directly or inside `<keys>`.
pub(crate) fn parse_offer(user: NodeRef<'_>) -> Result<Offer, StanzaError> {
    let keys = user.find("keys").unwrap_or(user);
    let skey = parse::child(keys, "user", "skey")?;
    let prekey = match keys.find("key") {
        Some(key) => Some(PreKeyPublic {
            id: parse::child_number::<3>(key, "key", "id")?,
            public: public_key(key, "key", "value")?,
        }),
        None => None,
    };
    Ok(Offer {
        bundle: Bundle {
            registration_id: parse::child_number::<4>(user, "user", "registration")?,
            identity: public_key(keys, "user", "identity")?,
            signed_prekey: SignedPreKeyPublic {
                id: parse::child_number::<3>(skey, "skey", "id")?,
                public: public_key(skey, "skey", "value")?,
                signature: parse::child_array::<64>(skey, "skey", "signature")?,
            },
            prekey,
        },
        device_identity: keys
            .find("device-identity")
            .and_then(|node| node.content_bytes())
            .map(|bytes| bytes.into_owned()),
    })
}

/// A raw key, or one with the type byte that whatsapp-rust writes into retry receipts. Reference 04 §12.1.
fn public_key(node: NodeRef<'_>, tag: &'static str, child: &'static str) -> Result<PublicKey, StanzaError> {
    let bytes = parse::child_bytes(node, tag, child)?;
    PublicKey::from_raw(&bytes)
        .or_else(|_| PublicKey::from_serialized(&bytes))
        .map_err(|_| StanzaError::BadContent { tag: child })
}

/// Starts a session from a bundle whose signature and device identity hold; says whether it did.
pub(crate) fn start_session(cx: &mut Turn<'_>, device: &OwnedJid, offer: &Offer) -> Result<bool, Stop> {
    let Some(keys) = own::credentials(cx)? else { return Ok(false) };
    let address = sessions::address_of(cx, device)?;
    if let Some(proof) = offer.device_identity.as_ref().filter(|_| device.device() != 0) {
        let primary = address.with_device(0).into_owned();
        let known = sessions::identity(cx, &primary)?;
        if !sessions::vouches(proof, &offer.bundle.identity, known.as_ref()) {
            return Ok(false);
        }
    }
    let mut record = sessions::load(cx, &address)?;
    if record.initiate(&keys.local(), &offer.bundle, &mut cx.entropy).is_err() {
        return Ok(false);
    }
    sessions::save(cx, &address, &record);
    sessions::remember_identity(cx, &address, &offer.bundle.identity)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(signature: usize) -> Node<'static> {
        let key = |tag: &'static str| {
            Node::new(tag)
                .child(Node::new("id").bytes(alloc::vec![0, 0, 7]))
                .child(Node::new("value").bytes(alloc::vec![9; 32]))
        };
        Node::new("user")
            .child(Node::new("registration").bytes(alloc::vec![0, 0, 1, 2]))
            .child(Node::new("identity").bytes(alloc::vec![3; 32]))
            .child(key("skey").child(Node::new("signature").bytes(alloc::vec![4; signature])))
            .child(key("key"))
    }

    #[test]
    fn a_bundle_needs_every_length_right() {
        let good = user(64);
        let offer = parse_offer(good.view());
        assert_eq!(offer.map(|offer| offer.bundle.registration_id), Ok(258));
        assert_eq!(parse_offer(user(63).view()), Err(StanzaError::BadContent { tag: "signature" }));
        let empty = Node::new("user");
        assert!(parse_offer(empty.view()).is_err());
    }
}
