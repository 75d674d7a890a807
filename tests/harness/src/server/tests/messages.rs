//! Messages, copies, receipts, the offline queue, retries.

use sanswire::wire::Node;

use super::client::ack;
use super::*;
use crate::server::{Fault, OfflineMode, Target};

fn pair_of(config: Config) -> Bench {
    let mut bench = Bench::with(config);
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench
}

#[test]
fn a_text_reaches_every_device_and_is_confirmed() {
    let mut bench = pair_of(Config::default());
    bench.pair("a2", "Alice");
    let id = bench.text("a", "b", "hello");
    assert_eq!(bench.client("b").read, [("Alice".to_owned(), "hello".to_owned())]);
    let to = bench.client("b").pn().bare().to_string();
    assert_eq!(bench.client("a2").read, [(format!("me to {to}"), "hello".to_owned())]);
    let ack = bench.client("a").take(|node| node.tag == "ack").unwrap();
    assert_eq!(
        (ack.get("id").unwrap().as_ref(), ack.has("phash"), ack.has("error")),
        (id.as_str(), false, false)
    );
    let message = bench.client("b").take(|node| node.tag == "message" && !node.has("category")).unwrap();
    let (from, lid) = (message.get_jid("from").unwrap(), message.get_jid("sender_lid").unwrap());
    assert_eq!((from.device(), lid.device()), (1, 1));
    let receipt = bench.client("a").take(|node| node.tag == "receipt" && !node.has("type")).unwrap();
    assert_eq!(receipt.get_jid("from").unwrap().into_owned(), bench.client("b").pn());
    bench.text("b", "a", "hi");
    assert_eq!(bench.client("a").read, [("Bob".to_owned(), "hi".to_owned())]);
    bench.no_violations();
}

#[test]
fn a_missing_device_is_reported_by_the_participant_hash() {
    let mut bench = pair_of(Config::default());
    bench.text("a", "b", "one");
    bench.pair("b2", "Bob");
    let devices = bench.client("a").take(|node| node.get("type").as_deref() == Some("devices")).unwrap();
    assert!(devices.find("add").unwrap().find("key-index-list").is_some());
    let peer = bench.client("b").pn();
    let own_phone = bench.client("a").pn().bare().into_owned();
    let list = bench.ask("a", |client| client.usync(&[own_phone, peer.bare().into_owned()]));
    let mut targets = bench.client("a").fan_out(&list);
    targets.retain(|(pn, _)| pn.device() != 2);
    let stanza = bench.client("a").message(&peer.bare().into_owned(), &targets, "two");
    bench.send("a", &stanza);
    let hash = bench.client("a").take(|node| node.tag == "ack" && node.has("phash")).unwrap();
    assert!(hash.get("phash").unwrap().starts_with("2:"));
}

#[test]
fn what_was_not_closed_comes_again_in_order() {
    for offline in [OfflineMode::Push, OfflineMode::Pull] {
        let mut bench = pair_of(Config { offline, ..Config::default() });
        bench.cut("b");
        bench.client("b").inbox.clear();
        let sent: Vec<String> = (0..7).map(|n| bench.text("a", "b", &n.to_string())).collect();
        bench.connect("b");
        bench.ask("b", |client| client.iq("set", "passive", Stanza::new("active")));
        let preview = bench.client("b").take(|node| node.find("offline_preview").is_some()).unwrap();
        assert_eq!(preview.find("offline_preview").unwrap().get_u64("message"), Some(7));
        let early = if offline == OfflineMode::Pull { 5 } else { 7 };
        assert_eq!(bench.client("b").read.len(), early);
        let batch = Node::new("ib").child(Node::new("offline_batch").attr("count", "100"));
        bench.send("b", &batch);
        let got: Vec<String> = bench
            .client("b")
            .inbox
            .iter()
            .filter(|node| node.tag == "message" && node.has("offline"))
            .map(|node| node.get("id").unwrap().into_owned())
            .collect();
        assert_eq!(got, sent);
        let end = bench.client("b").take(|node| node.find("offline").is_some()).unwrap();
        assert_eq!(end.find("offline").unwrap().get_u64("count"), Some(7));
        let receipts =
            bench.client("a").inbox.iter().filter(|node| node.tag == "receipt" && !node.has("type"));
        assert_eq!(receipts.count(), 7);
        bench.cut("b");
        bench.log_in("b");
        assert!(bench.client("b").take(|node| node.find("offline_preview").is_some()).is_none());
        bench.no_violations();
    }
}

