//! The Signal layer: known answers, limits at their edges, and properties of whole conversations.

mod cases;
mod conversation;
mod groups;
mod limits;
mod properties;
mod refused;
mod restored;

use std::collections::VecDeque;

use sanswire::crypto::KeyPair;
use sanswire::signal::{
    Bundle, Ciphertext, CiphertextKind, DecryptError, Decrypted, Draw, Local, PreKey, PreKeyMessage,
    SessionRecord, SignedPreKey, decrypt_message, decrypt_prekey_message, encrypt,
};

/// Private keys to hand out in this order; asking for more than are left fails the test.
pub(crate) struct Listed(VecDeque<[u8; 32]>);

impl Listed {
    pub(crate) fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(keys.into_iter().collect())
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }
}

impl Draw for Listed {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.pop_front().expect("a key is left to draw")
    }
}

/// A different private key at each draw, counted.
pub(crate) struct Counting(pub(crate) u64);

impl Draw for Counting {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut key = [0x5a; 32];
        key[..8].copy_from_slice(&self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        key
    }
}

/// One device with its keys and its record of the other device.
pub(crate) struct Device {
    pub(crate) local: Local,
    pub(crate) signed_prekeys: Vec<SignedPreKey>,
    pub(crate) prekeys: Vec<PreKey>,
    pub(crate) record: SessionRecord,
}

impl Device {
    pub(crate) fn new(seed: u8) -> Self {
        let identity = KeyPair::from_private([seed; 32]);
        let signed = SignedPreKey::new(&identity, 1, [seed ^ 0x40; 32], &[seed; 64]);
        let prekeys = (1..=64).map(|id| PreKey::new(id, [seed ^ 0x80 ^ u8::try_from(id).unwrap(); 32]));
        Self {
            local: Local { identity, registration_id: seed.into() },
            signed_prekeys: vec![signed],
            prekeys: prekeys.collect(),
            record: SessionRecord::new(),
        }
    }

    /// What the server would hand out about this device now: its first one-time prekey, if any is left.
    pub(crate) fn bundle(&self) -> Bundle {
        Bundle {
            registration_id: self.local.registration_id,
            identity: self.local.identity.public,
            signed_prekey: self.signed_prekeys[0].public(),
            prekey: self.prekeys.first().map(PreKey::public),
        }
    }

    pub(crate) fn initiate(&mut self, bundle: &Bundle, draw: &mut impl Draw) {
        self.record.initiate(&self.local, bundle, draw).unwrap();
    }

    pub(crate) fn encrypt(&mut self, plaintext: &[u8]) -> Ciphertext {
        encrypt(&mut self.record, plaintext).unwrap()
    }

    /// Decrypts as a client does: loads the prekeys that are named, deletes the one that was used.
    pub(crate) fn decrypt(
        &mut self,
        ciphertext: &Ciphertext,
        draw: &mut impl Draw,
    ) -> Result<Vec<u8>, DecryptError> {
        match ciphertext.kind {
            CiphertextKind::Message => decrypt_message(&mut self.record, &ciphertext.bytes, draw),
            CiphertextKind::PreKey => self.decrypt_prekey(&ciphertext.bytes, draw).map(|it| it.plaintext),
        }
    }

    pub(crate) fn decrypt_prekey(
        &mut self,
        bytes: &[u8],
        draw: &mut impl Draw,
    ) -> Result<Decrypted, DecryptError> {
        let message = PreKeyMessage::parse(bytes)?;
        let signed = self.signed_prekeys.iter().find(|key| key.id == message.signed_prekey_id());
        let prekey = self.prekeys.iter().find(|key| Some(key.id) == message.prekey_id());
        let decrypted =
            decrypt_prekey_message(&mut self.record, &message, &self.local, signed, prekey, draw)?;
        self.prekeys.retain(|key| Some(key.id) != decrypted.used_prekey);
        Ok(decrypted)
    }
}

/// Two devices with a session that both have used.
pub(crate) fn introduced(draw: &mut impl Draw) -> (Device, Device) {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    alice.initiate(&bob.bundle(), draw);
    let first = alice.encrypt(b"first");
    assert_eq!(bob.decrypt(&first, draw).unwrap(), b"first");
    let answer = bob.encrypt(b"answer");
    assert_eq!(alice.decrypt(&answer, draw).unwrap(), b"answer");
    (alice, bob)
}
