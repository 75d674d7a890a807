//! Another user's device, with real keys and a real session.

use core::fmt;

use prost::Message as _;
use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::signal::{
    self, Bundle, DecryptError, Draw, Local, PreKeyMessage, PreKeyPublic, SessionRecord, SignedPreKey,
    SignedPreKeyPublic,
};
use sanswire::wire::{Node, OwnedJid};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::client_payload::DevicePairingRegistrationData;

use crate::seed::Seed;

/// A device that talks to the client. A clone has the same keys and sessions.
#[derive(Clone)]
pub struct Peer {
    /// Its address.
    pub jid: OwnedJid,
    local: Local,
    signed: SignedPreKey,
    sessions: SessionRecord,
    /// The client's keys as this device has them.
    bundle: Bundle,
    seed: Seed,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("jid", &self.jid).finish_non_exhaustive()
    }
}

impl Peer {
    /// Begins a session with the client that registered so.
    pub(super) fn new(jid: OwnedJid, client: &DevicePairingRegistrationData, mut seed: Seed) -> Self {
        let identity: KeyPair = seed.key_pair();
        let registration_id = signal::identity::registration_id(seed.bytes());
        let signed = SignedPreKey::new(&identity, 1, seed.bytes(), &seed.bytes());
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
        let key = |bytes: &[u8]| PublicKey::new(bytes.try_into().unwrap_or_default());
        let bundle = Bundle {
            registration_id: number(client.e_regid()),
            identity: key(client.e_ident()),
            signed_prekey: SignedPreKeyPublic {
                id: number(client.e_skey_id()),
                public: key(client.e_skey_val()),
                signature: client.e_skey_sig().try_into().unwrap_or([0; 64]),
            },
            prekey: None,
        };
        let local = Local { identity, registration_id };
        let mut peer = Self { jid, local, signed, sessions: SessionRecord::new(), bundle, seed };
        peer.begin();
        peer
    }

    /// Begins another session, with the signed prekey and the first one-time prekey of something that the client
    /// has sent: an upload, a rotation.
    ///
    /// # Panics
    /// When there is no valid signed prekey in it.
    pub fn begin_with(&mut self, sent: &Node<'_>) {
        let holder = sent.find("rotate").unwrap_or(sent);
        let Some(skey) = holder.find("skey") else { panic!("no signed prekey in {sent}") };
        let bytes = |node: &Node<'_>, child: &str| {
            node.find(child).and_then(Node::content_bytes).map(|bytes| bytes.to_vec()).unwrap_or_default()
        };
        let id = |node: &Node<'_>| bytes(node, "id").iter().fold(0, |id, byte| (id << 8) | u32::from(*byte));
        let key = |node: &Node<'_>| PublicKey::new(bytes(node, "value").try_into().unwrap_or_default());
        self.bundle.signed_prekey = SignedPreKeyPublic {
            id: id(skey),
            public: key(skey),
            signature: bytes(skey, "signature").try_into().unwrap_or([0; 64]),
        };
        let one_time = holder.find("list").and_then(|list| list.find("key"));
        self.bundle.prekey = one_time.map(|one| PreKeyPublic { id: id(one), public: key(one) });
        self.begin();
    }

    fn begin(&mut self) {
        let begun = self.sessions.initiate(&self.local, &self.bundle, &mut Drawn(&mut self.seed));
        assert_eq!(begun, Ok(()), "the client has valid keys");
    }

    /// The device's identity.
    #[must_use]
    pub const fn identity(&self) -> &KeyPair {
        &self.local.identity
    }

    /// `<user>` of the answer to a question for bundles.
    #[must_use]
    pub fn bundle(&self) -> Node<'static> {
        Node::new("user").attr("jid", self.jid.clone()).children(self.keys())
    }

    /// The children of a bundle.
    #[must_use]
    pub fn keys(&self) -> [Node<'static>; 4] {
        let [_, a, b, c] = self.signed.id.to_be_bytes();
        let skey = Node::new("skey")
            .child(Node::new("id").bytes(vec![a, b, c]))
            .child(Node::new("value").bytes(self.signed.pair.public.as_bytes().to_vec()))
            .child(Node::new("signature").bytes(self.signed.signature.to_vec()));
        [
            Node::new("registration").bytes(self.local.registration_id.to_be_bytes().to_vec()),
            Node::new("type").bytes(vec![PublicKey::TYPE]),
            Node::new("identity").bytes(self.local.identity.public.as_bytes().to_vec()),
            skey,
        ]
    }

    /// The envelope of a message of this device, without content.
    #[must_use]
    pub fn envelope(&self, id: &str) -> Node<'static> {
        Node::new("message")
            .attr("id", id.to_string())
            .attr("from", self.jid.clone())
            .attr("type", "text")
            .attr("t", "1700000000")
    }

    /// A text, encrypted for the client.
    pub fn text(&mut self, id: &str, text: &str) -> Node<'static> {
        let message = Message { conversation: Some(text.to_string()), ..Message::default() };
        self.message(id, &message)
    }

    /// Any message, encrypted for the client.
    pub fn message(&mut self, id: &str, message: &Message) -> Node<'static> {
        let mut plaintext = message.encode_to_vec();
        signal::pad(&mut plaintext, 5);
        let enc = self.seal(&plaintext);
        self.envelope(id).child(enc)
    }

    /// `<enc>` with any bytes, encrypted for the client as they are.
    ///
    /// # Panics
    /// When the session is used up.
    pub fn seal(&mut self, padded: &[u8]) -> Node<'static> {
        match signal::encrypt(&mut self.sessions, padded) {
            Ok(sealed) => {
                Node::new("enc").attr("v", "2").attr("type", sealed.kind.as_str()).bytes(sealed.bytes)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens this device's part of a message that the client sent.
    ///
    /// # Errors
    /// What is wrong with it.
    ///
    /// # Panics
    /// When there is no part for this device, or what is inside is no message.
    pub fn open(&mut self, stanza: &Node<'_>) -> Result<Message, DecryptError> {
        let all = stanza.find("participants").map(Node::nodes).unwrap_or_default();
        let own = all.iter().find(|to| to.get_jid("jid").is_some_and(|jid| jid == self.jid));
        let enc = own.unwrap_or(stanza).find("enc");
        let Some(bytes) = enc.and_then(Node::content_bytes) else { panic!("nothing for {}", self.jid) };
        let draw = &mut Drawn(&mut self.seed);
        let padded = match enc.and_then(|enc| enc.get("type")).as_deref() {
            Some("pkmsg") => {
                let message = PreKeyMessage::parse(&bytes)?;
                let signed = Some(&self.signed);
                let sessions = &mut self.sessions;
                signal::decrypt_prekey_message(sessions, &message, &self.local, signed, None, draw)?.plaintext
            }
            _ => signal::decrypt_message(&mut self.sessions, &bytes, draw)?,
        };
        let message = signal::unpad(&padded).ok().and_then(|plaintext| Message::decode(plaintext).ok());
        Ok(message.unwrap_or_else(|| panic!("decrypted, but not a message")))
    }
}

struct Drawn<'a>(&'a mut Seed);

impl Draw for Drawn<'_> {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.bytes()
    }
}
