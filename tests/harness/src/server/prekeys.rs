//! Published keys: count, upload, rotate, digest, fetch. Reference 04 §9-10, 14 §12.3.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use sanswire::crypto::curve::PublicKey;
use sanswire::crypto::mac::sha1;
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::AdvSignedDeviceIdentity;

use super::accept::ConnId;
use super::{DeviceRef, Server, Stanza};

/// The public keys of one device.
#[derive(Clone, Debug)]
pub(crate) struct PublishedKeys {
    pub(crate) registration_id: u32,
    /// Raw form, 32 bytes.
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedPrekey,
    /// Ids of signed prekeys that were replaced: messages made with them may still be under way.
    pub(crate) retired: BTreeSet<u32>,
    /// Ids of signed prekeys that the device named in retry requests, before it published them or without.
    named: BTreeSet<u32>,
    /// One-time prekeys by id; the lowest is handed out first.
    pub(crate) pool: BTreeMap<u32, [u8; 32]>,
    /// Ids that were handed out.
    pub(crate) handed_out: BTreeSet<u32>,
    /// The owner was told that the pool runs low, and has not uploaded since.
    warned: bool,
}

/// A signed prekey as it travels in stanzas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedPrekey {
    pub(crate) id: u32,
    pub(crate) public: [u8; 32],
    pub(crate) signature: [u8; 64],
}

/// What one fetch hands out for one device.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedPrekey,
    pub(crate) one_time: Option<(u32, [u8; 32])>,
}

impl PublishedKeys {
    pub(crate) fn new(registration_id: u32, identity: [u8; 32], signed: SignedPrekey) -> Self {
        Self {
            registration_id,
            identity,
            signed,
            retired: BTreeSet::new(),
            named: BTreeSet::new(),
            pool: BTreeMap::new(),
            handed_out: BTreeSet::new(),
            warned: false,
        }
    }

    pub(crate) fn knows_signed(&self, id: Option<u32>) -> bool {
        id.is_none_or(|id| id == self.signed.id || self.retired.contains(&id) || self.named.contains(&id))
    }

    /// Takes note of the `<skey>` in a retry request; says whether the device signed it.
    pub(crate) fn name_signed(&mut self, skey: &Node<'_>) -> bool {
        let signed = SignedPrekey::parse(skey, &self.identity);
        self.named.extend(signed.as_ref().map(|signed| signed.id));
        signed.is_some()
    }

    fn pop(&mut self) -> Bundle {
        let one_time = self.pool.pop_first();
        if let Some((id, _)) = one_time {
            self.handed_out.insert(id);
        }
        Bundle {
            registration_id: self.registration_id,
            identity: self.identity,
            signed: self.signed.clone(),
            one_time,
        }
    }

    fn replace_signed(&mut self, signed: SignedPrekey) {
        if signed.id != self.signed.id {
            self.retired.insert(self.signed.id);
        }
        self.signed = signed;
    }
}

impl SignedPrekey {
    /// Reads `<skey>` and checks its signature with the identity key.
    fn parse(skey: &Node<'_>, identity: &[u8; 32]) -> Option<Self> {
        let signed = Self {
            id: id3(skey)?,
            public: array(skey.find("value")?)?,
            signature: array(skey.find("signature")?)?,
        };
        let message = PublicKey::new(signed.public).serialized();
        PublicKey::new(*identity).verify(&message, &signed.signature).ok()?;
        Some(signed)
    }

    fn build(&self) -> Stanza {
        Node::new("skey")
            .child(Node::new("id").bytes(id_bytes(self.id)))
            .child(Node::new("value").bytes(self.public.to_vec()))
            .child(Node::new("signature").bytes(self.signature.to_vec()))
    }
}

impl Server {
    /// `<count/>`, `<digest/>` or `<key>` of `xmlns=encrypt type=get`.
    pub(crate) fn take_key_query(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        match iq.nodes().first().map(|child| child.tag.as_ref()) {
            Some("count") => {
                let count = self.directory.device(at).map_or(0, |device| device.keys.pool.len());
                self.result(conn, iq, Some(Node::new("count").attr("value", count as u64)));
            }
            Some("digest") => match self.digest(at) {
                Some(digest) => self.result(conn, iq, Some(digest)),
                None => self.refuse(conn, iq, 404, "item-not-found"),
            },
            Some("key") => self.hand_out(conn, at, iq),
            _ => self.refuse(conn, iq, 501, "feature-not-implemented"),
        }
    }

