//! The phone's place in the server: its keys in the directory, its messages on their way. Reference 14 §8.

use prost::Message as _;
use sanswire::signal::DecryptError;
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::Message;

use super::directory::{AccountId, Device, Form, Welcome};
use super::prekeys::array;
use super::{Bundle, DeviceRef, Server, SignedPrekey, Stanza};
use crate::phone::{Heard, Incoming, Person, Phone};

impl Server {
    /// Gives an account its phone, which is device 0 unless the layout keeps that place for a client.
    pub(crate) fn install_phone(&mut self, account: AccountId, mut phone: Phone) {
        if let Some(record) = self.directory.account_mut(account).filter(|a| a.phone_is_device_zero) {
            record.devices.insert(0, Device::new(None, phone.published(), 0, Vec::new()));
        }
        self.phones.insert(account, phone);
    }

    /// Adds one-time prekeys to the phone's pool.
    pub(crate) fn phone_refills(&mut self, account: AccountId) {
        let Some(mut keys) = self.phones.get_mut(&account).map(Phone::refill) else { return };
        if let Some(device) = self.directory.device_mut(DeviceRef { account, device: 0 }) {
            device.keys.pool.append(&mut keys);
        }
    }

    /// The account got a new phone: new identity, all companions unlinked, contacts told. Reference 08 §2.2.
    pub(crate) fn replace_phone(&mut self, account: AccountId) {
        let devices = self.directory.account(account).map(|a| a.device_refs()).unwrap_or_default();
        for at in devices {
            self.unlink(at);
        }
        let seed = self.seed.fork();
        let phone = match self.phones.remove(&account) {
            Some(old) => old.successor(seed, self.now),
            None => Phone::new(seed, self.now),
        };
        self.install_phone(account, phone);
        for other in self.phones.values_mut() {
            other.drop_session(DeviceRef { account, device: 0 });
        }
        self.announce_identity(account);
    }

    /// What the phone says as soon as a new companion is online for the first time: the app-state key. Some
    /// clients expect a session with the phone before they call themselves connected. Reference 14 §8.
    pub(crate) fn welcome(&mut self, at: DeviceRef) {
        let Some(device) = self.directory.device_mut(at) else { return };
        if device.welcome != Welcome::Due || !self.config.welcome {
            return;
        }
        device.welcome = Welcome::KeyShared;
        // The signed prekey of the registration is enough: the one-time pool is not uploaded yet.
        let keys = &device.keys;
        let bundle = Bundle {
            registration_id: keys.registration_id,
            identity: keys.identity,
            signed: keys.signed.clone(),
            one_time: None,
        };
        let Some(phone) = self.phones.get_mut(&at.account) else { return };
        if phone.start_session(at, &bundle).is_ok() {
            let share = phone.key_share();
            self.phone_tells(at, &share);
        }
    }

    /// The first history, after the offline end marker: Baileys overlooks one that comes before it, and then
    /// waits 20 seconds for another.
    pub(crate) fn send_first_history(&mut self, at: DeviceRef) {
        let Some(device) = self.directory.device_mut(at) else { return };
        if device.welcome != Welcome::KeyShared {
            return;
        }
        device.welcome = Welcome::Complete;
        let people = self.people_of(at.account);
        let Some(phone) = self.phones.get(&at.account) else { return };
        let history = phone.first_history(&people, self.salt_for_history(at.account));
        self.phone_tells(at, &history);
    }

    /// Everybody the account has exchanged messages with, and itself.
    fn people_of(&self, account: AccountId) -> Vec<Person> {
        let contacts = self.directory.account(account).map(|a| a.contacts.clone()).unwrap_or_default();
        let known = [account].into_iter().chain(contacts).filter_map(|id| self.directory.account(id));
        known
            .map(|person| Person {
                pn: person.bare(Form::Pn).to_string(),
                lid: person.bare(Form::Lid).to_string(),
                name: person.name.clone(),
            })
            .collect()
    }

