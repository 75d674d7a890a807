//! Groups: made, changed, written to, read.

use sanswire::wire::{Jid, Node, OwnedJid};

use super::*;
use crate::server::{Addressing, Fault, GroupChange, Target};

fn three() -> Bench {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench.pair("c", "Carol");
    bench
}

fn told(node: &Stanza, tag: &str) -> bool {
    node.get("type").as_deref() == Some("w:gp2") && node.find(tag).is_some()
}

fn participants(jids: &[OwnedJid]) -> Vec<Stanza> {
    jids.iter().map(|jid| Node::new("participant").attr("jid", jid.clone())).collect()
}

fn bare(bench: &mut Bench, name: &'static str) -> OwnedJid {
    bench.client(name).lid().bare().into_owned()
}

#[test]
fn a_group_is_made_and_everybody_hears_of_it() {
    let mut bench = three();
    bench.pair("a2", "Alice");
    bench.cut("c");
    let (b, c) = (bare(&mut bench, "b"), bench.client("c").pn().bare().into_owned());
    let ghost = Jid::pn("15550009999", 0);
    let create = Node::new("create").attr("subject", "friends").attr("key", "K1");
    let create = create.children(participants(&[b.clone(), c, ghost]));
    let answer = bench.ask("a", |client| client.group_iq("set", &Jid::GROUP_SERVER, create));
    let group = answer.find("group").unwrap();
    assert_eq!(group.get_u64("size"), Some(3));
    assert_eq!(group.get("addressing_mode").unwrap(), "lid");
    let admins = group.find_all("participant").filter(|p| p.get("type").as_deref() == Some("superadmin"));
    assert_eq!(admins.count(), 1);
    let missing = group.find_all("participant").find(|p| p.has("error")).unwrap();
    assert_eq!(missing.get_u64("error"), Some(404));
    let ids: Vec<String> = ["a", "a2", "b"]
        .iter()
        .map(|name| {
            let node = bench.client(name).take(|node| told(node, "create")).unwrap();
            assert_eq!(node.find("create").unwrap().get("key").unwrap(), "K1");
            assert_eq!(node.find("create").unwrap().find("group").unwrap().get_u64("size"), Some(3));
            node.get("id").unwrap().into_owned()
        })
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one change, one id");
    bench.log_in("c");
    assert!(bench.client("c").take(|node| told(node, "create") && node.has("offline")).is_some());
    let listed = bench.ask("b", |client| {
        let asked = Node::new("participating").child(Node::new("participants"));
        client.group_iq("get", &Jid::GROUP_SERVER, asked)
    });
    assert_eq!(listed.find("groups").unwrap().find_all("group").count(), 1);
    bench.no_violations();
}

#[test]
fn a_text_reaches_every_device_of_every_member_with_the_key_before_it() {
    for addressing in [Addressing::Lid, Addressing::Pn] {
        let mut bench = three();
        bench.pair("a2", "Alice");
        bench.pair("b2", "Bob");
        let group = bench.group(&["a", "b", "c"], addressing);
        let id = bench.group_text("a", &group, "hello");
        for name in ["a2", "b", "b2", "c"] {
            assert_eq!(bench.client(name).read, [("Alice".to_owned(), "hello".to_owned())], "{name}");
            let message = bench.client(name).take(|node| node.has("participant") && node.tag == "message");
            let message = message.unwrap();
            let kinds: Vec<String> =
                message.find_all("enc").map(|enc| enc.get("type").unwrap().into_owned()).collect();
            assert_eq!(kinds, ["pkmsg", "skmsg"]);
            assert_eq!(message.get_jid("from").unwrap().into_owned(), group);
            let author = message.get_jid("participant").unwrap();
            assert_eq!((author.is_lid(), author.device()), (addressing == Addressing::Lid, 1));
            let other = if addressing == Addressing::Lid { "participant_pn" } else { "participant_lid" };
            assert!(message.has(other));
        }
        assert!(bench.client("a").read.is_empty());
        let ack = bench.client("a").take(|node| node.tag == "ack").unwrap();
        assert_eq!(
            (ack.get("id").unwrap().as_ref(), ack.has("phash"), ack.has("error")),
            (&*id, false, false)
        );
        let read_by: Vec<u16> = bench
            .client("a")
            .inbox
            .iter()
            .filter(|node| node.tag == "receipt" && !node.has("type"))
            .map(|node| node.get_jid("participant").unwrap().device())
            .collect();
        assert_eq!(read_by.len(), 3, "b, b2 and c");
        bench.group_text("b", &group, "back");
        assert_eq!(bench.client("a").read, [("Bob".to_owned(), "back".to_owned())]);
        bench.no_violations();
    }
}

