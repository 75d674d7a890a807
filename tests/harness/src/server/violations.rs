//! What clients did wrong, by stanza, and the checks that see more than one stanza.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sanswire::crypto::mac::sha256;
use sanswire::signal::{PreKeyMessage, SenderKeyMessage, SignalMessage};
use sanswire::wire::Node;

use super::{DeviceRef, Server};
use crate::clock::Time;

/// One rule that a client broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When the server saw it.
    pub at: Time,
    /// The device, if one was logged in.
    pub device: Option<DeviceRef>,
    /// The stanza as text.
    pub stanza: String,
    /// What is wrong with it.
    pub rule: String,
    /// Where the rule is written: chapter and section of the reference.
    pub chapter: &'static str,
}

impl Violation {
    /// Whether it says that a key was used twice.
    #[must_use]
    pub fn is_key_reuse(&self) -> bool {
        self.chapter == KEYS
    }
}

/// Collected violations, and what is remembered to find more.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    found: Vec<Violation>,
    /// Message keys seen per sender: (receiver, hash of ratchet key, counter) to (hash of ciphertext, stanza id).
    used: BTreeMap<DeviceRef, KeysUsed>,
    /// Steps of sender keys seen: (sender, chat, key id, iteration) to (hash of ciphertext, stanza id).
    shared: BTreeMap<SenderKeyStep, ([u8; 32], String)>,
    /// Hashes of what was first sent to a device under an id.
    first_sent: BTreeMap<(DeviceRef, DeviceRef, String), [u8; 32]>,
    /// Hashes of the first handshake messages, which hold the ephemeral keys that transport keys come from.
    greeted: BTreeSet<[u8; 32]>,
}

#[derive(Debug, Default)]
struct KeysUsed {
    keys: BTreeMap<KeyName, ([u8; 32], String)>,
    order: VecDeque<KeyName>,
}

type KeyName = (DeviceRef, [u8; 32], u32);
type SenderKeyStep = (DeviceRef, String, u32, u32);

impl Audit {
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.found
    }

    /// Checks that a ratchet step served one plaintext only. A resend of the same bytes under the same id is
    /// what the outbox does after a crash; anything else that meets a known key is a broken promise.
    fn check_key(
        &mut self,
        from: DeviceRef,
        to: DeviceRef,
        enc: &SignalEnc,
        id: &str,
        remembered: Option<usize>,
    ) -> Option<&'static str> {
        let used = self.used.entry(from).or_default();
        let name = (to, enc.ratchet, enc.counter);
        if let Some((bytes, under)) = used.keys.get(&name) {
            return match (*bytes == enc.hash, under == id) {
                (true, true) => None,
                (true, false) => Some("the same ciphertext was sent under another stanza id"),
                (false, _) => Some("a message key was used for two ciphertexts"),
            };
        }
        used.keys.insert(name, (enc.hash, id.to_owned()));
        used.order.push_back(name);
        if remembered.is_some_and(|most| used.order.len() > most)
            && let Some(oldest) = used.order.pop_front()
        {
            used.keys.remove(&oldest);
        }
        None
    }
}

impl Audit {
    /// The same for one step of a sender key.
    fn check_shared(
        &mut self,
        step: SenderKeyStep,
        hash: [u8; 32],
        id: &str,
        remembered: Option<usize>,
    ) -> Option<&'static str> {
        if let Some((bytes, under)) = self.shared.get(&step) {
            return match (*bytes == hash, under == id) {
                (true, true) => None,
                (true, false) => Some("the same ciphertext was sent under another stanza id"),
                (false, _) => Some("a step of a sender key was used for two ciphertexts"),
            };
        }
        if remembered.is_some_and(|most| self.shared.len() >= most) {
            self.shared.clear();
        }
        self.shared.insert(step, (hash, id.to_owned()));
        None
    }
}

/// What the outside of a Signal ciphertext shows. Reference 04 §2.
pub(crate) struct SignalEnc {
    /// The identity key inside a prekey message, 32 bytes.
    pub(crate) identity: Option<[u8; 32]>,
    pub(crate) registration_id: Option<u32>,
    pub(crate) signed_prekey: Option<u32>,
    pub(crate) one_time: Option<u32>,
    ratchet: [u8; 32],
    counter: u32,
    hash: [u8; 32],
}

impl SignalEnc {
    /// Reads a `pkmsg` or `msg`; `None` when it is malformed.
    pub(crate) fn parse(kind: &str, bytes: &[u8]) -> Option<Self> {
        let hash = sha256(&[bytes]);
        if kind != "pkmsg" {
            return Some(Self::of_message(&SignalMessage::parse(bytes).ok()?, hash));
        }
        let outer = PreKeyMessage::parse(bytes).ok()?;
        Some(Self {
            identity: Some(*outer.identity_key().as_bytes()),
            registration_id: Some(outer.registration_id()),
            signed_prekey: Some(outer.signed_prekey_id()),
            one_time: outer.prekey_id(),
            ..Self::of_message(outer.message(), hash)
        })
    }

