//! The cases of `noise.json`, in both roles where a case has the keys of both. Reference 01 §19.

use sanswire::crypto::{KeyPair, PublicKey, Secret};
use sanswire::wire::certificate::{CachedChain, CertifiedKey, Trust};
use sanswire::wire::frame::{self, FrameBuffer, INTRO};
use sanswire::wire::ids::unified_session_id;
use sanswire::wire::intro::IntroReader;
use sanswire::wire::noise::{
    Answered, Arrived, Established, HandshakeError, Initiator, NoiseError, Opener, Pattern, Responder,
    Resumption, Sealer, Transport,
};
use serde_json::Value;

use super::transcript::{Keys, Transcript, pair};
use crate::vectors::{self, Case, hex, same, to_hex};

#[test]
fn noise_vectors_hold() {
    vectors::check("noise.json", |case| match case.op() {
        "xx" => xx(case),
        "xx_reject" => xx_reject(case),
        "ik" => ik(case),
        "ik_fallback" => ik_fallback(case),
        "frames" => frames(case),
        "frame_header" => frame_header(case),
        "transport" => transport(case),
        "transport_open" => transport_open(case),
        "intro" => intro(case),
        "unified_session" => unified_session(case),
        other => Err(format!("unknown kind {other:?}")),
    });
}

fn xx(case: &Case) -> Result<(), String> {
    let keys = Keys::of(case);
    for (name, pair) in [
        ("client_static_public", &keys.client),
        ("client_ephemeral_public", &keys.client_ephemeral),
        ("server_static_public", &keys.server),
        ("server_ephemeral_public", &keys.server_ephemeral),
    ] {
        same_hex(case, name, pair.public.as_bytes())?;
    }
    let (chain, payload) = (case.bytes("cert_chain"), case.bytes("client_payload"));
    let transcript = Transcript::xx(Pattern::Xx, &prologue(case)?, &keys, &chain, &payload);
    transcript.check(case)?;
    for (name, step) in [
        ("server_static_ciphertext", "server_static_encrypted"),
        ("server_payload_ciphertext", "server_payload_encrypted"),
        ("client_static_ciphertext", "client_static_encrypted"),
        ("client_payload_ciphertext", "client_payload_encrypted"),
    ] {
        same_hex(case, name, transcript.ciphertext(step))?;
    }

    let (client, client_hello) = Initiator::xx(keys.client.clone(), keys.client_ephemeral.clone());
    same_hex(case, "client_hello", &client_hello)?;
    let mut first = frame::intro(routing_info(case).as_deref());
    first.extend(framed(&client_hello));
    same_hex(case, "client_first_ws", &first)?;
    check_intro(&first, routing_info(case), &framed(&client_hello))?;

    let responder = Responder::new(keys.server.clone(), chain);
    let (server_hello, done, arrived) =
        run_xx(case, &client, &client_hello, &responder, &keys.server_ephemeral, &payload)?;
    same_hex(case, "server_hello_ws", &framed(&server_hello))?;
    check_certificates(case, &done)?;
    same_hex(case, "client_finish_ws", &framed(&done.client_finish.clone().unwrap_or_default()))?;
    check_frames(case, done.transport, arrived.transport)
}

