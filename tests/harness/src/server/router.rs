//! Messages between devices: accepted or refused, then fanned out. Reference 14 §9, 05 §4, §9.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use prost::Message as _;
use sanswire::crypto::PublicKey;
use sanswire::signal::DeviceIdentity;
use sanswire::wire::{Content, Jid, Node, participant_hash};
use sanswire_proto::whatsapp::AdvSignedDeviceIdentity;

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::{DeviceRef, Server, Stanza};
use crate::clock::Time;

/// Messages that were delivered already, so that a repeated frame is acked but not delivered twice.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    known: BTreeSet<Delivery>,
    order: VecDeque<(Time, Delivery)>,
}

/// Sender, stanza id, target, and the retry count of the enc.
type Delivery = (DeviceRef, String, DeviceRef, u64);

impl Seen {
    /// True the first time.
    fn first(&mut self, delivery: Delivery, now: Time) -> bool {
        if !self.known.insert(delivery.clone()) {
            return false;
        }
        self.order.push_back((now, delivery));
        true
    }

    /// Forgets what is older than an hour.
    pub(crate) fn purge(&mut self, now: Time) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) > SEEN_LIFE) {
            if let Some((_, delivery)) = self.order.pop_front() {
                self.known.remove(&delivery);
            }
        }
    }
}

/// A message that passed every check.
pub(crate) struct Accepted {
    pub(crate) to: Jid<'static>,
    pub(crate) chat: Chat,
    pub(crate) peer: bool,
    /// What each device gets: its own ciphertext, the shared one, or both in this order.
    pub(crate) parts: Vec<(DeviceRef, Vec<Stanza>)>,
    /// The participant hash to report, when the sender's device list is not the server's.
    pub(crate) phash: Option<String>,
}

/// Between whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chat {
    /// The sender and one account, which may be the sender's own.
    User(AccountId),
    /// Several accounts, who all see `to` as the chat and write their names in one form.
    Shared {
        /// How the sender is named.
        form: Form,
        /// Whether the form is told: in groups.
        told: bool,
    },
}

/// Why a message was refused: the ack's code, the rule, its chapter.
pub(crate) type Refusal = (u64, &'static str, &'static str);

impl Server {
    /// Accepts or refuses one message of a client: the ack comes before anything that follows from it.
    pub(crate) fn take_message(&mut self, conn: ConnId, at: DeviceRef, node: &Node<'_>) {
        if node.get("id").is_none_or(|id| id.is_empty()) {
            self.violation(Some(at), node, "a message needs an id", "14 §22");
            return;
        }
        if let Some(code) = self.faults.refuse_message(at) {
            return self.ack_message(conn, node, None, Some(code));
        }
        if node.get_jid("to").is_some_and(|to| to.is_newsletter()) {
            return self.take_newsletter_message(conn, at, node);
        }
        match self.accept_message(at, node) {
            Ok(accepted) => {
                if !self.faults.lose_ack(at) {
                    self.ack_message(conn, node, accepted.phash.clone(), None);
                }
                self.route(at, node, accepted);
            }
            Err((code, rule, chapter)) => {
                // What was right when it was written may be refused when it comes: not the client's fault.
                if !matches!(code, 403 | 421 | 463) {
                    self.violation(Some(at), node, rule, chapter);
                }
                self.ack_message(conn, node, None, Some(code));
            }
        }
    }

    pub(crate) fn ack_message(
        &mut self,
        conn: ConnId,
        node: &Node<'_>,
        phash: Option<String>,
        error: Option<u64>,
    ) {
        let from = node.value("to").map(|value| value.into_owned());
        let ack = Node::new("ack")
            .attr("class", "message")
            .attr("id", node.get("id").unwrap_or_default().into_owned())
            .attr_opt("from", from)
            .attr("t", self.stanza_time())
            .attr_opt("phash", phash)
            .attr_opt("error", error);
        self.send(conn, &ack);
    }

