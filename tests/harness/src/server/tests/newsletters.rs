//! Newsletters and statuses.

use sanswire::wire::{Jid, Node};

use super::*;
use crate::server::Addressing;

fn post(to: &sanswire::wire::OwnedJid, id: &str, text: &[u8]) -> Stanza {
    let node = Node::new("message").attr("id", id.to_owned()).attr("to", to.clone()).attr("type", "text");
    node.child(Node::new("plaintext").bytes(text.to_vec()))
}

#[test]
fn a_post_is_numbered_read_edited_and_liked() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let (a, b) = (bench.account("a"), bench.account("b"));
    let channel = bench.server.create_newsletter(a, &[b]);
    let number = |bench: &mut Bench| {
        let ack = bench.client("a").take(|node| node.tag == "ack").unwrap();
        (ack.get_u64("server_id"), ack.get_u64("error"))
    };
    bench.send("a", &post(&channel, "P1", b"news"));
    assert_eq!(number(&mut bench), (Some(100), None));
    bench.send("a", &post(&channel, "P1", b"news"));
    assert_eq!(number(&mut bench), (Some(100), None), "the same again");
    bench.send("a", &post(&channel, "P2", b"more"));
    assert_eq!(number(&mut bench), (Some(101), None));
    let got = bench.client("b").take(|node| node.tag == "message" && node.has("server_id")).unwrap();
    assert_eq!(got.find("plaintext").unwrap().content_bytes().unwrap().as_ref(), b"news");
    bench.send("a", &post(&channel, "P1", b"corrected").attr("edit", "3"));
    assert_eq!(number(&mut bench), (Some(100), None));
    let edited = bench.client("b").take(|node| node.find("meta").is_some()).unwrap();
    assert!(edited.find("meta").unwrap().has("msg_edit_t"));
    let live = |client: &mut client::TestClient| {
        client.iq("set", "newsletter", Node::new("live_updates")).attr("to", channel.clone())
    };
    let answer = bench.ask("b", live);
    assert_eq!(answer.find("live_updates").unwrap().get_u64("duration"), Some(300));
    let like = Node::new("message").attr("id", "R1").attr("to", channel.clone()).attr("type", "reaction");
    let like = like.attr("server_id", "100").child(Node::new("reaction").attr("code", "+"));
    bench.send("b", &like);
    let seen = bench.client("b").take(|node| node.get("type").as_deref() == Some("newsletter")).unwrap();
    assert!(seen.to_string().contains("count=\"1\"") || seen.to_string().contains("count='1'"), "{seen}");
    let page = bench.ask("b", |client| {
        let asked = Node::new("messages").attr("count", "1").attr("before", "101");
        client.iq("get", "newsletter", asked).attr("to", channel.clone())
    });
    let page = page.find("messages").unwrap();
    assert_eq!(page.first().unwrap().get_u64("server_id"), Some(100));
    assert!(page.first().unwrap().find("reactions").is_some());
    bench.send("b", &post(&channel, "P9", b"mine"));
    let refused = bench.client("b").take(|node| node.tag == "ack" && node.has("error")).unwrap();
    assert_eq!(refused.get_u64("error"), Some(403));
    bench.no_violations();
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![1]);
    bench.send("a", &post(&channel, "P3", b"x").child(enc));
    assert_eq!(bench.rules(), ["a newsletter is not encrypted"]);
}

#[test]
fn a_status_reaches_those_whom_its_author_lists() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench.pair("c", "Carol");
    bench.pair("d", "Dora");
    let everybody = bench.group(&["a", "b", "c"], Addressing::Lid);
    let targets = bench.meet("a", &everybody);
    let targets: Vec<_> = targets
        .into_iter()
        .filter(|(name, _)| {
            [bench.clients["b"].lid(), bench.clients["a"].lid().with_device(0).into_owned()].contains(name)
        })
        .collect();
    let mut status = bench.client("a").group_message(&Jid::STATUS, &targets, "up");
    let carol = bench.client("c").lid().bare().into_owned();
    let listed = status.find("participants").unwrap().clone().child(Node::new("to").attr("jid", carol));
    if let sanswire::wire::Content::Nodes(children) = &mut status.content {
        children[0] = listed;
    }
    bench.send("a", &status);
    assert_eq!(bench.client("b").read, [("Alice".to_owned(), "up".to_owned())]);
    let shown = bench.client("b").take(|node| node.tag == "message" && node.has("participant")).unwrap();
    assert!(shown.get_jid("from").unwrap().is_status() && !shown.has("addressing_mode"));
    let keyless = bench.client("c").take(|node| node.tag == "message" && node.has("participant")).unwrap();
    assert_eq!(keyless.find_all("enc").count(), 1);
    assert!(bench.client("d").take(|node| node.tag == "message" && node.has("participant")).is_none());
    let receipt = bench.client("a").take(|node| node.tag == "receipt" && !node.has("type")).unwrap();
    assert!(receipt.get_jid("from").unwrap().is_status() && receipt.has("participant"));
    bench.no_violations();
    let empty = Node::new("message").attr("id", "S").attr("to", Jid::STATUS).attr("type", "text");
    bench.send("a", &empty);
    assert_eq!(bench.rules(), ["a status needs a ciphertext"]);
}
