//! Frames, handshakes and nodes from arbitrary bytes.

use std::sync::LazyLock;

use sanswire::crypto::KeyPair;
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

    let [identity, ephemeral, leaf, answer] = &*KEYS;
    let (client, _) = Initiator::xx(identity.clone(), ephemeral.clone());
    let server = Responder::new(leaf.clone(), Vec::new());
    for frame in &frames {
        let established = client.read_server_hello(frame, &Trust::default(), 1_800_000_000, b"payload");
        assert!(established.is_err(), "a forged server was believed");
        let awaiting = match server.read_client_hello(frame, answer.clone()) {
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

/// Keys of both sides: making them costs more than all that is done with them.
static KEYS: LazyLock<[KeyPair; 4]> =
    LazyLock::new(|| [1, 2, 3, 4].map(|fill| KeyPair::from_private([fill; 32])));
