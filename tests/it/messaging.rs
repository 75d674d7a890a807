//! Texts between simulated accounts: every device, every order, every interruption.

use core::time::Duration;

use sanswire::content::Content;
use sanswire::event::{Event, Received, SendState};
use sanswire::messaging::MarkRead;
use sanswire::ops::Answer;
use sanswire::{OpError, Table};
use sanswire_sim::server::{AdminRequest, Fault, Target};
use sanswire_sim::world::{Who, World};

/// Two paired accounts.
fn pair() -> (World, Who, Who) {
    let mut world = World::new(1);
    let alice = world.paired("Alice");
    let bob = world.paired("Bob");
    (world, alice, bob)
}

/// The messages with text that a client was handed: not the traffic with its own phone.
fn talk(world: &World, who: Who) -> Vec<&Received> {
    let is_text = |received: &&Received| matches!(received.content, Content::Text(_));
    world[who].received().into_iter().filter(is_text).collect()
}

/// Nobody broke a rule that the server knows.
fn assert_clean(world: &World) {
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}

fn states(world: &World, who: Who, id: &str) -> Vec<&'static str> {
    let name = |state: &SendState| match state {
        SendState::Queued => "queued",
        SendState::Written => "written",
        SendState::Acked { .. } => "acked",
        SendState::Failed { .. } => "failed",
        SendState::Delivered { .. } => "delivered",
        SendState::Read { .. } => "read",
        _ => "other",
    };
    world[who].progress().into_iter().filter(|p| p.id == id).map(|p| name(&p.state)).collect()
}

fn sent_id(world: &World, who: Who, call: sanswire::ops::CallId) -> String {
    match world.reply(who, call) {
        Some(Ok(Answer::SendMessage(sent))) => sent.id.clone(),
        other => panic!("not sent: {other:?}"),
    }
}

#[test]
fn a_text_arrives_once_and_its_progress_is_told_step_by_step() {
    let (mut world, alice, bob) = pair();
    let call = world.send(alice, bob, "hi");
    world.run();
    assert_eq!(world.texts(bob), ["hi"]);
    let id = sent_id(&world, alice, call);
    assert_eq!(states(&world, alice, &id), ["queued", "written", "acked", "delivered"]);
    let chat = talk(&world, bob)[0].chat.clone();
    world.call(bob, MarkRead { chat, ids: vec![id.clone()], sender: None });
    world.run();
    assert_eq!(states(&world, alice, &id), ["queued", "written", "acked", "delivered", "read"]);
    assert_clean(&world);
}

#[test]
fn every_device_of_both_sides_gets_the_message_once() {
    let mut world = World::new(2);
    let alice = world.paired("Alice");
    let alice_laptop = world.paired("Alice");
    let bob = world.paired("Bob");
    let bob_laptop = world.paired("Bob");
    world.send(alice, bob, "to all of you");
    world.run();
    for who in [bob, bob_laptop] {
        assert_eq!(world.texts(who), ["to all of you"]);
        assert!(!talk(&world, who)[0].from_me);
    }
    let copy = talk(&world, alice_laptop)[0];
    assert!(copy.from_me);
    assert_eq!(world.texts(alice_laptop), ["to all of you"]);
    assert_eq!(world.texts(alice), [""; 0]);
    world.send(bob_laptop, alice, "and back");
    world.run();
    assert_eq!(world.texts(alice), ["and back"]);
    assert_eq!(world.texts(alice_laptop), ["to all of you", "and back"]);
    assert_eq!(world.texts(bob), ["to all of you", "and back"]);
    assert_clean(&world);
}

#[test]
fn messages_wait_for_a_recipient_that_is_away_and_keep_their_order() {
    let (mut world, alice, bob) = pair();
    world.unplug(bob);
    for n in 0..20 {
        world.send(alice, bob, &format!("message {n}"));
        world.run();
    }
    assert_eq!(world.texts(bob), [""; 0]);
    world.plug_in(bob);
    world.run_for(Duration::from_secs(60));
    let expected: Vec<_> = (0..20).map(|n| format!("message {n}")).collect();
    assert_eq!(world.texts(bob), expected);
    assert!(talk(&world, bob).iter().all(|received| received.offline));
    assert_clean(&world);
}

#[test]
fn messages_wait_for_a_sender_that_is_away() {
    let (mut world, alice, bob) = pair();
    world.unplug(alice);
    let call = world.send(alice, bob, "later");
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.texts(bob), [""; 0]);
    assert_eq!(world.reply(alice, call), None);
    world.plug_in(alice);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.texts(bob), ["later"]);
    let id = sent_id(&world, alice, call);
    assert_eq!(states(&world, alice, &id), ["queued", "written", "acked", "delivered"]);
}

