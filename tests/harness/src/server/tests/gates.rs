//! Who hears only from those with a token.

use sanswire::crypto::mac::hmac_sha256;
use sanswire::wire::Node;

use super::client::ack;
use super::*;
use crate::server::Restriction;

fn written(bench: &mut Bench, token: Option<Stanza>) -> Option<u64> {
    let (peer, own) =
        (bench.client("b").pn().bare().into_owned(), bench.client("a").pn().bare().into_owned());
    let list = bench.ask("a", |client| client.usync(&[own, peer.clone()]));
    let targets = bench.client("a").fan_out(&list);
    let missing = bench.client("a").without_session(&targets);
    if !missing.is_empty() {
        let bundles = bench.ask("a", |client| client.fetch(&missing));
        bench.client("a").install(&bundles);
    }
    let stanza = bench.client("a").message(&peer, &targets, "hello").child_opt(token);
    bench.send("a", &stanza);
    bench.client("a").take(|node| node.tag == "ack").unwrap().get_u64("error")
}

fn pair(restriction: Restriction) -> Bench {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let bob = bench.account("b");
    bench.server.restrict(bob, Some(restriction));
    bench
}

#[test]
fn a_trusted_contact_token_opens_once_it_was_given() {
    let mut bench = pair(Restriction { tctoken: true, cstoken: false });
    assert_eq!(written(&mut bench, None), Some(463));
    assert!(bench.client("b").read.is_empty());
    let (alice, t) = (bench.client("a").lid().bare().into_owned(), bench.now.seconds());
    let token = Node::new("token").attr("jid", alice).attr("t", t).attr("type", "trusted_contact");
    bench.ask("b", |client| client.iq("set", "privacy", Node::new("tokens").child(token)));
    let given = bench.client("a").take(|node| node.get("type").as_deref() == Some("privacy_token")).unwrap();
    let given = given.find("tokens").unwrap().first().unwrap().content_bytes().unwrap().into_owned();
    let shown = |bytes: &[u8]| Some(Node::new("tctoken").bytes(bytes.to_vec()));
    assert_eq!(written(&mut bench, shown(b"something else")), Some(463));
    assert_eq!(written(&mut bench, shown(&given)), None);
    assert_eq!(bench.client("b").read.len(), 1);
    let bob = bench.client("b").pn().bare().into_owned();
    let subscribe = Node::new("presence").attr("type", "subscribe").attr("to", bob);
    bench.client("a").inbox.clear();
    bench.send("a", &subscribe);
    assert!(bench.client("a").take(|node| node.tag == "presence").is_none());
    bench.send("a", &subscribe.child(Node::new("tctoken").bytes(given.clone())));
    assert!(bench.client("a").take(|node| node.tag == "presence").is_some());
    bench.pass(Duration::from_secs(40 * 86_400));
    bench.log_in("a");
    assert_eq!(written(&mut bench, shown(&given)), Some(463), "expired");
    bench.no_violations();
}

#[test]
fn a_token_of_the_senders_salt_opens_where_that_is_allowed() {
    for allowed in [true, false] {
        let mut bench = pair(Restriction { tctoken: false, cstoken: allowed });
        let alice = bench.account("a");
        let salt = bench.server.token_salt(alice);
        let name = bench.client("b").lid().bare().to_string();
        let token = Node::new("cstoken").bytes(hmac_sha256(&salt, &[name.as_bytes()]).to_vec());
        assert_eq!(written(&mut bench, Some(token)), (!allowed).then_some(463));
        assert_eq!(bench.client("b").read.len(), usize::from(allowed));
    }
}

#[test]
fn what_a_test_makes_up_waits_until_it_is_acked() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("a2", "Alice");
    let alice = bench.account("a");
    bench.cut("a");
    let from = bench.client("a").pn().bare().into_owned();
    let picture = Node::new("notification").attr("type", "picture").attr("from", from.clone());
    let picture = picture.child(Node::new("delete").attr("jid", from.clone()));
    bench.server.inject_to_all(alice, &picture);
    bench.server.inject(bench.server.find_device(&from.to_string()).unwrap(), Node::new("ib"));
    bench.flow();
    let told = |node: &Stanza| node.get("type").as_deref() == Some("picture");
    let one = bench.client("a2").take(told).unwrap();
    bench.log_in("a");
    let other = bench.client("a").take(|node| told(node) && node.has("offline")).unwrap();
    assert_eq!(one.get("id"), other.get("id"));
    bench.cut("a");
    bench.log_in("a");
    assert!(bench.client("a").take(told).is_none());
    bench.no_violations();
}