fn ik(case: &Case) -> Result<(), String> {
    let keys = Keys::of(case);
    let (chain, payload) = (case.bytes("cert_chain"), case.bytes("client_payload"));
    Transcript::ik(&prologue(case)?, &keys, &chain, &payload).check(case)?;

    let cached = cached(&keys.server.public);
    let (client, client_hello) =
        Initiator::ik(keys.client.clone(), keys.client_ephemeral.clone(), &cached, &payload)
            .map_err(class)?;
    same_hex(case, "client_hello", &client_hello)?;
    let mut first = frame::intro(routing_info(case).as_deref());
    first.extend(framed(&client_hello));
    same_hex(case, "client_first_ws", &first)?;

    let responder = Responder::new(keys.server, chain).with_resumption(Resumption::AcceptOnly);
    let answered = responder.read_client_hello(&client_hello, keys.server_ephemeral).map_err(class)?;
    let Answered::Arrived { server_hello, arrived } = answered else {
        return Err("the server did not accept".into());
    };
    same_hex(case, "server_hello", &server_hello)?;
    same("identity", &arrived.identity, &keys.client.public)?;
    same("payload", &arrived.payload, &payload)?;
    let done = client.read_server_hello(&server_hello, &trust(case), now(case), &payload).map_err(class)?;
    same("pattern", &done.pattern, &Pattern::Ik)?;
    same("client finish", &done.client_finish, &None)?;
    check_frames(case, done.transport, arrived.transport)
}

fn ik_fallback(case: &Case) -> Result<(), String> {
    let keys = Keys::of(case);
    let (chain, payload) = (case.bytes("cert_chain"), case.bytes("client_payload"));
    Transcript::xx(Pattern::XxFallback, &prologue(case)?, &keys, &chain, &payload).check(case)?;

    let cached = cached(&PublicKey::from_raw(&case.bytes("cached_server_static_public")).expect("32 bytes"));
    let (client, client_hello) =
        Initiator::ik(keys.client.clone(), keys.client_ephemeral.clone(), &cached, &payload)
            .map_err(class)?;
    same_hex(case, "client_hello", &client_hello)?;
    for resumption in [Resumption::AcceptOrFallBack, Resumption::FallBack] {
        let responder = Responder::new(keys.server.clone(), chain.clone()).with_resumption(resumption);
        let (_, done, arrived) =
            run_xx(case, &client, &client_hello, &responder, &keys.server_ephemeral, &payload)?;
        same("pattern", &(done.pattern, arrived.pattern), &(Pattern::XxFallback, Pattern::XxFallback))?;
        check_frames(case, done.transport, arrived.transport)?;
    }
    Ok(())
}

/// Both roles from a ClientHello to transport mode, comparing ServerHello and ClientFinish on the way.
fn run_xx(
    case: &Case,
    client: &Initiator,
    client_hello: &[u8],
    responder: &Responder,
    server_ephemeral: &KeyPair,
    payload: &[u8],
) -> Result<(Vec<u8>, Established, Arrived), String> {
    let answered = responder.read_client_hello(client_hello, server_ephemeral.clone()).map_err(class)?;
    let Answered::AwaitClientFinish { server_hello, awaiting } = answered else {
        return Err("the server did not ask for a ClientFinish".into());
    };
    same_hex(case, "server_hello", &server_hello)?;
    let done = client.read_server_hello(&server_hello, &trust(case), now(case), payload).map_err(class)?;
    let client_finish = done.client_finish.clone().ok_or("no ClientFinish")?;
    same_hex(case, "client_finish", &client_finish)?;
    let arrived = awaiting.read_client_finish(&client_finish).map_err(class)?;
    same("payload", &arrived.payload, &payload.to_vec())?;
    let identity = pair(case, "client_static_private").public;
    same("identity", &arrived.identity, &identity)?;
    Ok((server_hello, done, arrived))
}

fn xx_reject(case: &Case) -> Result<(), String> {
    prologue(case)?;
    let (client, _) =
        Initiator::xx(pair(case, "client_static_private"), pair(case, "client_ephemeral_private"));
    match client.read_server_hello(&case.bytes("server_hello"), &trust(case), now(case), b"payload") {
        Ok(_) => Err(format!("accepted, expected {:?}", case.error())),
        Err(error) => same("error", &Some(error.class()), &case.error()),
    }
}

