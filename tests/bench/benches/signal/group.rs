//! Groups: a message under a sender key, that key handed to 1,024 devices, and 256 devices that are new.
//!
//! The stanza is built, encoded and sealed as well: what leaves is a frame. wacore has its own sessions and its own
//! stanza of the same shape, in its own types.

use core::hint::black_box;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use sanswire::crypto::{KeyPair, PrivateKey, Secret, cbc, mac};
use sanswire::signal::{
    Bundle, SenderKeyDistribution, SenderKeyRecord, SessionRecord, encrypt, group_decrypt, group_encrypt,
};
use sanswire::wire::noise::Sealer;
use sanswire::wire::{Jid, Node, encode};
use sanswire_bench::compare;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::jid::Jid as PeerJid;
use wacore_binary::marshal::marshal_auto;
use wacore_libsignal::crypto::GcmInPlaceBuffer;
use wacore_libsignal::protocol::{
    CiphertextMessage, PreKeyBundle, ProtocolAddress, SenderKeyName, SessionRecord as PeerSession,
};
use wacore_noise::NoiseCipher;
use wacore_noise::framing::append_frame_header_into;

use super::peer::Peer;
use super::side::Side;
use super::{PLAINTEXT, SESSION_KEY};

/// One message to everybody, and one received, when the sender key is known.
pub(crate) fn messages() {
    let signing = KeyPair::from_private([5; 32]);
    let edwards = signing.private.edwards_public();
    let signature = signing.private.sign(&PLAINTEXT, &[6; 64]);
    let name = name();
    let (mut alice, mut own, _) = our_pair();
    let (mut carol, _) = their_pair(&name);
    compare("group: encrypt 160 bytes under a sender key")
        .subject("sanswire", || group_encrypt(&mut own, &PLAINTEXT, &mut alice.draw).unwrap())
        .subject("wacore", || carol.encrypt_for_group(&name, &PLAINTEXT))
        .subject("floor: AES, signature", || {
            (cipher_floor(), signing.private.sign_as(&edwards, black_box(&PLAINTEXT), &[6; 64]))
        })
        .run();

    // The receiver's key follows the sender's, message by message.
    let (mut alice, mut own, mut known) = our_pair();
    let (mut carol, mut dave) = their_pair(&name);
    compare("group: encrypt and decrypt 160 bytes under a sender key")
        .subject("sanswire", || {
            let sent = group_encrypt(&mut own, &PLAINTEXT, &mut alice.draw).unwrap();
            group_decrypt(&mut known, &sent).unwrap().len()
        })
        .subject("wacore", || {
            let sent = carol.encrypt_for_group(&name, &PLAINTEXT);
            dave.decrypt_for_group(&name, &sent)
        })
        .subject("floor: AES, signature, check", || {
            signing.public.verify(black_box(&PLAINTEXT), &signature).unwrap();
            (
                cipher_floor(),
                cipher_floor(),
                signing.private.sign_as(&edwards, black_box(&PLAINTEXT), &[6; 64]),
            )
        })
        .run();
}

/// A sender with its key, and what a member knows of it.
fn our_pair() -> (Side, SenderKeyRecord, SenderKeyRecord) {
    let mut alice = Side::new(1);
    let (mut own, mut known) = (SenderKeyRecord::new(), SenderKeyRecord::new());
    own.create(&mut alice.draw);
    known.process(&SenderKeyDistribution::parse(&own.distribution().unwrap().encode()).unwrap());
    (alice, own, known)
}

fn their_pair(name: &SenderKeyName) -> (Peer, Peer) {
    let (mut carol, mut dave) = (Peer::new("carol", 1), Peer::new("dave", 2));
    let handed = carol.creates_sender_key(name);
    dave.takes_sender_key(name, &handed);
    (carol, dave)
}

/// A new sender key goes to every device over the session with it, with the first message under it.
pub(crate) fn known_devices() {
    let mut ours = Ours::with_sessions();
    let mut theirs = Theirs::with_sessions();
    compare(format!("group: send to {KNOWN} devices with known sessions, the sender key among it"))
        .subject("sanswire", || ours.send(KNOWN))
        .subject("wacore", || theirs.send(KNOWN))
        .subject("floor: AES, HMAC, frame", || floor(KNOWN))
        .run();
}

