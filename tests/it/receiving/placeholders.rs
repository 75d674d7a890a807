//! Messages that the phone sends again. Reference 07 §3.8, §4.5.

use core::time::Duration;

use prost::Message as _;
use sanswire::Table;
use sanswire::content::Content;
use sanswire::limits::{PLACEHOLDER_AFTER_RETRY_S, PLACEHOLDER_WAIT_S, PLACEHOLDERS_PER_REQUEST, RETRY_RECEIPTS};
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::message::peer_data_operation_request_response_message::PeerDataOperationResult;
use sanswire_proto::whatsapp::message::peer_data_operation_request_response_message::peer_data_operation_result::PlaceholderMessageResendResponse;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{
    PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType, ProtocolMessage,
};
use sanswire_proto::whatsapp::{Message, MessageKey, WebMessageInfo};
use sanswire_sim::script::{OWN_NUMBER, Peer, Script};

use super::{bob, group, undecryptable};

fn unavailable(id: &str, t: u64) -> Node<'static> {
    let message = Node::new("message").attr("id", id.to_string()).attr("from", bob(0)).attr("t", t);
    message.attr("notify", "Bob").child(Node::new("unavailable"))
}

/// A client that has a session with its phone.
fn linked(seed: u64) -> (Script, Peer) {
    let mut script = Script::ready(seed);
    let mut phone = script.peer(Jid::pn(OWN_NUMBER, 0));
    let hello = phone.text("hello", "hello");
    script.send(&hello);
    script.sent();
    (script, phone)
}

/// The ids that the phone is asked for, and the id of the question.
fn asked(script: &mut Script, phone: &mut Peer) -> Option<(Vec<String>, String)> {
    let stanza = script.sent_tagged("message").pop()?;
    assert_eq!(stanza.get("category").as_deref(), Some("peer"));
    let message = phone.open(&stanza).unwrap();
    let request = message.protocol_message.unwrap().peer_data_operation_request_message.unwrap();
    let ids =
        request.placeholder_message_resend_request.into_iter().map(|it| it.message_key.unwrap().id.unwrap());
    Some((ids.collect(), stanza.get("id").unwrap().into_owned()))
}

/// What the phone answers: the message with this text.
fn answer(phone: &mut Peer, request: &str, id: &str, text: &str) -> Node<'static> {
    let info = WebMessageInfo {
        key: Some(Box::new(MessageKey {
            remote_jid: Some(bob(0).to_string()),
            from_me: Some(false),
            id: Some(id.to_string()),
            participant: None,
        })),
        message: Some(Box::new(Message { conversation: Some(text.to_string()), ..Message::default() })),
        ..WebMessageInfo::default()
    };
    answer_with(phone, request, id, &info)
}

fn answer_with(phone: &mut Peer, request: &str, id: &str, info: &WebMessageInfo) -> Node<'static> {
    let result = PeerDataOperationResult {
        placeholder_message_resend_response: Some(PlaceholderMessageResendResponse {
            web_message_info_bytes: Some(info.encode_to_vec().into()),
        }),
        ..PeerDataOperationResult::default()
    };
    let response = PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: Some(PeerDataOperationRequestType::PlaceholderMessageResend.into()),
        stanza_id: Some(request.to_string()),
        peer_data_operation_result: vec![result],
    };
    let protocol = ProtocolMessage {
        r#type: Some(Type::PeerDataOperationRequestResponseMessage.into()),
        peer_data_operation_request_response_message: Some(response.into()),
        ..ProtocolMessage::default()
    };
    let message = Message { protocol_message: Some(protocol.into()), ..Message::default() };
    phone.message(&format!("answer-{id}"), &message).attr("category", "peer")
}

fn after_retry(script: &mut Script) {
    script.advance(Duration::from_secs(PLACEHOLDER_AFTER_RETRY_S));
}

fn wait(script: &mut Script) {
    script.advance(Duration::from_secs(PLACEHOLDER_WAIT_S));
}

#[test]
fn what_the_server_has_no_copy_of_comes_from_the_phone() {
    let (mut script, mut phone) = linked(1);
    let t = script.seconds();
    script.send(&unavailable("A", t));
    assert_eq!(script.sent().iter().map(|node| node.tag.as_ref()).collect::<Vec<_>>(), ["ack"]);
    assert_eq!(undecryptable(&script)[0].unavailable.as_deref(), Some(""));
    wait(&mut script);
    let (ids, request) = asked(&mut script, &mut phone).unwrap();
    assert_eq!(ids, ["A"]);
    let stanza = answer(&mut phone, &request, "A", "recovered");
    script.send(&stanza);
    let received = script.received().into_iter().find(|received| received.id == "A").unwrap();
    let Content::Text(text) = &received.content else { panic!("{:?}", received.content) };
    assert_eq!((text.body.as_str(), received.push_name.as_deref()), ("recovered", Some("Bob")));
    assert_eq!((received.timestamp, received.details.resent.as_deref()), (t, Some(request.as_str())));
    assert_eq!(script.storage.count(Table::Placeholder), 0);
    // Once more: it was shown.
    let stanza = answer(&mut phone, &request, "A", "recovered").attr("id", "once-more");
    script.send(&stanza);
    assert_eq!(script.received().iter().filter(|received| received.id == "A").count(), 1);
}