    /// The checks of the contract, in its order. Reference 14 §9.1.
    pub(crate) fn accept_message(&mut self, at: DeviceRef, node: &Node<'_>) -> Result<Accepted, Refusal> {
        let to = node.get_jid("to").ok_or((479, "a message needs to", "05 §4"))?.into_owned();
        if node.get("type").is_none() {
            return Err((479, "a message needs type", "05 §4.1"));
        }
        if to.is_group() {
            return self.accept_for_group(at, node, to);
        }
        if to.is_status() {
            return self.accept_for_status(at, node, to);
        }
        if to.is_broadcast() {
            return Err((479, "nobody can write to a broadcast list", "05 §6"));
        }
        let recipient =
            self.directory.resolve(&to).ok_or((404, "the recipient does not exist", "14 §9.1"))?;
        let peer = node.get("category").as_deref() == Some("peer");
        if peer && recipient != at.account {
            return Err((479, "peer messages stay inside the account", "05 §8"));
        }
        let named = addressed_encs(node, &to)?;
        let mut parts = Vec::new();
        for (jid, enc) in &named {
            let Some(target) = self.target(jid, peer) else { continue };
            if target == at {
                self.violation(Some(at), node, "a device must not encrypt to itself", "05 §4");
                continue;
            }
            self.audit_enc(at, target, node, enc);
            parts.push((target, vec![(*enc).clone().into_owned()]));
        }
        self.check_device_identity(at, node, &named, peer)?;
        if named.iter().any(|(jid, _)| jid.is_lid()) && named.iter().any(|(jid, _)| jid.is_pn()) {
            self.violation(Some(at), node, "participants mix phone numbers and hidden ids", "05 §2.1");
        }
        let resend = to.device() != 0
            || node.get("device_fanout").as_deref() == Some("false")
            || named.iter().any(|(_, enc)| enc.has("count"));
        let phash = if peer || resend { None } else { self.stale_devices(at, recipient, &to, &parts) };
        self.check_admitted(at, recipient, node, peer || resend)?;
        Ok(Accepted { to, chat: Chat::User(recipient), peer, parts, phash })
    }

    /// The device an enc is for. In the compatibility layout a peer message for device 0 is for the phone.
    fn target(&self, jid: &Jid<'_>, peer: bool) -> Option<DeviceRef> {
        let account = self.directory.resolve(jid)?;
        if peer && jid.device() == 0 {
            return Some(DeviceRef { account, device: 0 });
        }
        self.directory.resolve_device(jid)
    }

    /// A companion's prekey message carries its identity, which must be the one it was linked with.
    pub(crate) fn check_device_identity(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        named: &[(Jid<'static>, &Node<'_>)],
        peer: bool,
    ) -> Result<(), Refusal> {
        let prekey = named.iter().any(|(_, enc)| enc.get("type").as_deref() == Some("pkmsg"));
        if !prekey || peer || at.device == 0 {
            return Ok(());
        }
        let blob = node.find("device-identity").and_then(Node::content_bytes);
        let blob = blob.ok_or((479, "a prekey message of a companion needs device-identity", "04 §11"))?;
        let Some(device) = self.directory.device(at) else { return Ok(()) };
        let key = PublicKey::new(device.keys.identity);
        let good =
            AdvSignedDeviceIdentity::decode(blob.as_ref()).is_ok_and(|identity| verifies(&identity, &key));
        if !good {
            self.violation(Some(at), node, "the device-identity does not verify", "04 §11");
        }
        Ok(())
    }

    /// The server's participant hash, when the stanza's device set is not the server's. Reference 14 §9.1.
    fn stale_devices(
        &self,
        at: DeviceRef,
        recipient: AccountId,
        to: &Jid<'_>,
        parts: &[(DeviceRef, Vec<Stanza>)],
    ) -> Option<String> {
        let listed: BTreeSet<DeviceRef> = parts.iter().map(|(target, _)| *target).collect();
        let accounts = [recipient, at.account].map(|id| self.directory.account(id));
        let known = accounts.into_iter().flatten().flat_map(super::directory::Account::device_refs);
        let expected: BTreeSet<DeviceRef> = known.filter(|device| *device != at).collect();
        if listed == expected {
            return None;
        }
        let jids: Vec<Jid<'static>> =
            expected.iter().filter_map(|device| self.address(*device, Form::of(to))).collect();
        Some(participant_hash(&jids))
    }

