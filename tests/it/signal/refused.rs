//! What a peer or a server can do wrong: each has its class, and changes nothing.

use sanswire::crypto::{CurveError, KeyPair, PublicKey};
use sanswire::signal::{
    Ciphertext, CiphertextKind, DecryptError, PreKey, PreKeyMessage, SessionRecord, SignalError,
    SignalMessage, WireFault, decrypt_message, decrypt_prekey_message, encrypt,
};

use super::{Counting, Device, introduced};

/// A protobuf field of up to 127 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
}

/// A `pkmsg` from Alice to Bob, who does not know her yet.
fn first_message(draw: &mut Counting) -> (Device, Device, Ciphertext) {
    let (mut alice, bob) = (Device::new(1), Device::new(2));
    alice.initiate(&bob.bundle(), draw);
    let sent = alice.encrypt(b"hello");
    (alice, bob, sent)
}

#[test]
fn no_changed_byte_of_a_message_gets_through() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let sent = alice.encrypt(b"text");
    let (before, drawn) = (bob.record.clone(), draw.0);
    for at in 0..sent.bytes.len() {
        let mut forged = sent.clone();
        forged.bytes[at] ^= 1 << (at % 8);
        assert!(bob.decrypt(&forged, &mut draw).is_err(), "byte {at}");
    }
    for len in 0..sent.bytes.len() {
        let cut = Ciphertext { kind: sent.kind, bytes: sent.bytes[..len].to_vec() };
        assert!(bob.decrypt(&cut, &mut draw).is_err(), "{len} bytes");
    }
    assert_eq!((bob.record == before, draw.0), (true, drawn));
    assert_eq!(bob.decrypt(&sent, &mut draw).unwrap(), b"text");
}

#[test]
fn a_changed_byte_of_a_prekey_message_changes_neither_text_nor_sender() {
    let mut draw = Counting(0);
    let (alice, mut bob, sent) = first_message(&mut draw);
    let keys = bob.prekeys.clone();
    for at in 0..sent.bytes.len() {
        let mut forged = sent.bytes.clone();
        forged[at] ^= 1 << (at % 8);
        match bob.decrypt_prekey(&forged, &mut draw) {
            Ok(decrypted) => {
                assert_eq!(decrypted.plaintext, b"hello", "byte {at}");
                assert_eq!(decrypted.identity, alice.local.identity.public, "byte {at}");
                (bob.record, bob.prekeys) = (SessionRecord::new(), keys.clone());
            }
            Err(_) => assert!(bob.record.is_empty() && bob.prekeys == keys, "byte {at}"),
        }
    }
}

#[test]
fn a_foreign_identity_on_a_known_session_is_refused() {
    let mut draw = Counting(0);
    let (alice, mut bob, sent) = first_message(&mut draw);
    bob.decrypt(&sent, &mut draw).unwrap();
    let mut forged = sent.bytes.clone();
    let identity = alice.local.identity.public.serialized();
    let at = forged.windows(33).position(|window| window == identity).unwrap();
    forged[at..at + 33].copy_from_slice(&KeyPair::from_private([9; 32]).public.serialized());
    assert_eq!(bob.decrypt_prekey(&forged, &mut draw).err(), Some(DecryptError::BadMac));
}

#[test]
fn prekeys_must_be_the_ones_that_are_named() {
    let mut draw = Counting(0);
    let (_, mut bob, sent) = first_message(&mut draw);
    let message = PreKeyMessage::parse(&sent.bytes).unwrap();
    let (signed, prekey) = (bob.signed_prekeys[0].clone(), bob.prekeys[0].clone());
    let mut outcome = |signed, prekey| {
        decrypt_prekey_message(&mut bob.record, &message, &bob.local, signed, prekey, &mut draw).err()
    };
    let missing_signed = Some(DecryptError::InvalidSignedPreKeyId(1));
    let missing_prekey = Some(DecryptError::InvalidPreKeyId(1));
    let other = PreKey::new(2, [7; 32]);
    assert_eq!(outcome(None, Some(&prekey)), missing_signed);
    assert_eq!(outcome(None, None), missing_signed);
    assert_eq!(outcome(Some(&signed), None), missing_prekey);
    assert_eq!(outcome(Some(&signed), Some(&other)), missing_prekey);
    let wrong_key = PreKey::new(1, [7; 32]);
    assert_eq!(outcome(Some(&signed), Some(&wrong_key)), Some(DecryptError::BadMac));
    assert_eq!(outcome(Some(&signed), Some(&prekey)), None);
}

