//! Bounds of what is taken from one stanza, and of what is remembered.

use core::time::Duration;

use sanswire::event::{AccountEvent, CallAction, ContactEvent, Event, NewsletterEvent};
use sanswire::limits::{
    APP_STATE_KEYS_PER_SHARE, BLOCKED_USERS, CALL_REMEMBERED_S, CALLS_REMEMBERED, META_ATTRIBUTES, MEX_BYTES,
    NOTIFICATION_ITEMS, PLACEHOLDER_AGE_S, PLACEHOLDERS, POSTS_PER_NOTIFICATION, PRESENCE_SUBSCRIPTIONS,
    PRIVACY_CATEGORIES, REACTIONS_PER_POST, RECEIPT_USERS, STATUS_LIFETIME_S,
};
use sanswire::wire::{Jid, Node};
use sanswire::{OpError, Table, contacts::SubscribePresence};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyId, AppStateSyncKeyShare, ProtocolMessage,
};
use sanswire_sim::script::{OWN_NUMBER, Script, own_number};

use super::{bob, group, notification, undecryptable};

fn accounts(script: &Script) -> Vec<&AccountEvent> {
    script.select(|event| if let Event::Account(event) = event { Some(event) } else { None })
}

fn call(action: &'static str, id: usize) -> Node<'static> {
    let child = Node::new(action).attr("call-id", format!("C{id}")).attr("call-creator", bob(0));
    Node::new("call").attr("id", format!("{action}{id}")).attr("from", bob(0)).attr("t", "1").child(child)
}

#[test]
fn so_many_users_count_in_one_receipt() {
    let mut script = Script::ready(1);
    let user = |n: usize| Node::new("user").attr("jid", Jid::pn(format!("15556{n:06}"), 0)).attr("t", "5");
    let grouped = Node::new("participants").attr("key", "A").children((0..=RECEIPT_USERS).map(user));
    script.send(
        &Node::new("receipt").attr("id", "A").attr("from", group()).attr("type", "read").child(grouped),
    );
    let told = script.select(|event| matches!(event, Event::Receipt(_)).then_some(()));
    assert_eq!(told.len(), RECEIPT_USERS);
}

#[test]
fn so_many_attributes_of_meta_are_told() {
    let mut script = Script::ready(2);
    let mut peer = script.peer(bob(0));
    let meta = (0..=META_ATTRIBUTES).fold(Node::new("meta"), |meta, n| meta.attr(format!("k{n}"), "v"));
    let text = peer.text("A", "hi").child(meta);
    script.send(&text);
    assert_eq!(script.received()[0].details.meta.len(), META_ATTRIBUTES);
}

#[test]
fn a_status_is_asked_for_again_for_a_day() {
    let mut script = Script::ready(3);
    let status = |id: &'static str, age: u64| {
        let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
        let t = 1_700_000_000 - age;
        Node::new("message")
            .attr("id", id)
            .attr("from", Jid::STATUS)
            .attr("participant", bob(0))
            .attr("t", t)
            .child(enc)
    };
    script.send(&status("A", STATUS_LIFETIME_S));
    script.send(&status("B", STATUS_LIFETIME_S + 1));
    assert_eq!(undecryptable(&script).iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["A"]);
}

#[test]
fn the_phone_is_asked_for_as_many_messages_as_the_limit_and_only_for_new_ones() {
    let mut script = Script::ready(4);
    let unavailable = |id: String, t: u64| {
        Node::new("message").attr("id", id).attr("from", bob(0)).attr("t", t).child(Node::new("unavailable"))
    };
    let now = script.seconds();
    script.send(&unavailable("old".into(), now - PLACEHOLDER_AGE_S - 1));
    assert_eq!(script.storage.count(Table::Placeholder), 0);
    script.send(&unavailable("young".into(), now - PLACEHOLDER_AGE_S));
    assert_eq!(script.storage.count(Table::Placeholder), 1);
    for n in 0..PLACEHOLDERS {
        // Another window of what may be reported.
        if n % 32 == 0 {
            script.advance(Duration::from_secs(301));
        }
        let t = script.seconds();
        script.send(&unavailable(format!("P{n}"), t));
    }
    assert_eq!(script.storage.count(Table::Placeholder), PLACEHOLDERS);
}

#[test]
fn so_many_children_of_a_notification_count() {
    let mut script = Script::ready(5);
    let set = |n: usize| Node::new("set").attr("jid", bob(0)).attr("id", n.to_string());
    script.send(&notification("picture", bob(0), "A").children((0..=NOTIFICATION_ITEMS).map(set)));
    let pictures = script.select(|event| match event {
        Event::Contact(ContactEvent::Picture { .. }) => Some(()),
        _ => None,
    });
    assert_eq!(pictures.len(), NOTIFICATION_ITEMS);
}

#[test]
fn so_many_posts_and_reactions_of_a_channel_count() {
    let mut script = Script::ready(6);
    let channel = Jid::parse("120363111111111111@newsletter").unwrap().into_owned();
    let reaction = |n: usize| Node::new("reaction").attr("code", format!("r{n}")).attr("count", "1");
    let post = |n: usize| {
        let reactions = if n == 0 { REACTIONS_PER_POST + 1 } else { 1 };
        let all = Node::new("reactions").children((0..reactions).map(reaction));
        Node::new("message").attr("server_id", (n + 100).to_string()).child(all)
    };
    let posts = Node::new("messages").children((0..=POSTS_PER_NOTIFICATION).map(post));
    script.send(&notification("newsletter", channel, "A").child(Node::new("live_updates").child(posts)));
    let posts = script.select(|event| match event {
        Event::Newsletter(NewsletterEvent::Posts { posts, .. }) => Some(posts),
        _ => None,
    });
    assert_eq!(posts[0].len(), POSTS_PER_NOTIFICATION);
    assert_eq!(posts[0][0].reactions.as_ref().unwrap().len(), REACTIONS_PER_POST);
}

