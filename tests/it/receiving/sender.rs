//! Senders of the reference's cases: real sessions and sender keys behind stubbed ciphertexts.

use std::collections::BTreeMap;

use prost::Message as _;
use sanswire::crypto::KeyPair;
use sanswire::signal::{Draw, SenderKeyRecord, group_encrypt};
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::SenderKeyDistributionMessage;
use sanswire_sim::script::{Peer, Script};

/// Everybody who sends something in one case.
pub(super) struct Senders {
    peers: BTreeMap<OwnedJid, Peer>,
    keys: BTreeMap<(OwnedJid, OwnedJid), SenderKeyRecord>,
    prepared: u32,
}

impl Senders {
    pub(super) const fn new() -> Self {
        Self { peers: BTreeMap::new(), keys: BTreeMap::new(), prepared: 0 }
    }

    fn peer(&mut self, script: &mut Script, jid: &OwnedJid) -> &mut Peer {
        self.peers.entry(jid.clone()).or_insert_with(|| script.peer(jid.clone()))
    }

    /// `<enc>` of a pairwise message with this plaintext. A sender key in it is made a real one.
    pub(super) fn pairwise(
        &mut self,
        script: &mut Script,
        chat: &OwnedJid,
        from: &OwnedJid,
        padded: &[u8],
    ) -> Node<'static> {
        let padded = self.with_real_key(chat, from, padded);
        self.peer(script, from).seal(&padded)
    }

    /// `<enc>` of a group message with this plaintext, under a key that the client has.
    pub(super) fn of_group(
        &mut self,
        script: &mut Script,
        chat: &OwnedJid,
        from: &OwnedJid,
        padded: &[u8],
    ) -> Node<'static> {
        if !self.keys.contains_key(&(chat.clone(), from.clone())) {
            let handed = SenderKeyDistributionMessage {
                group_id: Some(chat.to_string()),
                axolotl_sender_key_distribution_message: Some(Vec::new().into()),
            };
            let message =
                Message { sender_key_distribution_message: Some(Box::new(handed)), ..Message::default() };
            let mut plaintext = message.encode_to_vec();
            plaintext.push(1);
            let enc = self.pairwise(script, chat, from, &plaintext);
            self.prepare(script, chat, from, enc);
        }
        let record = self.keys.get_mut(&(chat.clone(), from.clone())).unwrap();
        let bytes = group_encrypt(record, padded, &mut Counted(7)).unwrap();
        Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(bytes)
    }

    /// Lets the client have a session with a sender, or have seen a ciphertext, before the case begins.
    pub(super) fn prepare(
        &mut self,
        script: &mut Script,
        chat: &OwnedJid,
        from: &OwnedJid,
        enc: Node<'static>,
    ) {
        self.prepared += 1;
        let id = format!("PREPARED{}", self.prepared);
        let stanza = Node::new("message").attr("id", id).attr("type", "text").attr("t", "1760000000");
        let many = chat.is_group() || chat.is_broadcast();
        let stanza = match many {
            true => stanza.attr("from", chat.clone()).attr("participant", from.clone()),
            false => stanza.attr("from", from.clone()),
        };
        script.send(&stanza.child(enc));
        script.sent();
    }

    /// A message that makes a session.
    pub(super) fn hello(&mut self, script: &mut Script, chat: &OwnedJid, from: &OwnedJid) {
        let enc = self.pairwise(script, chat, from, &[0x0a, 2, b'h', b'i', 1]);
        self.prepare(script, chat, from, enc);
    }

    fn with_real_key(&mut self, chat: &OwnedJid, from: &OwnedJid, padded: &[u8]) -> Vec<u8> {
        let Some((pad, Ok(mut message))) = padded.last().map(|pad| {
            let end = padded.len().saturating_sub(usize::from(*pad));
            (*pad, Message::decode(&padded[..end]))
        }) else {
            return padded.to_vec();
        };
        let Some(handed) = message.sender_key_distribution_message.as_mut() else { return padded.to_vec() };
        let record = self.keys.entry((chat.clone(), from.clone())).or_insert_with(|| {
            let mut record = SenderKeyRecord::new();
            record.create(&mut Counted(1));
            record
        });
        let bytes = record.distribution().unwrap().encode();
        handed.axolotl_sender_key_distribution_message = Some(bytes.into());
        let mut out = message.encode_to_vec();
        out.extend(vec![pad; usize::from(pad)]);
        out
    }
}

/// Ciphertext that fails in one way.
pub(super) fn broken(error: &str) -> Node<'static> {
    let key = KeyPair::from_private([9; 32]).public;
    let signal = [
        &[0x33, 0x0a, 0x21, 0x05],
        key.as_bytes().as_slice(),
        &[0x10, 0, 0x18, 0, 0x22, 16],
        &[7; 16],
        &[8; 8],
    ]
    .concat();
    let group = [&[0x33, 0x08, 5, 0x10, 0, 0x1a, 16], [7; 16].as_slice(), &[8; 64]].concat();
    let (kind, bytes) = if error == "no_sender_key" { ("skmsg", group) } else { ("msg", signal) };
    Node::new("enc").attr("v", "2").attr("type", kind).bytes(bytes)
}

/// The same ciphertext for a one-time prekey that the client does not have.
pub(super) fn for_unknown_prekey(enc: &Node<'_>) -> Node<'static> {
    let mut bytes = enc.content_bytes().unwrap().into_owned();
    // Field 1 of the PreKeySignalMessage, behind the version byte: one-time prekey 77.
    bytes.splice(1..1, [0x08, 77]);
    Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(bytes)
}

/// Where a message belongs, as its stanza says.
pub(super) fn place(stanza: &Node<'_>) -> Option<(OwnedJid, OwnedJid)> {
    let from = stanza.get_jid("from")?.into_owned();
    let sender = stanza.get_jid("participant").map_or_else(|| from.clone(), Jid::into_owned);
    Some((from, sender))
}

struct Counted(u8);

impl Draw for Counted {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0 = self.0.wrapping_add(1);
        [self.0; 32]
    }
}
