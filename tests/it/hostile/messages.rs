//! Messages that lack something or hold something wrong. Reference 04 §13, 07 §3.7.

use prost::Message as _;
use sanswire::content::Content;
use sanswire::crypto::KeyPair;
use sanswire::event::{Event, Undecryptable};
use sanswire::limits::ENCS_PER_MESSAGE;
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::message::DeviceSentMessage;
use sanswire_proto::whatsapp::{AdvDeviceIdentity, AdvSignedDeviceIdentity, Message};
use sanswire_sim::script::{Peer, Script, own_number};

use super::{assert_works, bob, met, outline};

fn enc(kind: &'static str, bytes: &[u8]) -> Node<'static> {
    Node::new("enc").attr("v", "2").attr("type", kind).bytes(bytes.to_vec())
}

fn undecryptable(script: &Script) -> Vec<&Undecryptable> {
    script.select(|event| if let Event::Undecryptable(event) = event { Some(event) } else { None })
}

/// Sends a stanza and gives what the client answered.
fn answers(script: &mut Script, stanza: &Node<'_>) -> Vec<String> {
    script.sent();
    script.send(stanza);
    outline(&script.sent())
}

#[test]
fn an_envelope_that_does_not_fit_is_named_and_refused() {
    let (mut script, mut peer) = met();
    let message = || Node::new("message").attr("t", "1").child(enc("msg", &[1; 60]));
    let group = Jid::group("120363000000000001");
    let cases = [
        (message(), "stanza: <message> without id", &[][..]),
        (message().attr("id", "A"), "stanza: <message> without from", &[]),
        (message().attr("id", "").attr("from", bob(0)), "stanza: <message> without id", &["ack 487"]),
        (
            message().attr("id", "A").attr("from", "a@b@c"),
            "stanza: <message> with unusable from",
            &["ack 487"],
        ),
        (
            message().attr("id", "A").attr("from", group.clone()),
            "stanza: <message> without participant",
            &["ack 487"],
        ),
        (
            message().attr("id", "A").attr("from", group).attr("participant", "@@"),
            "stanza: <message> with unusable participant",
            &["ack 487"],
        ),
        (
            message().attr("id", "A").attr("from", Jid::SERVER),
            "stanza: message source does not fit: sender is no user, group or channel",
            &["ack 487"],
        ),
        (
            message().attr("id", "A").attr("from", bob(0)).attr("recipient", Jid::pn("15550000003", 0)),
            "stanza: message source does not fit: recipient is somebody else",
            &["ack 487"],
        ),
    ];
    for (stanza, error, expected) in cases {
        assert_eq!(answers(&mut script, &stanza), expected, "{stanza}");
        assert_eq!(script.faults().last(), Some(&error), "{stanza}");
    }
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_message_without_anything_to_open_is_not_recognized() {
    let (mut script, mut peer) = met();
    for child in [
        None,
        Some(Node::new("unheard-of")),
        Some(enc("unheard-of", &[1; 60])),
        Some(Node::new("enc").attr("v", "2").attr("type", "msg")),
        Some(Node::new("enc").attr("v", "2").bytes(vec![1; 60])),
    ] {
        let stanza = peer.envelope("A").children(child);
        assert_eq!(answers(&mut script, &stanza), ["ack 488"], "{stanza}");
        assert_eq!(script.faults().last(), Some(&"message without content"));
    }
    assert_works(&mut script, &mut peer);
}

#[test]
fn only_so_many_ciphertexts_of_a_message_are_looked_at_and_the_first_that_opens_counts() {
    let (mut script, mut peer) = met();
    let blank = |count| core::iter::repeat_with(|| enc("unheard-of", &[1; 60])).take(count);
    let text = peer.text("A", "behind the last that counts");
    let sealed = text.find("enc").unwrap().clone();
    let late = peer.envelope("A").children(blank(ENCS_PER_MESSAGE)).child(sealed.clone());
    assert_eq!(answers(&mut script, &late), ["ack 488"]);
    let another = peer.text("A", "a second plaintext").find("enc").unwrap().clone();
    let stanza = peer.envelope("A").children(blank(ENCS_PER_MESSAGE - 2)).child(sealed).child(another);
    assert_eq!(answers(&mut script, &stanza), ["receipt"]);
    let texts: Vec<_> = script.received().iter().map(|received| received.content.clone()).collect();
    let [Content::Text(only)] = texts.as_slice() else { panic!("{texts:?}") };
    assert_eq!(only.body, "behind the last that counts");
    assert_works(&mut script, &mut peer);
}

#[test]
fn ciphertext_that_is_none_is_asked_for_again() {
    let (mut script, mut peer) = met();
    let text = peer.text("torn", "hi");
    let sealed = text.find("enc").and_then(Node::content_bytes).unwrap();
    let cases = [
        ("A", enc("pkmsg", &[])),
        ("B", enc("pkmsg", &[0x33; 80])),
        ("C", enc("msg", &[0x33])),
        ("D", enc("msg", &[0x33; 80])),
        ("E", enc("msg", &[0x23; 80])),
        ("F", enc("pkmsg", &sealed[..sealed.len() - 1])),
    ];
    for (n, (id, enc)) in cases.into_iter().enumerate() {
        let stanza = peer.envelope(id).child(enc);
        assert_eq!(answers(&mut script, &stanza), ["receipt retry", "ack"], "{stanza}");
        assert_eq!(undecryptable(&script).len(), n + 1);
        assert!(undecryptable(&script)[n].retried);
    }
    assert!(script.received().is_empty());
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_message_for_a_prekey_that_is_not_ours_names_the_key_id() {
    let (mut script, mut peer) = met();
    let text = peer.text("A", "hi");
    let mut sealed = text.find("enc").and_then(Node::content_bytes).unwrap().into_owned();
    // Field 1 of the PreKeySignalMessage, behind the version byte: one-time prekey 77.
    sealed.splice(1..1, [0x08, 77]);
    script.send(&peer.envelope("A").child(enc("pkmsg", &sealed)));
    let sent = script.sent();
    assert_eq!(outline(&sent), ["receipt retry", "ack"]);
    assert_eq!(undecryptable(&script)[0].error, "InvalidPreKeyId");
    assert_eq!(sent[0].find("retry").and_then(|retry| retry.get_u64("error")), Some(3));
    assert!(sent[0].find("keys").is_some(), "its sender cannot do without our keys");
    assert_works(&mut script, &mut peer);
}

#[test]
fn group_messages_without_their_sender_key_are_asked_for_again() {
    let (mut script, mut peer) = met();
    let stanza = Node::new("message").attr("id", "A").attr("from", Jid::group("120363000000000001"));
    let stanza = stanza.attr("participant", bob(0)).attr("t", "1").child(enc("skmsg", &[0x33; 80]));
    script.sent();
    assert_eq!(answers(&mut script, &stanza), ["receipt retry", "ack"]);
    assert!(undecryptable(&script)[0].retried);
    assert_works(&mut script, &mut peer);
}

#[test]
fn what_decrypts_to_no_message_is_refused_and_the_session_goes_on() {
    let (mut script, mut peer) = met();
    for (n, padded) in [&[][..], &[0], &[1, 2, 3], &[9]].into_iter().enumerate() {
        let sealed = peer.seal(padded);
        let stanza = peer.envelope(&format!("padded-{n}")).child(sealed);
        assert_eq!(answers(&mut script, &stanza), ["receipt retry", "ack"], "{padded:?}");
        assert_eq!(undecryptable(&script).last().unwrap().error, "InvalidPadding");
    }
    for padded in [&[0xff, 0xff, 0xff, 1], &[0x0a, 5, b'x', 1]] {
        let sealed = peer.seal(padded);
        let stanza = peer.envelope("A").child(sealed);
        assert_eq!(answers(&mut script, &stanza), ["ack 491"], "{padded:?}");
        assert_eq!(script.faults().last(), Some(&"decrypted, but not a message"));
    }
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_copy_for_own_devices_from_a_stranger_says_nothing() {
    let (mut script, mut peer) = met();
    let inner = Message { conversation: Some("I am you".to_string()), ..Message::default() };
    let copy = DeviceSentMessage {
        destination_jid: Some(own_number().to_string()),
        message: Some(Box::new(inner)),
        ..DeviceSentMessage::default()
    };
    let message = Message { device_sent_message: Some(Box::new(copy)), ..Message::default() };
    let stanza = peer.message("A", &message);
    assert_eq!(answers(&mut script, &stanza), ["receipt"]);
    let received = script.received()[0];
    assert!(!received.from_me && matches!(received.content, Content::Other { .. }));
    assert_works(&mut script, &mut peer);
}

#[test]
fn the_same_message_twice_is_shown_once() {
    let (mut script, mut peer) = met();
    let text = peer.text("A", "hi");
    for _ in 0..3 {
        assert_eq!(answers(&mut script, &text), ["receipt"]);
    }
    let again = peer.text("A", "hi, encrypted anew");
    assert_eq!(answers(&mut script, &again), ["receipt"]);
    assert_eq!(script.received().len(), 1);
    assert_works(&mut script, &mut peer);
}

/// A device identity in which `account` vouches for `device`.
fn device_identity(account: &KeyPair, device: &KeyPair) -> Vec<u8> {
    let details = AdvDeviceIdentity { raw_id: Some(1), key_index: Some(1), ..AdvDeviceIdentity::default() };
    let details = details.encode_to_vec();
    let (key, owner) = (device.public.as_bytes(), account.public.as_bytes());
    let for_account = [&[6, 0], details.as_slice(), key].concat();
    let for_device = [&[6, 1], details.as_slice(), key, owner].concat();
    AdvSignedDeviceIdentity {
        account_signature_key: Some(owner.to_vec().into()),
        account_signature: Some(account.private.sign_deterministic(&for_account).to_vec().into()),
        device_signature: Some(device.private.sign_deterministic(&for_device).to_vec().into()),
        details: Some(details.into()),
    }
    .encode_to_vec()
}

#[test]
fn a_companion_that_its_account_does_not_vouch_for_is_not_believed() {
    let (mut script, mut peer) = met();
    let mut companion: Peer = script.peer(bob(4));
    let account = KeyPair::from_private([9; 32]);
    let another = KeyPair::from_private([8; 32]);
    let vouched = device_identity(&account, companion.identity());
    let wrong =
        [device_identity(&account, &another), vouched[..vouched.len() - 9].to_vec(), vec![0xff], vec![]];
    for (n, identity) in wrong.into_iter().enumerate() {
        let text = companion.text(&format!("A{n}"), "hi");
        script.sent();
        script.send(&text.child(Node::new("device-identity").bytes(identity)));
        let sent = script.sent();
        assert_eq!(outline(&sent), ["receipt retry", "ack"]);
        assert_eq!(sent[0].find("retry").and_then(|retry| retry.get_u64("error")), Some(12));
        assert_eq!(undecryptable(&script)[n].error, "AdvFailure");
    }
    let text = companion.text("B", "hi").child(Node::new("device-identity").bytes(vouched));
    assert_eq!(answers(&mut script, &text), ["receipt"]);
    assert_works(&mut script, &mut peer);
}