    /// A peer message from the phone to one companion.
    fn phone_tells(&mut self, at: DeviceRef, message: &Message) {
        let Some(phone) = self.phones.get_mut(&at.account) else { return };
        let id = phone.fresh_message_id();
        phone.keep_peer_message(&id, message);
        self.phone_sends_peer(at, &id, &message.encode_to_vec(), None);
    }

    fn phone_sends_peer(&mut self, at: DeviceRef, id: &str, plaintext: &[u8], count: Option<u64>) {
        let Some(enc) = self.phone_seals(at, plaintext, count) else { return };
        let t = self.stanza_time();
        let Some(account) = self.directory.account(at.account) else { return };
        let stanza = Node::new("message")
            .attr("from", account.bare(Form::Pn))
            .attr("sender_lid", account.bare(Form::Lid))
            .attr("id", id.to_owned())
            .attr("t", t)
            .attr("type", "text")
            .attr("category", "peer")
            .attr("notify", account.name.clone())
            .child(enc);
        self.deliver_first(at, stanza);
    }

    /// Encrypts for one device, fetching its bundle when there is no session.
    fn phone_seals(&mut self, at: DeviceRef, plaintext: &[u8], count: Option<u64>) -> Option<Stanza> {
        self.phone_seals_as(at.account, at, plaintext, count)
    }

    pub(crate) fn phone_seals_as(
        &mut self,
        account: AccountId,
        to: DeviceRef,
        plaintext: &[u8],
        count: Option<u64>,
    ) -> Option<Stanza> {
        if !self.phones.get(&account)?.has_session(to) {
            let bundle = self.take_bundle(to)?;
            self.phones.get_mut(&account)?.start_session(to, &bundle).ok()?;
        }
        let sealed = self.phones.get_mut(&account)?.seal(to, plaintext).ok()?;
        let enc = Node::new("enc").attr("v", "2").attr("type", sealed.kind).attr_opt("count", count);
        Some(enc.bytes(sealed.bytes))
    }

    /// The phone of `account` writes a text to another account; gives the message id.
    pub(crate) fn phone_says(&mut self, account: AccountId, to: AccountId, text: &str) -> Option<String> {
        let chat = self.directory.account(to)?.bare(Form::Pn);
        let now = self.now;
        let said = self.phones.get_mut(&account)?.say(&chat.to_string(), text, now);
        let me = DeviceRef { account, device: 0 };
        let mut targets = self.directory.account(to)?.device_refs();
        if to != account {
            targets.extend(self.directory.account(account)?.device_refs());
        }
        let mut participants = Node::new("participants");
        let phone_sends = self.is_phone_device(me);
        for target in targets.into_iter().filter(|target| *target != me || !phone_sends) {
            let plaintext = if target.account == account { &said.copy } else { &said.message };
            let Some(enc) = self.phone_seals_as(account, target, plaintext, None) else { continue };
            let Some(jid) = self.address(target, Form::Pn) else { continue };
            participants = participants.child(Node::new("to").attr("jid", jid).child(enc));
        }
        let message = Node::new("message")
            .attr("to", chat)
            .attr("id", said.id.clone())
            .attr("type", "text")
            .child(participants);
        let accepted = self.accept_message(me, &message).ok()?;
        self.route(me, &message, accepted);
        Some(said.id)
    }

    fn is_phone_device(&self, at: DeviceRef) -> bool {
        self.directory.account(at.account).is_some_and(|account| account.is_phone(at.device))
    }

    /// A stanza for the phone of an account.
    pub(crate) fn phone_takes(&mut self, account: AccountId, node: &Node<'_>) {
        let shared = node.has("participant");
        let from = node.get_jid(if shared { "participant" } else { "from" });
        let Some(from) = from.and_then(|jid| self.directory.resolve_device(&jid)) else { return };
        match node.tag.as_ref() {
            "message" if shared => self.phone_reads_shared(account, from, node),
            "message" => self.phone_reads(account, from, node),
            "receipt" if shared && node.get("type").as_deref() == Some("retry") => {
                self.phone_resends_shared(account, from, node);
            }
            "receipt" if node.get("type").as_deref() == Some("retry") => {
                self.phone_resends(account, from, node)
            }
            _ => {}
        }
    }