    /// The address of a device in one name space.
    pub(crate) fn address(&self, at: DeviceRef, form: Form) -> Option<Jid<'static>> {
        Some(self.directory.account(at.account)?.jid(at.device, form))
    }

    /// Hands every device its ciphertexts. Reference 14 §9.2.
    pub(crate) fn route(&mut self, at: DeviceRef, node: &Node<'_>, accepted: Accepted) {
        let Accepted { to, chat, peer, parts, .. } = accepted;
        let t = self.stanza_time();
        let id = node.get("id").unwrap_or_default().into_owned();
        let deaf = match chat {
            Chat::User(recipient) => self.meet(at.account, recipient),
            Chat::Shared { .. } => None,
        };
        let mut taken = Vec::new();
        for (target, encs) in parts {
            let count = encs.first().and_then(|enc| enc.get_u64("count")).unwrap_or(0);
            let delivery = (at, id.clone(), target, count);
            if deaf == Some(target.account) || !self.seen.first(delivery, self.now) {
                continue;
            }
            if !peer && count == 0 {
                taken.push(target);
            } else if !peer {
                self.log.resent(at, &id, target);
            }
            let stanza = match chat {
                Chat::User(_) => {
                    encs.into_iter().next().and_then(|enc| self.delivered(at, target, node, enc, &to, t))
                }
                Chat::Shared { form, told } => self.shared(at, node, encs, &to, (form, told), t),
            };
            let Some(stanza) = stanza else { continue };
            if peer && target.device == 0 {
                self.phone_inbox.push_back((target.account, stanza));
            } else {
                self.deliver(target, stanza);
            }
        }
        self.log.took(at, id, &to, taken);
    }

    /// Notes that two accounts talk with each other; gives the one that does not want to hear.
    fn meet(&mut self, one: AccountId, other: AccountId) -> Option<AccountId> {
        if self.directory.account(other).is_some_and(|account| account.blocked.contains(&one)) {
            return Some(other);
        }
        for (one, other) in [(one, other), (other, one)] {
            if let Some(account) = self.directory.account_mut(one) {
                account.contacts.insert(other);
            }
        }
        None
    }

    /// The stanza that one device gets.
    fn delivered(
        &self,
        at: DeviceRef,
        target: DeviceRef,
        node: &Node<'_>,
        enc: Stanza,
        to: &Jid<'_>,
        t: u64,
    ) -> Option<Stanza> {
        let sender = self.directory.account(at.account)?;
        let form = Form::of(to);
        let alternate = if form == Form::Pn { "sender_lid" } else { "sender_pn" };
        let mut stanza = Node::new("message")
            .attr("from", sender.jid(at.device, form))
            .attr("id", node.get("id")?.into_owned())
            .attr("t", t)
            .attr("type", node.get("type")?.into_owned())
            .attr("notify", sender.name.clone())
            .attr(alternate, sender.jid(at.device, form.other()));
        for name in ["category", "edit", "push_priority"] {
            stanza = stanza.attr_opt(name, node.get(name).map(|value| value.into_owned()));
        }
        let peer = node.get("category").as_deref() == Some("peer");
        if target.account == at.account && !peer {
            // A resend is addressed to the device that asked, and names the chat. Reference 05 §12.
            let named = node.get_jid("recipient").filter(|_| to.device() != 0 || enc.has("count"));
            let to = named.map_or_else(|| to.clone().into_owned(), Jid::into_owned);
            stanza = stanza.attr("recipient", to.bare().into_owned());
            let chat = self.directory.account(self.directory.resolve(&to)?)?;
            let form = Form::of(&to);
            if form == Form::Lid {
                stanza = stanza.attr("peer_recipient_pn", chat.bare(Form::Pn));
            } else {
                stanza = stanza.attr("peer_recipient_lid", chat.bare(Form::Lid));
            }
        }
        let rest = copied(node, core::slice::from_ref(&enc));
        Some(stanza.child(enc).children(rest))
    }

    /// The stanza that one device of a shared chat gets.
    fn shared(
        &self,
        at: DeviceRef,
        node: &Node<'_>,
        encs: Vec<Stanza>,
        chat: &Jid<'_>,
        (form, told): (Form, bool),
        t: u64,
    ) -> Option<Stanza> {
        let sender = self.directory.account(at.account)?;
        let (mode, alternate) = match form {
            Form::Pn => ("pn", "participant_lid"),
            Form::Lid => ("lid", "participant_pn"),
        };
        let stanza = Node::new("message")
            .attr("from", chat.to_owned_jid())
            .attr("participant", sender.jid(at.device, form))
            .attr(alternate, sender.jid(at.device, form.other()))
            .attr("id", node.get("id")?.into_owned())
            .attr("t", t)
            .attr("type", node.get("type")?.into_owned())
            .attr("notify", sender.name.clone())
            .attr_opt("addressing_mode", told.then_some(mode))
            .attr_opt("edit", node.value("edit").map(|value| value.into_owned()));
        let rest = copied(node, &encs);
        Some(stanza.children(encs).children(rest))
    }
}

