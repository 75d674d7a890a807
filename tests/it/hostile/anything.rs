//! Whatever a server sends, the client does not panic, does little for it, and works on.

use proptest::collection::vec;
use proptest::prelude::*;
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Script, own_number};

use super::{assert_works, bob, met};

/// Tags of what a server sends to a client that is ready, except for those that end the connection.
const TAGS: [&str; 12] = [
    "message",
    "receipt",
    "ack",
    "notification",
    "iq",
    "ib",
    "call",
    "success",
    "presence",
    "chatstate",
    "x",
    "stream:features",
];
const CHILDREN: [&str; 27] = [
    "enc",
    "participants",
    "retry",
    "keys",
    "registration",
    "identity",
    "skey",
    "key",
    "id",
    "value",
    "signature",
    "list",
    "item",
    "device-identity",
    "unavailable",
    "plaintext",
    "count",
    "digest",
    "devices",
    "device",
    "usync",
    "user",
    "offline_preview",
    "offline",
    "edge_routing",
    "pair-device",
    "pair-success",
];
const KEYS: [&str; 16] = [
    "id",
    "from",
    "to",
    "type",
    "participant",
    "recipient",
    "t",
    "offline",
    "count",
    "error",
    "class",
    "lid",
    "sender_lid",
    "notify",
    "xmlns",
    "jid",
];
const WORDS: [&str; 22] = [
    "",
    "A",
    "B",
    "retry",
    "read",
    "msg",
    "pkmsg",
    "skmsg",
    "get",
    "set",
    "result",
    "error",
    "encrypt",
    "devices",
    "account_sync",
    "companion_reg_refresh",
    "message",
    "0",
    "1",
    "5",
    "99999999999",
    "peer",
];

fn word() -> impl Strategy<Value = String> {
    let people = [bob(0).to_string(), bob(9).to_string(), own_number().to_string(), "x@g.us".to_string()];
    prop_oneof![
        3 => prop::sample::select(WORDS.to_vec()).prop_map(String::from),
        2 => prop::sample::select(people.to_vec()),
        1 => "\\PC{0,12}",
    ]
}

fn with_attrs(tag: &'static str, attrs: Vec<(&'static str, String)>, jids: bool) -> Node<'static> {
    attrs.into_iter().fold(Node::new(tag), |node, (key, value)| match Jid::parse(&value) {
        Ok(jid) if jids => node.attr(key, jid.into_owned()),
        _ => node.attr(key, value),
    })
}

fn attrs() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    vec((prop::sample::select(KEYS.to_vec()), word()), 0..6)
}

fn child() -> impl Strategy<Value = Node<'static>> {
    let head = || (prop::sample::select(CHILDREN.to_vec()), attrs(), any::<bool>());
    let lengths = prop_oneof![Just(3_usize), Just(4), Just(32), Just(64), 0..200_usize];
    let content = lengths.prop_flat_map(|len| vec(any::<u8>(), len));
    let leaf = (head(), prop::option::of(content)).prop_map(|((tag, attrs, jids), bytes)| {
        let node = with_attrs(tag, attrs, jids);
        bytes.map_or_else(|| node.clone(), |bytes| node.clone().bytes(bytes))
    });
    leaf.prop_recursive(3, 12, 5, move |inner| {
        (head(), vec(inner, 0..5))
            .prop_map(|((tag, attrs, jids), children)| with_attrs(tag, attrs, jids).children(children))
    })
}

fn stanza() -> impl Strategy<Value = Node<'static>> {
    (prop::sample::select(TAGS.to_vec()), attrs(), any::<bool>(), vec(child(), 0..5))
        .prop_map(|(tag, attrs, jids, children)| with_attrs(tag, attrs, jids).children(children))
}

/// What the client may do at most for one stanza with this many children.
fn assert_little(script: &mut Script, events: usize, children: usize) {
    let (sent, events) = (script.sent().len(), script.events.len() - events);
    assert!(sent <= 3 + children, "{sent} stanzas");
    assert!(events <= 3 + children, "{events} events");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_stanzas_leave_the_client_working(stanzas in vec(stanza(), 1..24)) {
        let (mut script, mut peer) = met();
        for stanza in stanzas {
            let events = script.events.len();
            script.send(&stanza);
            assert_little(&mut script, events, stanza.nodes().len());
        }
        assert_works(&mut script, &mut peer);
    }

    #[test]
    fn any_frames_leave_the_client_working(frames in vec(vec(any::<u8>(), 0..60), 1..24)) {
        let (mut script, mut peer) = met();
        for mut frame in frames {
            let events = script.events.len();
            script.send_plaintext(&frame);
            assert_little(&mut script, events, frame.len());
            // Without compression more of them are nodes.
            frame.insert(0, 0);
            script.send_plaintext(&frame);
            script.sent();
        }
        assert_works(&mut script, &mut peer);
    }

    #[test]
    fn any_bytes_instead_of_a_handshake_end_in_another_try(body in vec(any::<u8>(), 0..200)) {
        let mut script = Script::new(1);
        script.greets = false;
        script.run();
        script.send_frame(&body);
        script.greets = true;
        script.advance(core::time::Duration::from_secs(2));
        script.pair();
        script.log_in();
    }
}
