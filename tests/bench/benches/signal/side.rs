//! Our side: one user whose records are plain memory.

use sanswire::crypto::KeyPair;
use sanswire::signal::{
    Bundle, Draw, Local, PreKey, PreKeyMessage, SessionRecord, SignedPreKey, decrypt_message,
    decrypt_prekey_message, encrypt,
};

use super::PLAINTEXT;

/// Our side of a session.
pub(crate) struct Side {
    pub(crate) local: Local,
    pub(crate) record: SessionRecord,
    pub(crate) draw: Counting,
    signed_prekey: SignedPreKey,
    prekey: PreKey,
}

impl Side {
    pub(crate) fn new(seed: u16) -> Self {
        let identity = KeyPair::from_private(key(seed, 1));
        Self {
            signed_prekey: SignedPreKey::new(&identity, 1, key(seed, 2), &[0; 64]),
            local: Local { identity, registration_id: 7 },
            prekey: PreKey::new(1, key(seed, 3)),
            record: SessionRecord::new(),
            draw: Counting(u64::from(seed) << 32),
        }
    }

    /// Two sides that have heard of each other.
    pub(crate) fn established() -> (Self, Self) {
        let (mut alice, mut bob) = (Self::new(1), Self::new(2));
        alice.record.initiate(&alice.local, &bob.bundle(), &mut alice.draw).unwrap();
        let first = encrypt(&mut alice.record, &PLAINTEXT).unwrap();
        bob.opens_first(&first.bytes);
        bob.tells(&mut alice);
        alice.tells(&mut bob);
        (alice, bob)
    }

    pub(crate) fn bundle(&self) -> Bundle {
        Bundle {
            registration_id: self.local.registration_id,
            identity: self.local.identity.public,
            signed_prekey: self.signed_prekey.public(),
            prekey: Some(self.prekey.public()),
        }
    }

    pub(crate) fn tells(&mut self, other: &mut Self) -> usize {
        let sent = encrypt(&mut self.record, &PLAINTEXT).unwrap();
        decrypt_message(&mut other.record, &sent.bytes, &mut other.draw).unwrap().len()
    }

    pub(crate) fn opens_first(&mut self, bytes: &[u8]) -> usize {
        let message = PreKeyMessage::parse(bytes).unwrap();
        let (signed, prekey) = (Some(&self.signed_prekey), Some(&self.prekey));
        let opened =
            decrypt_prekey_message(&mut self.record, &message, &self.local, signed, prekey, &mut self.draw);
        opened.unwrap().plaintext.len()
    }
}

/// A key for each user and purpose.
fn key(seed: u16, purpose: u8) -> [u8; 32] {
    let mut key = [purpose; 32];
    key[8..10].copy_from_slice(&seed.to_le_bytes());
    key
}

/// Keys that never repeat; drawing costs nothing.
pub(crate) struct Counting(u64);

impl Draw for Counting {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut key = [0x77; 32];
        // In the middle: clamping takes bits from both ends.
        key[8..16].copy_from_slice(&self.0.to_le_bytes());
        key
    }
}