#[test]
fn phones_are_members_too() {
    let mut bench = three();
    let group = bench.group(&["a", "b", "c"], Addressing::Lid);
    let send =
        AdminRequest::Send { from: "Alice".into(), to: group.to_string(), text: "from the phone".into() };
    assert_eq!(bench.server.admin(send.clone(), bench.now).status, 200);
    bench.flow();
    for name in ["a", "b", "c"] {
        assert_eq!(bench.client(name).read.len(), 1, "{name}");
    }
    let (carol, a) = (bench.account("c"), bench.account("a"));
    bench.server.keep_log();
    bench.group_text("b", &group, "to all");
    let heard = bench.server.read_log().into_iter();
    let heard = heard.filter(|one| matches!(one, crate::server::Happening::Heard { .. })).count();
    assert_eq!(heard, 3, "the phones of all three");
    assert!(bench.server.remove_member(&group, carol));
    bench.flow();
    assert_eq!(bench.server.group_members(&group), [a, bench.account("b")]);
    bench.server.admin(send, bench.now);
    bench.flow();
    assert_eq!(bench.client("b").read.len(), 2);
    assert_eq!(bench.client("c").read.len(), 2, "nothing after the removal");
    bench.no_violations();
}

#[test]
fn a_member_without_the_key_asks_the_one_device_that_wrote() {
    let mut bench = three();
    bench.pair("a2", "Alice");
    let group = bench.group(&["a", "b", "c"], Addressing::Lid);
    let mut targets = bench.meet("a", &group);
    let carol = bench.client("c").lid();
    targets.retain(|(name, _)| *name != carol);
    let stanza = bench.client("a").group_message(&group, &targets, "who reads this");
    let id = stanza.get("id").unwrap().into_owned();
    bench.send("a", &stanza);
    assert!(bench.client("c").read.is_empty() && bench.client("b").read.len() == 1);
    let broken = bench.client("c").take(|node| node.tag == "message" && node.has("participant")).unwrap();
    assert_eq!(broken.find_all("enc").count(), 1, "no key, but the text");
    let retry = Node::new("retry").attr("count", "1").attr("id", id.clone()).attr("t", "1").attr("v", "1");
    let registration = bench.client("c").local.registration_id.to_be_bytes().to_vec();
    let receipt = Node::new("receipt")
        .attr("id", id.clone())
        .attr("to", group.clone())
        .attr("participant", broken.get_jid("participant").unwrap().into_owned())
        .attr("type", "retry")
        .child(retry)
        .child(Node::new("registration").bytes(registration));
    bench.send("c", &receipt);
    let retries = |node: &Stanza| node.get("type").as_deref() == Some("retry");
    assert!(bench.client("a2").take(retries).is_none(), "only the device that wrote");
    let asked = bench.client("a").take(retries).unwrap();
    assert_eq!(asked.get_jid("from").unwrap().into_owned(), group);
    assert_eq!(asked.get_jid("participant").unwrap().into_owned(), carol);
    let plain = prost::Message::encode_to_vec(&sanswire_proto::whatsapp::Message {
        conversation: Some("who reads this".into()),
        ..Default::default()
    });
    let enc = bench.client("a").seal_for(&carol, plain).attr("count", "1");
    let identity = stanza.find("device-identity").unwrap().clone();
    let resend = Node::new("message").attr("id", id).attr("to", group).attr("type", "text");
    let before = bench.client("b").inbox.len();
    bench.send("a", &resend.attr("participant", carol).child(enc).child(identity));
    assert_eq!(bench.client("c").read, [("Alice".to_owned(), "who reads this".to_owned())]);
    assert_eq!(bench.client("b").inbox.len(), before, "nobody else gets it");
    bench.no_violations();
}

