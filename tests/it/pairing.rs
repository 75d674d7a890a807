//! Pairing against the reference's vectors: payloads, QR codes, signed identities, link codes, passkeys; and linking
//! by code and passkey, unlinking, linking again, in a world.

mod again;
mod keyed;
mod lists;
mod payload;
mod phone;
mod stanza;
mod typed;

use prost::Message;
use sanswire::crypto::{KeyPair, PublicKey, Secret};
use sanswire::directory::adv::{self, AdvError, KeyIndexList};
use sanswire::link::Profile;
use sanswire::link::pairing::adv_sign::{self, PairError, SignedIdentity};
use sanswire::link::pairing::code::LinkCode;
use sanswire::link::pairing::qr::QrCode;
use sanswire::link::pairing::success::{self, PairSuccess};
use sanswire::wire::{self, NodeRef};
use sanswire_proto::whatsapp::{AdvDeviceIdentity, AdvSignedDeviceIdentity};
use serde_json::Value;

use crate::vectors::{Case, check, hex, same, to_hex};

#[test]
fn every_pairing_vector_holds() {
    check("pairing.json", |case| match case.op() {
        "client_payload" => payload::client_payload(case),
        "qr" => qr(case),
        "qr_parse" => qr_parse(case),
        "pair_success" => pair_success(case),
        "adv_verify" => adv_verify(case),
        "key_index_list" => key_index_list(case),
        "crockford" => crockford(case),
        "link_code_key" => link_code_key(case),
        "link_code_wrap" => link_code_wrap(case),
        "link_code_unwrap" => link_code_unwrap(case),
        "link_code_validate" => link_code_validate(case),
        "link_code_flow" => phone::link_code_flow(case),
        "passkey" => phone::passkey(case),
        kind => Err(format!("unknown kind {kind:?}")),
    })
}

/// 32 bytes of the input.
fn key(case: &Case, name: &str) -> [u8; 32] {
    fixed(&case.bytes(name))
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a key of the right length")
}

/// A text that is expected.
fn expected<'a>(case: &'a Case, name: &str) -> &'a str {
    case.expected[name].as_str().unwrap_or_else(|| panic!("{}: no text {name}", case.name))
}

/// The profile that a case's `browser` and options describe.
fn profile(case: &Case) -> Profile {
    let name = |at: usize| case.input["browser"][at].as_str().expect("browser names");
    let mut profile = Profile::named(name(0), name(1));
    if let Some(full) = case.input["sync_full_history"].as_bool() {
        profile.full_history = full;
    }
    if let Some(country) = case.input["country_code"].as_str() {
        country.clone_into(&mut profile.country);
    }
    profile.push_name = case.input["push_name"].as_str().map(str::to_owned);
    if let Some(version) = case.input["version"].as_array() {
        let numbers: Vec<u32> =
            version.iter().map(|number| u32::try_from(number.as_u64().unwrap()).unwrap()).collect();
        profile.version = fixed_numbers(&numbers);
    }
    profile
}

fn fixed_numbers(numbers: &[u32]) -> [u32; 3] {
    numbers.try_into().expect("versions have three parts")
}

fn qr(case: &Case) -> Result<(), String> {
    let kind = profile(case).client_type().to_string();
    same("client type", &kind.as_str(), &expected(case, "client_type"))?;
    let code = QrCode {
        reference: case.text("ref").to_owned(),
        noise: PublicKey::new(key(case, "noise_public")),
        identity: PublicKey::new(key(case, "identity_public")),
        adv_secret: Secret::new(key(case, "adv_secret")),
        client_type: Some(kind),
    };
    same("text", &code.text().as_str(), &expected(case, "qr"))?;
    same("what the phone reads", &QrCode::parse(&code.text()), &Ok(code))
}

fn qr_parse(case: &Case) -> Result<(), String> {
    let parsed = QrCode::parse(case.text("text"));
    if let Some(class) = case.error() {
        return same("error", &parsed.map_err(|error| error.class()), &Err(class));
    }
    let code = parsed.map_err(|error| error.to_string())?;
    same("reference", &code.reference.as_str(), &expected(case, "ref"))?;
    same("noise key", &to_hex(code.noise.as_bytes()).as_str(), &expected(case, "noise_public"))?;
    same("identity key", &to_hex(code.identity.as_bytes()).as_str(), &expected(case, "identity_public"))?;
    same("secret", &to_hex(code.adv_secret.expose()).as_str(), &expected(case, "adv_secret"))?;
    same("client type", &code.client_type.as_deref(), &case.expected["client_type"].as_str())
}