#[test]
fn a_message_without_its_ciphertext_is_asked_of_the_phone() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let target = bench.server.find_device(&bench.clients["b"].pn().to_string()).unwrap();
    bench.server.arm(
        crate::server::Fault::Unavailable(String::new()),
        crate::server::Target::Device(target),
        1,
    );
    bench.client("b").polite = false;
    let id = bench.text("a", "b", "where is it");
    let empty = bench.client("b").take(|node| node.find("unavailable").is_some()).unwrap();
    assert!(empty.find("enc").is_none() && empty.get("id").as_deref() == Some(&id));
    bench.no_violations();
}

#[test]
fn calls_are_carried_to_the_other_side() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench.pair("b2", "Bob");
    let (a, b) = (bench.client("a").pn().bare().into_owned(), bench.client("b").pn().bare().into_owned());
    let about = |tag: &'static str, creator: &sanswire::wire::OwnedJid| {
        Node::new(tag).attr("call-id", "C1").attr("call-creator", creator.clone())
    };
    let offer = Node::new("call").attr("id", "1").attr("to", b).child(about("offer", &a));
    bench.send("a", &offer);
    assert_eq!(bench.client("a").take(|node| node.tag == "ack").unwrap().get("class").unwrap(), "call");
    for name in ["b", "b2"] {
        let call = bench.client(name).take(|node| node.tag == "call").unwrap();
        bench.send(name, &ack(&call));
        assert!(call.find("offer").is_some() && call.has("t"));
    }
    let reject = Node::new("call").attr("id", "2").attr("to", a.clone()).child(about("reject", &a));
    bench.send("b", &reject);
    for name in ["a", "b2"] {
        assert!(
            bench.client(name).take(|node| node.tag == "call" && node.find("reject").is_some()).is_some()
        );
    }
    bench.no_violations();
    bench.send("b", &Node::new("call").attr("id", "3").attr("to", a));
    assert_eq!(bench.rules(), ["a call needs id, to and one child"]);
}

#[test]
fn a_name_can_restrict_its_account_and_have_its_phone_hand_out_the_salt() {
    let mut bench = Bench::new();
    bench.pair("a", "scenario:nct_send_ab,nct_history_delivery:1");
    bench.pair("b", "restricted:1");
    assert_eq!(written(&mut bench, None), Some(463));
    let props = bench.ask("a", |client| client.iq("get", "abt", Node::new("props").attr("protocol", "1")));
    let props = props.find("props").unwrap();
    let send = props.find_all("prop").find(|prop| prop.get("config_code").as_deref() == Some("24941"));
    assert_eq!(send.unwrap().get("config_value").unwrap(), "1");
    let histories = |bench: &mut Bench, name: &'static str| {
        let peer = bench.client(name).peer.iter();
        let inside =
            peer.filter_map(|message| message.protocol_message.as_ref()?.history_sync_notification.clone());
        let blobs = inside.filter_map(|notice| notice.initial_hist_bootstrap_inline_payload.clone());
        let read = |blob: bytes::Bytes| {
            let plain = miniz_oxide::inflate::decompress_to_vec_zlib(&blob).unwrap();
            <sanswire_proto::whatsapp::HistorySync as prost::Message>::decode(plain.as_slice()).unwrap()
        };
        blobs.map(read).collect::<Vec<_>>()
    };
    let alice = bench.account("a");
    let salt = bench.server.token_salt(alice).to_vec();
    assert_eq!(histories(&mut bench, "a")[0].nct_salt.as_deref(), Some(salt.as_slice()));
    assert_eq!(histories(&mut bench, "b")[0].nct_salt, None);
    bench.no_violations();
}
