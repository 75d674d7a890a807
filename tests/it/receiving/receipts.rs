//! Receipts, in and out. Reference 07 §6.

use sanswire::OpError;
use sanswire::event::{Event, Receipt, ReceiptKind, SendState};
use sanswire::messaging::{MarkPlayed, MarkRead, SendMessage};
use sanswire::wire::Node;
use sanswire_sim::script::{Script, own_number};

use super::{bob, group, notification};

fn receipts(script: &Script) -> Vec<&Receipt> {
    script.select(|event| if let Event::Receipt(receipt) = event { Some(receipt) } else { None })
}

fn receipt(kind: Option<&'static str>, id: &str) -> Node<'static> {
    Node::new("receipt").attr("id", id.to_string()).attr("t", "1700000001").attr_opt("type", kind)
}

/// A client whose message `A` Bob has been sent.
fn sent() -> Script {
    let mut script = Script::ready(1);
    let peer = script.peer(bob(0));
    script.call(SendMessage::text(bob(0), "hi").with_id("A"));
    script.answer_directory(&[&peer]);
    script.ack("A");
    script.sent();
    script
}

#[test]
fn progress_of_each_device_only_goes_forward() {
    let mut script = sent();
    for (kind, device) in [
        (Some("read"), 0),
        (None, 0),
        (None, 1),
        (Some("read"), 0),
        (Some("played"), 0),
        (Some("read"), 1),
        (Some("inactive"), 2),
    ] {
        script.send(&receipt(kind, "A").attr("from", bob(device)));
    }
    let states: Vec<_> = script
        .progress()
        .into_iter()
        .filter_map(|progress| match &progress.state {
            SendState::Delivered { by, .. } => Some(("delivered", by.device())),
            SendState::Read { by, .. } => Some(("read", by.device())),
            SendState::Played { by, .. } => Some(("played", by.device())),
            _ => None,
        })
        .collect();
    assert_eq!(states, [("read", 0), ("delivered", 1), ("played", 0), ("read", 1)]);
    assert_eq!(receipts(&script)[0].kind, ReceiptKind::Inactive);
    assert_eq!(script.sent_tagged("ack").len(), 7);
}

#[test]
fn a_receipt_may_be_about_messages_of_this_client_and_of_the_phone() {
    let mut script = sent();
    let items = ["A", "B"].map(|id| Node::new("item").attr("id", id));
    let list = Node::new("list").children(items);
    script.send(&receipt(Some("read"), "C").attr("from", bob(0)).child(list));
    assert_eq!(receipts(&script)[0].ids, ["C", "B"]);
    assert!(script.progress().iter().any(|progress| matches!(progress.state, SendState::Read { .. })));
}

#[test]
fn what_another_device_of_the_account_read_is_told() {
    let mut script = Script::ready(2);
    let own = own_number().with_device(0).into_owned();
    script.send(&receipt(Some("read-self"), "X").attr("from", own.clone()).attr("recipient", bob(0)));
    let in_group = receipt(Some("read"), "Y").attr("from", group()).attr("participant", own);
    script.send(&in_group.attr("recipient", bob(0)));
    let [first, second] = receipts(&script)[..] else { panic!() };
    assert_eq!((&first.chat, first.from_me, &first.kind), (&bob(0), true, &ReceiptKind::ReadSelf));
    assert_eq!((&second.chat, second.author.as_ref()), (&group(), Some(&bob(0))));
}

#[test]
fn reading_is_not_told_when_the_account_does_not_want_it() {
    let mut script = Script::ready(3);
    let read = MarkRead { chat: bob(0), ids: vec!["A".into(), "B".into()], sender: None };
    script.call(read.clone());
    let category = Node::new("category").attr("name", "readreceipts").attr("value", "none");
    let privacy = Node::new("privacy").child(category);
    script.send(&notification("account_sync", own_number(), "N").child(privacy));
    script.call(read);
    script.call(MarkPlayed { chat: bob(0), ids: vec!["A".into()], sender: None });
    let kinds: Vec<_> =
        script.sent_tagged("receipt").iter().map(|it| it.get("type").unwrap().into_owned()).collect();
    assert_eq!(kinds, ["read", "read-self", "played"]);
}

#[test]
fn receipts_for_groups_name_whose_messages_were_read() {
    let mut script = Script::ready(4);
    let without = script.call(MarkRead { chat: group(), ids: vec!["A".into()], sender: None });
    assert!(matches!(script.reply(without), Some(Err(OpError::Argument(_)))));
    script.call(MarkRead { chat: group(), ids: vec!["A".into()], sender: Some(bob(3)) });
    let receipt = script.sent_tagged("receipt").remove(0);
    assert_eq!(receipt.get_jid("participant"), Some(bob(0)), "the person, not the device");
    assert_eq!(receipt.get_jid("to"), Some(group()));
}

#[test]
fn messages_are_marked_by_conversation_and_sender() {
    let mut script = Script::ready(5);
    let mut peer = script.peer(bob(0));
    for id in ["A", "B"] {
        let text = peer.text(id, "hi");
        script.send(&text);
    }
    let list = sanswire::wire::Jid::parse("1700000001@broadcast").unwrap().into_owned();
    let enc = peer.seal(&[0x0a, 2, b'h', b'i', 1]);
    let in_list = Node::new("message").attr("id", "C").attr("from", list.clone()).attr("participant", bob(0));
    script.send(&in_list.attr("t", "1700000000").child(enc));
    let calls = MarkRead::all(script.received());
    let short: Vec<_> =
        calls.iter().map(|call| (call.chat.clone(), call.ids.len(), call.sender.clone())).collect();
    assert_eq!(short, [(bob(0), 2, None), (list, 1, Some(bob(0)))]);
}
