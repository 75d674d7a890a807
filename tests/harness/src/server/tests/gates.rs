//! Who hears only from those with a token.

use sanswire::crypto::mac::hmac_sha256;
use sanswire::wire::Node;

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
