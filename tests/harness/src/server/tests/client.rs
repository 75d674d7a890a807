//! A client reduced to what the server's tests need: real handshake, real sessions, answers by rote.

use std::collections::{BTreeMap, VecDeque};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use prost::Message as _;
use sanswire::crypto::mac::{hmac_sha256, md5};
use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::signal::{
    self, Bundle, Draw, Local, PreKey, PreKeyMessage, PreKeyPublic, SenderKeyRecord, SessionRecord,
    SignedPreKey, SignedPreKeyPublic,
};
use sanswire::wire::certificate::Trust;
use sanswire::wire::frame::{FrameBuffer, header, intro};
use sanswire::wire::noise::{Initiator, Transport};
use sanswire::wire::{Document, Jid, Node, OwnedJid, encode};
use sanswire_proto::whatsapp::client_payload::user_agent::AppVersion;
use sanswire_proto::whatsapp::client_payload::{DevicePairingRegistrationData, UserAgent};
use sanswire_proto::whatsapp::message::DeviceSentMessage;
use sanswire_proto::whatsapp::{
    AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac, ClientPayload, Message,
};

use crate::clock::Time;
use crate::seed::Seed;
use crate::server::{ConnId, Stanza};

pub(super) struct TestClient {
    pub(super) seed: Seed,
    push_name: String,
    noise: KeyPair,
    pub(super) local: Local,
    signed: SignedPreKey,
    prekeys: BTreeMap<u32, PreKey>,
    pub(super) sessions: BTreeMap<String, SessionRecord>,
    secret: [u8; 32],
    refs: Vec<String>,
    pub(super) identity: Option<AdvSignedDeviceIdentity>,
    pn: Option<OwnedJid>,
    now: Time,
    trust: Trust,
    link: Option<Link>,
    frames: FrameBuffer,
    /// Stanzas nobody has taken yet.
    pub(super) inbox: VecDeque<Stanza>,
    outbox: VecDeque<Stanza>,
    /// Texts read so far: (sender's bare user, text).
    pub(super) read: Vec<(String, String)>,
    /// Plaintexts of the phone's peer messages.
    pub(super) peer: Vec<Message>,
    /// Receipts and acks are sent by themselves.
    pub(super) polite: bool,
    pub(super) next_id: u32,
    /// User part of its own hidden id, once it was told.
    pub(super) lid_user: String,
    /// Sender keys by chat and member; its own under its own name.
    pub(super) sender_keys: BTreeMap<(String, String), SenderKeyRecord>,
}

struct Link {
    conn: ConnId,
    initiator: Option<Initiator>,
    transport: Option<Transport>,
    closed: bool,
}

