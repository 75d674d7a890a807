//! What holds for every node and every byte string.

use proptest::collection::vec;
use proptest::prelude::*;
use sanswire::wire::{Content, Jid, Node, OwnedJid, Server, Value, decode, encode};

/// Strings of all the kinds that the encoder tells apart.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["id", "message", "peer_pid", "1024", "s.whatsapp.net", "type", "x"])
            .prop_map(String::from),
        "[0-9.-]{1,140}",
        "[0-9A-F]{1,140}",
        "[ -~]{0,40}",
        "\\PC{1,20}",
        vec(any::<char>(), 1..300).prop_map(|letters| letters.into_iter().collect()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    string().prop_filter("names are not empty", |name| !name.is_empty())
}

/// JIDs of all servers, with the devices that each can have. Clients write interop JIDs without the server
/// that readers want, so those do not come back.
fn jid() -> impl Strategy<Value = OwnedJid> {
    let user = prop_oneof!["[0-9]{1,18}", "[a-z]{1,9}", "[0-9]{6,12}-[0-9]{10}"];
    let server = prop::sample::select(vec![
        "s.whatsapp.net",
        "lid",
        "hosted",
        "hosted.lid",
        "g.us",
        "broadcast",
        "newsletter",
        "bot",
        "call",
        "msgr",
        "c.us",
        "example.invalid",
    ]);
    (user, server, any::<u16>(), any::<bool>()).prop_map(|(user, server, device, alone)| {
        let server = Server::from_name(server);
        if alone && device.is_multiple_of(4) {
            return Jid::of_server(server);
        }
        let device = match server.device_max() {
            0 => 0,
            max if alone => device % (max / 100).max(2),
            max => (u32::from(device) % (u32::from(max) + 1)) as u16,
        };
        Jid::new(user, server, device).into_owned()
    })
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![3 => string().prop_map(Value::from), 1 => jid().prop_map(Value::Jid)]
}

fn scalar() -> impl Strategy<Value = Content<'static>> {
    prop_oneof![
        Just(Content::None),
        vec(any::<u8>(), 0..600).prop_map(|bytes| Content::Bytes(bytes.into())),
        string().prop_map(|text| Content::Text(text.into())),
        jid().prop_map(Content::Jid),
    ]
}

fn node() -> impl Strategy<Value = Node<'static>> {
    let head = || (name(), vec((name(), value()), 0..12));
    let build = |((tag, attrs), content): ((String, Vec<(String, Value<'static>)>), Content<'static>)| {
        let mut node = Node::new(tag);
        node.attrs = attrs.into_iter().collect();
        node.content = content;
        node
    };
    let leaf = (head(), scalar()).prop_map(build);
    leaf.prop_recursive(5, 60, 8, move |inner| {
        (head(), vec(inner, 0..8).prop_map(Content::Nodes)).prop_map(build)
    })
}

/// The tree as it comes back: text that is neither token nor packed comes back as bytes.
fn as_decoded(mut node: Node<'static>) -> Node<'static> {
    node.content = match node.content {
        Content::Text(text) if encode(&Node::new("a").text(text.clone())).unwrap().get(6) == Some(&0xfc) => {
            Content::Bytes(text.into_owned().into_bytes().into())
        }
        Content::Text(text) if text.len() > 127 => Content::Bytes(text.into_owned().into_bytes().into()),
        Content::Nodes(nodes) => Content::Nodes(nodes.into_iter().map(as_decoded).collect()),
        other => other,
    };
    node
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn trees_come_back_from_their_bytes(tree in node()) {
        let bytes = encode(&tree).unwrap();
        let document = decode(&bytes[..]).unwrap();
        let decoded = document.root().to_node();
        prop_assert_eq!(&decoded, &as_decoded(tree));
        prop_assert_eq!(document.root().to_string(), decoded.to_string());
    }

    #[test]
    fn canonical_bytes_are_stable(tree in node()) {
        let bytes = encode(&tree).unwrap();
        prop_assert_eq!(encode(&decode(&bytes[..]).unwrap().root().to_node()).unwrap(), bytes);
    }

    #[test]
    fn views_and_trees_read_alike(tree in node()) {
        let bytes = encode(&tree).unwrap();
        let document = decode(bytes).unwrap();
        let decoded = document.root().to_owned_node();
        for (key, value) in &decoded.attrs {
            prop_assert_eq!(&document.root().value(key).unwrap(), value);
            prop_assert_eq!(document.root().get(key), decoded.get(key));
            prop_assert_eq!(document.root().get_jid(key), decoded.get_jid(key));
            prop_assert_eq!(document.root().get_u64(key), decoded.get_u64(key));
        }
        prop_assert_eq!(document.root().content_bytes(), decoded.content_bytes());
        prop_assert_eq!(document.root().content_jid(), decoded.content_jid());
        prop_assert_eq!(document.root().nodes().count(), decoded.nodes().len());
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..400)) {
        read_everything(bytes);
    }

    #[test]
    fn no_damaged_frame_panics(tree in node(), edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = encode(&tree).unwrap();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        read_everything(bytes);
    }

    #[test]
    fn no_cut_frame_decodes(tree in node(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&tree).unwrap();
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn jid_texts_read_back(jid in jid()) {
        let text = jid.to_string();
        let read = Jid::parse(&text).unwrap();
        prop_assert_eq!(&read, &jid);
        prop_assert_eq!(&read.to_string(), &text);
        prop_assert!(jid.same_user(&read.bare()) && jid.bare().device() == 0);
    }

    #[test]
    fn any_text_that_parses_prints_a_jid_that_parses(text in "[0-9a-f:._@-]{0,12}(@lid|@s.whatsapp.net|@interop|@g.us|)") {
        if let Ok(jid) = Jid::parse(&text) {
            let printed = jid.to_string();
            prop_assert_eq!(Jid::parse(&printed), Ok(jid));
        }
    }
}

/// Decodes bytes and, when they are a node, reads all of it; a tree of it encodes to what it reads as.
fn read_everything(bytes: Vec<u8>) {
    let Ok(document) = decode(bytes) else { return };
    let tree = document.root().to_node();
    assert_eq!(document.root().to_string(), tree.to_string());
    // What is legal to receive may have no canonical form, as an interop JID from a server.
    let Ok(again) = encode(&tree) else { return };
    if let Ok(document) = decode(again) {
        assert_eq!(document.root(), tree);
    }
}