    /// Upload or rotation of `xmlns=encrypt type=set`.
    pub(crate) fn take_key_change(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let done = match iq.find("rotate") {
            Some(rotate) => self.rotate(at, rotate),
            None => self.upload(at, iq),
        };
        match done {
            Ok(()) => self.result(conn, iq, None),
            Err((code, rule)) => {
                self.violation(Some(at), iq, rule, "04 §9.1");
                self.refuse(conn, iq, code, if code == 406 { "not-acceptable" } else { "bad-request" });
            }
        }
    }

    fn rotate(&mut self, at: DeviceRef, rotate: &Node<'_>) -> Result<(), (u64, &'static str)> {
        let device = self.directory.device_mut(at).ok_or((404, "unknown device"))?;
        let skey = rotate.find("skey").ok_or((400, "rotate needs skey"))?;
        let signed = SignedPrekey::parse(skey, &device.keys.identity)
            .ok_or((400, "the signed prekey is malformed or its signature is wrong"))?;
        device.keys.replace_signed(signed);
        Ok(())
    }

    fn upload(&mut self, at: DeviceRef, iq: &Node<'_>) -> Result<(), (u64, &'static str)> {
        let device = self.directory.device_mut(at).ok_or((404, "unknown device"))?;
        let registration: [u8; 4] =
            iq.find("registration").and_then(array).ok_or((400, "registration must be 4 bytes"))?;
        let identity: [u8; 32] =
            iq.find("identity").and_then(array).ok_or((400, "identity must be 32 bytes"))?;
        if iq.find("type").and_then(array) != Some([5]) {
            return Err((400, "type must be the byte 5"));
        }
        if identity != device.keys.identity || u32::from_be_bytes(registration) != device.keys.registration_id
        {
            return Err((406, "identity or registration id differ from pairing"));
        }
        let signed = iq
            .find("skey")
            .and_then(|skey| SignedPrekey::parse(skey, &identity))
            .ok_or((400, "the signed prekey is malformed or its signature is wrong"))?;
        let list = iq.find("list").ok_or((400, "an upload needs a list"))?;
        let mut keys = BTreeMap::new();
        for key in list.find_all("key") {
            let id = id3(key).filter(|id| *id != 0).ok_or((400, "a prekey id must be 3 bytes and not 0"))?;
            let value = key.find("value").and_then(array).ok_or((400, "a prekey must be 32 bytes"))?;
            if device.keys.handed_out.contains(&id) {
                return Err((400, "a prekey id that was already handed out is used again"));
            }
            keys.insert(id, value);
        }
        device.keys.pool.append(&mut keys);
        device.keys.replace_signed(signed);
        device.keys.warned = false;
        Ok(())
    }