impl TestClient {
    pub(super) fn new(name: &str, push_name: &str) -> Self {
        let mut seed = Seed::new(*signal_seed(name));
        let identity = seed.key_pair();
        let registration_id = signal::identity::registration_id(seed.bytes());
        let signed = SignedPreKey::new(&identity, 1, seed.bytes(), &seed.bytes());
        Self {
            push_name: push_name.to_owned(),
            noise: seed.key_pair(),
            local: Local { identity, registration_id },
            signed,
            prekeys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            secret: seed.bytes(),
            seed,
            refs: Vec::new(),
            identity: None,
            pn: None,
            now: Time(0),
            trust: Trust::default(),
            link: None,
            frames: FrameBuffer::new(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            read: Vec::new(),
            peer: Vec::new(),
            polite: true,
            next_id: 0,
            lid_user: String::new(),
            sender_keys: BTreeMap::new(),
        }
    }

    pub(super) fn connect(&mut self, conn: ConnId, root: [u8; 32], now: Time) -> Vec<u8> {
        self.now = now;
        self.trust = Trust { root: PublicKey::new(root), ..Trust::default() };
        self.frames.clear();
        let (initiator, hello) = Initiator::xx(self.noise.clone(), self.seed.key_pair());
        self.link = Some(Link { conn, initiator: Some(initiator), transport: None, closed: false });
        [intro(Some(b"route")), framed(&hello)].concat()
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.frames.push(bytes).unwrap();
        while let Some(mut frame) = self.frames.next_frame() {
            let link = self.link.as_mut().unwrap();
            match link.transport.as_mut() {
                Some(transport) => {
                    let plain = Bytes::copy_from_slice(transport.opener.open_in_place(&mut frame).unwrap());
                    let node = Document::decode(plain).unwrap().root().to_owned_node();
                    self.handle(node);
                }
                None => {
                    let payload = self.payload();
                    let link = self.link.as_mut().unwrap();
                    let initiator = link.initiator.take().unwrap();
                    let now = self.now.seconds();
                    let done = initiator.read_server_hello(&frame, &self.trust, now, &payload).unwrap();
                    link.transport = Some(done.transport);
                    let finish = framed(&done.client_finish.unwrap());
                    self.outbox.push_back(Node::new(RAW).bytes(finish));
                }
            }
        }
    }

    /// Answers by rote, and keeps everything for the test.
    fn handle(&mut self, node: Stanza) {
        match node.tag.as_ref() {
            "iq" if node.find("pair-device").is_some() => {
                let refs = node.find("pair-device").unwrap().find_all("ref");
                self.refs = refs.map(|r| r.content_text().unwrap().into_owned()).collect();
                self.outbox.push_back(answer(&node));
            }
            "iq" if node.find("pair-success").is_some() => {
                let answer = self.sign(&node);
                self.outbox.push_back(answer);
            }
            "message" if node.find("plaintext").is_some() => self.outbox.push_back(ack(&node)),
            "message" => self.on_message(&node),
            "success" => self.lid_user = node.get_jid("lid").unwrap().user().to_owned(),
            "receipt" | "notification" if self.polite => self.outbox.push_back(ack(&node)),
            _ => {}
        }
        self.inbox.push_back(node);
    }

    fn on_message(&mut self, node: &Stanza) {
        let alternates = ["sender_lid", "participant_lid", "participant", "from"];
        let from = alternates.iter().find_map(|name| node.get_jid(name)).unwrap().into_owned();
        if !node.find_all("enc").all(|enc| self.on_enc(node, &from, enc)) {
            return;
        }
        if self.polite {
            let own = node.has("recipient") || from.user() == self.lid_user;
            let peer = node.get("category").as_deref() == Some("peer");
            let kind = if peer { Some("peer_msg") } else { own.then_some("sender") };
            let receipt = Node::new("receipt")
                .attr("id", node.get("id").unwrap().into_owned())
                .attr("to", node.get_jid("from").unwrap().into_owned())
                .attr_opt("type", kind)
                .attr_opt("participant", node.get_jid("participant").map(Jid::into_owned))
                .attr_opt("recipient", node.get_jid("recipient").map(Jid::into_owned));
            self.outbox.push_back(receipt);
        }
    }

    /// Reads one ciphertext; false when it cannot be read.
    fn on_enc(&mut self, node: &Stanza, from: &OwnedJid, enc: &Stanza) -> bool {
        let kind = enc.get("type").unwrap().into_owned();
        let chat = node.get_jid("from").unwrap().into_owned();
        let bytes = enc.content_bytes().unwrap();
        let plain = match kind.as_str() {
            "skmsg" => self.open_shared(&chat, from, &bytes),
            _ => self.open(from, &kind, &bytes),
        };
        let Some(plain) = plain else { return false };
        let message = Message::decode(plain.as_slice()).unwrap();
        let text = |message: &Message| message.conversation.clone().unwrap_or_default();
        let who = node.get("notify").unwrap().into_owned();
        if let Some(key) = &message.sender_key_distribution_message {
            self.learn(&chat, from, key.axolotl_sender_key_distribution_message.as_ref().unwrap());
        }
        if node.get("category").as_deref() == Some("peer") {
            self.peer.push(message);
        } else if let Some(sent) = &message.device_sent_message {
            let to = sent.destination_jid.clone().unwrap();
            self.read.push((format!("me to {to}"), text(sent.message.as_ref().unwrap())));
        } else if message.conversation.is_some() {
            self.read.push((who, text(&message)));
        }
        true
    }

    fn open(&mut self, from: &Jid<'_>, kind: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let Self { sessions, seed, local, signed, prekeys, .. } = self;
        let record = sessions.entry(from.to_string()).or_default();
        let padded = if kind == "pkmsg" {
            let message = PreKeyMessage::parse(bytes).ok()?;
            let one_time = message.prekey_id().and_then(|id| prekeys.get(&id));
            let opened = signal::decrypt_prekey_message(
                record,
                &message,
                local,
                Some(signed),
                one_time,
                &mut Drawn(seed),
            );
            opened.ok()?.plaintext
        } else {
            signal::decrypt_message(record, bytes, &mut Drawn(seed)).ok()?
        };
        Some(signal::unpad(&padded).unwrap().to_vec())
    }

    fn payload(&mut self) -> Vec<u8> {
        let id = |id: u32| Bytes::copy_from_slice(&id.to_be_bytes()[1..]);
        let user_agent = UserAgent {
            app_version: Some(AppVersion {
                primary: Some(2),
                secondary: Some(3000),
                tertiary: Some(0),
                ..AppVersion::default()
            }),
            ..UserAgent::default()
        };
        let raw = |key: &PublicKey| Some(Bytes::copy_from_slice(key.as_bytes()));
        let payload = match &self.pn {
            Some(pn) => ClientPayload {
                username: pn.user().parse().ok(),
                device: Some(u32::from(pn.device())),
                passive: Some(true),
                pull: Some(true),
                ..ClientPayload::default()
            },
            None => ClientPayload {
                user_agent: Some(user_agent),
                push_name: Some(self.push_name.clone()),
                device_pairing_data: Some(DevicePairingRegistrationData {
                    e_regid: Some(self.local.registration_id.to_be_bytes().to_vec().into()),
                    e_keytype: Some(vec![5].into()),
                    e_ident: raw(&self.local.identity.public),
                    e_skey_id: Some(id(self.signed.id)),
                    e_skey_val: raw(&self.signed.pair.public),
                    e_skey_sig: Some(self.signed.signature.to_vec().into()),
                    build_hash: Some(md5(b"2.3000.0").to_vec().into()),
                    device_props: Some(Bytes::new()),
                }),
                ..ClientPayload::default()
            },
        };
        payload.encode_to_vec()
    }

    pub(super) fn qr(&self) -> String {
        let field = |bytes: &[u8]| Base64::encode_string(bytes);
        let (noise, identity) = (self.noise.public.as_bytes(), self.local.identity.public.as_bytes());
        let fields = [field(noise), field(identity), field(&self.secret)].join(",");
        format!("https://wa.me/settings/linked_devices#{},{fields},1", self.refs[0])
    }

    /// Verifies pair-success and signs the device's identity.
    fn sign(&mut self, node: &Stanza) -> Stanza {
        let success = node.find("pair-success").unwrap();
        let blob = success.find("device-identity").unwrap().content_bytes().unwrap();
        let container = AdvSignedDeviceIdentityHmac::decode(blob.as_ref()).unwrap();
        let details = container.details.unwrap();
        if hmac_sha256(&self.secret, &[&details]) != container.hmac.unwrap().as_ref() {
            return answer(node).attr("type", "error");
        }
        let mut signed = AdvSignedDeviceIdentity::decode(details).unwrap();
        let account = signed.account_signature_key.clone().unwrap();
        let own = self.local.identity.public;
        let inner = signed.details.clone().unwrap();
        let account_key = PublicKey::from_raw(&account).unwrap();
        let message = signal::identity::account_signature_message(false, &inner, &own);
        if account_key.verify(&message, signed.account_signature.as_ref().unwrap()).is_err() {
            return answer(node).attr("type", "error");
        }
        let message = signal::identity::device_signature_message([6, 1], &inner, &own, &account_key);
        let signature = self.local.identity.private.sign(&message, &self.seed.bytes());
        signed.device_signature = Some(signature.to_vec().into());
        self.identity = Some(signed.clone());
        self.pn = Some(success.find("device").unwrap().get_jid("jid").unwrap().into_owned());
        signed.account_signature_key = None;
        let index = AdvDeviceIdentity::decode(inner).unwrap().key_index.unwrap();
        let identity = Node::new("device-identity").attr("key-index", u64::from(index));
        let identity = identity.bytes(signed.encode_to_vec());
        answer(node).child(Node::new("pair-device-sign").child(identity))
    }

    pub(super) fn iq(&mut self, kind: &'static str, xmlns: &str, child: Stanza) -> Stanza {
        self.next_id += 1;
        let iq = Node::new("iq").attr("id", format!("t-{}", self.next_id)).attr("to", Jid::SERVER);
        iq.attr("type", kind).attr("xmlns", xmlns.to_owned()).child(child)
    }

    pub(super) fn upload(&mut self) -> Stanza {
        let first = self.prekeys.keys().last().map_or(1, |last| last + 1);
        let fresh: Vec<PreKey> = (first..first + 30).map(|id| PreKey::new(id, self.seed.bytes())).collect();
        let keys = fresh.iter().map(|key| key_node("key", key.id, &key.pair.public)).collect::<Vec<_>>();
        self.prekeys.extend(fresh.into_iter().map(|key| (key.id, key)));
        let skey = key_node("skey", self.signed.id, &self.signed.pair.public);
        let skey = skey.child(Node::new("signature").bytes(self.signed.signature.to_vec()));
        let registration = self.local.registration_id.to_be_bytes().to_vec();
        let identity = self.local.identity.public.as_bytes().to_vec();
        self.iq("set", "encrypt", Node::new("registration").bytes(registration))
            .child(Node::new("type").bytes(vec![5]))
            .child(Node::new("identity").bytes(identity))
            .child(Node::new("list").children(keys))
            .child(skey)
    }

    pub(super) fn usync(&mut self, users: &[OwnedJid]) -> Stanza {
        let users = users.iter().map(|jid| Node::new("user").attr("jid", jid.clone())).collect::<Vec<_>>();
        let query =
            Node::new("query").child(Node::new("devices").attr("version", "2")).child(Node::new("lid"));
        let usync = Node::new("usync").attr("sid", "1").attr("mode", "query").attr("context", "message");
        let usync = usync.attr("last", "true").attr("index", "0");
        self.iq("get", "usync", usync.child(query).child(Node::new("list").children(users)))
    }

    /// Every device of the answered users but this one, by phone number and hidden id.
    pub(super) fn fan_out(&self, answer: &Stanza) -> Vec<(OwnedJid, OwnedJid)> {
        let list = answer.find("usync").unwrap().find("list").unwrap();
        let devices = list.find_all("user").flat_map(|user| {
            let (pn, lid) = (user.get_jid("jid").unwrap(), user.find("lid").unwrap().get_jid("val").unwrap());
            let (pn, lid) = (pn.into_owned(), lid.into_owned());
            let list = user.find("devices").unwrap().find("device-list").unwrap();
            list.find_all("device").map(move |device| {
                let id = u16::try_from(device.get_u64("id").unwrap()).unwrap();
                (pn.with_device(id).into_owned(), lid.with_device(id).into_owned())
            })
        });
        devices.filter(|(pn, _)| Some(pn) != self.pn.as_ref()).collect()
    }

    pub(super) fn without_session(&self, targets: &[(OwnedJid, OwnedJid)]) -> Vec<OwnedJid> {
        let known =
            |lid: &OwnedJid| self.sessions.get(&lid.to_string()).is_some_and(|r| r.current().is_some());
        targets.iter().map(|(_, lid)| lid.clone()).filter(|lid| !known(lid)).collect()
    }

    pub(super) fn fetch(&mut self, devices: &[OwnedJid]) -> Stanza {
        let users = devices.iter().map(|jid| Node::new("user").attr("jid", jid.clone())).collect::<Vec<_>>();
        self.iq("get", "encrypt", Node::new("key").children(users))
    }

    /// Starts a session from every bundle in a fetch's answer; gives how many had a one-time key.
    pub(super) fn install(&mut self, answer: &Stanza) -> usize {
        let mut one_time = 0;
        for user in answer.find("list").unwrap().find_all("user") {
            let Some(bundle) = parse_bundle(user) else { continue };
            one_time += usize::from(bundle.prekey.is_some());
            let record = self.sessions.entry(user.get("jid").unwrap().into_owned()).or_default();
            record.initiate(&self.local, &bundle, &mut Drawn(&mut self.seed)).unwrap();
        }
        one_time
    }

    pub(super) fn message(&mut self, to: &OwnedJid, targets: &[(OwnedJid, OwnedJid)], text: &str) -> Stanza {
        let message = Message { conversation: Some(text.to_owned()), ..Message::default() };
        let sent = DeviceSentMessage {
            destination_jid: Some(to.to_string()),
            message: Some(message.clone().into()),
            ..DeviceSentMessage::default()
        };
        let copy = Message { device_sent_message: Some(sent.into()), ..Message::default() };
        let mut participants = Node::new("participants");
        let own = self.pn().user().to_owned();
        for (pn, lid) in targets {
            let plain = if pn.user() == own { copy.encode_to_vec() } else { message.encode_to_vec() };
            let enc = self.seal_for(lid, plain);
            participants = participants.child(Node::new("to").attr("jid", pn.clone()).child(enc));
        }
        self.next_id += 1;
        let id = format!("3EB0{:018X}", self.next_id);
        let identity = self.identity.as_ref().unwrap().encode_to_vec();
        let stanza = Node::new("message").attr("id", id).attr("to", to.clone()).attr("type", "text");
        stanza.child(participants).child(Node::new("device-identity").bytes(identity))
    }

    pub(super) fn seal_for(&mut self, lid: &OwnedJid, mut plain: Vec<u8>) -> Stanza {
        signal::pad(&mut plain, self.seed.bytes::<1>()[0]);
        let record = self.sessions.get_mut(&lid.to_string()).unwrap();
        let sealed = signal::encrypt(record, &plain).unwrap();
        Node::new("enc").attr("v", "2").attr("type", sealed.kind.as_str()).bytes(sealed.bytes)
    }

    pub(super) fn seal(&mut self, stanza: &Stanza) -> (ConnId, Vec<u8>) {
        let link = self.link.as_mut().unwrap();
        if stanza.tag == RAW {
            return (link.conn, stanza.content_bytes().unwrap().into_owned());
        }
        self.seal_plain(&encode(stanza).unwrap())
    }

    /// Seals bytes that need not be a node.
    pub(super) fn seal_plain(&mut self, plain: &[u8]) -> (ConnId, Vec<u8>) {
        let link = self.link.as_mut().unwrap();
        let mut frame = Vec::new();
        link.transport.as_mut().unwrap().sealer.seal_into(plain, &mut frame).unwrap();
        (link.conn, frame)
    }

    pub(super) fn next_frame(&mut self) -> Option<(ConnId, Vec<u8>)> {
        let stanza = self.outbox.pop_front()?;
        if self.is_closed() { None } else { Some(self.seal(&stanza)) }
    }

    /// Removes and gives the first stanza that fits.
    pub(super) fn take(&mut self, fits: impl Fn(&Stanza) -> bool) -> Option<Stanza> {
        let at = self.inbox.iter().position(fits)?;
        self.inbox.remove(at)
    }

    pub(super) fn cut(&mut self) -> ConnId {
        self.outbox.clear();
        self.link.take().unwrap().conn
    }

    pub(super) fn on_close(&mut self) {
        self.link.as_mut().unwrap().closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.closed)
    }

