//! Device lists, bundles, acks and receipts that are wrong. Reference 04 §12, 05 §9, §17.

use sanswire::OpError;
use sanswire::content::{self, Content};
use sanswire::event::SendState;
use sanswire::messaging::SendMessage;
use sanswire::ops::CallId;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_proto::whatsapp::Message;
use sanswire_sim::script::{Peer, Script, device_lists, own_number};

use super::{assert_works, bob, met, outline};

fn send(script: &mut Script, id: &str) -> CallId {
    script.call(SendMessage::text(bob(0), "hi").with_id(id))
}

/// What a text message says.
fn body(message: &Message) -> String {
    match content::read(message).content {
        Content::Text(text) => text.body,
        other => panic!("no text: {other:?}"),
    }
}

/// Answers the question for devices: Bob has these, we have none besides.
fn listed(script: &mut Script, devices: Vec<u16>) {
    let asked = script.asked("usync");
    let lists = device_lists([(bob(0), devices), (own_number().bare().into_owned(), vec![7])]);
    script.answer(&asked, Some(lists));
}

/// A message to Bob comes through.
fn assert_sends(script: &mut Script, peer: &mut Peer, id: &str) {
    script.sent();
    let call = send(script, id);
    script.answer_directory(&[peer]);
    let sent = script.sent_tagged("message");
    assert_eq!(body(&peer.open(&sent[0]).unwrap()), "hi");
    script.ack(id);
    assert!(matches!(script.reply(call), Some(Ok(_))));
    assert_works(script, peer);
}

#[test]
fn device_lists_that_cannot_be_read_fail_the_message_and_nothing_else() {
    let list = |user: Node<'static>| Node::new("usync").child(Node::new("list").child(user));
    let user = || Node::new("user").attr("jid", bob(0));
    let devices = |child| user().child(Node::new("devices").child(child));
    let device = |id: &'static str| Node::new("device-list").child(Node::new("device").attr("id", id));
    let (mut script, mut peer) = met();
    let cases = [
        (None, false),
        (Some(Node::new("usync")), false),
        (Some(list(Node::new("user"))), false),
        (Some(list(Node::new("user").attr("jid", "@@"))), false),
        (Some(Node::new("usync").child(Node::new("list"))), true),
        (Some(list(user())), true),
        (Some(list(devices(Node::new("error").attr("code", "404")))), true),
        (Some(list(devices(device("x")))), true),
        (Some(list(devices(device("256")))), true),
        (Some(list(devices(device("70000")))), true),
        (Some(device_lists([(Jid::pn("15550000009", 0).into_owned(), vec![0])])), true),
    ];
    for (n, (answer, readable)) in cases.into_iter().enumerate() {
        let call = send(&mut script, &format!("A{n}"));
        let asked = script.asked("usync");
        script.answer(&asked, answer);
        match script.reply(call) {
            Some(Err(OpError::NoDevice)) if readable => {}
            Some(Err(OpError::Malformed(_))) if !readable => {}
            other => panic!("case {n}: {other:?}"),
        }
    }
    assert!(script.sent_tagged("message").is_empty());
    assert_sends(&mut script, &mut peer, "B");
}

#[test]
fn a_server_that_does_not_list_our_own_devices_is_not_asked_for_ever() {
    let (mut script, mut peer) = met();
    let call = send(&mut script, "A");
    let asked = script.asked("usync");
    script.answer(&asked, Some(device_lists([(bob(0), vec![0])])));
    assert_eq!(script.reply(call), Some(&Err(OpError::NoDevice)));
    assert!(script.sent().is_empty());
    assert_sends(&mut script, &mut peer, "B");
}

#[test]
fn a_device_that_is_listed_twice_is_written_to_once() {
    let (mut script, peer) = met();
    send(&mut script, "A");
    listed(&mut script, vec![0, 0, 0]);
    script.answer_directory(&[&peer]);
    let sent = script.sent_tagged("message");
    assert_eq!(sent[0].find("participants").map(|all| all.nodes().len()), Some(1));
}

#[test]
fn bundles_that_cannot_be_used_leave_the_device_out() {
    let (mut script, mut peer) = met();
    let spoiled = |index: usize, node: Node<'static>| {
        let mut keys = peer.keys();
        keys[index] = node;
        Node::new("list").child(Node::new("user").attr("jid", bob(0)).children(keys))
    };
    let number = |id: Vec<u8>| Node::new("key").child(Node::new("id").bytes(id));
    let cases = [
        None,
        Some(Node::new("list")),
        Some(Node::new("list").child(Node::new("user"))),
        Some(Node::new("list").child(Node::new("user").attr("jid", bob(0)))),
        Some(Node::new("list").child(Node::new("user").attr("jid", bob(0)).child(Node::new("error")))),
        Some(Node::new("list").child(Node::new("user").attr("jid", bob(9)).children(peer.keys()))),
        Some(spoiled(0, Node::new("registration").bytes(vec![1, 2, 3]))),
        Some(spoiled(1, number(vec![1]))),
        Some(spoiled(1, number(vec![0, 0, 1]).child(Node::new("value").bytes(vec![0; 31])))),
        Some(spoiled(1, number(vec![0, 0, 1]).child(Node::new("value").bytes(vec![0; 32])))),
        Some(spoiled(2, Node::new("identity").bytes(vec![7; 32]))),
        Some(spoiled(2, Node::new("identity").bytes(vec![7; 34]))),
        Some(spoiled(3, Node::new("skey"))),
    ];
    for (n, answer) in cases.into_iter().enumerate() {
        let mut script = Script::ready(1);
        let call = send(&mut script, "A");
        listed(&mut script, vec![0]);
        let asked = script.asked("encrypt");
        script.answer(&asked, answer);
        assert_eq!(script.reply(call), Some(&Err(OpError::NoDevice)), "case {n}");
        assert!(script.sent_tagged("message").is_empty());
        assert!(script.is_alive());
    }
    assert_sends(&mut script, &mut peer, "B");
}