/// The first answer took what was known of the message along.
#[test]
fn a_second_answer_under_other_names_is_not_shown_again() {
    let (mut script, mut phone) = linked(12);
    let lid = Jid::lid("100000000000002", 3).into_owned();
    let message = unavailable("A", 1_700_000_000);
    script.send(&message.attr("from", lid.bare().into_owned()).attr("sender_pn", bob(0)));
    wait(&mut script);
    let (_, request) = asked(&mut script, &mut phone).unwrap();
    for stanza_id in ["one", "two"] {
        // By number: the message came by LID.
        let stanza = answer(&mut phone, &request, "A", "recovered").attr("id", stanza_id);
        script.send(&stanza);
    }
    assert_eq!(script.received().iter().filter(|received| received.id == "A").count(), 1);
}

#[test]
fn a_message_that_comes_meanwhile_is_not_asked_for() {
    let (mut script, mut phone) = linked(2);
    let mut peer = script.peer(bob(0));
    script.send(&unavailable("A", 1_700_000_000));
    let text = peer.text("A", "here I am");
    script.send(&text);
    wait(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None);
    assert_eq!(script.storage.count(Table::Placeholder), 0);
}

#[test]
fn after_the_last_retry_the_phone_is_asked_once() {
    let (mut script, mut phone) = linked(3);
    let peer = script.peer(bob(0));
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    for _ in 0..RETRY_RECEIPTS + 2 {
        script.send(&peer.envelope("A").child(enc.clone()));
    }
    wait(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None);
    after_retry(&mut script);
    assert_eq!(asked(&mut script, &mut phone).unwrap().0, ["A"]);
    after_retry(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None);
    assert_eq!(undecryptable(&script).len(), 1);
}

/// Simulation, seed 360: the second retry receipt was on its way for longer than anybody stayed connected.
#[test]
fn a_sender_that_does_not_answer_a_retry_is_not_waited_for() {
    let (mut script, mut phone) = linked(12);
    let peer = script.peer(bob(0));
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    script.send(&peer.envelope("A").child(enc));
    wait(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None);
    after_retry(&mut script);
    let (ids, request) = asked(&mut script, &mut phone).unwrap();
    assert_eq!(ids, ["A"]);
    let stanza = answer(&mut phone, &request, "A", "recovered");
    script.send(&stanza);
    assert_eq!(script.received().iter().filter(|received| received.id == "A").count(), 1);
    assert_eq!((script.storage.count(Table::Placeholder), script.storage.count(Table::Retry)), (0, 0));
}

#[test]
fn a_sender_that_answers_a_retry_in_time_spares_the_phone() {
    let (mut script, mut phone) = linked(13);
    let mut peer = script.peer(bob(0));
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    script.send(&peer.envelope("A").child(enc));
    let text = peer.text("A", "once more");
    script.send(&text);
    after_retry(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None);
    assert_eq!(script.storage.count(Table::Placeholder), 0);
}

/// A message from Bob that nobody can open.
fn broken(peer: &Peer, id: &str) -> Node<'static> {
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    peer.envelope(id).child(enc)
}

#[test]
fn what_comes_from_sender_and_phone_is_shown_once() {
    for phone_first in [true, false] {
        let (mut script, mut phone) = linked(7);
        let mut peer = script.peer(bob(0));
        script.send(&broken(&peer, "A"));
        after_retry(&mut script);
        let (_, request) = asked(&mut script, &mut phone).unwrap();
        let of_phone = answer(&mut phone, &request, "A", "the text");
        let of_sender = peer.text("A", "the text");
        let [first, second] = if phone_first { [&of_phone, &of_sender] } else { [&of_sender, &of_phone] };
        script.send(first);
        script.sent();
        script.send(second);
        let receipts = script.sent_tagged("receipt");
        assert_eq!(receipts.len(), 1, "a second copy is closed: {receipts:?}");
        assert_ne!(receipts[0].get("type").as_deref(), Some("retry"));
        assert_eq!(script.received().iter().filter(|received| received.id == "A").count(), 1);
        assert_eq!(script.storage.count(Table::Placeholder), 0);
    }
}

