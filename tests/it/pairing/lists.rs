//! The signed list of a contact's companions decides who is encrypted to.

use prost::Message as _;
use sanswire::crypto::KeyPair;
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_proto::whatsapp::{AdvKeyIndexList, AdvSignedKeyIndexList};
use sanswire_sim::script::{Peer, Script, own_number};

fn bob(device: u16) -> OwnedJid {
    Jid::pn("15550000002", device).into_owned()
}

/// A list as the phone with this key signs it: raw id, time, valid indexes; the highest given out is 4.
fn signed(phone: u8, raw_id: u32, timestamp: u64, valid: &[u32]) -> Vec<u8> {
    let key = KeyPair::from_private([phone; 32]);
    let list = AdvKeyIndexList {
        raw_id: Some(raw_id),
        timestamp: Some(timestamp),
        current_index: Some(4),
        valid_indexes: valid.to_vec(),
        ..AdvKeyIndexList::default()
    };
    let details = list.encode_to_vec();
    let signature = key.private.sign_deterministic(&[&[6, 2], details.as_slice()].concat());
    AdvSignedKeyIndexList {
        details: Some(details.into()),
        account_signature: Some(signature.to_vec().into()),
        account_signature_key: Some(key.public.as_bytes().to_vec().into()),
    }
    .encode_to_vec()
}

/// Bob has the phone, and companions with these numbers and key indexes.
fn answer(companions: &[(u16, Option<u32>)], list: Option<Vec<u8>>) -> Node<'static> {
    let device = |&(id, index): &(u16, Option<u32>)| {
        Node::new("device").attr("id", u64::from(id)).attr_opt("key-index", index.map(u64::from))
    };
    let phone = Node::new("device").attr("id", "0");
    let devices = Node::new("devices")
        .child(Node::new("device-list").child(phone).children(companions.iter().map(device)))
        .children(list.map(|bytes| Node::new("key-index-list").attr("ts", "1").bytes(bytes)));
    let own = Node::new("device").attr("id", "7").attr("key-index", "1");
    let own = Node::new("devices").child(Node::new("device-list").child(own));
    let users = [
        Node::new("user").attr("jid", bob(0)).child(devices),
        Node::new("user").attr("jid", own_number().bare().into_owned()).child(own),
    ];
    Node::new("usync").child(Node::new("list").children(users))
}

/// Sends a text and answers the question for devices; the devices of Bob's that keys are asked for.
fn asked(script: &mut Script, companions: &[(u16, Option<u32>)], list: Option<Vec<u8>>) -> Vec<u16> {
    script.call(SendMessage::text(bob(0), "hi"));
    let query = script.asked("usync");
    script.answer(&query, Some(answer(companions, list)));
    let Some(at) = script.sent().into_iter().find(|node| node.find("key").is_some()) else {
        return Vec::new();
    };
    let users =
        at.find("key").unwrap().nodes().iter().filter_map(|user| user.get_jid("jid")).collect::<Vec<_>>();
    users.iter().filter(|jid| jid.same_user(&bob(0))).map(|jid| jid.device()).collect()
}

/// Bob's list is not known any more.
fn changed(script: &mut Script, hash: &'static str) {
    let update = Node::new("update").attr("hash", hash);
    let notification =
        Node::new("notification").attr("id", hash).attr("from", bob(0)).attr("type", "devices");
    script.send(&notification.child(update));
    script.sent();
}

const THREE: [(u16, Option<u32>); 4] = [(1, Some(1)), (2, Some(2)), (3, Some(5)), (4, None)];

#[test]
fn only_companions_on_the_signed_list_or_newer_than_it_are_encrypted_to() {
    let mut script = Script::ready(1);
    assert_eq!(asked(&mut script, &THREE, Some(signed(9, 1, 100, &[2, 4]))), [0, 2, 3]);
}

#[test]
fn without_a_list_or_with_a_broken_one_those_with_a_key_index_are() {
    let mut forged = signed(9, 1, 100, &[2]);
    *forged.last_mut().unwrap() ^= 1;
    for list in [None, Some(forged), Some(b"no list".to_vec())] {
        let mut script = Script::ready(2);
        assert_eq!(asked(&mut script, &THREE, list), [0, 1, 2, 3]);
    }
}

/// Sends a text all the way, with this list; Bob's devices that it is encrypted to.
fn encrypted_to(script: &mut Script, id: &str, list: Option<Vec<u8>>) -> Vec<u16> {
    let peers: Vec<Peer> = (0..4).map(|device| script.peer(bob(device))).collect();
    script.call(SendMessage::text(bob(0), "hi").with_id(id));
    let query = script.asked("usync");
    script.answer(&query, Some(answer(&THREE, list)));
    script.answer_directory(&peers.iter().collect::<Vec<_>>());
    let message = script.sent_tagged("message").pop().expect("a message");
    script.ack(id);
    let to = message.find("participants").unwrap().nodes().iter().filter_map(|to| to.get_jid("jid"));
    to.filter(|jid| jid.same_user(&bob(0))).map(|jid| jid.device()).collect()
}

#[test]
fn an_older_list_does_not_count() {
    let mut script = Script::ready(3);
    assert_eq!(encrypted_to(&mut script, "A", Some(signed(9, 1, 100, &[1, 2]))), [0, 1, 2, 3]);
    changed(&mut script, "0001");
    let older = Some(signed(9, 1, 99, &[]));
    assert_eq!(encrypted_to(&mut script, "B", older), [0, 1, 2, 3], "as without a list");
    changed(&mut script, "0002");
    assert_eq!(encrypted_to(&mut script, "C", Some(signed(9, 1, 101, &[]))), [0, 3]);
}

#[test]
fn a_new_registration_makes_old_companions_strangers() {
    for (raw_id, strangers) in [(1, false), (2, true)] {
        let mut script = Script::ready(4);
        let peers: Vec<Peer> = [0, 1].map(|device| script.peer(bob(device))).into_iter().collect();
        let companions = [(1, Some(1))];
        script.call(SendMessage::text(bob(0), "first").with_id("A"));
        let query = script.asked("usync");
        script.answer(&query, Some(answer(&companions, Some(signed(9, 1, 100, &[1])))));
        script.answer_directory(&[&peers[0], &peers[1]]);
        script.ack("A");
        changed(&mut script, "0001");
        let fetched = asked(&mut script, &companions, Some(signed(9, raw_id, 101, &[1])));
        assert_eq!(fetched.contains(&1), strangers, "raw id {raw_id}: {fetched:?}");
    }
}
