//! How client and server behave towards each other, and towards peers that do it wrong.

use bytes::Bytes;
use prost::Message as _;
use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::wire::certificate::{CertificateError, Trust};
use sanswire::wire::noise::{Answered, Fault, Part, Pattern, Responder};
use sanswire_proto::whatsapp::HandshakeMessage;
use sanswire_proto::whatsapp::handshake_message::{ClientHello, ServerHello};

use super::properties::{NOW, Next, PAYLOAD, Reply, Sides};

#[test]
fn a_step_taken_twice_gives_the_same_bytes() {
    let sides = Sides::fixed();
    let (client, client_hello) = sides.initiator(Pattern::Xx);
    let Reply(server_hello, next) = sides.answer(Pattern::Xx, &client_hello).unwrap();
    let [mut first, mut second] = [(); 2].map(|()| sides.read(&client, &server_hello).unwrap());
    assert_eq!(first.client_finish, second.client_finish);
    let [mut once, mut again] = [Vec::new(), Vec::new()];
    first.transport.sealer.seal_into(b"node", &mut once).unwrap();
    second.transport.sealer.seal_into(b"node", &mut again).unwrap();
    assert_eq!(once, again);
    let Next::Awaits(awaiting) = next else { panic!("XX has a third message") };
    let finish = first.client_finish.unwrap();
    let [left, right] = [(); 2].map(|()| awaiting.read_client_finish(&finish).unwrap());
    assert_eq!((left.identity, left.payload), (right.identity, right.payload));
}

#[test]
fn a_failure_of_ik_spoils_the_cached_chain_and_a_failure_after_the_fallback_does_not() {
    let sides = Sides::fixed();
    let (client, client_hello) = sides.initiator(Pattern::Ik);
    for (pattern, spoils) in [(Pattern::Ik, true), (Pattern::XxFallback, false)] {
        let Reply(mut server_hello, _) = sides.answer(pattern, &client_hello).unwrap();
        assert_eq!(sides.read(&client, &server_hello).unwrap().pattern, pattern);
        *server_hello.last_mut().unwrap() ^= 1;
        let error = sides.read(&client, &server_hello).unwrap_err();
        assert_eq!((error.pattern, error.fault, error.spoils_cached_chain()), (pattern, Fault::Aead, spoils));
    }
    for garbage in [&b""[..], b"\xff\xff\xff"] {
        assert!(sides.read(&client, garbage).unwrap_err().spoils_cached_chain());
    }
    let (client, _) = sides.initiator(Pattern::Xx);
    assert!(!sides.read(&client, b"").unwrap_err().spoils_cached_chain());
}

#[test]
fn an_accepted_ik_needs_the_chain_of_the_cached_key() {
    let sides = Sides::fixed();
    let (client, client_hello) = sides.initiator(Pattern::Ik);
    let elsewhere = Sides::new([1, 2, 7, 4, 5, 6].map(|seed| [seed; 32]));
    let server = Responder::new(sides.server.clone(), elsewhere.chain);
    let answered = server.read_client_hello(&client_hello, sides.server_ephemeral.clone()).unwrap();
    let Answered::Arrived { server_hello, .. } = answered else { panic!("IK was not accepted") };
    let error = sides.read(&client, &server_hello).unwrap_err();
    assert_eq!(error.fault, Fault::Certificate(CertificateError::KeyMismatch));
    assert!(error.spoils_cached_chain());
}

#[test]
fn a_server_with_a_new_key_falls_back_unless_it_may_not() {
    let sides = Sides::fixed();
    let (client, client_hello) = sides.initiator(Pattern::Ik);
    let moved = Sides::new([1, 2, 7, 4, 5, 6].map(|seed| [seed; 32]));
    let strict = moved.answer(Pattern::Ik, &client_hello).err().unwrap();
    assert_eq!((strict.pattern, strict.fault), (Pattern::Ik, Fault::Aead));

    let server = Responder::new(moved.server.clone(), moved.chain.clone());
    let answered = server.read_client_hello(&client_hello, moved.server_ephemeral.clone()).unwrap();
    let Answered::AwaitClientFinish { server_hello, awaiting } = answered else { panic!("no fallback") };
    let done = sides.read(&client, &server_hello).unwrap();
    assert_eq!((done.pattern, done.chain.leaf.key), (Pattern::XxFallback, moved.server.public));
    let arrived = awaiting.read_client_finish(&done.client_finish.unwrap()).unwrap();
    assert_eq!((arrived.identity, &arrived.payload[..]), (sides.client.public, PAYLOAD));
}

