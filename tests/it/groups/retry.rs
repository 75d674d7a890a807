//! Group messages that could not be read: asked for again, and answered for one device.

use core::time::Duration;

use sanswire::Table;
use sanswire::event::Event;
use sanswire_sim::server::{Addressing, Fault, Target};

use super::{assert_clean, group, say, shared};

#[test]
fn a_member_without_the_key_asks_and_gets_message_and_key() {
    for addressing in [Addressing::Lid, Addressing::Pn] {
        let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], addressing);
        say(&mut world, people[0], &group, "before");
        world.crash(people[1]);
        world.actor(people[1]).storage.wipe(Table::SenderKey);
        world.restart(people[1]);
        world.run_for(Duration::from_secs(60));
        say(&mut world, people[0], &group, "lost at first");
        say(&mut world, people[0], &group, "after");
        assert_eq!(world.texts(people[1]), ["before", "lost at first", "after"]);
        assert_eq!(world.texts(people[2]), ["before", "lost at first", "after"]);
        let unread = |event: &Event| matches!(event, Event::Undecryptable(_)).then_some(());
        assert_eq!(world[people[1]].select(unread).len(), 1, "the resent message brought the key");
        assert_eq!(shared(&world, people[0], &group).1.len(), 5);
        assert_clean(&world);
    }
}

#[test]
fn a_damaged_group_message_is_asked_for_again() {
    let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    let bob = Target::Device(world.device(people[1]).unwrap());
    world.server.arm(Fault::CorruptCiphertext, bob, 1);
    say(&mut world, people[0], &group, "damaged");
    say(&mut world, people[0], &group, "after");
    let mut texts = world.texts(people[1]);
    texts.sort();
    assert_eq!(texts, ["after", "before", "damaged"]);
    assert_eq!(world.texts(people[2]), ["before", "damaged", "after"]);
    assert_clean(&world);
}

#[test]
fn a_member_who_lost_session_and_key_gets_both_again() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    world.crash(people[1]);
    for table in [Table::SenderKey, Table::Session] {
        world.actor(people[1]).storage.wipe(table);
    }
    world.restart(people[1]);
    world.run_for(Duration::from_secs(60));
    say(&mut world, people[0], &group, "lost at first");
    world.run_for(Duration::from_secs(60));
    say(&mut world, people[0], &group, "after");
    assert_eq!(world.texts(people[1]), ["before", "lost at first", "after"]);
    assert_clean(&world);
}

/// Simulation, seed 123: the key in the answer stood after the message that was still under way, which the member then
/// took for one that it had read.
#[test]
fn an_answer_does_not_lock_out_messages_that_are_still_under_way() {
    let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    world.crash(people[1]);
    for table in [Table::SenderKey, Table::Session] {
        world.actor(people[1]).storage.wipe(table);
    }
    say(&mut world, people[0], &group, "lost at first");
    world.silence(people[0]);
    world.send_to(people[0], group.clone(), "under way");
    world.restart(people[1]);
    world.run_for(Duration::from_secs(120));
    say(&mut world, people[0], &group, "after");
    let mut texts = world.texts(people[1]);
    texts.sort();
    assert_eq!(texts, ["after", "before", "lost at first", "under way"]);
    assert_eq!(world.texts(people[2]), ["before", "lost at first", "under way", "after"]);
    assert_clean(&world);
}

#[test]
fn own_other_device_without_the_key_gets_it_again() {
    let mut world = sanswire_sim::world::World::new(8);
    let (alice, laptop, bob) = (world.paired("Alice"), world.paired("Alice"), world.paired("Bob"));
    let group = super::make(&mut world, &[alice, bob], Addressing::Lid);
    say(&mut world, alice, &group, "before");
    world.crash(laptop);
    world.actor(laptop).storage.wipe(Table::SenderKey);
    world.restart(laptop);
    world.run_for(Duration::from_secs(60));
    say(&mut world, alice, &group, "lost at first");
    say(&mut world, alice, &group, "after");
    assert_eq!(world.texts(laptop), ["before", "lost at first", "after"]);
    assert_clean(&world);
}
