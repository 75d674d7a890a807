//! Signal messages: ours, wacore-libsignal, and the bare curve operations of a first message.
//!
//! Goals: at most 0.8x wacore's time in the steady state; a first message within 1.2x of its curve operations.
//! All sessions stay in memory; both sides read messages from their wire form.

#![allow(clippy::unwrap_used, missing_docs)]

mod peer;

use core::hint::black_box;

use peer::Peer;
use sanswire::crypto::{KeyPair, PrivateKey};
use sanswire::signal::{
    Bundle, Draw, Local, PreKey, PreKeyMessage, SessionRecord, SignedPreKey, decrypt_message,
    decrypt_prekey_message, encrypt,
};
use sanswire_bench::compare;

const PLAINTEXT: [u8; 160] = [0x5a; 160];

fn main() {
    steady_state();
    turn();
    first_message();
    first_message_received();
}

/// Messages one after the other in one direction.
fn steady_state() {
    let (mut alice, _) = Side::established();
    let (mut carol, dave) = Peer::established();
    compare("signal: encrypt 160 bytes, steady state")
        .subject("sanswire", || encrypt(&mut alice.record, &PLAINTEXT).unwrap().bytes)
        .subject("wacore", || carol.encrypt(dave.address(), &PLAINTEXT).serialize().len())
        .run();

    let (mut alice, mut bob) = Side::established();
    let (mut carol, mut dave) = Peer::established();
    compare("signal: encrypt and decrypt 160 bytes, steady state")
        .subject("sanswire", || alice.tells(&mut bob))
        .subject("wacore", || carol.tells(&mut dave))
        .run();
}

/// A message and its answer: both ratchets turn.
fn turn() {
    let (mut alice, mut bob) = Side::established();
    let (mut carol, mut dave) = Peer::established();
    let (one, two) = (PrivateKey::new([1; 32]), KeyPair::from_private([2; 32]).public);
    compare("signal: a message and its answer, both ratchets turn")
        .subject("sanswire", || (alice.tells(&mut bob), bob.tells(&mut alice)))
        .subject("wacore", || (carol.tells(&mut dave), dave.tells(&mut carol)))
        .subject("floor: 4 agreements, 2 keys", || {
            black_box([0; 4].map(|_: u8| one.agree(&two).unwrap()));
            [[3; 32], [4; 32]].map(KeyPair::from_private)
        })
        .run();
}

/// X3DH with a bundle, and the message after it.
fn first_message() {
    let (mut alice, bob) = (Side::new(1), Side::new(2));
    let (mut carol, dave) = (Peer::new("carol", 1), Peer::new("dave", 2));
    let (ours, theirs) = (bob.bundle(), dave.bundle());
    let (one, two) = (PrivateKey::new([1; 32]), KeyPair::from_private([2; 32]).public);
    compare("signal: first message to a new device")
        .subject("sanswire", || {
            alice.record = SessionRecord::new();
            alice.record.initiate(&alice.local, &ours, &mut alice.draw).unwrap();
            encrypt(&mut alice.record, &PLAINTEXT).unwrap().bytes
        })
        .subject("wacore", || {
            carol.begin(dave.address(), &theirs);
            carol.encrypt(dave.address(), &PLAINTEXT).serialize().len()
        })
        .subject("floor: curve operations", || {
            ours.verify().unwrap();
            black_box([[3; 32], [4; 32]].map(KeyPair::from_private));
            black_box([0; 5].map(|_: u8| one.agree(&two).unwrap()));
        })
        .run();
}

/// The same on the other side.
fn first_message_received() {
    let (mut alice, mut bob) = (Side::new(1), Side::new(2));
    alice.record.initiate(&alice.local, &bob.bundle(), &mut alice.draw).unwrap();
    let ours = encrypt(&mut alice.record, &PLAINTEXT).unwrap().bytes;
    let (mut carol, mut dave) = (Peer::new("carol", 1), Peer::new("dave", 2));
    carol.begin(dave.address(), &dave.bundle());
    let theirs = carol.encrypt(dave.address(), &PLAINTEXT);
    let (one, two) = (PrivateKey::new([1; 32]), KeyPair::from_private([2; 32]).public);
    compare("signal: first message from a new device")
        .subject("sanswire", || {
            bob.record = SessionRecord::new();
            bob.opens_first(&ours)
        })
        .subject("wacore", || {
            dave.forget();
            dave.decrypt(carol.address(), &theirs)
        })
        .subject("floor: curve operations", || {
            black_box(KeyPair::from_private([3; 32]));
            black_box([0; 6].map(|_: u8| one.agree(&two).unwrap()));
        })
        .run();
}

/// Our side of a session.
struct Side {
    local: Local,
    signed_prekey: SignedPreKey,
    prekey: PreKey,
    record: SessionRecord,
    draw: Counting,
}

impl Side {
    fn new(seed: u8) -> Self {
        let identity = KeyPair::from_private([seed; 32]);
        Self {
            signed_prekey: SignedPreKey::new(&identity, 1, [seed + 10; 32], &[0; 64]),
            local: Local { identity, registration_id: 7 },
            prekey: PreKey::new(1, [seed + 20; 32]),
            record: SessionRecord::new(),
            draw: Counting(u64::from(seed) << 32),
        }
    }

    /// Two sides that have heard of each other.
    fn established() -> (Self, Self) {
        let (mut alice, mut bob) = (Self::new(1), Self::new(2));
        alice.record.initiate(&alice.local, &bob.bundle(), &mut alice.draw).unwrap();
        let first = encrypt(&mut alice.record, &PLAINTEXT).unwrap();
        bob.opens_first(&first.bytes);
        bob.tells(&mut alice);
        alice.tells(&mut bob);
        (alice, bob)
    }

    fn bundle(&self) -> Bundle {
        Bundle {
            registration_id: self.local.registration_id,
            identity: self.local.identity.public,
            signed_prekey: self.signed_prekey.public(),
            prekey: Some(self.prekey.public()),
        }
    }

    fn tells(&mut self, other: &mut Self) -> usize {
        let sent = encrypt(&mut self.record, &PLAINTEXT).unwrap();
        decrypt_message(&mut other.record, &sent.bytes, &mut other.draw).unwrap().len()
    }

    fn opens_first(&mut self, bytes: &[u8]) -> usize {
        let message = PreKeyMessage::parse(bytes).unwrap();
        let (signed, prekey) = (Some(&self.signed_prekey), Some(&self.prekey));
        let opened =
            decrypt_prekey_message(&mut self.record, &message, &self.local, signed, prekey, &mut self.draw);
        opened.unwrap().plaintext.len()
    }
}

/// Keys that never repeat; drawing costs nothing.
struct Counting(u64);

impl Draw for Counting {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut key = [0x77; 32];
        // In the middle: clamping takes bits from both ends.
        key[8..16].copy_from_slice(&self.0.to_le_bytes());
        key
    }
}
