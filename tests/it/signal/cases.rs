//! The known answers of `signal.json`, kind by kind.

use sanswire::crypto::{CurveError, HmacKey, KeyPair, PrivateKey, PublicKey, Secret, kdf};
use sanswire::signal::chain::ChainKey;
use sanswire::signal::ratchet::RootKey;
use sanswire::signal::{
    Bundle, DeviceIdentity, Local, PreKey, PreKeyPublic, SessionRecord, SignedPreKey, SignedPreKeyPublic,
    bundle_digest, encrypt, unpad, x3dh,
};
use serde_json::Value;

use super::{Listed, conversation};
use crate::vectors::{Case, check, hex, same, to_hex};

#[test]
fn every_signal_vector_gives_its_answer() {
    check("signal.json", |case| match case.op() {
        "x25519" => agreement(case),
        "xeddsa_sign" => sign(case),
        "xeddsa_verify" => verify(case),
        "hkdf" => derive(case),
        "chain_step" => chain_step(case),
        "root_step" => root_step(case),
        "x3dh" => first_message(case),
        "conversation" => conversation::play(case),
        "unpad_v2" => unpad_text(case),
        "bundle_digest" => digest(case),
        "device_identity" => device_identity(case),
        kind => Err(format!("unknown kind {kind:?}")),
    });
}

fn agreement(case: &Case) -> Result<(), String> {
    let private = PrivateKey::new(bytes(&case.input, "private"));
    let shared = PublicKey::from_serialized(&case.bytes("public")).and_then(|key| private.agree(&key));
    match (shared, case.error()) {
        (Ok(shared), None) => {
            hex_is("shared", shared.expose(), &case.expected["shared"])?;
            hex_is("own_public", &private.public().serialized(), &case.expected["own_public"])
        }
        (Err(error), Some("InvalidKey")) => {
            same("the class", &sanswire::signal::DecryptError::from(error).class(), &"InvalidKey")
        }
        (actual, expected) => Err(format!("gave {actual:?}, expected {expected:?}")),
    }
}

fn sign(case: &Case) -> Result<(), String> {
    let private = PrivateKey::new(bytes(&case.input, "private"));
    let message = case.bytes("message");
    same("public", &private.public(), &public(&case.input, "public"))?;
    let expected = &case.expected;
    hex_is("plain", &private.sign_deterministic(&message), &expected["signature_no_random"])?;
    let random = bytes(&case.input, "random");
    hex_is("random", &private.sign(&message, &random), &expected["signature_with_random"])
}

fn verify(case: &Case) -> Result<(), String> {
    let verdict = PublicKey::from_serialized(&case.bytes("public"))
        .and_then(|key| key.verify(&case.bytes("message"), &case.bytes("signature")));
    if let Err(error) = verdict {
        let by_content = matches!(error, CurveError::BadSignature);
        let by_form = matches!(
            error,
            CurveError::SignatureLength(_) | CurveError::KeyLength(_) | CurveError::KeyType(_)
        );
        same("named error", &(by_content || by_form), &true)?;
    }
    same("valid", &verdict.is_ok(), &case.expected["valid"].as_bool().unwrap())
}

fn derive(case: &Case) -> Result<(), String> {
    let (ikm, salt, info) = (case.bytes("ikm"), case.bytes("salt"), case.text("info").as_bytes());
    let expected = hex(case.expected["okm"].as_str().unwrap());
    same("length", &(expected.len() as u64), &case.input["length"].as_u64().unwrap())?;
    let longest = kdf::hkdf::<512>(&ikm, Some(&salt), info);
    hex_is("okm", &longest.expose()[..expected.len()], &case.expected["okm"])?;
    // The ratchets' own derivation, which works in whole blocks.
    let salt = HmacKey::new(&salt.try_into().map_err(|_| "salt is not 32 bytes")?);
    let blocks = HmacKey::new(&salt.sign(&[&ikm])).expand::<16>(info).map(|block| *block.expose()).concat();
    hex_is("okm by blocks", &blocks[..expected.len()], &case.expected["okm"])
}