    fn of_message(message: &SignalMessage<'_>, hash: [u8; 32]) -> Self {
        Self {
            identity: None,
            registration_id: None,
            signed_prekey: None,
            one_time: None,
            ratchet: *message.ratchet_key().as_bytes(),
            counter: message.counter(),
            hash,
        }
    }
}

impl Server {
    /// Notes that a client broke a rule; the flow goes on as the chapters say.
    pub(crate) fn violation(
        &mut self,
        device: Option<DeviceRef>,
        node: &Node<'_>,
        rule: impl Into<String>,
        chapter: &'static str,
    ) {
        if self.audit.found.len() < MAX_VIOLATIONS {
            let (stanza, rule) = (node.to_string(), rule.into());
            self.audit.found.push(Violation { at: self.now, device, stanza, rule, chapter });
        }
    }

    /// Checks that a connection gets transport keys of its own: two that begin with the same ephemeral key
    /// would use the same nonces under related keys. Reference 01 §5.
    pub(crate) fn audit_hello(&mut self, frame: &[u8]) {
        let first = self.audit.greeted.insert(sha256(&[frame]));
        if !first {
            let hello = Node::new("handshake").bytes(frame.to_vec());
            self.violation(None, &hello, "an ephemeral key of an earlier handshake was used again", KEYS);
        }
        if self.config.keys_remembered.is_some_and(|most| self.audit.greeted.len() > most) {
            self.audit.greeted.clear();
        }
    }

    /// Checks a ciphertext for everybody in a chat on its way from a client. Reference 04 §14, §16.
    pub(crate) fn audit_shared(&mut self, from: DeviceRef, chat: &str, message: &Node<'_>, enc: &Node<'_>) {
        let id = message.get("id").unwrap_or_default().into_owned();
        let bytes = enc.content_bytes().unwrap_or_default();
        let step = SenderKeyMessage::parse(&bytes).ok().map(|message| (message.id(), message.iteration()));
        let Some((key, iteration)) = step else {
            self.violation(Some(from), message, "the skmsg is not a version 3 sender key message", "04 §2");
            return;
        };
        let step = (from, chat.to_owned(), key, iteration);
        let hash = sha256(&[&bytes]);
        if let Some(rule) = self.audit.check_shared(step, hash, &id, self.config.keys_remembered) {
            self.violation(Some(from), message, rule, KEYS);
        }
    }

    /// Checks one pairwise ciphertext on its way from a client. Reference 04 §2, §16.
    pub(crate) fn audit_enc(&mut self, from: DeviceRef, to: DeviceRef, message: &Node<'_>, enc: &Node<'_>) {
        let kind = enc.get("type").unwrap_or_default().into_owned();
        let id = message.get("id").unwrap_or_default().into_owned();
        let Some(parsed) = enc.content_bytes().and_then(|bytes| SignalEnc::parse(&kind, &bytes)) else {
            self.violation(
                Some(from),
                message,
                format!("the {kind} is not a version 3 Signal message"),
                "04 §2",
            );
            return;
        };
        if let Some(rule) = self.audit.check_key(from, to, &parsed, &id, self.config.keys_remembered) {
            self.violation(Some(from), message, rule, KEYS);
        }
        if self.config.copies_only && !enc.has("count") {
            let first = *self.audit.first_sent.entry((from, to, id)).or_insert(parsed.hash);
            if first != parsed.hash {
                let rule = "a message was encrypted anew instead of sent again as it was";
                self.violation(Some(from), message, rule, "05 §9");
            }
        }
        let Some(sender) = self.directory.device(from) else { return };
        let (identity, registration_id) = (sender.keys.identity, sender.keys.registration_id);
        if parsed.identity.is_some_and(|key| key != identity) {
            self.violation(Some(from), message, "the prekey message carries another identity key", "04 §3");
        }
        if parsed.registration_id.is_some_and(|number| number != registration_id) {
            self.violation(
                Some(from),
                message,
                "the prekey message carries another registration id",
                "04 §3",
            );
        }
        let Some(receiver) = self.directory.device(to) else { return };
        if to.device == 0 && self.phones.get(&to.account).is_some_and(|phone| !phone.is_first()) {
            // It may have been on its way, or waited to be sent again, since before the phone was replaced.
            return;
        }
        let known = receiver.keys.knows_signed(parsed.signed_prekey);
        // Keys of retry receipts never pass through the pool, so only pool keys still unused are suspicious.
        let unused = parsed.one_time.is_some_and(|id| receiver.keys.pool.contains_key(&id));
        if !known {
            self.violation(Some(from), message, "the prekey message names an unknown signed prekey", "04 §3");
        }
        if unused {
            self.violation(Some(from), message, "the one-time prekey was never handed out", "04 §10");
        }
    }
}

/// Violations kept; more would only repeat them.
const MAX_VIOLATIONS: usize = 1000;
/// Where the reference says that no key serves twice.
const KEYS: &str = "04 §16";