    fn phone_reads(&mut self, account: AccountId, from: DeviceRef, node: &Node<'_>) {
        let id = node.get("id").unwrap_or_default().into_owned();
        let chat = node.get_jid("recipient").or_else(|| node.get_jid("from"));
        let chat = chat.map(|jid| jid.bare().to_string()).unwrap_or_default();
        let name = node.get("notify").map(|name| name.into_owned());
        let own = from.account == account;
        let incoming = Incoming {
            id: &id,
            chat: &chat,
            own,
            peer: node.get("category").as_deref() == Some("peer"),
            t: node.get_u64("t").unwrap_or_default(),
            name: name.as_deref(),
            author: None,
        };
        let Some(enc) = node.find("enc") else { return };
        let (kind, bytes) = (enc.get("type").unwrap_or_default(), enc.content_bytes().unwrap_or_default());
        let Some(phone) = self.phones.get_mut(&account) else { return };
        let opened = phone.open(from, &kind, &bytes);
        if opened.is_ok() && !incoming.peer {
            self.log.heard(DeviceRef { account, device: 0 }, from, &id);
        }
        match opened {
            Ok(plaintext) => match phone.hear(&incoming, &plaintext) {
                Heard::OwnCopy => self.phone_confirms_copy(account, node),
                Heard::Request(request) => {
                    let answer = phone.answer(&id, &request);
                    if let Some(answer) = answer {
                        self.phone_tells(from, &answer);
                    }
                }
                // "Delivered" may only be said by the account's clients. Reference 14 §8.
                Heard::Inbound | Heard::Key => {}
                Heard::Garbage => {
                    self.violation(Some(from), node, "the plaintext is not a Message", "07 §3.3")
                }
            },
            Err(DecryptError::DuplicateMessage { .. }) => {}
            Err(error) => {
                if phone.is_first() {
                    let rule = format!("the phone cannot decrypt this: {error}");
                    self.violation(Some(from), node, rule, "04 §13");
                }
                self.phone_asks_again(account, node, &id);
            }
        }
    }

    /// A `sender` receipt for a copy of an own message, to the device that sent it.
    pub(crate) fn phone_confirms_copy(&mut self, account: AccountId, node: &Node<'_>) {
        let Some(from) = node.get_jid("from").map(Jid::into_owned) else { return };
        let receipt = Node::new("receipt")
            .attr("id", node.get("id").unwrap_or_default().into_owned())
            .attr("to", &from)
            .attr("type", "sender")
            .attr_opt("participant", node.get_jid("participant").map(Jid::into_owned))
            .attr_opt("recipient", node.get_jid("recipient").map(Jid::into_owned));
        self.route_receipt(DeviceRef { account, device: 0 }, &receipt, "sender", Some(&from));
    }