#[test]
fn a_stalled_pull_is_pushed_after_a_while() {
    let mut bench = pair_of(Config { offline: OfflineMode::Pull, ..Config::default() });
    bench.cut("b");
    for n in 0..8 {
        bench.text("a", "b", &n.to_string());
    }
    bench.log_in("b");
    assert_eq!(bench.client("b").read.len(), 5);
    bench.pass(Duration::from_millis(300));
    assert_eq!(bench.client("b").read.len(), 8);
}

#[test]
fn a_repeated_frame_is_acked_but_delivered_once() {
    let mut bench = pair_of(Config::default());
    bench.text("a", "b", "first");
    let peer = bench.client("b").pn().bare().into_owned();
    let own = bench.client("a").pn().bare().into_owned();
    let list = bench.ask("a", |client| client.usync(&[own, peer.clone()]));
    let targets = bench.client("a").fan_out(&list);
    let stanza = bench.client("a").message(&peer, &targets, "twice");
    bench.send("a", &stanza);
    bench.send("a", &stanza);
    assert_eq!(bench.client("b").read.len(), 2);
    let id = stanza.get("id").unwrap();
    let acks = bench
        .client("a")
        .inbox
        .iter()
        .filter(|node| node.tag == "ack" && node.get("id").as_deref() == Some(&id));
    assert_eq!(acks.count(), 2);
    bench.no_violations();
    let renamed = stanza.clone().attr("id", "3EB0000000000000000000");
    bench.send("a", &renamed);
    assert!(bench.rules().contains(&"the same ciphertext was sent under another stanza id"));
}

#[test]
fn a_broken_ciphertext_is_asked_for_again_and_resent_to_one_device() {
    let mut bench = pair_of(Config::default());
    bench.text("a", "b", "one");
    bench.text("b", "a", "two");
    let target = bench.server.find_device(&bench.clients["b"].pn().to_string()).unwrap();
    bench.server.arm(Fault::CorruptCiphertext, Target::Device(target), 1);
    bench.client("b").polite = false;
    bench.client("b").inbox.clear();
    let id = bench.text("a", "b", "three");
    let broken = bench.client("b").take(|node| node.tag == "message").unwrap();
    assert_eq!(bench.client("b").read.len(), 1);
    let retry = Node::new("retry").attr("count", "1").attr("id", id.clone()).attr("t", "1").attr("v", "1");
    let registration = bench.client("b").local.registration_id.to_be_bytes().to_vec();
    let receipt = Node::new("receipt")
        .attr("id", id.clone())
        .attr("to", broken.get_jid("from").unwrap().into_owned())
        .attr("type", "retry")
        .child(retry)
        .child(Node::new("registration").bytes(registration));
    bench.send("b", &receipt);
    let asked = bench.client("a").take(|node| node.get("type").as_deref() == Some("retry")).unwrap();
    assert_eq!(asked.get_jid("from").unwrap().into_owned(), bench.client("b").pn());
    let (peer, lid) = (bench.client("b").pn(), broken.get_jid("from").is_some());
    assert!(lid);
    let list = bench.ask("a", |client| client.usync(&[peer.bare().into_owned()]));
    let (_, lid) = bench.client("a").fan_out(&list).into_iter().find(|(pn, _)| *pn == peer).unwrap();
    let plain = prost::Message::encode_to_vec(&sanswire_proto::whatsapp::Message {
        conversation: Some("three".into()),
        ..Default::default()
    });
    let enc = bench.client("a").seal_for(&lid, plain).attr("count", "1");
    let resend = Node::new("message").attr("id", id.clone()).attr("to", peer).attr("type", "text");
    bench.client("b").polite = true;
    bench.send("a", &resend.attr("device_fanout", "false").child(enc));
    assert_eq!(bench.client("b").read.last().unwrap().1, "three");
    bench.no_violations();
}

