//! Privacy tokens: how long they hold, who gets one, and what goes out with a message.

use core::time::Duration;

use miniz_oxide::deflate::compress_to_vec_zlib;
use prost::Message as _;
use sanswire::Table;
use sanswire::directory::token_time::{contact_token, is_due, is_expired};
use sanswire::limits::{
    HISTORY_INFLATED_BYTES, HISTORY_PAIRS, TOKEN_BUCKET_S, TOKEN_BUCKETS, TOKEN_BYTES, TOKENS_IN_FLIGHT,
};
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire::{Refusal, Rule};
use sanswire_proto::whatsapp::message::{HistorySyncNotification, ProtocolMessage};
use sanswire_proto::whatsapp::{Conversation, HistorySync, Message, PhoneNumberToLidMapping};
use sanswire_sim::script::{OWN_NUMBER, Peer, Script};
use sanswire_sim::world::World;

use crate::vectors::{check, hex, same, to_hex};

#[test]
fn tokens_age_and_are_derived_as_the_vectors_say() {
    check("sending.json", |case| match case.kind.as_deref() {
        Some("tctoken_time") => {
            let now = case.input["now"].as_u64().unwrap();
            let given = &case.input["timestamp"];
            // Attributes are text; what is no number was never given.
            let given = given.as_u64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
            if let Some(expired) = case.expected["expired"].as_bool() {
                same("expired", &is_expired(given, now), &expired)?;
            }
            match case.expected["should_issue"].as_bool() {
                Some(due) => same("due", &is_due(given, now), &due),
                None => Ok(()),
            }
        }
        Some("cstoken") => {
            let lid = Jid::parse(case.text("recipient_lid")).unwrap();
            let token = contact_token(&hex(case.text("salt")), &lid);
            same("cstoken", &to_hex(&token).as_str(), &case.expected["cstoken"].as_str().unwrap())
        }
        // Other parts of sending have tests of their own over the same file.
        _ => Ok(()),
    });
}

#[test]
fn the_first_message_of_a_week_gives_the_contact_a_token_which_their_answer_shows() {
    let mut world = World::new(1);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.send(alice, bob, "hi");
    world.send(alice, bob, "again");
    world.run();
    assert_eq!(world[bob].storage.count(Table::Token), 1, "given by the first message");
    assert_eq!(world[alice].storage.count(Table::Token), 1, "remembered as given");
    world.send(bob, alice, "hi yourself");
    world.run();
    assert_eq!(world.texts(alice), ["hi yourself"]);
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}

