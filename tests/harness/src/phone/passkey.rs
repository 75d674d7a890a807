//! The phone's half of linking with a passkey, and its owner's authenticator. Reference 02 §4.

use base64ct::{Base64UrlUnpadded, Encoding};
use prost::Message as _;
use sanswire::crypto::aead::Gcm;
use sanswire::crypto::mac::sha256;
use sanswire::crypto::{KeyPair, PublicKey, kdf};
use sanswire::link::pairing::code::LinkCode;
use sanswire::link::{Assertion, AssertionResponse};
use sanswire_proto::whatsapp::{
    CompanionEphemeralIdentity, EncryptedPairingRequest, PairingRequest, PrimaryEphemeralIdentity,
    ProloguePayload,
};
use serde_json::{Value, json};
use thiserror::Error;

use super::Phone;
use crate::seed::Seed;

/// The owner's passkey. The signature is one of Curve25519, as the simulation has no other curve; real ones are of
/// P-256.
pub(super) struct Passkey {
    id: [u8; 16],
    pair: KeyPair,
}

impl Passkey {
    pub(super) fn draw(seed: &mut Seed) -> Self {
        Self { id: seed.bytes(), pair: seed.key_pair() }
    }
}

/// An attempt of a companion, as the phone knows it.
pub(super) struct Opening {
    ephemeral: KeyPair,
    nonce: [u8; 32],
    companion: PublicKey,
    /// `CompanionEphemeralIdentity` as it came.
    blob: Vec<u8>,
    commitment: Vec<u8>,
    salt: String,
    code: Option<String>,
}

/// Why the phone does not go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum PasskeyRefusal {
    #[error("the assertion is not of this passkey, or not for this challenge")]
    Assertion,
    #[error("the prologue does not decode")]
    Prologue,
    #[error("the nonce does not fit the commitment")]
    Commitment,
    #[error("the request does not open")]
    Request,
}

/// Keys and secret of a companion out of its request.
pub(crate) struct Requested {
    pub(crate) noise: Vec<u8>,
    pub(crate) identity: Vec<u8>,
    pub(crate) secret: [u8; 32],
}

impl Phone {
    /// WebAuthn's options for a challenge.
    pub(crate) fn passkey_options(&self, challenge: &str) -> String {
        let id = Base64UrlUnpadded::encode_string(&self.passkey.id);
        json!({
            "challenge": challenge,
            "timeout": 60_000,
            "rpId": RELYING_PARTY,
            "allowCredentials": [{ "id": id, "type": "public-key", "transports": ["hybrid", "internal"] }],
            "userVerification": "required",
            "extensions": {},
        })
        .to_string()
    }

    /// The owner's authenticator answers options; `None` when they are not for it.
    pub(crate) fn authenticate(&mut self, options: &str) -> Option<Assertion> {
        let options: Value = serde_json::from_str(options).ok()?;
        let id = Base64UrlUnpadded::encode_string(&self.passkey.id);
        let allowed = options["allowCredentials"].as_array()?;
        allowed.iter().find(|credential| credential["id"] == id.as_str())?;
        let client_data = json!({
            "type": "webauthn.get",
            "challenge": options["challenge"],
            "origin": "https://web.whatsapp.com",
        })
        .to_string();
        let party = options["rpId"].as_str().unwrap_or_default();
        let data = [&sha256(&[party.as_bytes()])[..], &[USER_PRESENT_AND_VERIFIED], &[0; 4]].concat();
        let message = [&data[..], &sha256(&[client_data.as_bytes()])].concat();
        let signature = self.passkey.pair.private.sign(&message, &self.seed.bytes());
        Some(Assertion {
            id: id.clone(),
            raw_id: id,
            kind: "public-key".to_owned(),
            response: AssertionResponse {
                client_data: Base64UrlUnpadded::encode_string(client_data.as_bytes()),
                authenticator_data: Base64UrlUnpadded::encode_string(&data),
                signature: Base64UrlUnpadded::encode_string(&signature),
                user_handle: None,
            },
        })
    }