#[test]
fn a_bundle_without_usable_one_time_prekey_needs_none() {
    for prekey_id in [None, Some(0)] {
        let mut draw = Counting(0);
        let (mut alice, mut bob) = (Device::new(1), Device::new(2));
        let mut bundle = bob.bundle();
        bundle.prekey = prekey_id.map(|id| PreKey::new(id, [7; 32]).public());
        alice.initiate(&bundle, &mut draw);
        let sent = alice.encrypt(b"hello");
        assert_eq!(PreKeyMessage::parse(&sent.bytes).unwrap().prekey_id(), None);
        let decrypted = bob.decrypt_prekey(&sent.bytes, &mut draw).unwrap();
        assert_eq!((decrypted.plaintext.as_slice(), decrypted.used_prekey), (&b"hello"[..], None));
    }
}

#[test]
fn low_order_keys_are_invalid_keys() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let mut sent = alice.encrypt(b"text");
    sent.bytes[3..3 + 33].copy_from_slice(&PublicKey::new([0; 32]).serialized());
    let refused = DecryptError::InvalidKey(CurveError::LowOrder);
    assert_eq!(bob.decrypt(&sent, &mut draw), Err(refused));
    let mut bundle = bob.bundle();
    bundle.prekey = Some(sanswire::signal::PreKeyPublic { id: 9, public: PublicKey::new([0; 32]) });
    let before = alice.record.clone();
    let outcome = alice.record.initiate(&alice.local, &bundle, &mut draw);
    assert_eq!(outcome, Err(SignalError::InvalidKey(CurveError::LowOrder)));
    assert_eq!(alice.record, before);
}

#[test]
fn messages_name_the_fault_in_their_form() {
    let key = KeyPair::from_private([3; 32]).public.serialized();
    let fault = |bytes: &[u8]| SignalMessage::parse(bytes).unwrap_err();
    let with_mac = |fields: &[&[u8]]| [&[0x33][..], &fields.concat(), &[0; 8]].concat();
    let (ratchet, counter, text) = (field(1, &key), [2 << 3, 0], field(4, &[0; 16]));
    let malformed = DecryptError::Malformed;
    assert_eq!(fault(&[]), malformed(WireFault::Truncated));
    assert_eq!(fault(&[0x33; 8]), malformed(WireFault::Truncated));
    assert_eq!(fault(&with_mac(&[])), malformed(WireFault::Missing(1)));
    assert_eq!(fault(&with_mac(&[&ratchet, &text])), malformed(WireFault::Missing(2)));
    assert_eq!(fault(&with_mac(&[&ratchet, &counter])), malformed(WireFault::Missing(4)));
    assert_eq!(fault(&with_mac(&[&[1 << 3, 0]])), malformed(WireFault::WireType(1)));
    assert_eq!(fault(&with_mac(&[&ratchet, &field(2, &[1])])), malformed(WireFault::WireType(2)));
    let bad_key = |key: &[u8]| fault(&with_mac(&[&field(1, key), &counter, &text]));
    assert_eq!(bad_key(&key[1..]), DecryptError::InvalidKey(CurveError::KeyLength(32)));
    assert_eq!(bad_key(&[6; 33]), DecryptError::InvalidKey(CurveError::KeyType(6)));
    for version in [0x00, 0x23, 0x43, 0xf3] {
        let bytes = [&[version], &with_mac(&[&ratchet, &counter, &text])[1..]].concat();
        assert_eq!(fault(&bytes), DecryptError::BadVersion(version));
        assert_eq!(PreKeyMessage::parse(&bytes).unwrap_err(), DecryptError::BadVersion(version));
    }
    let accepted = with_mac(&[&ratchet, &counter, &text]);
    assert_eq!(SignalMessage::parse(&accepted).unwrap().previous_counter(), 0);
}