/// The children that every device gets besides its ciphertexts.
fn copied(node: &Node<'_>, encs: &[Stanza]) -> Vec<Stanza> {
    let prekey = encs.iter().any(|enc| enc.get("type").as_deref() == Some("pkmsg"));
    let kept = node.nodes().iter().filter(|child| match child.tag.as_ref() {
        "device-identity" => prekey,
        "participants" | "enc" | "tctoken" | "cstoken" | "reporting" => false,
        _ => true,
    });
    kept.map(|child| child.clone().into_owned()).collect()
}

/// Every enc with the device it is for: from `<participants>`, or a bare one for `to`.
fn addressed_encs<'n, 'a>(
    node: &'n Node<'a>,
    to: &Jid<'static>,
) -> Result<Vec<(Jid<'static>, &'n Node<'a>)>, Refusal> {
    let mut found = Vec::new();
    let mut targets = BTreeMap::new();
    for entry in node.find("participants").into_iter().flat_map(Node::nodes) {
        let jid = entry.get_jid("jid").ok_or((479, "a participant needs a jid", "05 §4"))?.into_owned();
        let enc = entry.find("enc").ok_or((479, "a participant needs an enc", "05 §4"))?;
        if targets.insert(jid.to_string(), ()).is_some() {
            return Err((479, "a device is listed twice", "05 §4"));
        }
        found.push((jid, enc));
    }
    found.extend(node.find_all("enc").map(|enc| (to.clone(), enc)));
    for (_, enc) in &found {
        check_enc(enc)?;
        if !matches!(enc.get("type").as_deref(), Some("pkmsg" | "msg")) {
            return Err((479, "an enc of a 1:1 message is pkmsg or msg", "05 §4"));
        }
    }
    Ok(found)
}

/// What every enc needs.
pub(crate) fn check_enc(enc: &Node<'_>) -> Result<(), Refusal> {
    if enc.get("v").as_deref() != Some("2") {
        return Err((479, "an enc needs v=2", "05 §4"));
    }
    if !matches!(&enc.content, Content::Bytes(bytes) if !bytes.is_empty()) {
        return Err((479, "the content of an enc must be bytes", "14 §22"));
    }
    Ok(())
}

/// Whether an identity was signed by its account and by the device that owns `key`.
fn verifies(identity: &AdvSignedDeviceIdentity, key: &PublicKey) -> bool {
    let bytes = |field: &Option<bytes::Bytes>| field.clone().unwrap_or_default();
    let (details, by_account) = (bytes(&identity.details), bytes(&identity.account_signature));
    let by_device = bytes(&identity.device_signature);
    let Ok(account_key) = PublicKey::from_raw(&bytes(&identity.account_signature_key)) else { return false };
    let identity = DeviceIdentity {
        details: &details,
        hosted: false,
        account_key,
        account_signature: &by_account,
        device_signature: &by_device,
    };
    identity.verify(key).is_ok()
}

/// How long a delivered message is remembered.
const SEEN_LIFE: Duration = Duration::from_secs(3600);
