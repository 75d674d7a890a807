//! Registration, refs, and the companion's side of pair-success. Reference 02 §2, 14 §7.

use core::time::Duration;

use prost::Message as _;
use sanswire::crypto::PublicKey;
use sanswire::crypto::mac::md5;
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::client_payload::DevicePairingRegistrationData;
use sanswire_proto::whatsapp::{AdvDeviceIdentity, AdvSignedDeviceIdentity, ClientPayload, DeviceProps};

use super::accept::ConnId;
use super::directory::{Device, random_token};
use super::link_code::PendingCode;
use super::passkey::Gate;
use super::{DeviceRef, PublishedKeys, Server, SignedPrekey};
use crate::clock::Time;

/// A companion that is not linked yet, as its registration payload describes it.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) noise: [u8; 32],
    pub(crate) keys: PublishedKeys,
    pub(crate) push_name: Option<String>,
    pub(crate) os: String,
    pub(crate) pending: Option<PendingLink>,
    /// A link code that waits for the phone.
    pub(crate) code: Option<PendingCode>,
    /// The passkey that is wanted.
    pub(crate) gate: Option<Gate>,
    /// The first ref, for auto-pairing.
    pub(crate) first_ref: String,
    began: Time,
    auto_pair: Option<Duration>,
}

/// What was sent in pair-success and must come back signed.
#[derive(Debug)]
pub(crate) struct PendingLink {
    pub(crate) iq: String,
    pub(crate) at: DeviceRef,
    pub(crate) key_index: u32,
    /// `ADVSignedDeviceIdentity` as the phone made it.
    pub(crate) signed: AdvSignedDeviceIdentity,
    pub(crate) since: Time,
}

/// One ref of a QR code.
#[derive(Debug)]
pub(crate) struct QrRef {
    pub(crate) conn: ConnId,
    pub(crate) expires: Time,
    pub(crate) used: bool,
}

impl QrRef {
    pub(crate) fn deadline(&self) -> Option<Time> {
        Some(self.expires)
    }
}

impl Registration {
    /// Checks a registration payload. Reference 01 §7.3.
    fn parse(
        noise: [u8; 32],
        payload: &ClientPayload,
        data: &DevicePairingRegistrationData,
        now: Time,
    ) -> Result<Self, &'static str> {
        let bytes = |field: &Option<bytes::Bytes>| field.as_deref().unwrap_or_default().to_vec();
        let registration: [u8; 4] =
            bytes(&data.e_regid).try_into().map_err(|_| "the registration id must be 4 bytes")?;
        let identity: [u8; 32] =
            bytes(&data.e_ident).try_into().map_err(|_| "the identity key must be 32 bytes")?;
        let id: [u8; 3] =
            bytes(&data.e_skey_id).try_into().map_err(|_| "the signed prekey id must be 3 bytes")?;
        let public: [u8; 32] =
            bytes(&data.e_skey_val).try_into().map_err(|_| "the signed prekey must be 32 bytes")?;
        let signature: [u8; 64] =
            bytes(&data.e_skey_sig).try_into().map_err(|_| "the signature must be 64 bytes")?;
        if data.e_keytype.as_deref() != Some(&[5]) {
            return Err("the key type must be the byte 5");
        }
        if data.build_hash.as_ref().is_none_or(|hash| hash.len() != 16) {
            return Err("the build hash must be 16 bytes");
        }
        PublicKey::new(identity)
            .verify(&PublicKey::new(public).serialized(), &signature)
            .map_err(|_| "the signed prekey's signature is wrong")?;
        let props = DeviceProps::decode(data.device_props.clone().unwrap_or_default())
            .map_err(|_| "the device props do not decode")?;
        let signed = SignedPrekey { id: u32::from_be_bytes([0, id[0], id[1], id[2]]), public, signature };
        Ok(Self {
            noise,
            keys: PublishedKeys::new(u32::from_be_bytes(registration), identity, signed),
            push_name: payload.push_name.clone().filter(|name| !name.is_empty()),
            os: props.os.unwrap_or_default(),
            pending: None,
            code: None,
            gate: None,
            first_ref: String::new(),
            began: now,
            auto_pair: None,
        })
    }

    /// When the refs run out, or an answer to pair-success is overdue, or the code is scanned by itself.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let end = match &self.pending {
            Some(pending) => pending.since.after(PAIRING_ANSWER),
            None => {
                let gate = self.gate.as_ref().map(|_| self.began.after(REFS_LIFE + GATE_LIFE));
                let code = self.code.as_ref().map(PendingCode::end);
                code.max(gate).max(Some(self.began.after(REFS_LIFE))).unwrap_or(self.began)
            }
        };
        let auto = self.auto_pair.filter(|_| self.pending.is_none()).map(|wait| self.began.after(wait));
        Some(auto.map_or(end, |at| at.min(end)))
    }

    /// The ref to scan by itself now, if it is time.
    fn due_auto_pair(&self, now: Time) -> Option<String> {
        let wait = self.auto_pair.filter(|_| self.pending.is_none())?;
        (self.began.after(wait) <= now).then(|| self.first_ref.clone())
    }
}