fn chain_step(case: &Case) -> Result<(), String> {
    let chain = ChainKey::new(Secret::new(bytes(&case.input, "chain_key")), 0);
    let (seed, next) = chain.step().ok_or("no step")?;
    let keys = seed.keys();
    hex_is("message_seed", seed.expose(), &case.expected["message_seed"])?;
    hex_is("next_chain_key", next.key().expose(), &case.expected["next_chain_key"])?;
    hex_is("cipher_key", keys.cipher.expose(), &case.expected["cipher_key"])?;
    hex_is("mac_key", keys.mac.expose(), &case.expected["mac_key"])?;
    hex_is("iv", keys.iv.expose(), &case.expected["iv"])
}

fn root_step(case: &Case) -> Result<(), String> {
    let root = RootKey::new(Secret::new(bytes(&case.input, "root_key")));
    let ours = PrivateKey::new(bytes(&case.input, "our_ratchet_private"));
    let theirs = public(&case.input, "their_ratchet_public");
    let (root, chain) = root.step(&ours, &theirs).map_err(|error| error.to_string())?;
    hex_is("root_key", root.expose(), &case.expected["root_key"])?;
    hex_is("chain_key", chain.key().expose(), &case.expected["chain_key"])
}

fn first_message(case: &Case) -> Result<(), String> {
    let (input, expected) = (&case.input, &case.expected);
    let (base, ratchet) = (bytes(input, "base_private"), bytes(input, "ratchet_private"));
    let (alice, bob) = (local(&input["side_a"]), local(&input["side_b"]));
    let bundle = bundle(&input["bundle"]);
    let base_pair = KeyPair::from_private(base);
    let ours = x3dh::initiate(&alice.identity, &base_pair.private, &bundle).map_err(|e| e.to_string())?;
    hex_is("root_key_0", ours.root.expose(), &expected["root_key_0"])?;
    hex_is("x3dh_chain_key", ours.chain.key().expose(), &expected["x3dh_chain_key"])?;

    let signed = signed_prekeys(&input["side_b"]).into_iter().find(|key| key.id == bundle.signed_prekey.id);
    let prekey =
        prekeys(&input["side_b"]).into_iter().find(|key| Some(key.id) == bundle.prekey.map(|it| it.id));
    let theirs = x3dh::respond(
        &bob.identity,
        &signed.ok_or("side_b lacks the signed prekey")?,
        prekey.as_ref(),
        &alice.identity.public,
        &base_pair.public,
    );
    same("the responder's agreement", &theirs, &Ok(ours))?;

    let (mut record, mut draw) = (SessionRecord::new(), Listed::new([base, ratchet]));
    record.initiate(&alice, &bundle, &mut draw).map_err(|error| error.to_string())?;
    let parts = record.current().ok_or("no session")?.parts();
    hex_is("root_key_1", parts.root.expose(), &expected["root_key_1"])?;
    hex_is("sending_chain_key", parts.sending.key().expose(), &expected["sending_chain_key"])?;
    let sent = encrypt(&mut record, &case.bytes("plaintext")).map_err(|error| error.to_string())?;
    hex_is("pkmsg", &sent.bytes, &expected["pkmsg"])?;
    let inner = expected["inner_signal_message"].as_str().unwrap();
    same("inner message is inside", &to_hex(&sent.bytes).contains(inner), &true)?;
    let consumed = expected["prekey_consumed"].as_bool().unwrap();
    same("prekey_consumed", &bundle.prekey.is_some(), &consumed)
}

fn unpad_text(case: &Case) -> Result<(), String> {
    let padded = case.bytes("padded");
    match unpad(&padded) {
        Ok(text) if case.error().is_none() => hex_is("plaintext", text, &case.expected["plaintext"]),
        Err(error) if case.error() == Some(error.class()) => Ok(()),
        actual => Err(format!("gave {actual:?}, expected {}", case.expected)),
    }
}