#[test]
fn acks_of_nothing_are_ignored_and_an_error_without_number_is_one() {
    let (mut script, mut peer) = met();
    let ack = |id: &str| Node::new("ack").attr("class", "message").attr("id", id.to_string());
    script.send(&ack("unknown"));
    script.send(&ack("unknown").attr("error", "479"));
    script.send(&Node::new("ack"));
    script.send(&Node::new("ack").attr("class", "receipt").attr("id", "A"));
    assert!(script.sent().is_empty() && script.faults().is_empty());
    let call = send(&mut script, "A");
    script.answer_directory(&[&peer]);
    script.send(&ack("A").attr("error", "why not"));
    let refused = OpError::Refused { code: 0, text: "why not".to_string(), retry_after_s: None };
    assert_eq!(script.reply(call), Some(&Err(refused)));
    script.send(&ack("A"));
    let states = script.progress().len();
    let call = send(&mut script, "B");
    script.answer_directory(&[&peer]);
    script.send(&ack("B").attr("t", "x").attr("phash", "?"));
    assert!(matches!(script.reply(call), Some(Ok(_))));
    script.send(&ack("B"));
    script.send(&ack("B").attr("error", "479"));
    assert_eq!(script.progress().len(), states + 3, "queued, written, acked");
    assert_sends(&mut script, &mut peer, "C");
}

#[test]
fn a_second_end_of_the_offline_queue_writes_nothing_again() {
    let (mut script, mut peer) = met();
    send(&mut script, "A");
    script.answer_directory(&[&peer]);
    assert_eq!(script.sent_tagged("message").len(), 1);
    script.send(&Node::new("ib").child(Node::new("offline")).child(Node::new("offline")));
    assert!(script.sent().is_empty());
    assert_works(&mut script, &mut peer);
}

#[test]
fn receipts_for_what_we_did_not_send_are_closed_and_tell_nothing() {
    let (mut script, mut peer) = met();
    assert_sends(&mut script, &mut peer, "A");
    let receipt = |id: &str| Node::new("receipt").attr("id", id.to_string()).attr("from", bob(0));
    let foreign = (0..300).map(|n| Node::new("item").attr("id", format!("foreign-{n}")));
    let states = script.progress().len();
    let cases = [
        (receipt("unknown"), 0, 1),
        (receipt("unknown").child(Node::new("list").children(foreign)), 0, 1),
        (receipt("unknown").child(Node::new("list").child(Node::new("item"))), 0, 1),
        (receipt("A").attr("type", "unheard-of"), 0, 1),
        (receipt("A").attr("participant", own_number()), 0, 1),
        (Node::new("receipt").attr("from", bob(0)), 1, 0),
        (Node::new("receipt").attr("id", "A"), 1, 0),
        (Node::new("receipt").attr("id", "A").attr("from", "@@"), 1, 1),
    ];
    for (stanza, faults, acks) in cases {
        let before = script.faults().len();
        script.sent();
        script.send(&stanza);
        assert_eq!(outline(&script.sent()).len(), acks, "{stanza}");
        assert_eq!(script.faults().len(), before + faults, "{stanza}");
    }
    assert_eq!(script.progress().len(), states);
    script.send(&receipt("A"));
    assert!(matches!(script.progress().last().unwrap().state, SendState::Delivered { .. }));
    assert_sends(&mut script, &mut peer, "B");
}

fn retry(from: OwnedJid, id: &str, count: &'static str) -> Node<'static> {
    let retry = Node::new("retry").attr("id", id.to_string()).attr("count", count).attr("v", "1");
    Node::new("receipt").attr("id", id.to_string()).attr("from", from).attr("type", "retry").child(retry)
}

#[test]
fn only_the_recipient_gets_a_message_again() {
    let (mut script, mut peer) = met();
    assert_sends(&mut script, &mut peer, "A");
    let stranger = Jid::pn("15550000009", 0).into_owned();
    let bad_keys = Node::new("keys").child(Node::new("identity").bytes(vec![1; 5]));
    let cases = [
        (retry(bob(0), "unknown", "1"), 0),
        (retry(stranger.clone(), "A", "1"), 0),
        (retry(bob(0), "A", "1").attr("participant", stranger), 0),
        (retry(bob(0), "A", "4294967301"), 0),
        (retry(bob(0), "A", "1").child(bad_keys), 1),
        (retry(bob(0), "A", "1").child(Node::new("keys")), 1),
        (Node::new("receipt").attr("id", "A").attr("from", bob(0)).attr("type", "retry"), 1),
        (
            Node::new("receipt")
                .attr("id", "A")
                .attr("from", bob(0))
                .attr("type", "retry")
                .child(Node::new("retry")),
            1,
        ),
    ];
    for (stanza, faults) in cases {
        let before = script.faults().len();
        script.sent();
        script.send(&stanza);
        assert_eq!(outline(&script.sent()), ["ack"], "{stanza}");
        assert_eq!(script.faults().len(), before + faults, "{stanza}");
    }
    script.send(&retry(bob(0), "A", "1"));
    let again = script.sent_tagged("message");
    assert_eq!(body(&peer.open(&again[0]).unwrap()), "hi");
    assert_sends(&mut script, &mut peer, "B");
}