impl Server {
    /// A companion without an account: check its keys and hand out refs.
    pub(crate) fn register(
        &mut self,
        conn: ConnId,
        noise: [u8; 32],
        payload: &ClientPayload,
        data: &DevicePairingRegistrationData,
    ) {
        let mut registration = match Registration::parse(noise, payload, data, self.now) {
            Ok(registration) => registration,
            Err(rule) => {
                self.violation(None, &Node::new("registration"), rule, "01 §7.3");
                return self.fail(conn, 400);
            }
        };
        if self.directory.is_retired(&noise) || self.directory.is_retired(&registration.keys.identity) {
            self.violation(None, &Node::new("registration"), "the keys belong to a removed device", "02 §8");
            return self.fail(conn, 401);
        }
        if !build_hash_matches(payload, data) {
            self.violation(
                None,
                &Node::new("registration"),
                "the build hash is not the version's MD5",
                "01 §7.3",
            );
        }
        registration.auto_pair = self.config.auto_pair;
        let mut pair_device = Node::new("pair-device");
        for place in 0..REFS {
            let text = format!("2@{}{}", random_token(&mut self.seed), random_token(&mut self.seed));
            pair_device = pair_device.child(Node::new("ref").bytes(text.clone().into_bytes()));
            if place == 0 {
                registration.first_ref.clone_from(&text);
            }
            let expires = self.now.after(REFS_LIFE);
            self.refs.insert(text, QrRef { conn, expires, used: false });
        }
        if let Some(link) = self.links.get_mut(&conn) {
            link.set_registering(registration);
        }
        let iq = Node::new("iq")
            .attr("from", Jid::SERVER)
            .attr("type", "set")
            .attr("id", self.fresh_id())
            .attr("xmlns", "md")
            .child(pair_device);
        self.send(conn, &iq);
    }

    /// A stanza on a connection that is not linked yet.
    pub(crate) fn take_unlinked(&mut self, conn: ConnId, node: &Node<'_>) {
        let kind = node.get("type").unwrap_or_default().into_owned();
        let pending = self.links.get(&conn).and_then(|link| link.registration()?.pending.as_ref());
        let answers = pending.is_some_and(|pending| node.get("id").as_deref() == Some(&pending.iq));
        match (node.tag.as_ref(), kind.as_str()) {
            ("iq", "result") if answers => self.take_pair_device_sign(conn, node),
            ("iq", "error") if answers => self.drop_link(conn),
            ("iq", "get") if node.get("xmlns").as_deref() == Some("w:p") => self.pong(conn, node),
            ("iq", "get" | "set") if node.get("xmlns").as_deref() == Some("md") => {
                self.take_link_request(conn, &kind, node);
            }
            ("iq", "get" | "set") => self.refuse(conn, node, 501, "feature-not-implemented"),
            // Answers to pair-device, telemetry and a nameless presence need nothing.
            _ => {}
        }
    }

    /// A request of a companion that wants to be linked by other means than a QR code.
    fn take_link_request(&mut self, conn: ConnId, kind: &str, iq: &Node<'_>) {
        if self.faults.withhold(None, iq) {
            return;
        }
        if let Some(code) = self.faults.refuse_iq(None, iq) {
            return self.refuse(conn, iq, code, "refused by a fault");
        }
        if iq.find("link_code_companion_reg").is_some() {
            self.take_link_code(conn, iq);
        } else if !self.take_passkey(conn, kind, iq) {
            self.refuse(conn, iq, 501, "feature-not-implemented");
        }
    }