#[test]
fn a_phone_writes_and_reads_texts() {
    let mut bench = pair_of(Config::default());
    let send = AdminRequest::Send { from: "Alice".into(), to: "Bob".into(), text: "from the phone".into() };
    assert_eq!(bench.server.admin(send, bench.now).status, 200);
    bench.flow();
    assert_eq!(bench.client("b").read, [("Alice".to_owned(), "from the phone".to_owned())]);
    assert_eq!(bench.client("a").read.len(), 1, "a copy for the own companion");
    bench.text("b", "a", "to all");
    bench.text("b", "a", "again");
    bench.text("a", "b", "back");
    assert_eq!(bench.client("a").read.len(), 3);
    bench.no_violations();
}

#[test]
fn refused_messages_are_not_delivered() {
    let mut bench = pair_of(Config::default());
    bench.text("a", "b", "one");
    bench.server.arm(Fault::RefuseMessage(463), Target::Anyone, 1);
    bench.text("a", "b", "two");
    let refused = bench.client("a").take(|node| node.tag == "ack" && node.has("error")).unwrap();
    assert_eq!(refused.get_u64("error"), Some(463));
    assert_eq!(bench.client("b").read.len(), 1);
    let to = bench.client("b").pn().bare().into_owned();
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").text("500");
    let bad = Node::new("message").attr("id", "X1").attr("to", to).attr("type", "text").child(enc);
    bench.send("a", &bad);
    let refused =
        bench.client("a").take(|node| node.tag == "ack" && node.get("id").as_deref() == Some("X1")).unwrap();
    assert_eq!(refused.get_u64("error"), Some(479));
    assert_eq!(bench.rules(), ["the content of an enc must be bytes"]);
}

#[test]
fn unclosed_stanzas_are_noticed() {
    let mut bench = pair_of(Config::default());
    bench.client("b").polite = false;
    bench.text("a", "b", "one");
    bench.pass(Duration::from_secs(59));
    bench.no_violations();
    let ping = bench.client("b").iq("get", "w:p", Node::new("ping"));
    bench.send("b", &ping);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.rules(), ["no ack or receipt came for this stanza"]);
    let open = bench.client("b").take(|node| node.tag == "message" && !node.has("category")).unwrap();
    bench.send("b", &ack(&open));
    bench.cut("b");
    bench.log_in("b");
    assert!(bench.client("b").take(|node| node.has("offline")).is_none());
}

#[test]
fn faults_duplicate_and_reorder_deliveries() {
    let mut bench = pair_of(Config::default());
    bench.text("a", "b", "zero");
    let target = bench.server.find_device(&bench.clients["b"].pn().to_string()).unwrap();
    bench.server.arm(Fault::ReorderDelivery, Target::Device(target), 1);
    bench.text("a", "b", "one");
    assert_eq!(bench.client("b").read.len(), 1);
    bench.text("a", "b", "two");
    let texts: Vec<_> = bench.client("b").read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["zero", "two", "one"]);
    bench.server.arm(Fault::DuplicateDelivery, Target::Device(target), 1);
    bench.text("a", "b", "three");
    let copies =
        bench.client("b").inbox.iter().filter(|node| node.tag == "message" && !node.has("category")).count();
    assert_eq!((copies, bench.client("b").read.len()), (5, 4));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || {
        let mut bench = pair_of(Config::default());
        bench.pair("a2", "Alice");
        bench.cut("b");
        bench.text("a", "b", "one");
        bench.pass(Duration::from_secs(30));
        bench.log_in("b");
        let send = AdminRequest::Send { from: "Bob".into(), to: "Alice".into(), text: "two".into() };
        bench.server.admin(send, bench.now);
        bench.flow();
        bench.digest
    };
    assert_eq!(run(), run());
}
