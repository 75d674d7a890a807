//! Pairwise messages from arbitrary bytes.

use std::sync::LazyLock;

use sanswire::crypto::KeyPair;
use sanswire::signal::{
    Bundle, Draw, Local, PreKey, PreKeyMessage, SessionRecord, SignedPreKey, decrypt_message,
    decrypt_prekey_message,
};

/// A refused message changes neither the sessions nor the source of keys; an accepted one is refused the second
/// time. The keys are those of side B of the vector `linear-otpk`. Reference 04 §5.
pub fn signal_message(bytes: &[u8]) {
    let Receiver { local, signed, prekey, stranger } = &*RECEIVER;
    let mut draw = Counting(0);
    let mut record = SessionRecord::new();
    if let Ok(message) = PreKeyMessage::parse(bytes) {
        let open = |record: &mut SessionRecord, draw: &mut Counting| {
            decrypt_prekey_message(record, &message, local, Some(signed), Some(prekey), draw)
        };
        match open(&mut record, &mut draw) {
            Ok(_) => {
                let (before, drawn) = (record.clone(), draw.0);
                assert!(open(&mut record, &mut draw).is_err(), "the same message was accepted twice");
                assert_eq!((record, draw.0), (before, drawn), "a refused message left a trace");
            }
            Err(_) => {
                assert_eq!((record, draw.0), (SessionRecord::new(), 0), "a refused message left a trace")
            }
        }
    }
    let mut record = stranger.clone();
    let opened = decrypt_message(&mut record, bytes, &mut draw);
    assert!(opened.is_err() && record == *stranger, "a session opened what was never sent in it");
}

/// The receiver's keys, and its session with somebody who never sends: making them costs more than decrypting.
struct Receiver {
    local: Local,
    signed: SignedPreKey,
    prekey: PreKey,
    stranger: SessionRecord,
}

static RECEIVER: LazyLock<Receiver> = LazyLock::new(|| {
    let local = Local { identity: KeyPair::from_private(SIDE_B), registration_id: 16294 };
    let signed = SignedPreKey::new(&local.identity, 1, SIGNED_PREKEY, &[0; 64]);
    let other = KeyPair::from_private([5; 32]);
    let signed_prekey = SignedPreKey::new(&other, 1, [6; 32], &[0; 64]).public();
    let bundle = Bundle { registration_id: 1, identity: other.public, signed_prekey, prekey: None };
    let mut stranger = SessionRecord::new();
    stranger.initiate(&local, &bundle, &mut Counting(0)).expect("the bundle is signed");
    Receiver { local, signed, prekey: PreKey::new(21, PREKEY), stranger }
});

/// Draws distinct keys and counts them.
#[derive(Debug)]
pub struct Counting(pub u8);

impl Draw for Counting {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0 = self.0.wrapping_add(1);
        [self.0; 32]
    }
}

const SIDE_B: [u8; 32] = *b"\xd8\x8a\x7e\xda\x50\x61\x5d\x4f\x9a\xe3\xdd\x63\xe5\x35\x60\xc2\
    \x7e\x43\x4a\xaa\x8b\x46\x5a\x2c\xd8\xb3\x39\x90\x12\x44\xd2\x7f";
const SIGNED_PREKEY: [u8; 32] = *b"\x60\x11\x13\xca\xf5\xd7\x2b\xf7\xbd\x6e\x88\x32\xdc\x83\xff\x54\
    \x21\x86\xe7\xe8\xe8\xb4\xda\x37\x13\x9c\xd0\x67\xf3\xff\xd4\x44";
const PREKEY: [u8; 32] = *b"\xa0\x8a\x58\xba\x0d\x82\x99\xba\xef\x76\x31\xff\xe7\x8b\xcc\x45\
    \xaa\x71\x5b\xeb\x7c\xf6\x6b\x92\x70\xf7\x76\x5d\xd6\x3c\x8d\x7e";