fn frames(case: &Case) -> Result<(), String> {
    let mut buffer = FrameBuffer::new();
    let (mut frames, mut counts) = (Vec::new(), Vec::new());
    for chunk in texts(&case.input["chunks"]) {
        buffer.push(&hex(&chunk)).map_err(|error| error.to_string())?;
        let before = frames.len();
        while let Some(frame) = buffer.next_frame() {
            frames.push(to_hex(&frame));
        }
        counts.push((frames.len() - before) as u64);
    }
    let expected: Vec<u64> = case.expected["frames_after_each_chunk"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    same("frames", &frames, &texts(&case.expected["frames"]))?;
    same("frames after each chunk", &counts, &expected)?;
    same_hex(case, "leftover", buffer.unread())
}

fn frame_header(case: &Case) -> Result<(), String> {
    let length = usize::try_from(case.input["length"].as_u64().unwrap()).unwrap();
    match frame::header(length) {
        Ok(header) => same_hex(case, "header", &header),
        Err(error) => same("error", &Some(error.class()), &case.error()),
    }
}

fn transport(case: &Case) -> Result<(), String> {
    let (key, mut counter) = (key(case), start_counter(case));
    let (mut sealer, mut opener) = (Sealer::starting_at(&key, counter), Opener::starting_at(&key, counter));
    let ciphertexts = texts(&case.expected["ciphertexts"]);
    let nonces = texts(&case.expected["nonces"]);
    let plaintexts = texts(&case.input["plaintexts"]);
    same("number of frames", &plaintexts.len(), &ciphertexts.len())?;
    for (index, plain) in plaintexts.iter().enumerate() {
        same("nonce", &format!("{:016x}{counter:08x}", 0), &nonces[index])?;
        let mut out = Vec::new();
        sealer.seal_into(&hex(plain), &mut out).map_err(|error| error.to_string())?;
        let (header, body) = out.split_first_chunk_mut::<3>().expect("frames have headers");
        same("header", header, &frame::header(body.len()).unwrap())?;
        same("ciphertext", &to_hex(body), &ciphertexts[index])?;
        let opened = opener.open_in_place(body).map_err(|error| error.to_string())?;
        same("plaintext", &to_hex(opened), plain)?;
        counter = counter.wrapping_add(1);
    }
    if counter == 0 {
        same("after the last counter", &sealer.seal_into(b"", &mut Vec::new()), &Err(NoiseError::Exhausted))?;
    }
    Ok(())
}

/// A refused frame ends the connection, so what the case has after it must be refused too. Reference 01 §4.
fn transport_open(case: &Case) -> Result<(), String> {
    let mut opener = Opener::starting_at(&key(case), start_counter(case));
    let plaintexts = case.expected["plaintexts"].as_array().expect("a list");
    let mut ended = false;
    for (ciphertext, plain) in texts(&case.input["ciphertexts"]).iter().zip(plaintexts) {
        let mut body = hex(ciphertext);
        let opened = opener.open_in_place(&mut body).map(|plain| to_hex(plain));
        ended |= plain.is_null();
        match (opened, ended) {
            (Ok(opened), false) => same("plaintext", &Some(opened.as_str()), &plain.as_str())?,
            (Err(NoiseError::Aead), true) => same("error", &case.error(), &Some("aead"))?,
            (opened, _) => return Err(format!("{opened:?}, expected {plain}")),
        }
    }
    Ok(())
}

fn intro(case: &Case) -> Result<(), String> {
    let routing_info = routing_info(case);
    let mut sent = Vec::new();
    for (index, payload) in texts(&case.input["payloads"]).iter().enumerate() {
        let mut message = if index == 0 { frame::intro(routing_info.as_deref()) } else { Vec::new() };
        message.extend(framed(&hex(payload)));
        if index == 0 {
            check_intro(&message, routing_info.clone(), &framed(&hex(payload)))?;
        }
        sent.push(to_hex(&message));
    }
    same("messages", &sent, &texts(&case.expected["ws_messages"]))
}

fn unified_session(case: &Case) -> Result<(), String> {
    let now_ms = case.input["now_ms"].as_u64().unwrap();
    let offset_ms = case.input["server_offset_ms"].as_i64().unwrap();
    let id = unified_session_id(now_ms, offset_ms).to_string();
    same("id", &Some(id.as_str()), &case.expected["id"].as_str())
}

/// A server reads the intro back and leaves exactly the frames.
fn check_intro(stream: &[u8], routing_info: Option<Vec<u8>>, rest: &[u8]) -> Result<(), String> {
    let mut input = stream;
    let read = IntroReader::default().read(&mut input).map_err(|error| error.to_string())?;
    let read = read.ok_or("the intro is incomplete")?;
    same("routing info", &read.routing_info, &routing_info.filter(|info| !info.is_empty()))?;
    same("after the intro", &input, &rest)
}

fn check_certificates(case: &Case, done: &Established) -> Result<(), String> {
    for (name, certified) in [("leaf", done.chain.leaf), ("intermediate", done.chain.intermediate)] {
        let expected = &case.expected["cert"][name];
        let key = to_hex(certified.key.as_bytes());
        same(name, &Some(key.as_str()), &expected["key"].as_str())?;
        same(name, &Some(certified.not_before), &expected["not_before"].as_u64())?;
        same(name, &Some(certified.not_after), &expected["not_after"].as_u64())?;
    }
    Ok(())
}

/// Each side seals its frames as expected, and opens what the other sealed.
fn check_frames(case: &Case, client: Transport, server: Transport) -> Result<(), String> {
    let one_way = |mut from: Sealer, mut to: Opener, plain: &str, sealed: &str| {
        let mut sent = Vec::new();
        for plain in texts(&case.input[plain]) {
            let mut message = Vec::new();
            from.seal_into(&hex(&plain), &mut message).map_err(|error| error.to_string())?;
            sent.push(to_hex(&message));
            let opened = to.open_in_place(&mut message[3..]).map_err(|error| error.to_string())?;
            same("opened frame", &to_hex(opened), &plain)?;
        }
        same(sealed, &sent, &texts(&case.expected[sealed]))
    };
    one_way(client.sealer, server.opener, "client_frames", "client_to_server_ws")?;
    one_way(server.sealer, client.opener, "server_frames", "server_to_client_ws")
}

/// The prologue is a constant of ours: a case with another one would not be about this protocol.
fn prologue(case: &Case) -> Result<Vec<u8>, String> {
    let prologue = case.bytes("prologue");
    same("prologue", &prologue, &INTRO.to_vec())?;
    Ok(prologue)
}

fn trust(case: &Case) -> Trust {
    Trust { root: PublicKey::from_raw(&case.bytes("root_public")).expect("32 bytes"), ..Trust::default() }
}

/// The time of a case; those without one have chains that are valid at this time.
fn now(case: &Case) -> u64 {
    case.input.get("now").and_then(Value::as_u64).unwrap_or(1_800_000_000)
}

fn routing_info(case: &Case) -> Option<Vec<u8>> {
    case.input.get("routing_info").and_then(Value::as_str).map(hex)
}

fn cached(server: &PublicKey) -> CachedChain {
    let certified = CertifiedKey { key: *server, not_before: 0, not_after: u64::MAX };
    CachedChain { leaf: certified, intermediate: certified }
}

fn key(case: &Case) -> Secret<32> {
    Secret::from_slice(&case.bytes("key")).expect("32 bytes")
}

fn start_counter(case: &Case) -> u32 {
    u32::try_from(case.input["start_counter"].as_u64().unwrap()).unwrap()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&frame::header(body.len()).expect("short messages"), body].concat()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn same_hex(case: &Case, name: &str, actual: &[u8]) -> Result<(), String> {
    same(name, &Some(to_hex(actual).as_str()), &case.expected[name].as_str())
}

fn class(error: HandshakeError) -> String {
    format!("{error} ({})", error.class())
}
