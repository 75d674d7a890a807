//! Sessions from an older copy of the storage: they still read, and never encrypt with a key again.

use sanswire::signal::{CiphertextKind, SessionRecord, SignalError, encrypt};

use super::{Counting, Device, introduced};

/// Two devices, and Alice's record as it was some messages ago.
fn restored(draw: &mut Counting) -> (Device, Device) {
    let (mut alice, mut bob) = introduced(draw);
    let copy = alice.record.clone();
    for text in [b"one", b"two"] {
        let sent = alice.encrypt(text);
        bob.decrypt(&sent, draw).unwrap();
    }
    alice.record = copy;
    alice.record.distrust();
    (alice, bob)
}

#[test]
fn restored_session_does_not_encrypt() {
    let (mut alice, _) = restored(&mut Counting(0));
    assert!(alice.record.current().is_none());
    assert_eq!(encrypt(&mut alice.record, b"three"), Err(SignalError::NoSession));
}

#[test]
fn restored_session_reads_on_in_its_chain_and_still_does_not_encrypt() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let (early, late) = (bob.encrypt(b"early"), bob.encrypt(b"late"));
    alice.decrypt(&early, &mut draw).unwrap();
    let copy = alice.record.clone();
    alice.encrypt(b"used since");
    alice.record = copy;
    alice.record.distrust();
    assert_eq!(alice.decrypt(&late, &mut draw).unwrap(), b"late");
    assert_eq!(encrypt(&mut alice.record, b"three"), Err(SignalError::NoSession));
}

#[test]
fn ratchet_step_of_the_peer_makes_a_restored_session_whole_again() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = restored(&mut draw);
    let turned = bob.encrypt(b"a new ratchet key");
    alice.decrypt(&turned, &mut draw).unwrap();
    let sent = alice.encrypt(b"under a new chain");
    assert_eq!(sent.kind, CiphertextKind::Message);
    assert_eq!(bob.decrypt(&sent, &mut draw).unwrap(), b"under a new chain");
}

#[test]
fn new_session_takes_the_place_of_a_restored_one() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = restored(&mut draw);
    alice.initiate(&bob.bundle(), &mut draw);
    let sent = alice.encrypt(b"again");
    assert_eq!(sent.kind, CiphertextKind::PreKey);
    assert_eq!(bob.decrypt(&sent, &mut draw).unwrap(), b"again");
    let answer = bob.encrypt(b"welcome back");
    assert_eq!(alice.decrypt(&answer, &mut draw).unwrap(), b"welcome back");
}

#[test]
fn distrusting_nothing_is_nothing() {
    let mut record = SessionRecord::new();
    record.distrust();
    assert!(record.is_empty());
}