fn pair_success(case: &Case) -> Result<(), String> {
    let node = stanza::from_json(&case.input["stanza"]);
    let frame = wire::encode(&node).map_err(|error| error.to_string())?;
    let document = wire::decode(frame).map_err(|error| error.to_string())?;
    let iq = document.root();
    let child = iq.find("pair-success").ok_or("no pair-success")?;
    let identity = KeyPair::from_private(key(case, "identity_private"));
    same("identity", &identity.public.as_bytes().to_vec(), &case.bytes("identity_public"))?;
    let secret = Secret::new(key(case, "adv_secret"));

    let outcome = PairSuccess::parse(child).and_then(|success| {
        let signed = adv_sign::sign(&success.container, &secret, &identity, &[7; 64])?;
        Ok((success, signed))
    });
    match (outcome, case.error()) {
        (Err(error), Some(class)) => refused(case, iq, error, class),
        (Err(error), None) => Err(format!("refused: {error}")),
        (Ok(_), Some(class)) => Err(format!("accepted, expected {class}")),
        (Ok((success, signed)), None) => accepted(case, iq, &success, &signed, &identity),
    }
}

fn refused(case: &Case, iq: NodeRef<'_>, error: PairError, class: &str) -> Result<(), String> {
    same("error", &error.class(), &class)?;
    let id = iq.get("id").unwrap();
    let reply = success::refused(&id, error);
    same("reply's type", &reply.get("type").as_deref(), &Some("error"))?;
    same("reply's id", &reply.get("id").as_deref(), &Some(&*id))?;
    let detail = reply.find("error").unwrap();
    let wanted = &case.expected["reply_error"];
    same("reply's code", &detail.get_u64("code"), &wanted["code"].as_u64())?;
    same("reply's text", &detail.get("text").as_deref(), &wanted["text"].as_str())
}

fn accepted(
    case: &Case,
    iq: NodeRef<'_>,
    success: &PairSuccess<'_>,
    signed: &SignedIdentity,
    identity: &KeyPair,
) -> Result<(), String> {
    let bytes = |name: &str| hex(expected(case, name));
    let stored = AdvSignedDeviceIdentity::decode(signed.stored.as_slice()).unwrap();
    same("details", &stored.details().to_vec(), &bytes("device_identity_details"))?;
    same("account key", &stored.account_signature_key().to_vec(), &bytes("account_signature_key"))?;
    same("account signature", &stored.account_signature().to_vec(), &bytes("account_signature"))?;
    same("account", &signed.account.as_bytes().to_vec(), &bytes("account_signature_key"))?;
    let hosting = signed.hosting;
    let account_message = hosting.account_message(stored.details(), &identity.public);
    same("account's message", &account_message, &bytes("account_signature_message"))?;
    let hosted = case.expected["device_signature_message_hosted"].as_str().map(hex);
    let device_message = hosted.unwrap_or_else(|| bytes("device_signature_message"));
    identity
        .public
        .verify(&device_message, stored.device_signature())
        .map_err(|error| format!("device signature: {error}"))?;
    same(
        "its message",
        &hosting.device_message(stored.details(), &identity.public, &signed.account),
        &device_message,
    )?;
    details_fields(case, stored.details())?;

    let id = iq.get("id").unwrap();
    let reply = success::signed(&id, signed);
    let wanted = &case.expected["reply"];
    same("reply's type", &reply.get("type").as_deref(), &wanted["iq_type"].as_str())?;
    same("reply's id", &reply.get("id").as_deref(), &wanted["iq_id"].as_str())?;
    same("reply's to", &reply.get("to").as_deref(), &Some("@s.whatsapp.net"))?;
    let blob = reply.find("pair-device-sign").and_then(|node| node.find("device-identity")).unwrap();
    same("key index", &blob.get("key-index").as_deref(), &wanted["key_index"].as_str())?;
    // Signatures are random: the rest must be equal.
    let sent = AdvSignedDeviceIdentity::decode(&*blob.content_bytes().unwrap()).unwrap();
    let example = hex(wanted["device_identity_example"].as_str().unwrap());
    let example = AdvSignedDeviceIdentity::decode(example.as_slice()).unwrap();
    let unsigned =
        |identity: AdvSignedDeviceIdentity| AdvSignedDeviceIdentity { device_signature: None, ..identity };
    same("signature in reply", &sent.device_signature(), &stored.device_signature())?;
    same("reply's identity", &unsigned(sent.clone()), &unsigned(example))?;

    let creds = &case.expected["creds"];
    same("jid", &Some(success.pn.to_string().as_str()), &creds["jid"].as_str())?;
    same("lid", &Some(success.lid.to_string().as_str()), &creds["lid"].as_str())?;
    same("platform", &success.platform.as_deref(), &creds["platform"].as_str())?;
    same("business name", &success.business_name.as_deref(), &creds["business_name"].as_str())
}

