//! Link codes and passkeys: both sides of the exchange, ours from the core and the phone's written out here.

use prost::Message;
use sanswire::crypto::aead::Gcm;
use sanswire::crypto::{KeyPair, PublicKey, Secret, kdf, mac};
use sanswire::link::pairing::code::{self, FinishRandom};
use sanswire::link::pairing::code_stanza::{self, CompanionHello};
use sanswire::link::pairing::passkey::{PrimaryIdentity, Prologue};
use sanswire_proto::whatsapp::device_props::PlatformType;
use sanswire_proto::whatsapp::{EncryptedPairingRequest, PrimaryEphemeralIdentity, ProloguePayload};
use serde_json::json;

use super::stanza::to_json;
use super::{expected, fixed, key, link_code, profile};
use crate::vectors::{Case, hex, same, to_hex};

fn pair(case: &Case, name: &str) -> KeyPair {
    KeyPair::from_private(key(case, name))
}

fn same_bytes(what: &str, actual: &[u8], case: &Case) -> Result<(), String> {
    same(what, &to_hex(actual).as_str(), &expected(case, what))
}

pub(super) fn link_code_flow(case: &Case) -> Result<(), String> {
    let code = link_code(case);
    let number = code::phone_number(case.text("phone")).map_err(|error| error.to_string())?;
    let ephemeral = pair(case, "companion_ephemeral_private");
    let identity = pair(case, "companion_identity_private");
    let phone_ephemeral = pair(case, "primary_ephemeral_private");
    let phone_identity = pair(case, "primary_identity_private");
    let profile = profile(case);

    let wrapped = code.wrap(&ephemeral.public, &key(case, "hello_salt"), &fixed(&case.bytes("hello_iv")));
    let hello = CompanionHello {
        number: &number,
        wrapped_ephemeral: &wrapped,
        noise: &PublicKey::new(key(case, "companion_noise_public")),
        client_type: profile.client_type(),
        display: &profile.display(),
        notify: true,
    };
    // The recorded client sends the digit 0 as nonce; we send a zero byte.
    let mut wanted = case.expected["companion_hello"].clone();
    wanted["content"][0]["content"][4]["content"]["bytes"] = json!("00");
    same("hello", &to_json(&hello.build()), &wanted)?;

    let answer =
        code.wrap(&phone_ephemeral.public, &key(case, "primary_salt"), &fixed(&case.bytes("primary_iv")));
    same_bytes("wrapped_primary_ephemeral", &answer, case)?;
    same_bytes("primary_identity_public", phone_identity.public.as_bytes(), case)?;
    let random = FinishRandom {
        salt: key(case, "bundle_salt"),
        nonce: fixed(&case.bytes("bundle_nonce")),
        share: key(case, "adv_random"),
    };
    let finish =
        code::finish(&code, &ephemeral, &identity, &answer, phone_identity.public.as_bytes(), &random)
            .map_err(|error| error.to_string())?;
    same_bytes("adv_secret", finish.adv_secret.expose(), case)?;
    let reference = case.bytes("pairing_ref");
    let node = code_stanza::companion_finish(&number, &finish, &identity.public, &reference);
    same("finish", &to_json(&node), &case.expected["companion_finish"])?;

    // The phone opens the bundle with what it knows.
    let companion = code.unwrap(&wrapped).map_err(|error| error.to_string())?;
    let shared = phone_ephemeral.private.agree(&companion).unwrap();
    same_bytes("ephemeral_shared", shared.expose(), case)?;
    same_bytes("identity_shared", phone_identity.private.agree(&identity.public).unwrap().expose(), case)?;
    let (salt, rest) = finish.wrapped_bundle.split_at(32);
    let (nonce, sealed) = rest.split_at(12);
    let bundle_key =
        kdf::hkdf::<32>(shared.expose(), Some(salt), b"link_code_pairing_key_bundle_encryption_key");
    same_bytes("bundle_key", bundle_key.expose(), case)?;
    let text = Gcm::new(bundle_key.expose()).open(&fixed(nonce), &[], sealed).unwrap();
    same_bytes("bundle_plaintext", &text, case)
}

pub(super) fn passkey(case: &Case) -> Result<(), String> {
    let ephemeral = pair(case, "companion_ephemeral_private");
    let phone = pair(case, "primary_ephemeral_private");
    let number = i32::try_from(case.input["device_type"].as_i64().unwrap()).unwrap();
    let platform = PlatformType::try_from(number).map_err(|error| error.to_string())?;
    let nonce = Secret::new(key(case, "companion_nonce"));
    let prologue = Prologue::new(ephemeral.clone(), nonce, platform, case.text("ref"));
    same_bytes("prologue_payload", &prologue.payload, case)?;
    same_bytes("commitment", &prologue.commitment, case)?;
    let payload = ProloguePayload::decode(prologue.payload.as_slice()).unwrap();
    same_bytes("companion_ephemeral_identity", payload.companion_ephemeral_identity(), case)?;

    let old_secret = Secret::new(key(case, "old_adv_secret"));
    let proof = prologue.handoff_proof(&old_secret);
    same_bytes("pairing_handoff_proof", &proof, case)?;
    let handoff_key = hex(expected(case, "handoff_key"));
    same("proof", &mac::hmac_sha256(&handoff_key, &[&prologue.payload]), &proof)?;

    let answer = PrimaryEphemeralIdentity {
        public_key: Some(phone.public.as_bytes().to_vec().into()),
        nonce: Some(case.bytes("primary_nonce").into()),
    };
    let answer = answer.encode_to_vec();
    same_bytes("primary_ephemeral_identity", &answer, case)?;
    let primary = PrimaryIdentity::decode(&answer).map_err(|error| error.to_string())?;
    let shown = prologue.verification_code(&primary);
    same("code", &shown.as_str(), &expected(case, "verification_code"))?;

    let request = prologue
        .seal_request(
            &primary,
            &PublicKey::new(key(case, "noise_public")),
            &PublicKey::new(key(case, "identity_public")),
            &Secret::new(key(case, "new_adv_secret")),
            &fixed(&case.bytes("gcm_iv")),
        )
        .map_err(|error| error.to_string())?;
    same_bytes("encrypted_pairing_request", &request, case)?;
    same_bytes("shared_secret", phone.private.agree(&ephemeral.public).unwrap().expose(), case)?;
    let envelope = EncryptedPairingRequest::decode(request.as_slice()).unwrap();
    let encryption_key: [u8; 32] = fixed(&hex(expected(case, "encryption_key")));
    let opened = Gcm::new(&encryption_key)
        .open(&fixed(envelope.iv()), &[], envelope.encrypted_payload())
        .map_err(|error| error.to_string())?;
    same_bytes("pairing_request", &opened, case)
}
