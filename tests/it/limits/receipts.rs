//! Bounds of receipts and retries.

use sanswire::event::SendState;
use sanswire::limits::{PENDING_RESENDS, RECEIPT_IDS, RECEIPT_MARKS, RETRY_RECEIPTS};
use sanswire::messaging::MarkRead;
use sanswire::wire::{Node, OwnedJid};
use sanswire::{OpError, Table};
use sanswire_proto::records::{ReceiptMark, SentIndex, SentMessage};
use sanswire_sim::script::Script;

use super::{acked, bob, iqs, reports, written};

/// A device asks for a message again.
fn retry(from: OwnedJid, id: &str, count: u32) -> Node<'static> {
    let retry = Node::new("retry").attr("id", id.to_string()).attr("count", u64::from(count)).attr("v", "1");
    let receipt = Node::new("receipt").attr("id", id.to_string()).attr("from", from).attr("type", "retry");
    receipt.child(retry)
}

#[test]
fn an_unreadable_message_is_asked_for_again_only_so_often() {
    let mut script = Script::ready(1);
    let peer = script.peer(bob(0));
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    let unreadable = peer.envelope("A").child(enc);
    for attempt in 1..=RETRY_RECEIPTS + 1 {
        script.send(&unreadable);
        let sent = script.sent();
        let counts: Vec<_> =
            iqs(&sent, "retry").iter().map(|it| it.find("retry")?.get_u64("count")).collect();
        let expected = (attempt <= RETRY_RECEIPTS).then_some(Some(u64::from(attempt)));
        assert_eq!(counts, Vec::from_iter(expected));
        assert_eq!(sent.iter().filter(|node| node.tag == "ack").count(), 1, "attempt {attempt}");
    }
}

#[test]
fn a_message_is_given_again_only_so_often() {
    let (mut script, peer) = acked("A");
    script.send(&retry(peer.jid.clone(), "A", RETRY_RECEIPTS));
    let sent = script.sent();
    assert_eq!(sent.iter().map(|node| node.tag.as_ref()).collect::<Vec<_>>(), ["ack"]);
    script.send(&retry(peer.jid.clone(), "A", RETRY_RECEIPTS - 1));
    assert_eq!(script.sent_tagged("message").len(), 1);
}

#[test]
fn so_many_messages_may_wait_for_a_bundle_to_be_given_again() {
    let (mut script, peer) = acked("A");
    let mut other = script.peer(bob(1));
    for id in ["B", "C"] {
        written(&mut script, &[&peer], id);
        script.ack(id);
    }
    script.sent();
    // Two places are left for the last device, which asks for three messages.
    for device in 2..PENDING_RESENDS {
        script.send(&retry(bob(u16::try_from(device).unwrap()), "A", 1));
    }
    for id in ["A", "B", "C"] {
        script.send(&retry(bob(1), id, 1));
    }
    script.answer_directory(&[&other]);
    let again = script.sent_tagged("message");
    assert_eq!(again.iter().map(|message| message.get("id").unwrap()).collect::<Vec<_>>(), ["A", "B"]);
    assert!(again.iter().all(|message| other.open(message).is_ok()));
}

#[test]
fn a_receipt_names_as_many_messages_as_the_limit() {
    let mut script = Script::ready(2);
    let ids: Vec<_> = (0..=RECEIPT_IDS).map(|n| format!("P{n}")).collect();
    for (seq, id) in (1_u64..).zip(&ids) {
        let sent =
            SentMessage { id: Some(id.clone()), chat: Some(bob(0).to_string()), ..SentMessage::default() };
        script.storage.plant(Table::Sent, &seq.to_be_bytes(), &sent);
        script.storage.plant(Table::SentId, id.as_bytes(), &SentIndex { sequence: Some(seq) });
    }
    let items = ids[1..].iter().map(|id| Node::new("item").attr("id", id.clone()));
    let receipt = Node::new("receipt").attr("id", ids[0].clone()).attr("from", bob(0));
    script.send(&receipt.child(Node::new("list").children(items)));
    let delivered = |state: &SendState| matches!(state, SendState::Delivered { .. });
    assert_eq!(reports(&script, delivered), RECEIPT_IDS);
    assert_eq!(script.sent_tagged("ack").len(), 1);
    let full = script.call(MarkRead { chat: bob(0), ids: ids[1..].to_vec(), sender: None });
    assert!(matches!(script.reply(full), Some(Ok(_))));
    for ids in [ids, Vec::new()] {
        let call = script.call(MarkRead { chat: bob(0), ids, sender: None });
        assert!(matches!(script.reply(call), Some(Err(OpError::Argument(_)))));
    }
    assert_eq!(script.sent_tagged("receipt").len(), 1);
}

#[test]
fn so_many_receipts_are_reported_per_message() {
    let (mut script, _) = acked("A");
    let nearly = ReceiptMark { devices: Some(RECEIPT_MARKS - 2), ..ReceiptMark::default() };
    script.storage.plant(Table::Receipt, &1_u64.to_be_bytes(), &nearly);
    for device in 0..4 {
        script.send(&Node::new("receipt").attr("id", "A").attr("from", bob(device)));
    }
    let delivered = |state: &SendState| matches!(state, SendState::Delivered { .. });
    assert_eq!(reports(&script, delivered), 2);
    assert_eq!(script.sent_tagged("ack").len(), 4);
    let read = |device| Node::new("receipt").attr("id", "A").attr("type", "read").attr("from", bob(device));
    script.send(&read(0));
    script.send(&read(3));
    assert_eq!(
        reports(&script, |state| matches!(state, SendState::Read { .. })),
        1,
        "a known device goes on"
    );
}