/// What a contact's device gives: a token of `t`.
fn given(from: &Jid<'_>, token: &[u8], t: u64) -> Node<'static> {
    let token = Node::new("token").attr("type", "trusted_contact").attr("t", t).bytes(token.to_vec());
    Node::new("notification")
        .attr("id", format!("token-{t}"))
        .attr("from", from.bare().into_owned())
        .attr("type", "privacy_token")
        .child(Node::new("tokens").child(token))
}

fn bob() -> OwnedJid {
    Jid::pn("15550000002", 0)
}

fn text(id: &str) -> SendMessage {
    SendMessage::text(bob(), "hi").with_id(id)
}

/// The token that goes out with the next message to Bob.
fn shown(script: &mut Script, peer: &Peer, id: &str) -> Option<Vec<u8>> {
    script.call(text(id));
    script.answer_directory(&[peer]);
    let message = script.sent_tagged("message").pop().unwrap();
    message.find("tctoken").and_then(|token| token.content_bytes()).map(|bytes| bytes.to_vec())
}

#[test]
fn the_newest_token_of_a_contact_goes_with_each_message_until_it_is_expired() {
    let mut script = Script::ready(2);
    let peer = script.peer(bob());
    let now = script.seconds();
    assert_eq!(shown(&mut script, &peer, "A"), None);
    script.send(&given(&peer.jid, b"first", now));
    assert_eq!(shown(&mut script, &peer, "B").as_deref(), Some(&b"first"[..]));
    script.send(&given(&peer.jid, b"second", now + 1));
    script.send(&given(&peer.jid, b"older", now - 1));
    assert_eq!(shown(&mut script, &peer, "C").as_deref(), Some(&b"second"[..]));
    script.jump(Duration::from_secs(TOKEN_BUCKET_S * TOKEN_BUCKETS));
    assert_eq!(shown(&mut script, &peer, "D"), None);
}

#[test]
fn tokens_of_services_without_time_or_too_long_are_not_kept() {
    let mut script = Script::ready(3);
    let peer = script.peer(bob());
    let now = script.seconds();
    script.send(&given(&peer.jid, b"timeless", 0));
    script.send(&given(&peer.jid, &vec![7; TOKEN_BYTES + 1], now));
    script.send(&given(&Jid::pn("0", 0), b"service", now));
    script.send(&given(&Jid::group("1555-1"), b"group", now));
    assert_eq!(script.storage.count(Table::Token), 0);
    script.send(&given(&peer.jid, &vec![7; TOKEN_BYTES], now));
    assert_eq!(script.storage.count(Table::Token), 1);
    let acks = script.sent_tagged("ack");
    assert_eq!(acks.len(), 5, "each is closed");
}

/// Requests to give tokens, as what they give to whom.
fn issued(script: &mut Script) -> Vec<(OwnedJid, u64)> {
    let iqs = script.sent_tagged("iq");
    let tokens = iqs.iter().filter_map(|iq| iq.find("tokens")).flat_map(Node::nodes);
    tokens.map(|token| (token.get_jid("jid").unwrap().into_owned(), token.get_u64("t").unwrap())).collect()
}

#[test]
fn a_message_refused_for_want_of_a_token_fails_gives_one_and_is_not_sent_again() {
    let mut script = Script::ready(4);
    let peer = script.peer(bob());
    let call = script.call(text("A"));
    script.answer_directory(&[&peer]);
    script.sent();
    script.send(&Node::new("ack").attr("class", "message").attr("id", "A").attr("error", "463"));
    let Some(Err(error)) = script.reply(call) else { panic!("not refused: {:?}", script.reply(call)) };
    assert_eq!(error.refusal().map(Refusal::rule), Some(Rule::TokenIssued));
    assert_eq!(issued(&mut script), [(bob(), script.seconds())]);
    assert!(script.sent_tagged("message").is_empty());
}

#[test]
fn a_contact_that_was_set_up_anew_gets_the_token_of_its_old_time_again() {
    let mut script = Script::ready(5);
    let peer = script.peer(bob());
    script.call(text("A"));
    script.answer_directory(&[&peer]);
    script.ack("A");
    let given_at = script.seconds();
    let request = script.asked("privacy");
    script.answer(&request, None);
    script.jump(Duration::from_secs(2 * TOKEN_BUCKET_S));
    let changed = Node::new("notification").attr("id", "new").attr("from", bob()).attr("type", "encrypt");
    script.send(&changed.child(Node::new("identity")));
    assert_eq!(issued(&mut script), [(bob(), given_at)]);
}

#[test]
fn no_more_tokens_are_given_at_a_time_than_the_limit() {
    let mut script = Script::ready(6);
    for n in 0..=TOKENS_IN_FLIGHT {
        let peer = script.peer(Jid::pn(format!("1555000{n:04}"), 0));
        let id = format!("T{n}");
        script.call(SendMessage::text(peer.jid.clone(), "hi").with_id(id.clone()));
        script.answer_directory(&[&peer]);
        script.ack(&id);
    }
    assert_eq!(issued(&mut script).len(), TOKENS_IN_FLIGHT);
}

/// History inside a message of the account's own phone.
fn history(script: &mut Script, history: &HistorySync) {
    let mut phone = script.peer(Jid::pn(OWN_NUMBER, 0));
    let notification = HistorySyncNotification {
        initial_hist_bootstrap_inline_payload: Some(compress_to_vec_zlib(&history.encode_to_vec(), 6).into()),
        ..HistorySyncNotification::default()
    };
    let protocol = ProtocolMessage {
        history_sync_notification: Some(notification.into()),
        ..ProtocolMessage::default()
    };
    let message = Message { protocol_message: Some(protocol.into()), ..Message::default() };
    let stanza = phone.message("history", &message).attr("category", "peer");
    script.send(&stanza);
}

fn pair_of_names(pn: &Jid<'_>, lid: &Jid<'_>) -> PhoneNumberToLidMapping {
    PhoneNumberToLidMapping { pn_jid: Some(pn.to_string()), lid_jid: Some(lid.to_string()) }
}

#[test]
fn a_contact_without_token_is_shown_one_that_is_derived_from_the_salt_of_the_history() {
    let mut script = Script::ready(7);
    let lid = Jid::lid("100000000000002", 0);
    let salt = [9; 32];
    let first = HistorySync {
        phone_number_to_lid_mappings: vec![pair_of_names(&bob(), &lid)],
        nct_salt: Some(salt.to_vec().into()),
        ..HistorySync::default()
    };
    history(&mut script, &first);
    let peer = script.peer(lid.clone());
    script.call(text("A"));
    script.answer_directory(&[&peer]);
    let message = script.sent_tagged("message").pop().unwrap();
    assert_eq!(message.get_jid("to"), Some(lid.clone()), "its name is known from the history");
    let derived = message.find("cstoken").and_then(Node::content_bytes);
    assert_eq!(derived.as_deref(), Some(&contact_token(&salt, &lid)[..]));
    assert!(message.find("tctoken").is_none());
}

#[test]
fn tokens_and_times_of_chats_come_from_the_history_unless_newer_ones_are_known() {
    let mut script = Script::ready(8);
    let peer = script.peer(bob());
    let now = script.seconds();
    script.send(&given(&peer.jid, b"newer", now));
    let chat = |jid: &Jid<'_>, token: &'static [u8]| Conversation {
        id: Some(jid.to_string()),
        tc_token: Some(token.into()),
        tc_token_timestamp: Some(now - 1),
        tc_token_sender_timestamp: Some(now),
        ..Conversation::default()
    };
    let other = Jid::pn("15550000003", 0);
    let chats = vec![chat(&bob(), b"older"), chat(&other, b"imported")];
    history(&mut script, &HistorySync { conversations: chats, ..HistorySync::default() });
    assert_eq!(shown(&mut script, &peer, "A").as_deref(), Some(&b"newer"[..]));
    assert_eq!(script.storage.count(Table::Token), 2);
    script.ack("A");
    assert_eq!(issued(&mut script), [], "the history says that they have one of this week");
}

#[test]
fn history_teaches_up_to_its_limits_and_nothing_when_it_is_larger() {
    let names = |n: usize| (Jid::pn(format!("15556{n:06}"), 0), Jid::lid(format!("16{n:013}"), 0));
    let pairs = |count: usize| (0..count).map(names).map(|(pn, lid)| pair_of_names(&pn, &lid)).collect();
    for count in [HISTORY_PAIRS, HISTORY_PAIRS + 1] {
        let mut script = Script::ready(9);
        let before = script.storage.count(Table::Lid);
        let listed = HistorySync { phone_number_to_lid_mappings: pairs(count), ..HistorySync::default() };
        history(&mut script, &listed);
        assert_eq!(script.storage.count(Table::Lid) - before, 2 * HISTORY_PAIRS);
    }
    for (over, learned) in [(0, 2), (1, 0)] {
        let mut script = Script::ready(10);
        let before = script.storage.count(Table::Lid);
        let mut large = HistorySync { phone_number_to_lid_mappings: pairs(1), ..HistorySync::default() };
        let filler = |len: usize| Some(vec![0; len].into());
        large.shareable_chat_identifier_encryption_key = filler(HISTORY_INFLATED_BYTES);
        let excess = large.encoded_len() - HISTORY_INFLATED_BYTES;
        large.shareable_chat_identifier_encryption_key = filler(HISTORY_INFLATED_BYTES - excess + over);
        history(&mut script, &large);
        assert_eq!(script.storage.count(Table::Lid) - before, learned);
    }
}
