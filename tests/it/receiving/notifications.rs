//! Notifications, presence, chat states and calls beyond the reference's cases. Reference 08.

use core::time::Duration;

use sanswire::calls::RejectCall;
use sanswire::contacts::{SendChatState, SubscribePresence, UnsubscribePresence};
use sanswire::event::{AccountEvent, CallAction, ChatState, ContactEvent, DeviceChange, Event};
use sanswire::limits::{CHAT_STATE_BYTES, CHAT_STATE_S, CHAT_STATES, INBOX_EVENTS};
use sanswire::wire::{Jid, Node, participant_hash};
use sanswire::{OpError, Table};
use sanswire_proto::records::{Device, DeviceList};
use sanswire_sim::script::{Script, own_number};

use super::{bob, group, notification};

fn contacts(script: &Script) -> Vec<&ContactEvent> {
    script.select(|event| match event {
        Event::Contact(ContactEvent::Lid { .. }) => None,
        Event::Contact(event) => Some(event),
        _ => None,
    })
}

fn device(n: u16) -> Node<'static> {
    Node::new("device").attr("jid", bob(n)).attr("key-index", u64::from(n))
}

/// A script that knows Bob's phone and his first companion.
fn knows_bob(seed: u64) -> Script {
    let mut script = Script::ready(seed);
    let known = |id: u32| Device { id: Some(id), key_index: (id > 0).then_some(id), hosted: Some(false) };
    let list = DeviceList { devices: vec![known(0), known(1)], ..DeviceList::default() };
    script.storage.plant(Table::Devices, bob(0).bare().to_string().as_bytes(), &list);
    script
}

#[test]
fn a_list_of_devices_follows_a_notification_whose_hash_is_right() {
    let hash = |ids: &[u16]| {
        let jids: Vec<_> = ids.iter().map(|id| bob(*id)).collect();
        participant_hash(jids.iter())
    };
    let change = |tag: &'static str, n: u16, hash: String| {
        let list = Node::new("key-index-list").attr("ts", "1700000000");
        Node::new(tag).attr("device_hash", hash).child(device(n)).child(list)
    };
    for (operation, kept) in [
        (change("add", 2, hash(&[0, 1, 2])), 1),
        (change("remove", 1, hash(&[0])), 1),
        (change("add", 2, hash(&[0, 2])), 0),
        (Node::new("update").attr("hash", "QUJD"), 0),
    ] {
        let mut script = knows_bob(1);
        script.send(&notification("devices", bob(0), "N").child(operation.clone()));
        assert_eq!(script.storage.count(Table::Devices), kept, "{operation}");
        assert!(matches!(contacts(&script)[..], [ContactEvent::Devices { .. }]), "{operation}");
    }
}

#[test]
fn a_notification_about_devices_that_makes_no_sense_changes_nothing() {
    let list = || Node::new("key-index-list").attr("ts", "1700000000");
    let stranger = Node::new("device").attr("jid", Jid::pn("15550000009", 2));
    let torn = device(2).attr("lid", Jid::lid("100000000000002", 3));
    for operation in [
        Node::new("add").child(device(2)),
        Node::new("add").child(list()),
        Node::new("add").child(list()).child(stranger),
        Node::new("add").child(list()).child(torn),
        Node::new("remove").child(device(1)).child(Node::new("key-index-list")),
        Node::new("update"),
    ] {
        let mut script = knows_bob(2);
        script.send(&notification("devices", bob(0), "N").child(operation.clone()));
        assert_eq!(script.storage.count(Table::Devices), 1, "{operation}");
        assert!(contacts(&script).is_empty(), "{operation}");
        assert_eq!(script.sent_tagged("ack").len(), 1);
    }
}

#[test]
fn a_removed_device_is_told_with_its_number() {
    let mut script = knows_bob(3);
    let list = Node::new("key-index-list").attr("ts", "1700000000");
    script
        .send(&notification("devices", bob(0), "N").child(Node::new("remove").child(device(1)).child(list)));
    let [ContactEvent::Devices { jid, change, devices, .. }] = contacts(&script)[..] else { panic!() };
    assert_eq!((jid, *change, devices.as_slice()), (&bob(0), DeviceChange::Removed, &[1][..]));
}