#[test]
fn a_crash_after_queueing_loses_nothing_and_repeats_nothing() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "first");
    world.run();
    world.unplug(alice);
    world.send(alice, bob, "second");
    world.run();
    world.crash(alice);
    world.plug_in(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.texts(bob), ["first", "second"]);
    assert_clean(&world);
}

#[test]
fn a_lost_ack_leads_to_the_same_stanza_and_the_recipient_sees_one_message() {
    let (mut world, alice, bob) = pair();
    world.server.arm(Fault::LoseAck, Target::Anyone, 1);
    let call = world.send(alice, bob, "once");
    world.run();
    assert_eq!(world.reply(alice, call), None);
    world.cut(alice);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.texts(bob), ["once"]);
    assert!(matches!(world.reply(alice, call), Some(Ok(_))));
    assert_clean(&world);
}

#[test]
fn an_unconfirmed_event_comes_again_after_a_crash_marked_as_repeated() {
    let (mut world, alice, bob) = pair();
    world.actor(bob).confirms = false;
    world.send(alice, bob, "remember me");
    world.run();
    world.crash(bob);
    world.actor(bob).confirms = true;
    world.restart(bob);
    world.run_for(Duration::from_secs(60));
    let mut copies = Vec::new();
    for envelope in &world[bob].events {
        if matches!(&envelope.event, Event::Message(received) if matches!(received.content, Content::Text(_)))
        {
            copies.push(envelope);
        }
    }
    let [first, second] = copies[..] else { panic!("{copies:?}") };
    assert_eq!((first.repeated, second.repeated), (false, true));
    assert_eq!((first.id, &first.event), (second.id, &second.event));
    assert_eq!(world[bob].storage.count(Table::Inbox), 0, "confirmed events leave no record");
}

#[test]
fn a_message_that_does_not_authenticate_is_asked_for_again_and_then_arrives() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "hello");
    world.send(bob, alice, "hello yourself");
    world.run();
    world.server.arm(Fault::CorruptCiphertext, Target::Anyone, 1);
    world.send(alice, bob, "damaged on the way");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(bob), ["hello", "damaged on the way"]);
    let undecryptable = world[bob].select(|event| match event {
        Event::Undecryptable(undecryptable) => Some(undecryptable.error.clone()),
        _ => None,
    });
    assert_eq!(undecryptable, ["BadMac"]);
}

#[test]
fn what_its_sender_cannot_give_again_comes_from_the_own_phone() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "hello");
    world.send(bob, alice, "hello yourself");
    world.run();
    world.unplug(bob);
    let device = world.device(bob).unwrap();
    world.server.arm(Fault::CorruptCiphertext, Target::Device(device), 1);
    world.send(alice, bob, "damaged on the way");
    world.run_for(Duration::from_secs(10));
    world.unplug(alice);
    world.plug_in(bob);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(bob), ["hello", "damaged on the way"]);
    let rescued = talk(&world, bob)[1];
    assert!(rescued.details.resent.is_some(), "the phone gave it");
    assert_eq!(rescued.sender.device(), talk(&world, bob)[0].sender.device());
    // The sender is back and gives it as well.
    world.plug_in(alice);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.texts(bob), ["hello", "damaged on the way"]);
    assert_clean(&world);
}

#[test]
fn a_recipient_that_lost_its_sessions_gets_the_message_by_retry() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "one");
    world.send(bob, alice, "two");
    world.run();
    world.crash(bob);
    world.actor(bob).storage.wipe(Table::Session);
    world.restart(bob);
    world.run_for(Duration::from_secs(10));
    world.send(alice, bob, "three");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(bob), ["one", "three"]);
}

#[test]
fn unreadable_sessions_are_replaced_and_not_fatal() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "one");
    world.send(bob, alice, "two");
    world.run();
    world.crash(alice);
    world.actor(alice).storage.scramble(Table::Session);
    world.restart(alice);
    world.run_for(Duration::from_secs(10));
    world.send(alice, bob, "three");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(bob), ["one", "three"]);
}

#[test]
fn messages_still_go_out_when_one_time_prekeys_have_run_out() {
    let mut world = World::new(3);
    let alice = world.paired("Alice");
    let bob = world.paired("Bob");
    let jid = world.addresses(bob).0.to_string();
    world.unplug(bob);
    world.admin(AdminRequest::DropPrekeys { jid });
    world.send(alice, bob, "without a one-time key");
    world.run();
    world.plug_in(bob);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(bob), ["without a one-time key"]);
}

