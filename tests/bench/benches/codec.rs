//! Nodes to bytes and back: ours and wacore-binary's on the same stanzas in one run.
//!
//! `cargo bench -p sanswire-bench --bench codec`. The goal is at most 0.7 times wacore's time for a typical
//! message stanza, and at most one allocation to decode it. `decode_and_read` adds what a handler asks of a
//! message: ours reads strings and JIDs from the frame only then.

#![allow(clippy::unwrap_used, missing_docs)]

use divan::{AllocProfiler, Bencher, black_box};
use sanswire::wire::{Jid, Node, NodeRef, decode, encode};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
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

#[divan::bench_group(sample_count = 300)]
mod decode_frame {
    use super::*;

    #[divan::bench(args = STANZAS)]
    fn ours(bencher: Bencher, name: &str) {
        let frame = encode(&stanza(name)).unwrap();
        bencher.bench(|| decode(black_box(&frame[..])).unwrap());
    }

    #[divan::bench(args = STANZAS)]
    fn wacore(bencher: Bencher, name: &str) {
        let frame = encode(&stanza(name)).unwrap();
        bencher.bench(|| wacore_binary::marshal::unmarshal_ref(black_box(&frame[1..])).unwrap());
    }
}

#[divan::bench_group(sample_count = 300)]
mod decode_and_read {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher) {
        let frame = encode(&stanza("group message")).unwrap();
        bencher.bench(|| {
            let document = decode(black_box(&frame[..])).unwrap();
            read_ours(document.root());
        });
    }

    fn read_ours(node: NodeRef<'_>) {
        assert!(node.is("message"));
        black_box((node.get_jid("from"), node.get_jid("participant"), node.get_jid("participant_pn")));
        black_box((node.get("id"), node.get_u64("t"), node.get("type"), node.get("notify")));
        for enc in node.find_all("enc") {
            black_box((enc.get("type"), enc.get("v"), enc.content_bytes()));
        }
    }

    #[divan::bench]
    fn wacore(bencher: Bencher) {
        let frame = encode(&stanza("group message")).unwrap();
        bencher.bench(|| {
            let node = wacore_binary::marshal::unmarshal_ref(black_box(&frame[1..])).unwrap();
            read_wacore(&node);
        });
    }

    fn read_wacore(node: &wacore_binary::node::NodeRef<'_>) {
        assert!(&*node.tag == "message");
        let jid = |key| node.get_attr(key).and_then(|value| value.to_jid());
        let text = |key| node.get_attr(key).map(|value| value.as_str());
        black_box((jid("from"), jid("participant"), jid("participant_pn")));
        let time = text("t").and_then(|t| t.parse::<u64>().ok());
        black_box((text("id"), time, text("type"), text("notify")));
        for enc in node.get_children_by_tag("enc") {
            let text = |key| enc.get_attr(key).map(|value| value.as_str());
            black_box((text("type"), text("v"), enc.content_bytes()));
        }
    }
}

#[divan::bench_group(sample_count = 300)]
mod encode_node {
    use super::*;

    #[divan::bench(args = STANZAS)]
    fn ours(bencher: Bencher, name: &str) {
        let node = stanza(name);
        bencher.bench(|| encode(black_box(&node)).unwrap());
    }

    #[divan::bench(args = STANZAS)]
    fn wacore_auto(bencher: Bencher, name: &str) {
        let node = peer_node(name);
        bencher.bench(|| wacore_binary::marshal::marshal_auto(black_box(&node)).unwrap());
    }

    #[divan::bench(args = STANZAS)]
    fn wacore_exact(bencher: Bencher, name: &str) {
        let node = peer_node(name);
        bencher.bench(|| wacore_binary::marshal::marshal_exact(black_box(&node)).unwrap());
    }

    fn peer_node(name: &str) -> wacore_binary::node::Node {
        let frame = encode(&stanza(name)).unwrap();
        let node = wacore_binary::marshal::unmarshal_ref(&frame[1..]).unwrap().to_owned();
        assert_eq!(wacore_binary::marshal::marshal(&node).unwrap(), frame, "the same stanza on both sides");
        node
    }
}
