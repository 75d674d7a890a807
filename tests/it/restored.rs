//! An older copy of a client's storage is put back: nothing that was used since is used again.

use core::time::Duration;

use sanswire::event::{LinkEvent, SendState};
use sanswire::{OpError, Table};
use sanswire_sim::server::{AdminRequest, Fault, Target};
use sanswire_sim::world::{Storage, Who, World};

/// Two who have talked, a copy of Alice's storage, and what happened after it was made.
fn talked() -> (World, Who, Who, Storage) {
    let mut world = World::new(7);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    exchange(&mut world, alice, bob, "before");
    let copy = world[alice].storage.clone();
    exchange(&mut world, alice, bob, "since");
    // The last word is Alice's: her sending chain is further than the copy says.
    world.send(alice, bob, "last");
    world.run_for(Duration::from_secs(10));
    (world, alice, bob, copy)
}

fn exchange(world: &mut World, alice: Who, bob: Who, what: &str) {
    for round in 0..3 {
        world.send(alice, bob, &format!("{what} a{round}"));
        world.run_for(Duration::from_secs(10));
        world.send(bob, alice, &format!("{what} b{round}"));
        world.run_for(Duration::from_secs(10));
    }
}

fn restore(world: &mut World, who: Who, copy: Storage) {
    world.crash(who);
    world.actor(who).storage.put_back(copy);
    world.restart(who);
    world.run_for(Duration::from_secs(120));
    assert!(world.is_ready(who), "{:?}", world[who].events);
}

#[test]
fn restored_storage_is_noticed_and_no_key_of_it_is_used_again() {
    let (mut world, alice, bob, copy) = talked();
    restore(&mut world, alice, copy);
    let told =
        |event: &&LinkEvent| matches!(event, LinkEvent::StorageRestored { stored, known } if stored < known);
    assert_eq!(world[alice].link_events().into_iter().filter(told).count(), 1);
    let (of_alice, of_bob) = (world.texts(alice).len(), world.texts(bob).len());
    exchange(&mut world, alice, bob, "after");
    assert_eq!(world.server.violations(), []);
    assert_eq!(world.texts(bob)[of_bob..], ["after a0", "after a1", "after a2"]);
    assert_eq!(world.texts(alice)[of_alice..], ["after b0", "after b1", "after b2"]);
}

#[test]
fn peer_that_writes_first_to_a_restored_client_is_understood() {
    let (mut world, alice, bob, copy) = talked();
    restore(&mut world, alice, copy);
    let known = world.texts(alice).len();
    world.send(bob, alice, "are you there?");
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.texts(alice)[known..], ["are you there?"]);
    exchange(&mut world, alice, bob, "after");
    assert_eq!(world.texts(alice).len(), known + 4);
    assert_eq!(world.server.violations(), []);
}

#[test]
fn restoring_is_noticed_once_and_again_when_it_happens_again() {
    let (mut world, alice, bob, copy) = talked();
    restore(&mut world, alice, copy.clone());
    exchange(&mut world, alice, bob, "between");
    world.crash(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(120));
    let restored = |world: &World| {
        let told = |event: &&LinkEvent| matches!(event, LinkEvent::StorageRestored { .. });
        world[alice].link_events().into_iter().filter(told).count()
    };
    assert_eq!(restored(&world), 1, "an ordinary restart is no restoration");
    restore(&mut world, alice, copy);
    assert_eq!(restored(&world), 2);
    let known = world.texts(bob).len();
    exchange(&mut world, alice, bob, "after");
    assert_eq!(world.texts(bob).len(), known + 3);
    assert_eq!(world.server.violations(), []);
}

/// The server sees reused keys: without the witness it has something to complain about.
#[test]
fn restored_storage_without_a_witness_reuses_keys_and_the_server_sees_it() {
    let (mut world, alice, bob, copy) = talked();
    world.crash(alice);
    world.actor(alice).storage = copy;
    world.restart(alice);
    world.run_for(Duration::from_secs(120));
    world.send(alice, bob, "from the past");
    world.run_for(Duration::from_secs(10));
    assert!(world.server.violations().iter().any(|found| found.rule.contains("message key")));
}

#[test]
fn restored_client_asks_again_for_lists_of_devices() {
    let (mut world, alice, bob, copy) = talked();
    restore(&mut world, alice, copy);
    world.server.arm(Fault::RefuseIq("usync".to_owned(), 400), Target::Anyone, 1);
    let call = world.send(alice, bob, "to all your devices");
    world.run_for(Duration::from_secs(10));
    assert!(matches!(world.reply(alice, call), Some(Err(_))), "the list of the copy was believed");
}

#[test]
fn an_identity_that_changed_after_the_copy_was_made_is_learnt_anew() {
    let mut world = World::new(5);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.send(alice, bob, "before");
    world.send(bob, alice, "hello");
    world.run();
    let copy = world[bob].storage.clone();
    world.admin(AdminRequest::ReplacePhone { account: "Alice".to_owned() });
    let laptop = world.paired("Alice");
    world.send(laptop, bob, "from my new phone's laptop");
    world.run();
    world.put_back(bob, copy);
    world.run_for(Duration::from_secs(60));
    world.send(laptop, bob, "can you still read me?");
    world.send(bob, laptop, "and you me?");
    world.run_for(Duration::from_secs(60));
    let texts = world.texts(bob);
    assert_eq!(texts, ["before", "from my new phone's laptop", "can you still read me?"]);
    assert_eq!(world.texts(laptop), ["and you me?"]);
}

#[test]
fn the_same_copy_put_back_twice_names_no_prekey_twice() {
    let (mut world, alice, bob, copy) = talked();
    restore(&mut world, alice, copy.clone());
    let jid = world.addresses(alice).0.to_string();
    world.admin(AdminRequest::DropPrekeys { jid });
    world.run_for(Duration::from_secs(10));
    restore(&mut world, alice, copy);
    world.send(bob, alice, "after both");
    world.run_for(Duration::from_secs(60));
    assert!(world.texts(alice).contains(&"after both".to_owned()));
    assert_eq!(world.server.violations(), []);
}

#[test]
fn message_that_waits_in_an_older_copy_is_not_sent_and_its_sender_is_told() {
    let mut world = World::new(6);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.send(alice, bob, "before");
    world.run_for(Duration::from_secs(10));
    world.unplug(alice);
    world.send(alice, bob, "waits");
    world.run();
    let copy = world[alice].storage.clone();
    world.plug_in(alice);
    world.run_for(Duration::from_secs(120));
    world.send(alice, bob, "later");
    world.run_for(Duration::from_secs(10));
    restore(&mut world, alice, copy);
    let failed = world[alice].progress().into_iter().filter(|progress| {
        matches!(&progress.state, SendState::Failed { error } if *error == OpError::StorageRestored)
    });
    assert_eq!(failed.count(), 1);
    assert_eq!(world.texts(bob), ["before", "waits", "later"], "what was sent in time was sent once");
    assert_eq!(world[alice].storage.count(Table::Outbox), 0);
    assert_eq!(world.server.violations(), []);
}