#[test]
fn a_refused_message_ends_in_a_typed_error_and_is_not_sent_again() {
    let (mut world, alice, bob) = pair();
    world.server.arm(Fault::RefuseMessage(479), Target::Anyone, 1);
    let call = world.send(alice, bob, "refused");
    world.run_for(Duration::from_secs(300));
    assert!(matches!(world.reply(alice, call), Some(Err(OpError::Refused { code: 479, .. }))));
    assert_eq!(world.texts(bob), [""; 0]);
    assert_eq!(world[alice].storage.count(Table::Outbox), 0);
}

#[test]
fn a_bundle_with_a_bad_signature_is_not_used() {
    let (mut world, alice, bob) = pair();
    world.server.arm(Fault::BadBundleSignature, Target::Anyone, 10);
    let call = world.send(alice, bob, "to nobody");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.reply(alice, call), Some(&Err(OpError::NoDevice)));
    assert_eq!(world.texts(bob), [""; 0]);
}

#[test]
fn an_unknown_recipient_is_a_typed_failure() {
    let (mut world, alice, _) = pair();
    let nobody = sanswire::wire::Jid::pn("15559999999", 0);
    let call = world.send_to(alice, nobody, "anyone there?");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.reply(alice, call), Some(&Err(OpError::NoDevice)));
}

#[test]
fn duplicates_and_reordering_on_the_way_do_not_show() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "zero");
    world.run();
    world.server.arm(Fault::DuplicateDelivery, Target::Anyone, 1);
    world.send(alice, bob, "one");
    world.run();
    world.server.arm(Fault::ReorderDelivery, Target::Anyone, 1);
    world.send(alice, bob, "two");
    world.send(alice, bob, "three");
    world.run_for(Duration::from_secs(10));
    let mut texts = world.texts(bob);
    texts.sort();
    assert_eq!(texts, ["one", "three", "two", "zero"]);
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let run = || {
        let mut world = World::new(7);
        let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
        world.send(alice, bob, "hi");
        world.run();
        format!("{:?}{:?}", world[alice].events, world[bob].events)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_cache_of_nothing_gives_the_same_events_as_a_large_one() {
    let run = |bytes| {
        let mut world = World::new(8);
        let alice = world.client_with("Alice", |config| config.cache_bytes = bytes);
        world.pair(alice);
        let bob = world.paired("Bob");
        for n in 0..5 {
            world.send(alice, bob, &format!("{n}"));
            world.send(bob, alice, &format!("re {n}"));
            world.run();
        }
        format!("{:?}{:?}", world[alice].events, world[bob].events)
    };
    assert_eq!(run(0), run(1 << 20));
}

#[test]
fn an_unreadable_outbox_entry_is_reported_and_does_not_block_the_others() {
    let (mut world, alice, bob) = pair();
    world.unplug(alice);
    world.send(alice, bob, "lost to a bad disk");
    world.run();
    world.crash(alice);
    world.actor(alice).storage.scramble(Table::Outbox);
    world.plug_in(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(10));
    assert_eq!(world[alice].faults(), ["record in table Outbox: malformed"]);
    world.send(alice, bob, "still works");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(bob), ["still works"]);
}

#[test]
fn a_message_sent_while_away_reaches_devices_that_were_linked_meanwhile() {
    let (mut world, alice, bob) = pair();
    world.send(alice, bob, "before");
    world.run();
    world.unplug(alice);
    let laptop = world.paired("Bob");
    world.send(alice, bob, "after");
    world.plug_in(alice);
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.texts(laptop), ["after"]);
    assert_eq!(world.texts(bob), ["before", "after"]);
    assert_clean(&world);
}

#[test]
fn messages_that_wait_when_the_device_is_unlinked_end_in_a_typed_error() {
    let (mut world, alice, bob) = pair();
    let jid = world.addresses(alice).0.to_string();
    world.unplug(alice);
    let call = world.send(alice, bob, "too late");
    world.run();
    world.admin(AdminRequest::Unlink { jid });
    world.plug_in(alice);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.reply(alice, call), Some(&Err(OpError::NotLoggedIn)));
    assert_eq!(world[alice].storage.count(Table::Outbox), 0);
    let later = world.send(alice, bob, "much too late");
    world.run();
    assert_eq!(world.reply(alice, later), Some(&Err(OpError::NotLoggedIn)));
}

#[test]
fn messages_to_one_user_keep_their_order_under_either_name_when_neither_is_known() {
    let (mut world, alice, bob) = pair();
    let (pn, lid) = world.addresses(bob);
    for (name, text) in [(&pn, "one"), (&lid, "two"), (&pn, "three")] {
        world.send_to(alice, name.bare().into_owned(), text);
    }
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(bob), ["one", "two", "three"]);
    assert_clean(&world);
}