fn digest(case: &Case) -> Result<(), String> {
    let raw = |value: &Value| PublicKey::from_raw(&hex(value.as_str().unwrap())).unwrap();
    let keys: Vec<_> = case.input["prekeys"].as_array().unwrap().iter().map(raw).collect();
    let (identity, signed) = (raw(&case.input["identity"]), raw(&case.input["signed_prekey"]));
    let digest = bundle_digest(&identity, &signed, &bytes(&case.input, "signature"), &keys);
    hex_is("sha1", &digest, &case.expected["sha1"])
}

fn device_identity(case: &Case) -> Result<(), String> {
    let signed = case.bytes("signed_device_identity");
    let [details, account_key, account_signature, device_signature] =
        [1, 2, 3, 4].map(|number| field(&signed, number));
    let details = details.ok_or("no details")?.1;
    let proof = DeviceIdentity {
        details,
        hosted: field(details, 5).is_some_and(|(kind, _)| kind == 1),
        account_key: PublicKey::from_raw(account_key.ok_or("no account key")?.1)
            .map_err(|e| e.to_string())?,
        account_signature: account_signature.ok_or("no account signature")?.1,
        device_signature: device_signature.ok_or("no device signature")?.1,
    };
    let verdict = proof.verify(&public(&case.input, "pkmsg_identity_key"));
    same("valid", &verdict.is_ok(), &case.expected["valid"].as_bool().unwrap())
}

/// Number (of a varint) and bytes (of a bytes field) of the protobuf field `number`.
fn field(mut message: &[u8], number: u64) -> Option<(u64, &[u8])> {
    fn varint(message: &mut &[u8]) -> u64 {
        let len = message.iter().position(|byte| *byte < 0x80).expect("varint ends") + 1;
        let (head, rest) = message.split_at(len);
        *message = rest;
        head.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
    }
    while !message.is_empty() {
        let key = varint(&mut message);
        let value = varint(&mut message);
        let (bytes, rest) = message.split_at(if key & 7 == 2 { usize::try_from(value).unwrap() } else { 0 });
        message = rest;
        if key >> 3 == number {
            return Some((value, bytes));
        }
    }
    None
}

pub(crate) fn local(side: &Value) -> Local {
    let identity = KeyPair::from_private(bytes(side, "identity_private"));
    assert_eq!(identity.public, public(side, "identity_public"));
    Local { identity, registration_id: id(&side["registration_id"]) }
}

pub(crate) fn signed_prekeys(side: &Value) -> Vec<SignedPreKey> {
    let key = |key: &Value| SignedPreKey {
        id: id(&key["id"]),
        pair: KeyPair::from_private(bytes(key, "private")),
        signature: bytes(key, "signature"),
    };
    side["signed_prekeys"].as_array().unwrap().iter().map(key).collect()
}

pub(crate) fn prekeys(side: &Value) -> Vec<PreKey> {
    let key = |key: &Value| PreKey::new(id(&key["id"]), bytes(key, "private"));
    side["prekeys"].as_array().unwrap().iter().map(key).collect()
}

pub(crate) fn bundle(value: &Value) -> Bundle {
    let (signed, prekey) = (&value["signed_prekey"], &value["prekey"]);
    let prekey = || PreKeyPublic { id: id(&prekey["id"]), public: public(prekey, "public") };
    Bundle {
        registration_id: id(&value["registration_id"]),
        identity: public(value, "identity"),
        signed_prekey: SignedPreKeyPublic {
            id: id(&signed["id"]),
            public: public(signed, "public"),
            signature: bytes(signed, "signature"),
        },
        prekey: value["prekey"].is_object().then(prekey),
    }
}

pub(crate) fn hex_is(what: &str, actual: &[u8], expected: &Value) -> Result<(), String> {
    same(what, &to_hex(actual).as_str(), &expected.as_str().ok_or_else(|| format!("{what} is no text"))?)
}

pub(crate) fn public(value: &Value, key: &str) -> PublicKey {
    PublicKey::from_serialized(&hex(value[key].as_str().unwrap())).unwrap()
}

pub(crate) fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    hex(value[key].as_str().unwrap_or_else(|| panic!("no {key}"))).try_into().unwrap()
}

pub(crate) fn id(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}
