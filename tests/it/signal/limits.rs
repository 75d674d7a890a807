//! Each bound of the ratchet at its edge and over it.

use sanswire::limits::{ARCHIVED_SESSIONS_MAX, RECEIVING_CHAINS_MAX, SIGNAL_JUMP_MAX, SKIPPED_KEYS_MAX};
use sanswire::signal::{DecryptError, SessionParts, SessionRecord, SessionState};

use super::{Counting, Device, introduced};

/// Moves the sending chain forward as if `count` messages had been sent.
fn skip_sending(device: &mut Device, count: u32) {
    let current = device.record.current().unwrap().parts().clone();
    let sending = (0..count).fold(current.sending.clone(), |chain, _| chain.step().unwrap().1);
    let moved = SessionState::from_parts(SessionParts { sending, ..current }).unwrap();
    device.record = SessionRecord::from_sessions(Some(moved), device.record.archived().to_vec());
}

#[test]
fn a_jump_in_a_running_chain_is_accepted_up_to_the_limit() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let opening = alice.encrypt(b"opening");
    bob.decrypt(&opening, &mut draw).unwrap();
    skip_sending(&mut alice, SIGNAL_JUMP_MAX);
    let (at_limit, over) = (alice.encrypt(b"at the limit"), alice.encrypt(b"over"));
    let before = bob.record.clone();
    let refused = DecryptError::FutureMessage { counter: SIGNAL_JUMP_MAX + 2, next: 1 };
    assert_eq!(bob.decrypt(&over, &mut draw), Err(refused));
    assert_eq!(bob.record, before);
    assert_eq!(bob.decrypt(&at_limit, &mut draw).unwrap(), b"at the limit");
    assert_eq!(bob.decrypt(&over, &mut draw).unwrap(), b"over");
}

#[test]
fn a_jump_in_a_new_chain_is_accepted_up_to_the_limit() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    skip_sending(&mut alice, SIGNAL_JUMP_MAX);
    let (at_limit, over) = (alice.encrypt(b"at the limit"), alice.encrypt(b"over"));
    let (before, drawn) = (bob.record.clone(), draw.0);
    let refused = DecryptError::FutureMessage { counter: SIGNAL_JUMP_MAX + 1, next: 0 };
    assert_eq!(bob.decrypt(&over, &mut draw), Err(refused));
    assert_eq!((bob.record == before, draw.0), (true, drawn));
    assert_eq!(bob.decrypt(&at_limit, &mut draw).unwrap(), b"at the limit");
}

#[test]
fn the_oldest_skipped_keys_are_forgotten_first() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let early: Vec<_> = (0..3).map(|_| alice.encrypt(b"early")).collect();
    skip_sending(&mut alice, u32::try_from(SKIPPED_KEYS_MAX).unwrap() - 2);
    let newest = alice.encrypt(b"newest");
    bob.decrypt(&newest, &mut draw).unwrap();
    let chain = bob.record.current().unwrap().parts().receiving.last().unwrap();
    assert_eq!(chain.skipped.len(), SKIPPED_KEYS_MAX);
    assert_eq!(bob.decrypt(&early[0], &mut draw), Err(DecryptError::DuplicateMessage { counter: 0 }));
    assert_eq!(bob.decrypt(&early[1], &mut draw).unwrap(), b"early");
    let next = alice.encrypt(b"next");
    bob.decrypt(&next, &mut draw).unwrap();
    assert_eq!(bob.decrypt(&early[2], &mut draw).unwrap(), b"early");
}

#[test]
fn the_oldest_receiving_chain_is_forgotten_first() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let mut late = Vec::new();
    // Each round shows Bob one more ratchet key of Alice, the first of which he met when introduced.
    for _ in 0..=RECEIVING_CHAINS_MAX {
        late.push(alice.encrypt(b"late"));
        let in_time = alice.encrypt(b"in time");
        bob.decrypt(&in_time, &mut draw).unwrap();
        let answer = bob.encrypt(b"answer");
        alice.decrypt(&answer, &mut draw).unwrap();
    }
    assert_eq!(bob.record.current().unwrap().parts().receiving.len(), RECEIVING_CHAINS_MAX);
    let before = bob.record.clone();
    assert_eq!(bob.decrypt(&late[0], &mut draw), Err(DecryptError::BadMac));
    assert_eq!(bob.record, before);
    for message in &late[1..] {
        assert_eq!(bob.decrypt(message, &mut draw).unwrap(), b"late");
    }
}

#[test]
fn messages_of_the_oldest_archived_session_still_decrypt() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let forgotten = alice.encrypt(b"first session");
    let mut oldest = None;
    for _ in 0..=ARCHIVED_SESSIONS_MAX {
        alice.initiate(&bob.bundle(), &mut draw);
        let opening = alice.encrypt(b"opening");
        bob.decrypt(&opening, &mut draw).unwrap();
        oldest.get_or_insert_with(|| alice.encrypt(b"second session"));
    }
    assert_eq!(bob.record.archived().len(), ARCHIVED_SESSIONS_MAX);
    assert_eq!(bob.decrypt(&forgotten, &mut draw), Err(DecryptError::BadMac));
    assert_eq!(bob.decrypt(&oldest.unwrap(), &mut draw).unwrap(), b"second session");
    assert_eq!(bob.record.archived().len(), ARCHIVED_SESSIONS_MAX);
}
