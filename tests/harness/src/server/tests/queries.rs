//! Keys, props, and everything else that a client asks for.

use sanswire::crypto::mac::sha1;
use sanswire::wire::Node;

use super::*;
use crate::server::{Fault, Target};

#[test]
fn bundles_consume_the_pool_until_it_is_empty() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let jid = bench.client("b").pn();
    for served in 1..=32 {
        let answer = bench.ask("a", |client| client.fetch(core::slice::from_ref(&jid)));
        let user = answer.find("list").unwrap().find("user").unwrap().clone();
        assert_eq!(user.get_jid("jid").unwrap().into_owned(), jid);
        assert_eq!(user.find("key").is_some(), served <= 30);
        assert!(user.find("device-identity").is_some());
    }
    let low = |node: &Stanza| node.tag == "notification" && node.find("count").is_some();
    let told = bench.client("b").take(low).unwrap();
    assert_eq!(told.find("count").unwrap().get_u64("value"), Some(9));
    assert!(bench.client("b").take(low).is_none(), "once per upload");
    bench.ask("b", TestClient::upload);
    let count = bench.ask("b", |client| client.iq("get", "encrypt", Node::new("count")));
    assert_eq!(count.find("count").unwrap().get_u64("value"), Some(30));
    bench.no_violations();
}

#[test]
fn the_digest_covers_what_is_left() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let digest = bench.ask("a", |client| client.iq("get", "encrypt", Node::new("digest")));
    let digest = digest.find("digest").unwrap();
    assert_eq!(digest.find("list").unwrap().find_all("id").count(), 30);
    let skey = digest.find("skey").unwrap();
    let part = |node: &Stanza, tag: &str| node.find(tag).unwrap().content_bytes().unwrap().into_owned();
    let (identity, value, signature) =
        (part(digest, "identity"), part(skey, "value"), part(skey, "signature"));
    let keys = bench.clients["a"].published();
    let mut parts = vec![identity.as_slice(), &value, &signature];
    parts.extend(keys.iter().map(Vec::as_slice));
    assert_eq!(part(digest, "hash"), sha1(&parts));
}

#[test]
fn unknown_devices_are_named_and_unknown_batches_refused() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let phone = bench.client("a").pn().bare().into_owned();
    let ghost = phone.with_device(9).into_owned();
    let mixed = bench.ask("a", |client| client.fetch(&[phone, ghost.clone()]));
    let users: Vec<_> = mixed.find("list").unwrap().find_all("user").cloned().collect();
    assert!(users[0].find("skey").is_some() && users[1].find("error").is_some());
    let none = bench.ask("a", |client| client.fetch(&[ghost]));
    assert_eq!(none.find("error").unwrap().get_u64("code"), Some(406));
}

#[test]
fn an_upload_with_a_bad_signature_is_refused() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let answer = bench.ask("a", |client| {
        let upload = client.upload();
        let children = upload.nodes().iter().filter(|child| child.tag != "skey").cloned().collect::<Vec<_>>();
        let mut skey = upload.find("skey").unwrap().clone();
        skey = Node::new("skey").children(skey.nodes().iter().filter(|n| n.tag != "signature").cloned());
        let skey = skey.child(Node::new("signature").bytes(vec![0; 64]));
        let iq = client.iq("set", "encrypt", Node::new("placeholder"));
        Node { content: sanswire::wire::Content::Nodes(children), ..iq }.child(skey)
    });
    assert_eq!(answer.find("error").unwrap().get_u64("code"), Some(400));
    assert_eq!(bench.rules().len(), 1);
}

#[test]
fn every_query_is_answered() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let query = |kind: &'static str, xmlns: &'static str, child: Stanza| (kind, xmlns, child);
    let collection = Node::new("sync").child(Node::new("collection").attr("name", "regular"));
    for (kind, xmlns, child) in [
        query("get", "w:p", Node::new("ping")),
        query("get", "abt", Node::new("props").attr("protocol", "1")),
        query("get", "privacy", Node::new("privacy")),
        query("get", "blocklist", Node::new("list")),
        query("set", "w:sync:app:state", collection),
        query("set", "urn:xmpp:whatsapp:dirty", Node::new("clean").attr("type", "groups")),
        query("set", "disappearing_mode", Node::new("disappearing_mode").attr("duration", "86400")),
    ] {
        let answer = bench.ask("a", |client| client.iq(kind, xmlns, child));
        assert_eq!(answer.get("type").as_deref(), Some("result"), "{answer}");
    }
    let unknown = bench.ask("a", |client| client.iq("get", "w:nothing", Node::new("x")));
    assert_eq!(unknown.find("error").unwrap().get_u64("code"), Some(501));
    bench.no_violations();
}

#[test]
fn answers_can_be_withheld_and_bundles_spoiled() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.server.arm(Fault::WithholdAnswer("w:p".into()), Target::Anyone, 1);
    let ping = bench.client("a").iq("get", "w:p", Node::new("ping"));
    bench.send("a", &ping);
    assert!(bench.client("a").take(|node| node.get("id") == ping.get("id")).is_none());
    bench.server.arm(Fault::BadBundleSignature, Target::Anyone, 1);
    let phone = bench.client("a").pn().bare().into_owned();
    let answers = [(); 2].map(|()| bench.ask("a", |client| client.fetch(core::slice::from_ref(&phone))));
    let signature = |answer: &Stanza| {
        let user = answer.find("list").unwrap().find("user").unwrap();
        user.find("skey").unwrap().find("signature").unwrap().content_bytes().unwrap().into_owned()
    };
    assert_ne!(signature(&answers[0]), signature(&answers[1]));
}

#[test]
fn presence_is_shown_at_once_and_on_change() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let whom = bench.client("b").pn().bare().into_owned();
    bench.send("a", &Node::new("presence").attr("type", "subscribe").attr("to", whom.clone()));
    bench.send("b", &Node::new("presence").attr("type", "available").attr("name", "Bobby"));
    bench.cut("b");
    let states: Vec<_> = bench
        .client("a")
        .inbox
        .iter()
        .filter(|node| node.tag == "presence")
        .map(|node| (node.get_jid("from").unwrap().into_owned(), node.has("type"), node.has("last")))
        .collect();
    assert_eq!(states, [(whom.clone(), true, false), (whom.clone(), false, false), (whom, true, true)]);
}

#[test]
fn a_new_phone_unlinks_everybody_and_tells_contacts() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench.text("a", "b", "one");
    let replaced = bench.server.admin(AdminRequest::ReplacePhone { account: "Bob".into() }, bench.now);
    assert_eq!(replaced.status, 200);
    bench.flow();
    assert!(bench.client("b").is_closed());
    assert!(bench.client("a").take(|node| node.find("identity").is_some()).is_some());
}
