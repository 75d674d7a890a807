//! Nodes to bytes and back: ours and wacore-binary's on the same stanzas.
//!
//! Goal: at most 0.7x wacore's time to decode and to encode a typical message stanza. Reading is compared as
//! well, because ours takes strings and JIDs from the frame only when a handler asks for them.

#![allow(clippy::unwrap_used, missing_docs)]

use core::hint::black_box;

use sanswire::wire::{Jid, Node, NodeRef, decode, encode};
use sanswire_bench::compare;
use wacore_binary::marshal::{marshal, marshal_auto, marshal_exact, unmarshal_ref};

fn main() {
    for name in STANZAS {
        let node = stanza(name);
        let frame = encode(&node).unwrap();
        compare(format!("decode: {name}, {} bytes", frame.len()))
            .subject("sanswire", || decode(black_box(&frame[..])).unwrap())
            .subject("wacore", || unmarshal_ref(black_box(&frame[1..])).unwrap())
            .run();
        compare(format!("decode, then read every value: {name}"))
            .subject("sanswire", || read_ours(decode(black_box(&frame[..])).unwrap().root()))
            .subject("wacore", || read_wacore(&unmarshal_ref(black_box(&frame[1..])).unwrap()))
            .run();
        let peer = unmarshal_ref(&frame[1..]).unwrap().to_owned();
        assert_eq!(marshal(&peer).unwrap(), frame, "the same stanza on both sides");
        compare(format!("encode: {name}"))
            .subject("sanswire", || encode(black_box(&node)).unwrap())
            .subject("wacore, one pass", || marshal_auto(black_box(&peer)).unwrap())
            .subject("wacore, exact size", || marshal_exact(black_box(&peer)).unwrap())
            .run();
    }
}

/// Looks at every attribute and content in its own type.
fn read_ours(node: NodeRef<'_>) {
    black_box((node.is("message"), node.content_bytes()));
    for attr in node.attrs() {
        black_box(attr);
    }
    node.nodes().for_each(read_ours);
}

fn read_wacore(node: &wacore_binary::node::NodeRef<'_>) {
    black_box((&*node.tag == "message", node.content_bytes()));
    for attr in node.attrs_iter() {
        black_box(attr);
    }
    node.children().unwrap_or_default().iter().for_each(read_wacore);
}

const STANZAS: [&str; 4] = ["group message", "usync result", "prekey upload", "list of 700"];

fn stanza(name: &str) -> Node<'static> {
    match name {
        "group message" => Node::new("message")
            .attr("from", Jid::group("120363000000000001"))
            .attr("participant", Jid::lid("100000000000021", 21))
            .attr("participant_pn", Jid::pn("15550104277", 0))
            .attr("addressing_mode", "lid")
            .attr("id", "3EB00132F2F0D06271A97E")
            .attr("t", "1702084199")
            .attr("type", "text")
            .attr("notify", "Max")
            .child(Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(key(60)))
            .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(key(90))),
        "usync result" => usync_result(),
        "prekey upload" => Node::new("iq")
            .attr("id", "21211.49610-377")
            .attr("xmlns", "encrypt")
            .attr("type", "set")
            .attr("to", Jid::SERVER)
            .child(Node::new("registration").bytes(key(4)))
            .child(Node::new("type").bytes(key(1)))
            .child(Node::new("identity").bytes(key(32)))
            .child(Node::new("list").children((0..3).map(|_| prekey("key"))))
            .child(prekey("skey").child(Node::new("signature").bytes(key(64)))),
        _ => Node::new("list").children((0..700).map(|i: u32| Node::new("user").attr("i", i))),
    }
}

fn usync_result() -> Node<'static> {
    let devices = Node::new("devices")
        .child(
            Node::new("device-list")
                .attr("hash", "2:Ps9goye4")
                .child(Node::new("device").attr("id", "0"))
                .child(Node::new("device").attr("id", "22").attr("key-index", "6")),
        )
        .child(Node::new("key-index-list").attr("ts", "1706497947").bytes(key(40)));
    let user = Node::new("user").attr("jid", Jid::pn("15550105038", 0)).child(devices);
    let usync = Node::new("usync")
        .attr("sid", "60702.42084-173")
        .attr("index", "0")
        .attr("last", "true")
        .attr("mode", "query")
        .attr("context", "message")
        .child(Node::new("result").child(Node::new("devices")))
        .child(Node::new("list").child(user));
    Node::new("iq")
        .attr("from", Jid::SERVER)
        .attr("type", "result")
        .attr("id", "26586.36538-310")
        .child(usync)
}

fn prekey(tag: &'static str) -> Node<'static> {
    Node::new(tag).child(Node::new("id").bytes(key(3))).child(Node::new("value").bytes(key(32)))
}

/// Bytes that look like a key.
fn key(length: u8) -> Vec<u8> {
    (0..length).map(|at| at.wrapping_mul(151) ^ 0x5a).collect()
}
