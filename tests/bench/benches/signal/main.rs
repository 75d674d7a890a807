//! Signal messages: ours, wacore-libsignal, and the bare curve operations of a first message.
//!
//! Goals: at most 0.8x wacore's time in the steady state, 0.7x for a message to a group of 1,024 devices; a first
//! message within 1.2x of its curve operations. All sessions stay in memory; both sides read messages from their
//! wire form.

#![allow(clippy::unwrap_used, missing_docs)]

mod group;
mod peer;
mod side;

use core::hint::black_box;

use peer::Peer;
use sanswire::crypto::{KeyPair, PrivateKey};
use sanswire::signal::{SessionRecord, encrypt};
use sanswire_bench::compare;
use side::Side;

const PLAINTEXT: [u8; 160] = [0x5a; 160];
const SESSION_KEY: [u8; 32] = [7; 32];

fn main() {
    steady_state();
    turn();
    first_message();
    first_message_received();
    group::messages();
    group::known_devices();
    group::new_devices();
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
