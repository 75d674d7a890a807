//! Answers, notifications and pairing stanzas that nobody asked for. Reference 01 §11, §18, 08.

use sanswire::OpError;
use sanswire::event::LinkEvent;
use sanswire::link::Logout;
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::pair_device;

use super::{assert_works, bob, met, outline};

fn iq(kind: &'static str, id: &str) -> Node<'static> {
    Node::new("iq").attr("from", Jid::SERVER).attr("type", kind).attr("id", id.to_string())
}

#[test]
fn answers_that_nobody_waits_for_are_ignored() {
    let (mut script, mut peer) = met();
    for id in ["unknown", "", "99999999999999999999"] {
        for kind in ["result", "error"] {
            script.send(&iq(kind, id));
            script.send(&Node::new("iq").attr("type", kind));
        }
    }
    assert!(script.sent().is_empty() && script.faults().is_empty() && script.unhandled().is_empty());
    assert_works(&mut script, &mut peer);
}

#[test]
fn the_first_answer_counts_and_an_error_may_say_nothing() {
    let (mut script, mut peer) = met();
    for error in [
        None,
        Some(Node::new("error")),
        Some(Node::new("error").attr("code", "x")),
        Some(Node::new("error").attr("code", "4294967296")),
    ] {
        let call = script.call(Logout {});
        let id = script.asked("md").get("id").unwrap().into_owned();
        script.send(&iq("error", &id).children(error));
        let refused = matches!(script.reply(call), Some(Err(OpError::Refused { code: 0, .. })));
        assert!(refused, "{:?}", script.reply(call));
        script.send(&iq("result", &id));
        assert!(script.is_ready(), "too late to log out");
    }
    assert_works(&mut script, &mut peer);
}

#[test]
fn unknown_stanzas_are_shown_and_acked_where_the_server_waits_for_it() {
    let (mut script, mut peer) = met();
    let stanza = |tag: &'static str| Node::new(tag).attr("id", "A").attr("from", bob(3));
    let deep = (0..100).fold(Node::new("leaf"), |inner, _| Node::new("level").child(inner));
    let cases = [
        (stanza("notification").attr("type", "unheard-of"), &["ack"][..]),
        (stanza("notification").child(deep), &["ack"]),
        (Node::new("notification").attr("id", "A"), &[]),
        (Node::new("notification").attr("from", bob(0)), &[]),
        (stanza("call").child(Node::new("offer")), &["ack"]),
        (stanza("unheard-of"), &[]),
        (iq("set", "A").child(Node::new("unheard-of")), &[]),
        (Node::new("iq"), &[]),
        (Node::new("ib").child(Node::new("one")).child(Node::new("two")).child(Node::new("three")), &[]),
    ];
    for (stanza, expected) in cases {
        let shown = script.unhandled().len();
        script.send(&stanza);
        assert_eq!(outline(&script.sent()), expected, "{stanza}");
        assert_eq!(script.unhandled().len(), shown + 1, "{stanza}");
    }
    assert!(script.faults().is_empty());
    assert_works(&mut script, &mut peer);
}

#[test]
fn an_ack_names_the_sender_as_it_was_written() {
    let (mut script, mut peer) = met();
    for from in ["not a jid", "15550000002:300@s.whatsapp.net", "x@unheard-of", "@"] {
        script.send(&Node::new("notification").attr("id", "A").attr("from", from).attr("type", "devices"));
        let acks = script.sent_tagged("ack");
        assert_eq!(acks[0].get("to").as_deref(), Some(from));
    }
    assert_works(&mut script, &mut peer);
}

/// A string as bytes with their count.
fn string(text: &str) -> Vec<u8> {
    [&[0xfc, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

#[test]
fn an_address_that_could_not_be_written_back_costs_at_most_its_stanza() {
    let (mut script, mut peer) = met();
    let pair = |user: &str, server: &str| [&[0xfa], string(user).as_slice(), &string(server)].concat();
    let froms = [
        pair("x", ""),
        pair("", ""),
        pair("", "s.whatsapp.net"),
        pair("15550000002", "s.whatsapp.net"),
        pair("a@b", "c@d"),
        pair("15550000002:300", "s.whatsapp.net"),
        [&[0xf7, 0, 5], string("").as_slice()].concat(),
        [&[0xf7, 1, 255], string("15550000002").as_slice()].concat(),
        [&[0xf7, 99, 5], string("15550000002").as_slice()].concat(),
        [&[0xf6], string("").as_slice(), &[1, 1], &string("msgr")].concat(),
        [&[0xf5], string("").as_slice(), &[1, 1, 0, 2], &string("interop")].concat(),
    ];
    for (tag, kind) in [("notification", "devices"), ("receipt", "retry"), ("message", "text"), ("call", "x")]
    {
        for from in &froms {
            let head = ["id", "A", "type", kind, "from"].map(string).concat();
            let frame = [&[0, 0xf8, 7], string(tag).as_slice(), &head, from].concat();
            let (faults, shown) = (script.faults().len(), script.unhandled().len());
            script.send_plaintext(&frame);
            let named = script.faults().len() - faults + script.unhandled().len() - shown;
            assert!(named <= 1 && script.sent().len() <= 1, "<{tag}> from {from:x?}");
        }
    }
    assert_works(&mut script, &mut peer);
}

#[test]
fn information_that_makes_no_sense_is_ignored() {
    let (mut script, mut peer) = met();
    for child in [
        Node::new("edge_routing"),
        Node::new("edge_routing").child(Node::new("routing_info")),
        Node::new("edge_routing").child(Node::new("routing_info").bytes(Vec::new())),
        Node::new("offline"),
        Node::new("offline_preview"),
        Node::new("offline_preview").attr("count", "-5"),
        Node::new("dirty").attr("type", "unheard-of"),
    ] {
        script.send(&Node::new("ib").child(child));
    }
    script.send(&Node::new("ib"));
    assert!(script.sent().is_empty() && script.faults().is_empty());
    assert_works(&mut script, &mut peer);
    script.close();
    script.advance(core::time::Duration::from_secs(2));
    script.log_in();
}

#[test]
fn pairing_out_of_turn_changes_nothing() {
    let (mut script, mut peer) = met();
    let success = script.pair_success();
    let events = script.events.len();
    script.send(&success);
    assert!(script.sent().is_empty());
    script.send(&pair_device(3));
    assert_eq!(outline(&script.sent()), ["iq"]);
    let refresh = Node::new("notification").attr("id", "A").attr("from", Jid::SERVER);
    script.send(&refresh.attr("type", "companion_reg_refresh").child(Node::new("companion_reg_refresh")));
    assert_eq!(outline(&script.sent()), ["ack"]);
    assert_eq!(script.events.len(), events);
    let paired = |event: &&&LinkEvent| matches!(event, LinkEvent::Paired { .. });
    assert_eq!(script.link_events().iter().filter(paired).count(), 1);
    assert_works(&mut script, &mut peer);
}