#[test]
fn who_may_not_write_is_refused_and_stale_senders_are_told() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let code = |bench: &mut Bench, name: &'static str, group: &OwnedJid| {
        let stanza = bench.client(name).group_message(group, &[], "x");
        bench.send(name, &stanza);
        bench.client(name).take(|node| node.tag == "ack" && node.has("id")).unwrap().get_u64("error")
    };
    assert_eq!(code(&mut bench, "c", &group), Some(403), "no member");
    assert_eq!(code(&mut bench, "c", &Jid::group("1203630")), Some(403), "no group");
    assert!(bench.server.change_group(&group, GroupChange::Announcement(true)));
    assert_eq!(code(&mut bench, "b", &group), Some(403), "no admin");
    assert!(bench.server.change_group(&group, GroupChange::Announcement(false)));
    let stale = bench.client("b").group_message(&group, &[], "x").attr("addressing_mode", "pn");
    bench.send("b", &stale);
    assert_eq!(bench.client("b").take(|node| node.tag == "ack").unwrap().get_u64("error"), Some(421));
    bench.meet("b", &group);
    let pn = bench.client("a").pn();
    let lid = bench.client("a").lid();
    let mixed = bench.client("b").group_message(&group, &[(pn, lid)], "x");
    bench.send("b", &mixed);
    assert_eq!(bench.client("b").take(|node| node.tag == "ack").unwrap().get_u64("error"), Some(421));
    bench.no_violations();
    let carol = bench.account("c");
    let mut late = bench.client("b").group_message(&group, &[], "late").attr("phash", "2:AAAAAAAA");
    assert!(bench.server.add_member(&group, carol));
    bench.send("b", &late);
    let ack = bench.client("b").take(|node| node.tag == "ack" && node.has("phash")).unwrap();
    assert!(!ack.has("error"));
    assert!(bench.client("c").take(|node| node.tag == "message").is_some(), "delivered in any case");
    late = late.attr("id", "3EB0000000000000000000");
    bench.send("b", &late);
    assert_eq!(bench.rules(), ["the same ciphertext was sent under another stanza id"]);
}

#[test]
fn malformed_messages_to_groups_are_refused() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    bench.meet("a", &group);
    let good = bench.client("a").group_message(&group, &[], "x");
    let without = Node::new("message").attr("id", "1").attr("to", group.clone()).attr("type", "text");
    let twice = good.clone().attr("id", "2").child(good.find("enc").unwrap().clone());
    let text = Node::new("enc").attr("v", "2").attr("type", "skmsg").text("500");
    let list = Jid::new("1234", sanswire::wire::Server::Broadcast, 0);
    for bad in [
        without.clone(),
        twice,
        without.clone().attr("id", "3").child(text),
        good.clone().attr("id", "4").attr("to", list),
    ] {
        bench.send("a", &bad);
        let ack = bench.client("a").take(|node| node.tag == "ack").unwrap();
        assert_eq!(ack.get_u64("error"), Some(479), "{bad}");
    }
    let junk = Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(vec![0x33, 1, 2]);
    bench.send("a", &without.attr("id", "5").child(junk));
    assert!(bench.rules().contains(&"the skmsg is not a version 3 sender key message"));
    let carol = bench.client("c").lid();
    let bundles = bench.ask("a", |client| client.fetch(core::slice::from_ref(&carol)));
    bench.client("a").install(&bundles);
    let stray = bench.client("a").group_message(&group, &[(carol.clone(), carol)], "x");
    bench.send("a", &stray);
    assert!(bench.rules().contains(&"a sender key was handed to somebody who was never in the group"));
    assert!(bench.client("c").take(|node| node.tag == "message" && node.has("participant")).is_none());
}

