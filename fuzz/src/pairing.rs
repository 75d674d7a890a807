//! Everything that pairing takes from outside: stanzas, signed identities, codes, passkeys; and all protobufs.

use std::sync::LazyLock;

use prost::Message;
use sanswire::crypto::{KeyPair, PublicKey, Secret, mac};
use sanswire::directory::adv::{KeyIndexList, verify_device_identity};
use sanswire::limits::QR_REFERENCES_MAX;
use sanswire::link::pairing::adv_sign::sign;
use sanswire::link::pairing::code::{FinishRandom, LinkCode, check_display, finish, phone_number};
use sanswire::link::pairing::code_stanza::{CodeNotice, parse_reference};
use sanswire::link::pairing::passkey::{PrimaryIdentity, Prologue};
use sanswire::link::pairing::qr::QrCode;
use sanswire::link::pairing::success::{PairSuccess, parse_references, received, refused, signed};
use sanswire::signal::identity::account_signature_message;
use sanswire::wire::{Document, Node, encode};
use sanswire_proto::whatsapp::{
    AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac, AdvSignedKeyIndexList,
    device_props::PlatformType,
};

use super::protobuf::stable;

/// A frame with a stanza.
pub const STANZA: u8 = 0;
/// The content of `<device-identity>` in a pair-success.
pub const CONTAINER: u8 = 1;
/// Details of a device identity, which account and secret then vouch for.
pub const DETAILS: u8 = 2;
/// A device identity of another companion, or a key-index list.
pub const PROOF: u8 = 3;
/// Details of a key-index list, which the account then signs.
pub const KEY_INDEXES: u8 = 4;
/// Text: of a QR code, a link code, a phone number, a display name.
pub const TEXT: u8 = 5;
/// What a phone answers to a link code: its wrapped key, then its identity.
pub const CODE_HELLO: u8 = 6;
/// What a phone answers to a passkey.
pub const PASSKEY: u8 = 7;
/// Any protobuf: the next byte says which.
pub const PROTOBUF: u8 = 8;

/// The first byte says what the rest is taken for.
pub fn pairing(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 9 {
        STANZA => stanza(bytes),
        CONTAINER => container(bytes),
        DETAILS => vouched(bytes),
        PROOF => proof(bytes),
        KEY_INDEXES => key_indexes(bytes),
        TEXT => text(bytes),
        CODE_HELLO => code_hello(bytes),
        PASSKEY => passkey(bytes),
        _ => {
            if let Some((number, bytes)) = bytes.split_first() {
                stable(*number, bytes);
            }
        }
    }
}

fn stanza(frame: &[u8]) {
    let Ok(document) = Document::decode(frame.to_vec().into()) as Result<Document, _> else { return };
    let root = document.root();
    for node in root.first().into_iter().chain([root]) {
        let references = parse_references(node);
        assert!(references.len() <= QR_REFERENCES_MAX);
        for reference in references {
            assert!(!reference.is_empty() && !reference.contains(','), "it would spoil the QR code");
        }
        if let Ok(success) = PairSuccess::parse(node) {
            assert!(success.pn.is_pn() && success.lid.is_lid());
            container(&success.container);
        }
        if let Some(CodeNotice::PrimaryHello { wrapped, identity, .. }) = CodeNotice::parse(node) {
            hello(&wrapped, &identity);
        }
        let _ = parse_reference(node);
    }
}

/// Without the secret nobody can vouch: whatever passes was vouched for below.
fn container(bytes: &[u8]) {
    match sign(bytes, &KEYS.secret, &KEYS.companion, &[0; 64]) {
        Err(error) => writable(&refused("1", error)),
        Ok(identity) => {
            let key = &KEYS.companion.public;
            assert_eq!(verify_device_identity(&identity.stored, key, None), Ok(identity.account));
            assert_eq!(
                verify_device_identity(&identity.reply, key, Some(&identity.account)),
                Ok(identity.account)
            );
            writable(&signed("1", &identity));
        }
    }
    writable(&received("1"));
}