/// The same to devices of which only the bundles are there.
pub(crate) fn new_devices() {
    let mut ours = Ours::new();
    let bundles: Vec<Bundle> = (0..NEW).map(|seed| Side::new(seed + 10).bundle()).collect();
    let mut theirs = Theirs::new();
    let peers: Vec<Peer> = (0..NEW).map(|seed| Peer::new(&user(seed), u64::from(seed) + 10)).collect();
    let offered: Vec<PreKeyBundle> = peers.iter().map(Peer::bundle).collect();
    let (one, two) = (PrivateKey::new([1; 32]), KeyPair::from_private([2; 32]).public);
    compare(format!("group: first send to {NEW} new devices"))
        .subject("sanswire", || {
            ours.begin(&bundles);
            ours.send(NEW)
        })
        .subject("wacore", || {
            theirs.begin(&peers, &offered);
            theirs.send(NEW)
        })
        .subject("floor: curve operations", || {
            for bundle in &bundles {
                bundle.verify().unwrap();
                black_box([[3; 32], [4; 32]].map(KeyPair::from_private));
                black_box([0; 5].map(|_: u8| one.agree(&two).unwrap()));
            }
            floor(NEW)
        })
        .run();
}

/// We as the sender.
struct Ours {
    me: Side,
    sessions: Vec<SessionRecord>,
    jids: Vec<Jid<'static>>,
    sealer: Sealer,
}

impl Ours {
    fn new() -> Self {
        Self {
            me: Side::new(1),
            sessions: Vec::new(),
            jids: (0..KNOWN).map(|at| Jid::lid(user(at), 0).into_owned()).collect(),
            sealer: Sealer::new(&Secret::new(SESSION_KEY)),
        }
    }

    /// Each device has answered.
    fn with_sessions() -> Self {
        let mut ours = Self::new();
        for seed in 0..KNOWN {
            let mut other = Side::new(seed + 10);
            ours.me.record = SessionRecord::new();
            ours.me.record.initiate(&ours.me.local, &other.bundle(), &mut ours.me.draw).unwrap();
            other.opens_first(&encrypt(&mut ours.me.record, &PLAINTEXT).unwrap().bytes);
            other.tells(&mut ours.me);
            ours.sessions.push(core::mem::replace(&mut ours.me.record, SessionRecord::new()));
        }
        ours
    }

    fn begin(&mut self, bundles: &[Bundle]) {
        let begun = bundles.iter().map(|bundle| {
            let mut record = SessionRecord::new();
            record.initiate(&self.me.local, bundle, &mut self.me.draw).unwrap();
            record
        });
        self.sessions = begun.collect();
    }

    fn send(&mut self, devices: u16) -> Vec<u8> {
        let mut key = SenderKeyRecord::new();
        key.create(&mut self.me.draw);
        let mut hand_out = key.distribution().unwrap().encode();
        hand_out.resize(PLAINTEXT.len(), 1);
        let pairs = self.sessions.iter_mut().zip(&self.jids).take(devices.into());
        let to = pairs.map(|(session, jid)| {
            let sealed = encrypt(session, &hand_out).unwrap();
            let enc = Node::new("enc").attr("v", "2").attr("type", sealed.kind.as_str()).bytes(sealed.bytes);
            Node::new("to").attr("jid", jid.clone()).child(enc)
        });
        let participants = Node::new("participants").children(to);
        let text = group_encrypt(&mut key, &PLAINTEXT, &mut self.me.draw).unwrap();
        let message = Node::new("message")
            .attr("id", MESSAGE_ID)
            .attr("to", Jid::group(GROUP))
            .attr("type", "text")
            .attr("addressing_mode", "lid")
            .child(participants)
            .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(text));
        let mut frame = Vec::new();
        self.sealer.seal_into(&encode(&message).unwrap(), &mut frame).unwrap();
        frame
    }
}

/// wacore as the sender.
struct Theirs {
    me: Peer,
    sessions: Vec<Option<PeerSession>>,
    addresses: Vec<ProtocolAddress>,
    jids: Vec<PeerJid>,
    name: SenderKeyName,
    cipher: NoiseCipher,
    counter: u32,
}

impl Theirs {
    fn new() -> Self {
        Self {
            me: Peer::new("carol", 1),
            sessions: Vec::new(),
            addresses: (0..KNOWN).map(|at| ProtocolAddress::new(&user(at), 1.into())).collect(),
            jids: (0..KNOWN).map(|at| PeerJid::lid(user(at))).collect(),
            name: name(),
            cipher: NoiseCipher::new(&SESSION_KEY).unwrap(),
            counter: 0,
        }
    }