    pub(super) fn conn(&self) -> Option<ConnId> {
        self.link.as_ref().map(|link| link.conn)
    }

    /// Takes over the address of another client with the same keys.
    pub(super) fn pretend(&mut self, other: &Self) {
        self.pn.clone_from(&other.pn);
    }

    /// Public one-time prekeys in the order of their ids.
    pub(super) fn published(&self) -> Vec<Vec<u8>> {
        self.prekeys.values().map(|key| key.pair.public.as_bytes().to_vec()).collect()
    }

    pub(super) fn pn(&self) -> OwnedJid {
        self.pn.clone().unwrap()
    }
}

/// `<ack class id to/>` for a stanza.
pub(super) fn ack(node: &Stanza) -> Stanza {
    Node::new("ack")
        .attr("class", node.tag.to_string())
        .attr("id", node.get("id").unwrap().into_owned())
        .attr("to", node.get_jid("from").unwrap().into_owned())
}

fn answer(iq: &Stanza) -> Stanza {
    let answer = Node::new("iq").attr("to", Jid::SERVER).attr("type", "result");
    answer.attr("id", iq.get("id").unwrap().into_owned())
}

fn parse_bundle(user: &Node<'_>) -> Option<Bundle> {
    let bytes = |node: &Node<'_>, tag: &str| node.find(tag).unwrap().content_bytes().unwrap().into_owned();
    let id = |node: &Node<'_>| bytes(node, "id").iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let key = |node: &Node<'_>| PublicKey::from_raw(&bytes(node, "value")).unwrap();
    let skey = user.find("skey")?;
    Some(Bundle {
        registration_id: u32::from_be_bytes(bytes(user, "registration").try_into().unwrap()),
        identity: PublicKey::from_raw(&bytes(user, "identity")).unwrap(),
        signed_prekey: SignedPreKeyPublic {
            id: id(skey),
            public: key(skey),
            signature: bytes(skey, "signature").try_into().unwrap(),
        },
        prekey: user.find("key").map(|node| PreKeyPublic { id: id(node), public: key(node) }),
    })
}

fn key_node(tag: &'static str, id: u32, public: &PublicKey) -> Stanza {
    let node = Node::new(tag).child(Node::new("id").bytes(id.to_be_bytes()[1..].to_vec()));
    node.child(Node::new("value").bytes(public.as_bytes().to_vec()))
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&header(body.len()).unwrap()[..], body].concat()
}

fn signal_seed(name: &str) -> Box<[u8; 32]> {
    Box::new(sanswire::crypto::mac::sha256(&[name.as_bytes()]))
}

pub(super) struct Drawn<'a>(pub(super) &'a mut Seed);

impl Draw for Drawn<'_> {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.bytes()
    }
}

/// Stands in the outbox for handshake bytes that go out as they are.
const RAW: &str = "raw-frame";