    /// A retry receipt with keys for a message that the phone could not read.
    pub(crate) fn phone_asks_again(&mut self, account: AccountId, node: &Node<'_>, id: &str) {
        let Some(phone) = self.phones.get_mut(&account) else { return };
        let Some(count) = phone.count_retry(id) else { return };
        let keys = phone.retry_keys();
        let (Some(from), Some((one_time, public))) =
            (node.get_jid("from").map(Jid::into_owned), keys.one_time)
        else {
            return;
        };
        let id3 = |id: u32| id.to_be_bytes()[1..].to_vec();
        let pair = |tag: &'static str, id: u32, value: &[u8; 32]| {
            Node::new(tag)
                .child(Node::new("id").bytes(id3(id)))
                .child(Node::new("value").bytes(value.to_vec()))
        };
        let signed = pair("skey", keys.signed.id, &keys.signed.public)
            .child(Node::new("signature").bytes(keys.signed.signature.to_vec()));
        let bundle = Node::new("keys")
            .child(Node::new("type").bytes(vec![5]))
            .child(Node::new("identity").bytes(keys.identity.to_vec()))
            .child(pair("key", one_time, &public))
            .child(signed);
        let retry = Node::new("retry")
            .attr("count", count)
            .attr("id", id.to_owned())
            .attr("t", node.get_u64("t").unwrap_or_default())
            .attr("v", "1");
        let receipt = Node::new("receipt")
            .attr("id", id.to_owned())
            .attr("to", &from)
            .attr("type", "retry")
            .attr_opt("participant", node.get_jid("participant").map(Jid::into_owned))
            .attr_opt("recipient", node.get_jid("recipient").map(Jid::into_owned))
            .attr_opt("category", node.get("category").map(|value| value.into_owned()))
            .child(retry)
            .child(Node::new("registration").bytes(keys.registration_id.to_be_bytes().to_vec()))
            .child(bundle);
        self.route_receipt(DeviceRef { account, device: 0 }, &receipt, "retry", Some(&from));
    }

    /// A new session with a device that could not read: from the keys of its retry receipt, or from its bundle
    /// with the next message.
    pub(crate) fn phone_meets_again(&mut self, account: AccountId, asker: DeviceRef, receipt: &Node<'_>) {
        let keys = receipt.find("keys").and_then(|keys| parse_keys(keys, receipt));
        let Some(phone) = self.phones.get_mut(&account) else { return };
        match keys {
            Some(bundle) if phone.start_session(asker, &bundle).is_ok() => {}
            _ => phone.drop_session(asker),
        }
    }

    /// A device could not read what the phone sent: new session from its keys or its bundle, same id.
    fn phone_resends(&mut self, account: AccountId, asker: DeviceRef, node: &Node<'_>) {
        let id = node.get("id").unwrap_or_default().into_owned();
        let count = node.find("retry").and_then(|retry| retry.get_u64("count")).unwrap_or(1);
        if count >= RETRIES_ANSWERED {
            return;
        }
        let own = asker.account == account;
        let Some(plaintext) = self.phones.get(&account).and_then(|phone| phone.said(&id, own)) else {
            return;
        };
        self.phone_meets_again(account, asker, node);
        let peer = node.get("category").as_deref() == Some("peer");
        if own && (peer || node.get_jid("recipient").is_none()) {
            return self.phone_sends_peer(asker, &id, &plaintext, Some(count));
        }
        let Some(enc) = self.phone_seals_as(account, asker, &plaintext, Some(count)) else { return };
        let me = DeviceRef { account, device: 0 };
        let Some(jid) = node.get_jid("from").map(Jid::into_owned) else { return };
        let message = Node::new("message")
            .attr("to", &jid)
            .attr("id", id)
            .attr("type", "text")
            .attr("device_fanout", "false")
            .attr_opt("recipient", node.get_jid("recipient").filter(|_| own).map(Jid::into_owned))
            .child(enc);
        if let Ok(accepted) = self.accept_message(me, &message) {
            self.route(me, &message, accepted);
        }
    }
}

/// The bundle inside a retry receipt.
fn parse_keys(keys: &Node<'_>, receipt: &Node<'_>) -> Option<Bundle> {
    let id = |node: &Node<'_>| {
        let bytes: [u8; 3] = array(node.find("id")?)?;
        Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
    };
    let skey = keys.find("skey")?;
    let one_time = keys.find("key").and_then(|key| Some((id(key)?, array(key.find("value")?)?)));
    Some(Bundle {
        registration_id: u32::from_be_bytes(array(receipt.find("registration")?)?),
        identity: array(keys.find("identity")?)?,
        signed: SignedPrekey {
            id: id(skey)?,
            public: array(skey.find("value")?)?,
            signature: array(skey.find("signature")?)?,
        },
        one_time,
    })
}

/// A retry count from which a phone no longer answers.
pub(crate) const RETRIES_ANSWERED: u64 = 5;