    fn with_sessions() -> Self {
        let mut theirs = Self::new();
        for seed in 0..KNOWN {
            let mut other = Peer::new(&user(seed), u64::from(seed) + 10);
            theirs.me.begin(other.address(), &other.bundle());
            theirs.me.tells(&mut other);
            other.tells(&mut theirs.me);
            let mut session = None;
            theirs.me.swap(&mut session);
            theirs.sessions.push(session);
        }
        theirs
    }

    fn begin(&mut self, peers: &[Peer], bundles: &[PreKeyBundle]) {
        self.sessions.clear();
        for (peer, bundle) in peers.iter().zip(bundles) {
            self.me.begin(peer.address(), bundle);
            let mut session = None;
            self.me.swap(&mut session);
            self.sessions.push(session);
        }
    }

    fn send(&mut self, devices: u16) -> Vec<u8> {
        let mut hand_out = self.me.creates_sender_key(&self.name).into_vec();
        hand_out.resize(PLAINTEXT.len(), 1);
        let mut to = Vec::with_capacity(devices.into());
        for at in 0..usize::from(devices) {
            self.me.swap(&mut self.sessions[at]);
            let sealed = self.me.encrypt(&self.addresses[at], &hand_out);
            self.me.swap(&mut self.sessions[at]);
            let (kind, bytes) = match &sealed {
                CiphertextMessage::SignalMessage(message) => ("msg", message.serialized().to_vec()),
                CiphertextMessage::PreKeySignalMessage(message) => ("pkmsg", message.serialized().to_vec()),
                _ => unreachable!("pairwise"),
            };
            let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", kind).bytes(bytes).build();
            to.push(NodeBuilder::new("to").attr("jid", &self.jids[at]).children([enc]).build());
        }
        let participants = NodeBuilder::new("participants").children(to).build();
        let text = self.me.encrypt_for_group(&self.name, &PLAINTEXT);
        let enc = NodeBuilder::new("enc").attr("v", "2").attr("type", "skmsg").bytes(text).build();
        let message = NodeBuilder::new("message")
            .attr("id", MESSAGE_ID)
            .attr("to", PeerJid::group(GROUP))
            .attr("type", "text")
            .attr("addressing_mode", "lid")
            .children([participants, enc])
            .build();
        let plaintext = marshal_auto(&message).unwrap();
        let mut frame = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
        append_frame_header_into(plaintext.len() + TAG_LEN, None, &mut frame).unwrap();
        frame.extend_from_slice(&plaintext);
        self.cipher.encrypt_in_place_with_counter(self.counter, &mut Body(&mut frame)).unwrap();
        self.counter += 1;
        frame
    }
}

/// A frame's body behind its header.
struct Body<'a>(&'a mut Vec<u8>);

impl GcmInPlaceBuffer for Body<'_> {
    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0[HEADER_LEN..]
    }

    fn as_slice(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    fn resize(&mut self, new_len: usize, value: u8) {
        self.0.resize(HEADER_LEN + new_len, value);
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(HEADER_LEN + len);
    }
}

/// What no way around leads: for each device a step of its chain (two HMACs), keys of the message (three), the
/// cipher and the MAC; then AES-GCM over a frame that holds it all.
fn floor(devices: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(usize::from(devices) * 256);
    for _ in 0..devices {
        for _ in 0..5 {
            black_box(mac::hmac_sha256(black_box(&[7; 32]), &[&[1]]));
        }
        let sealed = cipher_floor();
        black_box(mac::hmac_sha256(&[7; 32], &[&sealed]));
        frame.extend_from_slice(&sealed);
        frame.extend_from_slice(&[0; 60]);
    }
    let cipher = Aes256Gcm::new(&SESSION_KEY.into());
    black_box(cipher.encrypt_inout_detached(&Nonce::default(), &[], frame.as_mut_slice().into()).unwrap());
    frame
}

fn cipher_floor() -> Vec<u8> {
    let mut sealed = Vec::with_capacity(PLAINTEXT.len() + 16);
    cbc::encrypt_append(black_box(&[1; 32]), &[2; 16], &PLAINTEXT, &mut sealed);
    sealed
}

fn name() -> SenderKeyName {
    SenderKeyName::from_parts(GROUP, "carol")
}

fn user(number: u16) -> String {
    format!("1000000{number:08}")
}

/// Members of the largest group.
const KNOWN: u16 = 1_024;
/// Devices that are new at once.
const NEW: u16 = 256;
const GROUP: &str = "120363000000000001";
const MESSAGE_ID: &str = "3EB00132F2F0D06271A97E";
const HEADER_LEN: usize = 3;
const TAG_LEN: usize = 16;