#[test]
fn so_much_json_is_read() {
    let mut script = Script::ready(7);
    let json = |len: usize| {
        let frame = r#"{"data":""}"#.len();
        format!(r#"{{"data":"{}"}}"#, "x".repeat(len - frame))
    };
    for (id, len) in [("A", MEX_BYTES), ("B", MEX_BYTES + 1)] {
        let update = Node::new("update").attr("op_name", "Anything").bytes(json(len).into_bytes());
        script.send(&notification("mex", Jid::SERVER, id).child(update));
    }
    let told = script.select(|event| if let Event::Mex(mex) = event { Some(mex.json.len()) } else { None });
    assert_eq!(told, [MEX_BYTES]);
}

#[test]
fn so_many_settings_and_blocked_users_are_kept() {
    let mut script = Script::ready(8);
    let category = |n: usize| Node::new("category").attr("name", format!("n{n}")).attr("value", "v");
    let privacy = Node::new("privacy").children((0..=PRIVACY_CATEGORIES).map(category));
    script.send(&notification("account_sync", own_number(), "A").child(privacy));
    let item =
        |n: usize| Node::new("item").attr("jid", Jid::pn(format!("15556{n:06}"), 0)).attr("action", "block");
    let blocklist = Node::new("blocklist").attr("dhash", "h").children((0..=BLOCKED_USERS).map(item));
    script.send(&notification("account_sync", own_number(), "B").child(blocklist));
    let [AccountEvent::Privacy { changed }, AccountEvent::Blocklist { blocked, .. }] = accounts(&script)[..]
    else {
        panic!("{:?}", accounts(&script).len())
    };
    assert_eq!((changed.len(), blocked.len()), (PRIVACY_CATEGORIES, BLOCKED_USERS));
}

#[test]
fn so_many_people_are_watched() {
    let mut script = Script::ready(9);
    for n in 0..PRESENCE_SUBSCRIPTIONS {
        script.call(SubscribePresence { to: Jid::pn(format!("15556{n:06}"), 0) });
    }
    let over = script.call(SubscribePresence { to: bob(0) });
    assert_eq!(script.reply(over), Some(&Err(OpError::QueueFull)));
}

#[test]
fn offers_are_remembered_for_a_while_and_so_many() {
    let missed = |script: &Script| {
        script.select(|event| match event {
            Event::Call(call) => match call.action {
                CallAction::Terminate { missed, .. } => Some(missed),
                _ => None,
            },
            _ => None,
        })
    };
    let timeout = |id: usize| {
        let child = Node::new("terminate").attr("call-id", format!("C{id}")).attr("call-creator", bob(0));
        let child = child.attr("reason", "timeout");
        Node::new("call").attr("id", format!("end{id}")).attr("from", bob(0)).attr("t", "1").child(child)
    };
    let mut script = Script::ready(10);
    for id in 0..=CALLS_REMEMBERED {
        script.advance(Duration::from_millis(1));
        script.send(&call("offer", id));
    }
    for id in [0, 1, CALLS_REMEMBERED] {
        script.send(&timeout(id));
    }
    assert_eq!(missed(&script), [false, true, true], "the oldest went");
    let mut script = Script::ready(11);
    script.send(&call("offer", 0));
    script.advance(Duration::from_secs(CALL_REMEMBERED_S));
    script.send(&call("offer", 1));
    script.send(&timeout(0));
    assert_eq!(missed(&script), [false]);
}

#[test]
fn so_many_keys_of_the_application_state_are_taken_from_one_message() {
    let mut script = Script::ready(12);
    let mut phone = script.peer(Jid::pn(OWN_NUMBER, 0));
    let key = |n: usize| AppStateSyncKey {
        key_id: Some(AppStateSyncKeyId { key_id: Some(n.to_be_bytes().to_vec().into()) }),
        key_data: Some(AppStateSyncKeyData { key_data: Some(vec![3; 32].into()), ..Default::default() }),
    };
    let share = AppStateSyncKeyShare { keys: (0..=APP_STATE_KEYS_PER_SHARE).map(key).collect() };
    let protocol = ProtocolMessage {
        r#type: Some(Type::AppStateSyncKeyShare.into()),
        app_state_sync_key_share: Some(share.into()),
        ..ProtocolMessage::default()
    };
    let message = Message { protocol_message: Some(protocol.into()), ..Message::default() };
    let before = script.storage.count(Table::Account);
    let stanza = phone.message("A", &message).attr("category", "peer");
    script.send(&stanza);
    assert_eq!(script.storage.count(Table::Account) - before, APP_STATE_KEYS_PER_SHARE);
    let [AccountEvent::AppStateKeys { ids }] = accounts(&script)[..] else { panic!() };
    assert_eq!(ids.len(), APP_STATE_KEYS_PER_SHARE);
}