#[test]
fn members_come_and_go_and_rule() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let (b, c) = (bare(&mut bench, "b"), bare(&mut bench, "c"));
    let act = |bench: &mut Bench, name, tag: &'static str, who: &[OwnedJid]| {
        let node = Node::new(tag).children(participants(who));
        bench.ask(name, |client| client.group_iq("set", &group, node))
    };
    let added = act(&mut bench, "b", "add", &[c.clone(), b.clone()]);
    let results: Vec<_> = added.find("add").unwrap().find_all("participant").cloned().collect();
    assert_eq!(results[0].get("type").unwrap(), "200");
    assert_eq!(results[1].get_u64("error"), Some(409));
    assert!(bench.client("c").take(|node| told(node, "create")).is_some());
    assert!(bench.client("a").take(|node| told(node, "add")).is_some());
    assert_eq!(act(&mut bench, "c", "remove", core::slice::from_ref(&b)).get("type").unwrap(), "error");
    act(&mut bench, "a", "promote", core::slice::from_ref(&c));
    assert!(bench.client("b").take(|node| told(node, "promote")).is_some());
    act(&mut bench, "c", "remove", core::slice::from_ref(&b));
    let gone = bench.client("b").take(|node| told(node, "remove")).unwrap();
    assert_eq!(gone.get_jid("participant").unwrap().into_owned(), c);
    bench.client("b").inbox.clear();
    bench.server.change_group(&group, GroupChange::Subject("others".into()));
    bench.flow();
    assert!(bench.client("b").inbox.is_empty());
    let seen = bench
        .ask("b", |client| client.group_iq("get", &group, Node::new("query").attr("request", "interactive")));
    assert_eq!(seen.find("error").unwrap().get_u64("code"), Some(403));
    let leave = Node::new("leave").child(Node::new("group").attr("id", group.clone()));
    bench.ask("a", |client| client.group_iq("set", &Jid::GROUP_SERVER, leave));
    assert!(bench.client("c").take(|node| told(node, "remove")).is_some());
    bench.no_violations();
}

#[test]
fn settings_are_seen_by_the_next_question_and_told_to_all() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let set = |bench: &mut Bench, name, node: Stanza| {
        let answer = bench.ask(name, |client| client.group_iq("set", &group, node));
        answer.find("error").map(|error| error.get_u64("code").unwrap())
    };
    let description = Node::new("description").attr("id", "D1").child(Node::new("body").text("about us"));
    let state = Node::new("group_join").attr("state", "on");
    let changes = [
        Node::new("subject").text("new name"),
        description.clone(),
        Node::new("ephemeral").attr("expiration", "86400"),
        Node::new("locked"),
        Node::new("announcement"),
        Node::new("member_add_mode").text("admin_add"),
        Node::new("membership_approval_mode").child(state),
    ];
    for change in changes {
        assert_eq!(set(&mut bench, "a", change.clone()), None, "{change}");
        for name in ["a", "b"] {
            assert!(bench.client(name).take(|node| told(node, &change.tag)).is_some(), "{change} {name}");
        }
    }
    let seen = bench.ask("b", |client| client.group_iq("get", &group, Node::new("query")));
    let seen = seen.find("group").unwrap();
    assert_eq!(seen.get("subject").unwrap(), "new name");
    for tag in ["description", "ephemeral", "locked", "announcement", "membership_approval_mode"] {
        assert!(seen.find(tag).is_some(), "{tag}");
    }
    assert_eq!(set(&mut bench, "b", Node::new("subject").text("mine")), Some(403), "locked");
    assert_eq!(set(&mut bench, "a", description.attr("id", "D2")), Some(409), "wrong prev");
    assert_eq!(set(&mut bench, "a", Node::new("ephemeral").attr("expiration", "7")), Some(400));
    assert_eq!(set(&mut bench, "a", Node::new("subject").text("x".repeat(101))), Some(406));
    assert_eq!(set(&mut bench, "a", Node::new("unlocked")), None);
    assert_eq!(set(&mut bench, "b", Node::new("not_ephemeral")), None);
    assert_eq!(set(&mut bench, "a", Node::new("something")), Some(501));
}

#[test]
fn links_lead_in_once_they_are_approved() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let code = bench.ask("a", |client| client.group_iq("get", &group, Node::new("invite")));
    let code = code.find("invite").unwrap().get("code").unwrap().into_owned();
    let invite = || Node::new("invite").attr("code", code.clone());
    let info = bench.ask("c", |client| client.group_iq("get", &Jid::GROUP_SERVER, invite()));
    assert_eq!(info.find("group").unwrap().get_u64("size"), Some(2));
    bench.server.change_group(&group, GroupChange::Approval(true));
    let pending = bench.ask("c", |client| client.group_iq("set", &Jid::GROUP_SERVER, invite()));
    assert!(pending.find("membership_approval_request").is_some());
    assert!(bench.client("a").take(|node| told(node, "created_membership_requests")).is_some());
    let list = Node::new("membership_approval_requests");
    let list = bench.ask("a", |client| client.group_iq("get", &group, list));
    let request = list.find("membership_approval_requests").unwrap().first().unwrap();
    let who = request.get_jid("jid").unwrap().into_owned();
    let approve = Node::new("approve").children(participants(&[who]));
    let action = Node::new("membership_requests_action").child(approve);
    bench.ask("a", |client| client.group_iq("set", &group, action));
    assert!(bench.client("c").take(|node| told(node, "create")).is_some());
    bench.ask("a", |client| client.group_iq("set", &group, Node::new("invite")));
    let stale = bench.ask("c", |client| client.group_iq("get", &Jid::GROUP_SERVER, invite()));
    assert_eq!(stale.find("error").unwrap().get_u64("code"), Some(410));
    bench.no_violations();
}