/// The phone signs any details, and the secret seals any signed identity.
fn vouched(details: &[u8]) {
    let hosted = AdvDeviceIdentity::decode(details).is_ok_and(|it| it.device_type() as i32 == 1);
    let message = account_signature_message(hosted, details, &KEYS.companion.public);
    let identity = AdvSignedDeviceIdentity {
        details: Some(details.to_vec().into()),
        account_signature_key: Some(KEYS.account.public.as_bytes().to_vec().into()),
        account_signature: Some(KEYS.account.private.sign_deterministic(&message).to_vec().into()),
        device_signature: None,
    };
    for inside in [identity.encode_to_vec(), details.to_vec()] {
        let hmac = mac::hmac_sha256(KEYS.secret.expose(), &[&inside]).to_vec();
        let sealed = AdvSignedDeviceIdentityHmac {
            details: Some(inside.into()),
            hmac: Some(hmac.into()),
            account_type: None,
        };
        container(&sealed.encode_to_vec());
    }
}

fn proof(bytes: &[u8]) {
    for known in [None, Some(&KEYS.account.public)] {
        let verdict = verify_device_identity(bytes, &KEYS.companion.public, known);
        assert!(verdict.is_err(), "a forged device identity was believed");
    }
    if let Ok(list) = KeyIndexList::decode(bytes) {
        assert!(list.verify(Some(&KEYS.account.public)).is_err() || list.account.is_some(), "a forged list");
    }
}

fn key_indexes(details: &[u8]) {
    let message = [&[6, 2], details].concat();
    let signed = AdvSignedKeyIndexList {
        details: Some(details.to_vec().into()),
        account_signature: Some(KEYS.account.private.sign_deterministic(&message).to_vec().into()),
        account_signature_key: None,
    };
    let Ok(list) = KeyIndexList::decode(&signed.encode_to_vec()) else { return };
    assert_eq!(list.verify(Some(&KEYS.account.public)), Ok(()));
    let _ = list.freshness(Some((list.raw_id, list.timestamp_s)));
    for index in &list.valid {
        assert!(list.retains(1, Some(*index)), "a listed device is gone");
    }
    assert!(list.retains(0, None) && !list.retains(1, None));
}

fn text(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(code) = QrCode::parse(text) {
        assert_eq!(QrCode::parse(&code.text()).as_ref(), Ok(&code), "the code reads as something else");
    }
    if let Ok(code) = LinkCode::custom(text) {
        assert_eq!(LinkCode::custom(&code.text()).map(|code| code.shown()), Ok(code.shown()));
    }
    if let Ok(number) = phone_number(text) {
        assert!(number.bytes().all(|byte| byte.is_ascii_digit()));
    }
    let _ = check_display(text);
}

fn code_hello(bytes: &[u8]) {
    let (wrapped, identity) = bytes.split_at(bytes.len().min(80));
    hello(wrapped, identity);
}

fn hello(wrapped: &[u8], identity: &[u8]) {
    // Deriving the key takes long on purpose: only where the salt says so, or nothing else would be tried.
    if wrapped.len() == 80 && !wrapped.starts_with(b"salt") {
        return;
    }
    let random = FinishRandom { salt: [1; 32], nonce: [2; 12], share: [3; 32] };
    let made = finish(&KEYS.code, &KEYS.ephemeral, &KEYS.companion, wrapped, identity, &random);
    assert!(made.is_err() || (wrapped.len(), identity.len()) == (80, 32));
}

fn passkey(bytes: &[u8]) {
    let Ok(primary) = PrimaryIdentity::decode(bytes) else { return };
    let prologue = &KEYS.prologue;
    assert_eq!(prologue.verification_code(&primary).len(), "XXXX-XXXX".len());
    let (noise, identity) = (&KEYS.ephemeral.public, &KEYS.companion.public);
    let _ = prologue.seal_request(&primary, noise, identity, &KEYS.secret, &[5; 12]);
}

fn writable(node: &Node<'_>) {
    assert!(encode(node).is_ok(), "an answer cannot be written");
}

struct Keys {
    account: KeyPair,
    companion: KeyPair,
    ephemeral: KeyPair,
    secret: Secret<32>,
    code: LinkCode,
    prologue: Prologue,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pair = |fill| KeyPair::from_private([fill; 32]);
    Keys {
        account: pair(1),
        companion: pair(2),
        ephemeral: pair(3),
        secret: Secret::new([4; 32]),
        code: LinkCode::from_random([5; 5]),
        prologue: Prologue::new(pair(6), Secret::new([7; 32]), PlatformType::Chrome, "reference"),
    }
});

/// The account key that signs, for seeds.
pub fn account() -> PublicKey {
    KEYS.account.public
}