    /// The digest of what the server holds for a device. Reference 14 §7.1.
    fn digest(&self, at: DeviceRef) -> Option<Stanza> {
        let keys = &self.directory.device(at)?.keys;
        let mut parts: Vec<&[u8]> = vec![&keys.identity, &keys.signed.public, &keys.signed.signature];
        parts.extend(keys.pool.values().map(<[u8; 32]>::as_slice));
        let list = keys.pool.keys().map(|id| Node::new("id").bytes(id_bytes(*id)));
        Some(
            Node::new("digest")
                .child(Node::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()))
                .child(Node::new("type").bytes(vec![5]))
                .child(Node::new("identity").bytes(keys.identity.to_vec()))
                .child(keys.signed.build())
                .child(Node::new("list").children(list))
                .child(Node::new("hash").bytes(sha1(&parts).to_vec())),
        )
    }

    /// `<key><user jid/>…</key>`: every served bundle consumes a one-time key. Reference 04 §10.
    fn hand_out(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let wanted: Vec<Jid<'static>> = iq
            .find("key")
            .into_iter()
            .flat_map(Node::nodes)
            .filter_map(|user| user.get_jid("jid").map(Jid::into_owned))
            .collect();
        if wanted.is_empty() {
            self.violation(Some(at), iq, "a key fetch needs at least one user with a jid", "04 §10");
            self.refuse(conn, iq, 400, "bad-request");
            return;
        }
        let mut found = 0_usize;
        let mut list = Node::new("list");
        for jid in wanted {
            let user = Node::new("user").attr("jid", jid.clone());
            list = list.child(match self.serve_bundle(&jid) {
                Some(bundle) => {
                    found += 1;
                    user.children(bundle)
                }
                None => user.child(Node::new("error").attr("code", "404").attr("text", "item-not-found")),
            });
        }
        if found == 0 {
            self.refuse(conn, iq, 406, "not-acceptable");
        } else {
            self.result(conn, iq, Some(list));
        }
    }

    fn serve_bundle(&mut self, jid: &Jid<'_>) -> Option<Vec<Stanza>> {
        let at = self.directory.resolve_device(jid)?;
        if self.faults.bundle_missing(at) {
            return None;
        }
        let mut bundle = self.take_bundle(at)?;
        if self.faults.bad_bundle(at) {
            bundle.signed.signature[0] ^= 1;
        }
        let mut children = vec![
            Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec()),
            Node::new("type").bytes(vec![5]),
            Node::new("identity").bytes(bundle.identity.to_vec()),
        ];
        if let Some((id, public)) = bundle.one_time {
            let key = Node::new("key").child(Node::new("id").bytes(id_bytes(id)));
            children.push(key.child(Node::new("value").bytes(public.to_vec())));
        }
        children.push(bundle.signed.build());
        if let Some(identity) = self.bundle_identity(at) {
            children.push(Node::new("device-identity").bytes(identity));
        }
        Some(children)
    }

    /// The identity blob that goes with a companion's bundle. Reference 14 §6.3, §12.3.
    fn bundle_identity(&self, at: DeviceRef) -> Option<Vec<u8>> {
        let account = self.directory.account(at.account)?;
        let blob = &account.devices.get(&at.device)?.identity;
        if at.device == 0 || blob.is_empty() {
            return None;
        }
        if !account.phone_is_device_zero {
            return Some(blob.clone());
        }
        let mut identity = AdvSignedDeviceIdentity::decode(blob.as_slice()).ok()?;
        identity.account_signature_key = None;
        Some(identity.encode_to_vec())
    }

    /// Takes a bundle out of a device's pool and warns its owner when the pool runs low.
    pub(crate) fn take_bundle(&mut self, at: DeviceRef) -> Option<Bundle> {
        let is_phone = self.directory.account(at.account)?.is_phone(at.device);
        let keys = &mut self.directory.device_mut(at)?.keys;
        let bundle = keys.pop();
        let left = keys.pool.len();
        let low = left < POOL_LOW && !keys.warned;
        keys.warned |= low;
        if is_phone && left < POOL_LOW {
            self.phone_refills(at.account);
        } else if low {
            self.warn_low_pool(at, left);
        }
        Some(bundle)
    }

    /// Empties a device's one-time pool, as a test asks for it.
    pub(crate) fn drop_prekeys(&mut self, at: DeviceRef) -> bool {
        let Some(device) = self.directory.device_mut(at) else { return false };
        device.keys.pool.clear();
        true
    }

    /// Tells a device that its pool runs low. Reference 14 §12.1.
    pub(crate) fn warn_low_pool(&mut self, at: DeviceRef, left: usize) {
        let notification = Node::new("notification")
            .attr("from", Jid::SERVER)
            .attr("type", "encrypt")
            .attr("id", self.fresh_id())
            .attr("t", self.now.seconds())
            .child(Node::new("count").attr("value", left as u64));
        self.deliver(at, notification);
    }
}

/// The 3-byte big-endian `<id>` of a key node.
fn id3(key: &Node<'_>) -> Option<u32> {
    let bytes: [u8; 3] = array(key.find("id")?)?;
    Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
}

fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

/// A node's content as exactly `N` bytes.
pub(crate) fn array<const N: usize>(node: &Node<'_>) -> Option<[u8; N]> {
    node.content_bytes()?.as_ref().try_into().ok()
}

/// A pool smaller than this is reported to its owner.
const POOL_LOW: usize = 10;