fn details_fields(case: &Case, details: &[u8]) -> Result<(), String> {
    let inner = AdvDeviceIdentity::decode(details).unwrap();
    let fields = &case.expected["details_fields"];
    let kind = |value: Option<i32>| value.map(|value| if value == 1 { "HOSTED" } else { "E2EE" });
    same("raw id", &inner.raw_id.map(u64::from), &fields["rawId"].as_u64())?;
    same("timestamp", &inner.timestamp, &fields["timestamp"].as_u64())?;
    same("key index", &inner.key_index.map(u64::from), &fields["keyIndex"].as_u64())?;
    same("account type", &kind(inner.account_type), &fields["accountType"].as_str())?;
    same("device type", &kind(inner.device_type), &fields["deviceType"].as_str())
}

fn adv_verify(case: &Case) -> Result<(), String> {
    let identity = PublicKey::new(key(case, "identity_public"));
    let known = case.input["account_key_fallback"].as_str().map(|text| PublicKey::new(fixed(&hex(text))));
    let result = match adv::verify_device_identity(&case.bytes("device_identity"), &identity, known.as_ref())
    {
        Ok(_) => "valid",
        Err(AdvError::NoAccountKey) => "no_account_key",
        Err(_) => "invalid",
    };
    same("verdict", &result, &expected(case, "result"))
}

fn key_index_list(case: &Case) -> Result<(), String> {
    let list = match (KeyIndexList::decode(&case.bytes("bytes")), case.error()) {
        (Ok(list), None) => list,
        (Err(_), Some(_)) => return Ok(()),
        (outcome, error) => return Err(format!("{outcome:?}, expected error {error:?}")),
    };
    let wanted = &case.expected;
    same("raw id", &Some(u64::from(list.raw_id)), &wanted["raw_id"].as_u64())?;
    same("timestamp", &Some(list.timestamp_s), &wanted["timestamp"].as_u64())?;
    same("current index", &Some(u64::from(list.current)), &wanted["current_index"].as_u64())?;
    let valid: Vec<u64> = list.valid.iter().map(|&index| u64::from(index)).collect();
    same("valid indexes", &valid, &numbers(&wanted["valid_indexes"]))?;
    same("message", &to_hex(&list.signed_message()).as_str(), &expected(case, "signature_message"))?;
    let account = case.input["account_key"].as_str().map(|text| PublicKey::new(fixed(&hex(text))));
    same("signature", &Some(list.verify(account.as_ref()).is_ok()), &wanted["signature_valid"].as_bool())?;
    let retained: Vec<u64> = case.input["devices"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|device| {
            let id = device["id"].as_u64().unwrap();
            let index = device["key_index"].as_u64().map(|index| u32::try_from(index).unwrap());
            list.retains(u16::try_from(id).unwrap(), index).then_some(id)
        })
        .collect();
    same("retained devices", &retained, &numbers(&wanted["retained_device_ids"]))
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

fn crockford(case: &Case) -> Result<(), String> {
    let code = LinkCode::from_random(fixed(&case.bytes("bytes")));
    same("code", &code.text().as_str(), &expected(case, "code"))
}

fn link_code(case: &Case) -> LinkCode {
    LinkCode::custom(case.text("code")).expect("a code of the alphabet")
}

fn link_code_key(case: &Case) -> Result<(), String> {
    let derived = link_code(case).key(&key(case, "salt"));
    same("key", &to_hex(derived.expose()).as_str(), &expected(case, "key"))
}

fn link_code_wrap(case: &Case) -> Result<(), String> {
    let public = PublicKey::new(key(case, "public_key"));
    let wrapped = link_code(case).wrap(&public, &key(case, "salt"), &fixed(&case.bytes("iv")));
    same("wrapped key", &to_hex(&wrapped).as_str(), &expected(case, "wrapped"))
}

fn link_code_unwrap(case: &Case) -> Result<(), String> {
    let unwrapped = link_code(case).unwrap(&case.bytes("wrapped"));
    if let Some(class) = case.error() {
        return same("error", &unwrapped.map_err(|error| error.class()), &Err(class));
    }
    let public = unwrapped.map_err(|error| error.to_string())?;
    same("key", &to_hex(public.as_bytes()).as_str(), &expected(case, "public_key"))
}

fn link_code_validate(case: &Case) -> Result<(), String> {
    let valid = LinkCode::custom(case.text("code")).is_ok();
    same("verdict", &Some(valid), &case.expected["valid"].as_bool())
}
