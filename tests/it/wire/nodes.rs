//! Nodes: the vectors of the reference, and the limits.

use sanswire::crypto::mac::sha256;
use sanswire::limits;
use sanswire::wire::{
    Content, EncodeError, Jid, Node, NodeError, Server, Value, decode, encode, encode_into,
};
use serde_json::Value as Json;

use crate::vectors::{Case, check, hex, same, to_hex};

#[test]
fn nodes_match_the_reference_vectors() {
    check("nodes.json", |case| match case.op() {
        "both" => encodes(case).and_then(|bytes| decodes_to(&bytes, &case.input["node"])),
        "encode" => encode_only(case),
        "decode" => decode_only(case),
        op => Err(format!("unknown op {op:?}")),
    });
}

fn encode_only(case: &Case) -> Result<(), String> {
    match case.error() {
        Some(class) => match encode(&node(&case.input["node"])) {
            Err(error) => same("error", &error.class(), &class),
            Ok(bytes) => Err(format!("encoded as {}", to_hex(&bytes))),
        },
        // Clients write some forms that only servers read: those have nothing to come back as.
        None => encodes(case).and_then(|bytes| {
            case.expected.get("decodes_to").map_or(Ok(()), |node| decodes_to(&bytes, node))
        }),
    }
}

fn decode_only(case: &Case) -> Result<(), String> {
    let bytes = case.bytes("bytes");
    match case.error() {
        Some(class) => match decode(&bytes[..]) {
            Err(error) => same("error", &error.class(), &class),
            Ok(document) => Err(format!("decoded as {}", document.root())),
        },
        None => decodes_to(&bytes, &case.expected["node"]),
    }
}

/// Encodes the case's node, also behind bytes that are already there, and compares with what is expected.
fn encodes(case: &Case) -> Result<Vec<u8>, String> {
    let tree = node(&case.input["node"]);
    let bytes = encode(&tree).map_err(|error| format!("does not encode: {error}"))?;
    let mut appended = vec![1, 2, 3];
    encode_into(&tree, &mut appended).map_err(|error| format!("does not encode: {error}"))?;
    same("appended form", &&appended[3..], &&bytes[..])?;
    match case.expected["bytes"].as_str() {
        Some(expected) => same("bytes", &to_hex(&bytes).as_str(), &expected)?,
        None => {
            same("length", &(bytes.len() as u64), &case.expected["length"].as_u64().unwrap())?;
            same("hash", &to_hex(&sha256(&[&bytes])).as_str(), &case.expected["sha256"].as_str().unwrap())?;
            let head = hex(case.expected["head"].as_str().unwrap());
            same("head", &&bytes[..head.len()], &&head[..])?;
        }
    }
    Ok(bytes)
}

/// Decodes bytes and compares with a vector node: order of attributes, types and texts of JIDs included.
fn decodes_to(bytes: &[u8], expected: &Json) -> Result<(), String> {
    let document = decode(bytes).map_err(|error| format!("does not decode: {error}"))?;
    let decoded = document.root().to_node();
    same("node", &decoded, &node(expected))?;
    same("text form", &decoded.to_string(), &node(expected).to_string())?;
    same("view", &document.root().to_string(), &decoded.to_string())
}

fn node(json: &Json) -> Node<'static> {
    if let Some(nest) = json.get("nest") {
        let tag = nest["tag"].as_str().unwrap().to_owned();
        let leaf = Node::new(nest["leaf"].as_str().unwrap().to_owned());
        return (1..nest["depth"].as_u64().unwrap()).fold(leaf, |node, _| Node::new(tag.clone()).child(node));
    }
    let mut node = Node::new(json["tag"].as_str().expect("nodes have tags").to_owned());
    for attr in json["attrs"].as_array().expect("nodes have attrs") {
        let value = match &attr[1] {
            Json::String(text) => Value::from(text.clone()),
            typed => Value::Jid(jid(typed["jid"].as_str().expect("typed values are JIDs"))),
        };
        node.attrs.insert(attr[0].as_str().unwrap().to_owned(), value);
    }
    if let Some(content) = json.get("content").and_then(Json::as_object) {
        let (kind, value) = content.iter().next().expect("content has a kind");
        node.content = match kind.as_str() {
            "nodes" => Content::Nodes(value.as_array().unwrap().iter().map(self::node).collect()),
            "bytes" => Content::Bytes(hex(value.as_str().unwrap()).into()),
            "text" => Content::Text(value.as_str().unwrap().to_owned().into()),
            "jid" => Content::Jid(jid(value.as_str().unwrap())),
            "repeat" => {
                let byte = hex(value["byte"].as_str().unwrap())[0];
                let count = usize::try_from(value["count"].as_u64().unwrap()).unwrap();
                Content::Bytes(vec![byte; count].into())
            }
            other => panic!("unknown content {other:?}"),
        };
    }
    node
}