    /// Checks what an authenticator signed.
    pub(crate) fn check_assertion(
        &self,
        credential: &[u8],
        assertion: &[u8],
        challenge: &str,
    ) -> Result<(), PasskeyRefusal> {
        let checked = || {
            let assertion: Assertion = serde_json::from_slice(assertion).ok()?;
            let bytes = |text: &str| Base64UrlUnpadded::decode_vec(text).ok();
            let (client_data, data) =
                (bytes(&assertion.response.client_data)?, bytes(&assertion.response.authenticator_data)?);
            let stated: Value = serde_json::from_slice(&client_data).ok()?;
            let fits = credential == self.passkey.id
                && bytes(&assertion.raw_id)? == credential
                && assertion.kind == "public-key"
                && stated["type"] == "webauthn.get"
                && stated["challenge"] == challenge
                && data.get(..32) == Some(&sha256(&[RELYING_PARTY.as_bytes()])[..]);
            let message = [&data[..], &sha256(&[&client_data])].concat();
            let signature = bytes(&assertion.response.signature)?;
            self.passkey.pair.public.verify(&message, &signature).ok().filter(|()| fits)
        };
        checked().ok_or(PasskeyRefusal::Assertion)
    }

    /// Keeps the companion's commitment; gives `PrimaryEphemeralIdentity`.
    pub(crate) fn open_prologue(&mut self, payload: &[u8]) -> Result<Vec<u8>, PasskeyRefusal> {
        let decoded = || {
            let payload = ProloguePayload::decode(payload).ok()?;
            let blob = payload.companion_ephemeral_identity?.to_vec();
            let commitment = payload.commitment?.hash?.to_vec();
            let identity = CompanionEphemeralIdentity::decode(blob.as_slice()).ok()?;
            let companion = PublicKey::from_raw(identity.public_key.as_deref()?).ok()?;
            let salt =
                format!("Companion Pairing {} with ref {}", identity.device_type?, identity.r#ref.clone()?);
            Some((blob, commitment, companion, salt))
        };
        let (blob, commitment, companion, salt) = decoded().ok_or(PasskeyRefusal::Prologue)?;
        let (ephemeral, nonce) = (self.seed.key_pair(), self.seed.bytes());
        let answer = PrimaryEphemeralIdentity {
            public_key: Some(ephemeral.public.as_bytes().to_vec().into()),
            nonce: Some(nonce.to_vec().into()),
        };
        self.opening = Some(Opening { ephemeral, nonce, companion, blob, commitment, salt, code: None });
        Ok(answer.encode_to_vec())
    }

    /// Whether the companion's attempt is under this reference of the server.
    pub(crate) fn opened_under(&self, reference: &str) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.salt.ends_with(&format!(" with ref {reference}")))
    }

    /// The companion opens its commitment; the phone shows its code.
    pub(crate) fn reveal(&mut self, companion_nonce: &[u8]) -> Result<(), PasskeyRefusal> {
        let opening = self.opening.as_mut().ok_or(PasskeyRefusal::Commitment)?;
        if sha256(&[&opening.blob, companion_nonce])[..] != opening.commitment[..] {
            return Err(PasskeyRefusal::Commitment);
        }
        let digest = sha256(&[companion_nonce, opening.ephemeral.public.as_bytes()]);
        let mut bytes = [0; 5];
        for (out, (left, right)) in bytes.iter_mut().zip(opening.nonce.iter().zip(digest)) {
            *out = left ^ right;
        }
        opening.code = Some(LinkCode::from_random(bytes).shown());
        Ok(())
    }

    /// The code on show, for the user to compare.
    pub(crate) fn code_on_show(&self) -> Option<&str> {
        self.opening.as_ref()?.code.as_deref()
    }

    /// Opens the companion's request for its keys and secret.
    pub(crate) fn open_request(&mut self, sealed: &[u8]) -> Result<Requested, PasskeyRefusal> {
        let opening = self.opening.take().filter(|opening| opening.code.is_some());
        let opened = |opening: &Opening| {
            let envelope = EncryptedPairingRequest::decode(sealed).ok()?;
            let shared = opening.ephemeral.private.agree(&opening.companion).ok()?;
            let key = kdf::hkdf::<32>(shared.expose(), Some(opening.salt.as_bytes()), REQUEST_INFO);
            let iv: [u8; 12] = envelope.iv.as_deref()?.try_into().ok()?;
            let text = Gcm::new(key.expose()).open(&iv, &[], envelope.encrypted_payload.as_deref()?).ok()?;
            let request = PairingRequest::decode(text.as_slice()).ok()?;
            Some(Requested {
                noise: request.companion_public_key?.to_vec(),
                identity: request.companion_identity_key?.to_vec(),
                secret: request.adv_secret.as_deref()?.try_into().ok()?,
            })
        };
        opening.as_ref().and_then(opened).ok_or(PasskeyRefusal::Request)
    }
}

const RELYING_PARTY: &str = "web.whatsapp.com";
const USER_PRESENT_AND_VERIFIED: u8 = 0x05;
const REQUEST_INFO: &[u8] = b"Pairing Information Encryption Key";
