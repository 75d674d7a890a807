//! Sessions beyond one conversation: under which name they are kept, when they are given up, who reads a note to self.
//! Reference 04 §12.2, §14, 05 §4.

use core::time::Duration;

use sanswire::event::{Event, SendState};
use sanswire::limits::RETRY_RECEIPTS;
use sanswire::messaging::SendMessage;
use sanswire::ops::Answer;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire::{Table, Want};
use sanswire_sim::script::{Peer, Script};
use sanswire_sim::world::World;

fn bob() -> OwnedJid {
    Jid::pn("15550000002", 0)
}

fn bob_lid() -> OwnedJid {
    Jid::lid("100000000000002", 0)
}

/// Whether there is a record of a table under an address.
fn stored(script: &Script, table: Table, address: &OwnedJid) -> bool {
    let key = address.to_string().into_bytes();
    let found = script.storage.read(&[Want::Get { table, key }]);
    matches!(&found[..], [sanswire::Found::Value(Some(_))])
}

#[test]
fn a_session_under_the_number_moves_to_the_lid_when_that_is_learnt() {
    let mut script = Script::ready(1);
    let mut peer = script.peer(bob());
    let first = peer.text("A", "under the number");
    script.send(&first);
    assert!(stored(&script, Table::Session, &bob()) && stored(&script, Table::Identity, &bob()));
    let second = peer.text("B", "and the LID").attr("sender_lid", bob_lid());
    script.send(&second);
    assert_eq!(script.received().len(), 2, "read with the same session");
    for table in [Table::Session, Table::Identity] {
        assert!(!stored(&script, table, &bob()) && stored(&script, table, &bob_lid()), "{table:?}");
    }
    // The same device under its other name.
    peer.jid = bob_lid();
    let third = peer.text("C", "under the LID");
    script.send(&third);
    assert_eq!(script.received().len(), 3);
    assert_eq!(script.storage.count(Table::Session), 1);
    assert_eq!(script.received()[0].conversation(), &bob());
    assert_eq!(script.received()[2].conversation(), &bob_lid());
}

/// Bob's device asks for message `A` again, without keys.
fn retry(peer: &Peer, count: u32) -> Node<'static> {
    let retry = Node::new("retry").attr("id", "A").attr("count", u64::from(count)).attr("v", "1");
    let receipt = Node::new("receipt").attr("id", "A").attr("from", peer.jid.clone()).attr("type", "retry");
    receipt.child(retry)
}

#[test]
fn a_session_that_two_answers_have_not_mended_is_given_up() {
    const { assert!(RETRY_RECEIPTS > 3, "the third request is still answered") };
    let mut script = Script::ready(2);
    let mut peer = script.peer(bob());
    // Bob has written, so that both have the session.
    let hello = peer.text("hello", "hello");
    script.send(&hello);
    script.call(SendMessage::text(bob(), "hi").with_id("A"));
    script.answer_directory(&[&peer]);
    script.ack("A");
    script.sent();
    for count in [1, 2] {
        script.send(&retry(&peer, count));
        let again = script.sent_tagged("message").pop().unwrap();
        assert_eq!(again.find("enc").unwrap().get("type").as_deref(), Some("msg"), "in the old session");
        assert!(peer.open(&again).is_ok());
    }
    script.send(&retry(&peer, 3));
    let sent = script.sent();
    assert!(!sent.iter().any(|node| node.tag == "message"), "not in the old session");
    let asked = sent.into_iter().find(|node| node.find("key").is_some()).unwrap();
    script.answer(&asked, Some(Node::new("list").child(peer.bundle())));
    let again = script.sent_tagged("message").pop().unwrap();
    assert_eq!(again.find("enc").unwrap().get("type").as_deref(), Some("pkmsg"), "in a new one");
    assert_eq!(again.find("enc").unwrap().get_u64("count"), Some(3));
    assert!(peer.open(&again).is_ok());
}

#[test]
fn a_note_to_self_is_read_by_the_other_devices_of_the_account() {
    let mut world = World::new(3);
    let [phone_only, alice, laptop] = ["Bob", "Alice", "Alice"].map(|name| world.paired(name));
    for who in [alice, phone_only] {
        let to = world.number(who);
        let call = world.send_to(who, to, "milk");
        world.run_for(Duration::from_secs(20));
        assert!(
            matches!(world.reply(who, call), Some(Ok(Answer::SendMessage(_)))),
            "{:?}",
            world.reply(who, call)
        );
        assert_eq!(world.texts(who), [""; 0], "not back to the device that wrote it");
        let failed = world[who].select(|event| match event {
            Event::Send(progress) if matches!(progress.state, SendState::Failed { .. }) => Some(progress),
            _ => None,
        });
        assert!(failed.is_empty(), "{failed:?}");
    }
    assert_eq!(world.texts(laptop), ["milk"]);
    let received = world[laptop].received().into_iter().next_back().unwrap();
    assert!(received.from_me && received.chat.same_user(&received.sender));
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}