/// A typed value, also one that is no JID: the encoder has to refuse those by itself.
fn jid(text: &str) -> Jid<'static> {
    text.parse().unwrap_or_else(|_| {
        let (local, server) = text.split_once('@').unwrap_or((text, ""));
        let (user, device) = match local.split_once(':').map(|(user, device)| (user, device.parse())) {
            Some((user, Ok(device))) => (user, device),
            _ => (local, 0),
        };
        Jid::new(user, Server::from_name(server), device).into_owned()
    })
}

#[test]
fn depth_is_bounded_both_ways() {
    let nested = |levels| (1..levels).fold(Node::new("a"), |node, _| Node::new("b").child(node));
    let deepest = encode(&nested(limits::NODE_DEPTH_MAX)).unwrap();
    assert!(decode(&deepest[..]).is_ok());
    assert_eq!(encode(&nested(limits::NODE_DEPTH_MAX + 1)), Err(EncodeError::TooDeep));
    let mut deeper = vec![0, 0xf8, 2, 0xfc, 1, b'b', 0xf8, 1];
    deeper.extend_from_slice(&deepest[1..]);
    assert_eq!(decode(deeper).map(|_| ()), Err(NodeError::TooDeep));
}

#[test]
fn number_of_entries_is_bounded() {
    let children = [0xf8, 1, 3].repeat(limits::NODE_CHILDREN_MAX);
    let mut frame = vec![0, 0xf8, 2, 3, 0xf8, 17];
    for _ in 0..17 {
        frame.extend_from_slice(&[0xf8, 2, 3, 0xf9, 0xff, 0xff]);
        frame.extend_from_slice(&children);
    }
    const { assert!(17 * limits::NODE_CHILDREN_MAX > limits::NODE_ENTRIES_MAX) };
    assert_eq!(decode(frame).map(|_| ()), Err(NodeError::TooLarge));
}

#[test]
fn frames_above_the_frame_limit_are_refused() {
    let largest = limits::PLAINTEXT_BYTES_MAX - 11;
    assert!(encode(&Node::new("a").bytes(vec![0; largest])).is_ok());
    let mut out = vec![7];
    let refused = encode_into(&Node::new("a").bytes(vec![0; largest + 1]), &mut out);
    assert_eq!((refused, out), (Err(EncodeError::TooLarge), vec![7]));
    assert!(decode(vec![0; limits::INFLATED_BYTES_MAX + 2]).is_err());
    const { assert!(limits::PLAINTEXT_BYTES_MAX < limits::FRAME_BYTES_MAX) };
}

#[test]
fn lists_and_attributes_are_counted_in_16_bits() {
    let children = |count| Node::new("list").children((0..count).map(|_| Node::new("user")));
    assert!(encode(&children(limits::NODE_CHILDREN_MAX)).is_ok());
    assert_eq!(encode(&children(limits::NODE_CHILDREN_MAX + 1)), Err(EncodeError::TooLarge));
    let attrs = |count: usize| {
        let mut frame = vec![0, 0xf9];
        frame.extend_from_slice(&u16::try_from(2 * count + 1).unwrap().to_be_bytes());
        frame.push(3);
        for number in 0..count {
            frame.extend_from_slice(&[0xfc, 3, b'k', (number >> 7) as u8 & 0x7f, number as u8 & 0x7f, 3]);
        }
        frame
    };
    let document = decode(attrs(limits::NODE_ATTRIBUTES_MAX)).unwrap();
    let mut node = document.root().to_node();
    let count = document.root().attrs().count();
    assert_eq!((node.attrs.len(), count), (1 << 14, 1 << 14), "equal keys are merged");
    node = Node::new("a");
    node.attrs = (0..limits::NODE_ATTRIBUTES_MAX).map(|number| (number.to_string(), "v")).collect();
    assert!(encode(&node).is_ok());
    node.attrs.insert("one more", "v");
    assert_eq!(encode(&node), Err(EncodeError::TooLarge));
}