#[test]
fn the_same_notification_twice_is_told_once_and_acked_twice() {
    let mut script = Script::ready(4);
    let about = notification("status", bob(0), "N").child(Node::new("set").text("hello"));
    script.send(&about);
    script.restart();
    script.log_in();
    script.sent();
    script.send(&about.attr("offline", "0"));
    assert_eq!(contacts(&script).len(), 1);
    assert_eq!(script.sent_tagged("ack").len(), 1);
}

#[test]
fn notifications_stay_with_the_server_while_the_inbox_is_full() {
    let mut script = Script::ready(5);
    script.confirms = false;
    let about =
        |n: u32| notification("status", bob(0), &format!("N{n}")).child(Node::new("set").text("hello"));
    for n in 0..INBOX_EVENTS {
        script.send(&about(n));
    }
    script.sent();
    script.send(&about(INBOX_EVENTS));
    assert!(script.sent_tagged("ack").is_empty());
    assert_eq!(script.faults(), ["inbox is full"]);
}

#[test]
fn whose_presence_is_wanted_is_said_again_on_every_connection() {
    let mut script = Script::ready(6);
    script.call(SubscribePresence { to: bob(3) });
    let subscribed = |script: &mut Script| -> Vec<_> {
        let all = script.sent_tagged("presence").into_iter();
        all.filter(|node| node.get("type").as_deref() == Some("subscribe")).collect()
    };
    assert_eq!(subscribed(&mut script)[0].get_jid("to"), Some(bob(0)));
    script.close();
    script.advance(Duration::from_secs(5));
    script.log_in();
    assert_eq!(subscribed(&mut script).len(), 1);
    // A token of theirs may show more than before, and goes along.
    let token = Node::new("token").attr("type", "trusted_contact").attr("t", "1700000000").bytes(vec![4; 8]);
    script.send(&notification("privacy_token", bob(0), "T").child(Node::new("tokens").child(token)));
    assert!(subscribed(&mut script)[0].find("tctoken").is_some());
    script.call(UnsubscribePresence { from: bob(0) });
    assert_eq!(script.sent_tagged("presence")[0].get("type").as_deref(), Some("unsubscribe"));
    script.close();
    script.advance(Duration::from_secs(5));
    script.log_in();
    assert!(subscribed(&mut script).is_empty());
}

#[test]
fn chat_states_are_told_while_there_is_a_connection() {
    let mut script = Script::ready(7);
    for (state, tag, media) in [
        (ChatState::Composing, "composing", None),
        (ChatState::Recording, "composing", Some("audio")),
        (ChatState::Paused, "paused", None),
    ] {
        script.call(SendChatState { chat: group(), state });
        let node = script.sent_tagged("chatstate").remove(0);
        let child = node.find(tag).unwrap();
        assert_eq!((node.get_jid("to"), child.get("media").as_deref()), (Some(group()), media));
    }
    script.send(&Node::new("chatstate").attr("to", group()).child(Node::new("composing")));
    assert!(script.select(|event| matches!(event, Event::ChatState(_)).then_some(())).is_empty(), "an echo");
    script.close();
    let call = script.call(SendChatState { chat: group(), state: ChatState::Paused });
    assert_eq!(script.reply(call), Some(&Err(OpError::Disconnected)));
}

#[test]
fn who_goes_away_while_writing_has_stopped_after_a_while() {
    let mut script = Script::ready(9);
    let say = |user: u16, tag: &'static str| {
        let from = Node::new("chatstate")
            .attr("from", group())
            .attr("participant", Jid::pn(format!("1555000{user:04}"), 0));
        from.child(Node::new(tag))
    };
    let told = |script: &Script| {
        let state = |event: &Event| match event {
            Event::ChatState(it) => Some((it.sender.user().to_owned(), it.state, it.expired)),
            _ => None,
        };
        script.select(state)
    };
    script.send(&say(1, "composing"));
    script.send(&say(2, "composing"));
    script.advance(Duration::from_secs(CHAT_STATE_S - 5));
    script.send(&say(1, "composing"));
    script.send(&say(2, "paused"));
    script.send(&say(3, "composing"));
    script.advance(Duration::from_secs(CHAT_STATE_S - 1));
    assert!(told(&script).iter().all(|(.., expired)| !expired));
    script.advance(Duration::from_secs(1));
    let over: Vec<_> = told(&script).into_iter().filter(|(.., expired)| *expired).collect();
    let stopped = |user: &str| (user.to_owned(), ChatState::Paused, true);
    assert_eq!(over, [stopped("15550000001"), stopped("15550000003")]);

    let before = told(&script).len();
    for user in 0..=CHAT_STATES {
        script.send(&say(u16::try_from(user).unwrap(), "composing"));
    }
    script.advance(Duration::from_secs(CHAT_STATE_S));
    assert_eq!(told(&script).len() - before, 2 * CHAT_STATES + 1, "one too many is not watched");
}