#[test]
fn a_server_under_another_root_or_out_of_its_time_is_refused() {
    let sides = Sides::fixed();
    for pattern in [Pattern::Xx, Pattern::Ik, Pattern::XxFallback] {
        let (client, client_hello) = sides.initiator(pattern);
        let Reply(server_hello, _) = sides.answer(pattern, &client_hello).unwrap();
        let class = |trust: &Trust, now| {
            client.read_server_hello(&server_hello, trust, now, PAYLOAD).map(|_| ()).map_err(|e| e.class())
        };
        assert_eq!(class(&Trust::default(), NOW), Err("cert_signature"));
        assert_eq!(class(&sides.trust, NOW + 2), Err("cert_validity"));
        assert_eq!(class(&Trust { skew_s: 1, ..sides.trust.clone() }, NOW + 2), Ok(()));
    }
}

#[test]
fn extended_fields_are_ignored() {
    let sides = Sides::fixed();
    let (client, client_hello) = sides.initiator(Pattern::Xx);
    let extra = Some(Bytes::from_static(b"extra"));
    let mut message = HandshakeMessage::decode(&*client_hello).unwrap();
    if let Some(hello) = &mut message.client_hello {
        (hello.use_extended, hello.pq_mode, hello.extended_ciphertext) =
            (Some(true), Some(99), extra.clone());
    }
    let Reply(server_hello, _) = sides.answer(Pattern::Xx, &message.encode_to_vec()).unwrap();
    let mut message = HandshakeMessage::decode(&*server_hello).unwrap();
    if let Some(hello) = &mut message.server_hello {
        (hello.extended_static, hello.padding_bytes) = (extra.clone(), extra);
    }
    assert!(sides.read(&client, &message.encode_to_vec()).is_ok());
}

#[test]
fn a_client_hello_needs_its_parts() {
    let sides = Sides::fixed();
    let key = Some(Bytes::copy_from_slice(sides.client_ephemeral.public.as_bytes()));
    let part = Some(Bytes::from_static(&[0; 48]));
    let long = Some(Bytes::from_static(&[5; 33]));
    for (hello, fault) in [
        (ClientHello::default(), Fault::Missing(Part::Ephemeral)),
        (ClientHello { ephemeral: long, ..ClientHello::default() }, Fault::EphemeralLength(33)),
        (
            ClientHello { ephemeral: key.clone(), r#static: part.clone(), ..ClientHello::default() },
            Fault::Missing(Part::Payload),
        ),
        (
            ClientHello { ephemeral: key, payload: part, ..ClientHello::default() },
            Fault::Missing(Part::Static),
        ),
    ] {
        let message = HandshakeMessage { client_hello: Some(hello), ..HandshakeMessage::default() };
        let error = sides.answer(Pattern::Xx, &message.encode_to_vec()).err().unwrap();
        assert_eq!(error.fault, fault);
    }
    let error = sides.answer(Pattern::Xx, b"").err().unwrap();
    assert_eq!((error.fault, error.class()), (Fault::Missing(Part::ClientHello), "missing_field"));
}

#[test]
fn low_order_keys_are_refused_by_both_sides() {
    let sides = Sides::fixed();
    let zero = KeyPair { public: PublicKey::new([0; 32]), ..sides.client_ephemeral.clone() };
    let (_, client_hello) = sanswire::wire::noise::Initiator::xx(sides.client.clone(), zero);
    assert_eq!(sides.answer(Pattern::Xx, &client_hello).err().unwrap().fault, Fault::LowOrder);

    let part = Some(Bytes::from_static(&[0; 48]));
    let hello = ServerHello {
        ephemeral: Some(Bytes::from_static(&[0; 32])),
        r#static: part.clone(),
        payload: part,
        ..ServerHello::default()
    };
    let message = HandshakeMessage { server_hello: Some(hello), ..HandshakeMessage::default() };
    let (client, _) = sides.initiator(Pattern::Xx);
    assert_eq!(sides.read(&client, &message.encode_to_vec()).unwrap_err().fault, Fault::LowOrder);
}

#[test]
fn nothing_prints_a_key() {
    let sides = Sides::fixed();
    let (done, arrived) = sides.meet(Pattern::Xx, |_, _| ()).unwrap();
    let (client, _) = sides.initiator(Pattern::Ik);
    let printed = format!("{client:?} {:?} {:?}", done.transport, arrived.transport);
    assert!(!printed.contains("1, 1, 1") && !printed.contains("010101"), "{printed}");
    assert!(printed.contains("Symmetric(..)") && printed.contains("Gcm(..)"), "{printed}");
}