#[test]
fn each_message_is_asked_for_when_the_time_of_its_sender_is_over() {
    let (mut script, mut phone) = linked(9);
    let peer = script.peer(bob(0));
    script.send(&broken(&peer, "A"));
    script.advance(Duration::from_secs(2));
    script.send(&broken(&peer, "B"));
    script.advance(Duration::from_secs(1));
    // This one nobody else can give, so it does not wait for the others, nor they for it.
    script.send(&unavailable("C", 1_700_000_000));
    let mut asked_at = Vec::new();
    for second in 4..=8 {
        script.advance(Duration::from_secs(1));
        asked_at.extend(asked(&mut script, &mut phone).map(|(ids, _)| (second, ids.join(" "))));
    }
    assert_eq!(asked_at, [(5, "A C".to_owned()), (7, "B".to_owned())]);
}

#[test]
fn a_message_of_a_group_comes_from_the_phone_under_the_name_of_its_author() {
    let (mut script, mut phone) = linked(10);
    let author = Jid::lid("100000000000002", 3).into_owned();
    let node = Node::new("message")
        .attr("id", "G")
        .attr("from", group())
        .attr("participant", author.clone())
        .attr("participant_pn", bob(3))
        .attr("notify", "Bob")
        .attr("t", "1700000000")
        .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(vec![0x33; 80]));
    script.send(&node);
    after_retry(&mut script);
    let stanza = script.sent_tagged("message").pop().unwrap();
    let message = phone.open(&stanza).unwrap();
    let mut request = message.protocol_message.unwrap().peer_data_operation_request_message.unwrap();
    let key = request.placeholder_message_resend_request.remove(0).message_key.unwrap();
    assert_eq!(key.remote_jid.as_deref(), Some(group().to_string().as_str()));
    assert_eq!(key.participant.as_deref(), Some(author.bare().to_string().as_str()));
    let text = Message { conversation: Some("for all".into()), ..Message::default() };
    let info = WebMessageInfo {
        key: Some(Box::new(MessageKey { participant: None, ..key })),
        message: Some(Box::new(text)),
        message_timestamp: Some(1_700_000_007),
        ..WebMessageInfo::default()
    };
    let stanza = answer_with(&mut phone, &stanza.get("id").unwrap(), "G", &info);
    script.send(&stanza);
    let received = script.received().into_iter().find(|received| received.id == "G").unwrap();
    assert_eq!((&received.chat, &received.sender), (&group(), &author));
    assert_eq!((received.sender_alt.as_ref(), received.push_name.as_deref()), (Some(&bob(3)), Some("Bob")));
    assert_eq!(received.timestamp, 1_700_000_007, "the phone knows it best");
}

#[test]
fn a_question_that_was_lost_with_its_connection_is_asked_again_and_one_that_arrived_is_not() {
    let (mut script, mut phone) = linked(11);
    script.send(&unavailable("A", 1_700_000_000));
    wait(&mut script);
    let (_, lost) = asked(&mut script, &mut phone).unwrap();
    let again = |script: &mut Script, phone: &mut Peer| {
        script.close();
        script.advance(Duration::from_secs(10));
        script.log_in();
        script.sent();
        wait(script);
        asked(script, phone)
    };
    let (ids, request) = again(&mut script, &mut phone).expect("nobody has it");
    assert_eq!(ids, ["A"]);
    assert_ne!(request, lost);
    script.ack(&request);
    assert_eq!(again(&mut script, &mut phone), None, "the server has it");
    let stanza = answer(&mut phone, &request, "A", "late");
    script.send(&stanza);
    assert!(script.received().iter().any(|received| received.id == "A"));
}

#[test]
fn a_question_that_was_not_asked_yet_outlives_a_restart() {
    let (mut script, mut phone) = linked(4);
    script.send(&unavailable("A", 1_700_000_000));
    script.restart();
    script.log_in();
    script.sent();
    wait(&mut script);
    let (ids, request) = asked(&mut script, &mut phone).unwrap();
    assert_eq!(ids, ["A"]);
    script.ack(&request);
    script.restart();
    script.log_in();
    script.sent();
    wait(&mut script);
    assert_eq!(asked(&mut script, &mut phone), None, "it was asked before");
    let stanza = answer(&mut phone, &request, "A", "late");
    script.send(&stanza);
    assert!(script.received().iter().any(|received| received.id == "A"));
}

#[test]
fn so_many_messages_are_asked_for_at_a_time() {
    let (mut script, mut phone) = linked(5);
    for n in 0..=PLACEHOLDERS_PER_REQUEST {
        script.send(&unavailable(&format!("A{n:03}"), 1_700_000_000));
    }
    script.sent();
    wait(&mut script);
    let (first, _) = asked(&mut script, &mut phone).unwrap();
    wait(&mut script);
    let (second, _) = asked(&mut script, &mut phone).unwrap();
    assert_eq!((first.len(), second.len()), (PLACEHOLDERS_PER_REQUEST, 1));
}