#[test]
fn last_of_equal_keys_wins_at_the_place_of_the_first() {
    for spread in [0, 100] {
        let mut keys: Vec<String> = (0..spread).map(|number| format!("key {number}")).collect();
        keys.extend(["id", "type", "id", "id", "type"].map(String::from));
        let mut frame = vec![0, 0xf9, 0, u8::try_from(2 * keys.len() + 1).unwrap(), 3];
        for (number, key) in keys.iter().enumerate() {
            // Written as raw text or, for the second `id`, as the token.
            match number - spread.min(number) {
                2 if number > spread => frame.push(8),
                _ => {
                    frame.extend_from_slice(&[0xfc, u8::try_from(key.len()).unwrap()]);
                    frame.extend_from_slice(key.as_bytes());
                }
            }
            frame.extend_from_slice(&[0xfc, 1, b'a' + (number - spread.min(number)) as u8]);
        }
        let document = decode(frame).unwrap();
        let tail: Vec<_> = document.root().attrs().skip(spread).collect();
        assert_eq!(tail, [("id".into(), Value::from("d")), ("type".into(), Value::from("e"))]);
        assert_eq!(document.root().get("id").as_deref(), Some("d"));
    }
}

#[test]
fn reading_is_liberal_about_types() {
    let tree = Node::new("message")
        .attr("from", Jid::pn("15550001111", 3))
        .attr("to", "s.whatsapp.net")
        .attr("t", 1_700_000_000_u64)
        .attr("name", "+5")
        .attr_opt("none", None::<&str>)
        .child(Node::new("enc").attr("type", "pkmsg").bytes(&[1, 2][..]))
        .child(Node::new("count").text("12"))
        .child(Node::new("user").jid(Jid::lid("100000000000001", 0)));
    let bytes = encode(&tree).unwrap();
    let document = decode(&bytes[..]).unwrap();
    for root in [document.root(), tree.view()] {
        assert_eq!(root.get("from").as_deref(), Some("15550001111:3@s.whatsapp.net"));
        assert_eq!(root.get_jid("to"), Some(Jid::SERVER));
        assert_eq!(root.get_u64("t"), Some(1_700_000_000));
        assert_eq!((root.get_u64("name"), root.get_jid("name"), root.has("none")), (None, None, false));
        assert_eq!(root.nodes().count(), 3);
        let enc = root.find("enc").unwrap();
        assert_eq!(enc.content_bytes().as_deref(), Some(&[1, 2][..]));
        assert_eq!(root.find("count").and_then(|node| node.content_bytes()).as_deref(), Some(&b"12"[..]));
        assert_eq!(root.find("count").and_then(|node| node.content_text()).as_deref(), Some("12"));
        let user = root.find("user").unwrap();
        assert_eq!(user.content_text().as_deref(), Some("100000000000001@lid"));
        assert_eq!(user.content_jid(), Some(Jid::lid("100000000000001", 0)));
        assert_eq!(root.find_all("enc").count(), 1);
        assert!(root.find("none").is_none() && root.content_bytes().is_none());
        assert_eq!(root, tree);
    }
    assert_eq!(document.root().to_string(), tree.to_string());
}

#[test]
fn compressed_frames_read_like_plain_ones() {
    let tree = Node::new("iq").attr("id", "77.1-2").bytes(vec![9; 5000]);
    let plain = encode(&tree).unwrap();
    let mut frame = vec![2];
    // One stored block: final, length, its complement, bytes, and the checksum.
    let body = &plain[1..];
    let length = u16::try_from(body.len()).unwrap();
    frame.extend_from_slice(&[0x78, 1, 1]);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&(!length).to_le_bytes());
    frame.extend_from_slice(body);
    let (low, high) = body.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    frame.extend_from_slice(&(high << 16 | low).to_be_bytes());
    assert_eq!(decode(frame.clone()).unwrap().root(), tree);
    *frame.last_mut().unwrap() ^= 1;
    assert_eq!(decode(frame).map(|_| ()), Err(NodeError::Zlib));
}