#[test]
fn names_of_any_length_are_not_kept_for_the_end_of_their_writing() {
    for (bytes, watched) in [(CHAT_STATE_BYTES, true), (CHAT_STATE_BYTES + 1, false)] {
        let mut script = Script::ready(10);
        let name = "1".repeat(bytes - group().user().len());
        let node = Node::new("chatstate").attr("from", group()).attr("participant", Jid::pn(name, 0));
        script.send(&node.child(Node::new("composing")));
        script.advance(Duration::from_secs(CHAT_STATE_S));
        let told = script.select(|event| matches!(event, Event::ChatState(_)).then_some(()));
        assert_eq!(told.len(), 1 + usize::from(watched));
    }
}

#[test]
fn what_follows_an_offer_knows_what_it_said_and_a_refused_call_is_not_missed() {
    let mut script = Script::ready(8);
    let call = |id: &'static str, child: Node<'static>| {
        let child = child.attr("call-id", "C").attr("call-creator", bob(2));
        Node::new("call").attr("id", id).attr("from", bob(2)).attr("t", "1700000000").child(child)
    };
    script.send(&call("1", Node::new("offer").attr("group-jid", group()).child(Node::new("video"))));
    script.send(&call("2", Node::new("preaccept")));
    script.sent();
    let refused = script.call(RejectCall { call: "C".into(), creator: bob(2) });
    assert!(matches!(script.reply(refused), Some(Ok(_))));
    let node = script.sent_tagged("call").remove(0);
    assert_eq!(node.get_jid("to"), Some(bob(0)));
    assert_eq!(
        node.find("reject").and_then(|it| it.get("call-id").map(|id| id.into_owned())).as_deref(),
        Some("C")
    );
    script.send(&call("3", Node::new("terminate").attr("reason", "timeout")));
    let calls = script.select(|event| if let Event::Call(call) = event { Some(call) } else { None });
    assert!(calls[1].video && calls[1].is_group && calls[1].group == Some(group()));
    assert!(matches!(calls[2].action, CallAction::Terminate { missed: false, .. }));
}

#[test]
fn what_is_dirty_is_asked_for_again_and_cleaned() {
    let mut script = Script::ready(9);
    script.pongs = false;
    for kind in ["account_sync", "syncd_app_state", "groups", "unheard-of"] {
        let dirty = Node::new("dirty").attr("type", kind).attr("timestamp", "5");
        script.send(&Node::new("ib").attr("from", Jid::SERVER).child(dirty));
    }
    let asked: Vec<_> = script.sent_tagged("iq");
    let xmlns: Vec<_> = asked.iter().map(|iq| iq.get("xmlns").unwrap().into_owned()).collect();
    let clean = "urn:xmpp:whatsapp:dirty";
    assert_eq!(xmlns, ["privacy", "blocklist", clean, clean, clean]);
    let told = script.select(|event| match event {
        Event::Account(AccountEvent::Dirty { kind, .. }) => Some(kind.as_str()),
        _ => None,
    });
    assert_eq!(told, ["account_sync", "syncd_app_state", "groups"]);
}

#[test]
fn the_name_that_the_phone_gives_the_account_is_announced() {
    let mut script = Script::ready(10);
    let named = notification("account_sync", own_number(), "N").attr("pushname", "Alice");
    script.send(&named);
    let told = script.select(|event| match event {
        Event::Account(AccountEvent::PushName { name }) => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(told, ["Alice"]);
    script.close();
    script.advance(Duration::from_secs(5));
    script.log_in();
    assert_eq!(script.sent_tagged("presence")[0].get("name").as_deref(), Some("Alice"));
}