#[test]
fn who_does_not_want_to_be_added_gets_an_invitation_instead() {
    let mut bench = three();
    let privacy = Node::new("category").attr("name", "groupadd").attr("value", "none");
    bench.ask("c", |client| client.iq("set", "privacy", Node::new("privacy").child(privacy)));
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let c = bare(&mut bench, "c");
    let add = Node::new("add").children(participants(&[c]));
    let answer = bench.ask("a", |client| client.group_iq("set", &group, add));
    let refused = answer.find("add").unwrap().first().unwrap();
    assert_eq!(refused.get_u64("error"), Some(403));
    let request = refused.find("add_request").unwrap();
    let accept = Node::new("accept")
        .attr("code", request.get("code").unwrap().into_owned())
        .attr("expiration", request.get("expiration").unwrap().into_owned())
        .attr("admin", bench.client("a").lid());
    let joined = bench.ask("c", |client| client.group_iq("set", &group, accept));
    assert_eq!(joined.find("group").unwrap().get_jid("jid").unwrap().into_owned(), group);
    assert_eq!(joined.get_jid("from").unwrap().into_owned(), group);
    bench.no_violations();
}

#[test]
fn receipts_can_come_grouped_and_messages_in_order_with_notifications() {
    let mut bench = Bench::with(Config { grouped_receipts: true, ..Config::default() });
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let id = bench.group_text("a", &group, "one");
    let receipt = bench.client("a").take(|node| node.tag == "receipt" && !node.has("type")).unwrap();
    let readers = receipt.find("participants").unwrap();
    assert_eq!((readers.get("key").unwrap().as_ref(), receipt.has("participant")), (&*id, false));
    assert_eq!(readers.first().unwrap().get_jid("jid").unwrap().into_owned(), bench.client("b").lid());
    bench.cut("b");
    bench.client("b").inbox.clear();
    bench.group_text("a", &group, "two");
    bench.server.change_group(&group, GroupChange::Subject("s".into()));
    bench.group_text("a", &group, "three");
    bench.log_in("b");
    let order: Vec<String> = bench
        .client("b")
        .inbox
        .iter()
        .filter(|node| node.has("offline") && node.get_jid("from").is_some_and(|from| from.is_group()))
        .map(|node| node.tag.to_string())
        .collect();
    assert_eq!(order, ["message", "notification", "message"]);
    bench.no_violations();
}

#[test]
fn malformed_questions_are_refused() {
    let mut bench = three();
    let group = bench.group(&["a", "b"], Addressing::Lid);
    let user = bench.client("b").pn();
    let ask = |bench: &mut Bench, kind, to: &OwnedJid, node: Stanza| {
        let answer = bench.ask("a", |client| client.group_iq(kind, to, node));
        answer.find("error").unwrap().get_u64("code").unwrap()
    };
    assert_eq!(ask(&mut bench, "get", &user, Node::new("query")), 400);
    assert_eq!(ask(&mut bench, "set", &group, Node::new("add")), 400);
    assert_eq!(ask(&mut bench, "set", &Jid::GROUP_SERVER, Node::new("create")), 400);
    assert_eq!(ask(&mut bench, "set", &Jid::GROUP_SERVER, Node::new("leave")), 400);
    assert_eq!(ask(&mut bench, "get", &Jid::group("12036309"), Node::new("query")), 404);
    assert_eq!(ask(&mut bench, "get", &group, Node::new("weather")), 501);
    let endless = Node::new("create").attr("subject", "x".repeat(101));
    assert_eq!(ask(&mut bench, "set", &Jid::GROUP_SERVER, endless), 406);
    bench.server.arm(Fault::RefuseIq("w:g2".into(), 429), Target::Anyone, 1);
    assert_eq!(ask(&mut bench, "get", &group, Node::new("query")), 429);
}