#[test]
fn prekey_messages_name_the_fault_in_their_form() {
    let key = field(2, &KeyPair::from_private([3; 32]).public.serialized());
    let identity = [&[3 << 3 | 2], &key[1..]].concat();
    let ratchet = [&[1 << 3 | 2], &key[1..]].concat();
    let inner = [&[0x33][..], &ratchet, &[2 << 3, 0], &field(4, &[0; 16]), &[0; 8]].concat();
    let (message, signed) = (field(4, &inner), [6 << 3, 1]);
    let fault = |fields: &[&[u8]]| PreKeyMessage::parse(&[&[0x33][..], &fields.concat()].concat()).err();
    let missing = |number| Some(DecryptError::Malformed(WireFault::Missing(number)));
    assert_eq!(fault(&[&identity, &message, &signed]), missing(2));
    assert_eq!(fault(&[&key, &message, &signed]), missing(3));
    assert_eq!(fault(&[&key, &identity, &signed]), missing(4));
    assert_eq!(fault(&[&key, &identity, &message]), missing(6));
    let broken = field(4, &[0x33, 1]);
    assert_eq!(
        fault(&[&key, &identity, &broken, &signed]),
        Some(DecryptError::Malformed(WireFault::Truncated))
    );
    assert_eq!(fault(&[&[1 << 3, 0], &key, &identity, &message, &signed]), None);
}

#[test]
fn without_a_session_nothing_is_sent_or_read() {
    let mut draw = Counting(0);
    let (mut alice, _) = introduced(&mut draw);
    let sent = alice.encrypt(b"text");
    let mut empty = SessionRecord::new();
    assert_eq!(encrypt(&mut empty, b"text"), Err(SignalError::NoSession));
    assert_eq!(decrypt_message(&mut empty, &sent.bytes, &mut draw), Err(DecryptError::NoSession));
    alice.record.archive_current();
    assert_eq!(encrypt(&mut alice.record, b"text"), Err(SignalError::NoSession));
}

#[test]
fn a_duplicate_is_known_in_an_archived_session_too() {
    let mut draw = Counting(0);
    let (mut alice, mut bob) = introduced(&mut draw);
    let sent = alice.encrypt(b"text");
    bob.decrypt(&sent, &mut draw).unwrap();
    bob.record.archive_current();
    bob.initiate(&alice.bundle(), &mut draw);
    let before = bob.record.clone();
    assert_eq!(bob.decrypt(&sent, &mut draw), Err(DecryptError::DuplicateMessage { counter: 0 }));
    assert_eq!(bob.record, before);
}

#[test]
fn nothing_secret_is_printed() {
    let mut draw = Counting(0);
    let (_, mut bob, sent) = first_message(&mut draw);
    let decrypted = bob.decrypt_prekey(&sent.bytes, &mut draw).unwrap();
    let printed = format!("{decrypted:?} {:?} {:?}", bob.record, bob.prekeys[0]);
    assert!(!printed.contains("hello") && !printed.contains("104, 101, 108, 108, 111"));
    let parts = bob.record.current().unwrap().parts();
    for secret in [parts.root.expose(), parts.sending.key().expose(), parts.ratchet.private.expose()] {
        let list = format!("{secret:?}");
        assert!(!printed.contains(list.trim_matches(['[', ']'])));
    }
    assert_eq!(sent.kind, CiphertextKind::PreKey);
}