    /// The companion's signature over its identity: checked, then the device exists. Reference 02 §2.7.
    fn take_pair_device_sign(&mut self, conn: ConnId, iq: &Node<'_>) {
        let Some(registration) = self.links.get_mut(&conn).and_then(|link| link.registration_mut()) else {
            return;
        };
        let Some(pending) = registration.pending.take() else { return };
        let (noise, keys) = (registration.noise, registration.keys.clone());
        match check_device_signature(iq, &pending, &keys.identity) {
            Ok(identity) => {
                let device = Device::new(Some(noise), keys, pending.key_index, identity);
                if let Some(account) = self.directory.account_mut(pending.at.account) {
                    account.devices.insert(pending.at.device, device);
                }
                self.announce_added(pending.at);
                self.stream_error(conn, Node::new("stream:error").attr("code", "515"));
            }
            Err(rule) => {
                self.violation(None, iq, rule, "02 §2.7");
                self.give_up_link(&pending);
                self.drop_link(conn);
            }
        }
    }

    /// A pairing failed half-way: the phone takes the companion off its list.
    pub(crate) fn give_up_link(&mut self, pending: &PendingLink) {
        let now = self.now;
        if let Some(phone) = self.phones.get_mut(&pending.at.account) {
            phone.forget_companion(pending.at, pending.key_index, now);
        }
    }

    /// Drops refs whose time is over, and scans codes that pair by themselves.
    pub(crate) fn expire_refs(&mut self) {
        let now = self.now;
        self.refs.retain(|_, qr| qr.expires > now);
        let due: Vec<ConnId> = self
            .links
            .iter()
            .filter(|(_, link)| link.registration().is_some_and(|r| r.due_auto_pair(now).is_some()))
            .map(|(conn, _)| *conn)
            .collect();
        for conn in due {
            self.auto_pair(conn);
        }
    }
}

/// Decodes and verifies `<pair-device-sign>`; gives the full identity to keep.
fn check_device_signature(
    iq: &Node<'_>,
    pending: &PendingLink,
    identity: &[u8; 32],
) -> Result<Vec<u8>, &'static str> {
    let blob = iq
        .find("pair-device-sign")
        .and_then(|sign| sign.find("device-identity"))
        .ok_or("pair-device-sign needs device-identity")?;
    let bytes = blob.content_bytes().ok_or("device-identity has no bytes")?;
    let answer =
        AdvSignedDeviceIdentity::decode(bytes.as_ref()).map_err(|_| "device-identity does not decode")?;
    let signed = &pending.signed;
    if answer.details != signed.details || answer.account_signature != signed.account_signature {
        return Err("details or account signature differ from the phone's");
    }
    if answer.account_signature_key.is_some() && answer.account_signature_key != signed.account_signature_key
    {
        return Err("the account signature key differs from the phone's");
    }
    let details = signed.details.clone().unwrap_or_default();
    let key_index = AdvDeviceIdentity::decode(details.clone()).ok().and_then(|details| details.key_index);
    if blob.get_u64("key-index") != key_index.map(u64::from) {
        return Err("key-index differs from the details");
    }
    let account_key = signed.account_signature_key.clone().unwrap_or_default();
    let signature = answer.device_signature.clone().unwrap_or_default();
    let message = [&[6, 1], details.as_ref(), identity, account_key.as_ref()].concat();
    PublicKey::new(*identity).verify(&message, &signature).map_err(|_| "the device signature is wrong")?;
    let whole = AdvSignedDeviceIdentity { device_signature: answer.device_signature, ..signed.clone() };
    Ok(whole.encode_to_vec())
}

/// The build hash is the MD5 of the version text. Reference 01 §7.3.
fn build_hash_matches(payload: &ClientPayload, data: &DevicePairingRegistrationData) -> bool {
    let version = payload.user_agent.as_ref().and_then(|agent| agent.app_version.as_ref());
    let text = version.map(|v| {
        let part = |part: Option<u32>| part.unwrap_or(0).to_string();
        [part(v.primary), part(v.secondary), part(v.tertiary)].join(".")
    });
    text.is_some_and(|text| data.build_hash.as_deref() == Some(&md5(text.as_bytes())))
}

/// Refs given out for one registration.
const REFS: usize = 6;
/// All six refs together: 60 seconds and five times 20.
const REFS_LIFE: Duration = Duration::from_secs(160);
/// How much longer a companion may take that has to show a passkey.
const GATE_LIFE: Duration = Duration::from_secs(400);
/// How long a companion may take to answer pair-success.
const PAIRING_ANSWER: Duration = Duration::from_secs(60);
