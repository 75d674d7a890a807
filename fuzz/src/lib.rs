//! What each fuzz target asserts about its bytes. The normal tests run the same functions over the committed
//! seeds and over every input that ever failed.

use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::signal::{
    Bundle, Draw, Local, PreKey, PreKeyMessage, SessionRecord, SignedPreKey, decrypt_message,
    decrypt_prekey_message,
};
use sanswire::wire::certificate::Trust;
use sanswire::wire::frame::FrameBuffer;
use sanswire::wire::noise::{Answered, Initiator, Responder};
use sanswire::wire::{Content, Node, decode, encode};

/// What decodes to a node has a canonical form, and that decodes to the same node. Reference 03 §9.
pub fn node_decode(frame: &[u8]) {
    let Ok(document) = decode(frame) else { return };
    let node = document.root().to_node();
    let canonical = encode(&node).expect("a decoded node has a wire form");
    // Interop JIDs are written without the server that is required when reading. Reference 03 §5.2.
    if !node.to_string().contains("@interop") {
        let again = decode(&canonical).expect("a canonical frame decodes");
        let (before, after) = (as_bytes(node), as_bytes(again.root().to_node()));
        assert_eq!(after, before, "the canonical form says something else");
        assert_eq!(encode(&again.root().to_node()).as_deref(), Ok(&*canonical));
    }
}

/// The node with text content as bytes. Only tokens and packed strings decode as text; what is packed but empty, or
/// too long for an encoder to pack, has raw bytes as its canonical form, and means the same. Reference 03 §4.
fn as_bytes(mut node: Node<'_>) -> Node<'_> {
    node.content = match node.content {
        Content::Text(text) => Content::Bytes(text.into_owned().into_bytes().into()),
        Content::Nodes(nodes) => Content::Nodes(nodes.into_iter().map(as_bytes).collect()),
        content => content,
    };
    node
}

/// Any split of a byte stream gives the same frames, and none of them passes for a handshake. The first byte
/// says how to split. Reference 01 §4, §5.
pub fn frames_handshake(input: &[u8]) {
    let Some((split, stream)) = input.split_first() else { return };
    let frames = frames(stream, usize::MAX);
    assert_eq!(frames, self::frames(stream, usize::from(*split) + 1), "another split gives other frames");

    let (client, _) = Initiator::xx(KeyPair::from_private([1; 32]), KeyPair::from_private([2; 32]));
    let server = Responder::new(KeyPair::from_private([3; 32]), Vec::new());
    for frame in &frames {
        let established = client.read_server_hello(frame, &Trust::default(), 1_800_000_000, b"payload");
        assert!(established.is_err(), "a forged server was believed");
        let awaiting = match server.read_client_hello(frame, KeyPair::from_private([4; 32])) {
            Ok(Answered::AwaitClientFinish { awaiting, .. }) => awaiting,
            Ok(Answered::Arrived { .. }) => panic!("a forged client was believed"),
            Err(_) => continue,
        };
        for frame in &frames {
            assert!(awaiting.read_client_finish(frame).is_err(), "a forged client was believed");
        }
    }
}

/// Bodies of the frames in a stream that comes in pieces of this size.
fn frames(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let (mut buffer, mut frames) = (FrameBuffer::new(), Vec::new());
    for piece in stream.chunks(piece) {
        buffer.push(piece).expect("a short stream fits");
        while let Some(frame) = buffer.next_frame() {
            frames.push(frame.to_vec());
        }
    }
    frames
}

/// A refused message changes neither the sessions nor the source of keys; an accepted one is refused the second
/// time. The keys are those of side B of the vector `linear-otpk`. Reference 04 §5.
pub fn signal_message(bytes: &[u8]) {
    let identity = KeyPair::from_private(SIDE_B);
    let local = Local { identity, registration_id: 16294 };
    let signed = SignedPreKey::new(&local.identity, 1, SIGNED_PREKEY, &[0; 64]);
    let prekey = PreKey::new(21, PREKEY);
    let mut draw = Counting(0);
    let mut record = SessionRecord::new();
    if let Ok(message) = PreKeyMessage::parse(bytes) {
        let open = |record: &mut SessionRecord, draw: &mut Counting| {
            decrypt_prekey_message(record, &message, &local, Some(&signed), Some(&prekey), draw)
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
    let mut record = session_with_a_stranger();
    let before = record.clone();
    let opened = decrypt_message(&mut record, bytes, &mut draw);
    assert!(opened.is_err() && record == before, "a session opened what was never sent in it");
}

fn session_with_a_stranger() -> SessionRecord {
    let stranger = KeyPair::from_private([5; 32]);
    let signed_prekey = SignedPreKey::new(&stranger, 1, [6; 32], &[0; 64]).public();
    let identity: PublicKey = stranger.public;
    let bundle = Bundle { registration_id: 1, identity, signed_prekey, prekey: None };
    let local = Local { identity: KeyPair::from_private(SIDE_B), registration_id: 16294 };
    let mut record = SessionRecord::new();
    record.initiate(&local, &bundle, &mut Counting(0)).expect("the bundle is signed");
    record
}

/// Draws distinct keys and counts them.
#[derive(Debug)]
struct Counting(u8);

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
