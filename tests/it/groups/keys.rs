//! Who has a sender key: those who come get it, those who go do not get the next one.

use core::time::Duration;

use prost::Message as _;
use sanswire::Table;
use sanswire::event::Event;
use sanswire::limits::{SENDER_KEY_MESSAGES, SHARED_GROUPS_PER_SCAN};
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, OwnedJid};
use sanswire_proto::records::{SenderKeyRecord, SharedKey};
use sanswire_sim::server::{Addressing, AdminRequest, Fault, Target};
use sanswire_sim::world::{Who, World};

use super::{account, assert_clean, group, is_sent, say, shared};

#[test]
fn who_joins_later_reads_from_then_on() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let carol = world.paired("Carol");
    say(&mut world, people[0], &group, "before");
    let (key, _) = shared(&world, people[0], &group);
    let carols = account(&world, carol);
    assert!(world.server.add_member(&group, carols));
    say(&mut world, people[0], &group, "after");
    assert_eq!(world.texts(carol), ["after"]);
    assert_eq!(world.texts(people[1]), ["before", "after"]);
    assert_eq!(shared(&world, people[0], &group).0, key, "who comes may read with the old key");
    assert_clean(&world);
}

#[test]
fn who_leaves_does_not_get_the_next_key() {
    for addressing in [Addressing::Lid, Addressing::Pn] {
        let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], addressing);
        say(&mut world, people[0], &group, "before");
        let (key, holders) = shared(&world, people[0], &group);
        assert_eq!(holders.len(), 5);
        let carols = account(&world, people[2]);
        assert!(world.server.remove_member(&group, carols));
        world.run();
        say(&mut world, people[0], &group, "after");
        let (next, holders) = shared(&world, people[0], &group);
        let (number, lid) = world.addresses(people[2]);
        assert_ne!(next, key);
        assert!(!holders.has_user(&lid) && !holders.has_user(&number));
        assert_eq!(
            (world.texts(people[1]), world.texts(people[2])),
            (vec!["before".into(), "after".into()], vec!["before".to_owned()])
        );
        assert_clean(&world);
    }
}

#[test]
fn who_left_while_this_client_was_away_does_not_get_the_next_key_either() {
    let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    let (key, _) = shared(&world, people[0], &group);
    world.unplug(people[0]);
    let carols = account(&world, people[2]);
    assert!(world.server.remove_member(&group, carols));
    world.send_to(people[0], group.clone(), "after");
    world.run();
    world.plug_in(people[0]);
    world.run_for(Duration::from_secs(120));
    assert_ne!(shared(&world, people[0], &group).0, key);
    assert_eq!(world.texts(people[1]), ["before", "after"]);
    assert_eq!(world.texts(people[2]), ["before"]);
    assert_clean(&world);
}

#[test]
fn device_linked_later_gets_the_key_with_the_next_message() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    let laptop = world.paired("Bob");
    say(&mut world, people[0], &group, "after");
    assert_eq!(world.texts(laptop), ["after"]);
    assert_eq!(shared(&world, people[0], &group).1.len(), 4);
    assert_clean(&world);
}

#[test]
fn a_device_that_was_unlinked_makes_a_new_key_due() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let laptop = world.paired("Bob");
    say(&mut world, people[0], &group, "before");
    let (key, holders) = shared(&world, people[0], &group);
    assert_eq!(holders.len(), 4);
    let jid = world.addresses(laptop).0.to_string();
    assert_eq!(world.admin(AdminRequest::Unlink { jid }).status, 200);
    world.run_for(Duration::from_secs(30));
    say(&mut world, people[0], &group, "after");
    let (next, holders) = shared(&world, people[0], &group);
    assert_ne!(next, key);
    assert_eq!(holders.len(), 3);
    assert_eq!(world.texts(people[1]), ["before", "after"]);
}

#[test]
fn a_member_who_was_set_up_anew_makes_a_new_key_due_in_every_group() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    let (key, holders) = shared(&world, people[0], &group);
    let record = SharedKey { key_id: key, holders: Some(holders.encode().into()), stale: None };
    for n in 0..SHARED_GROUPS_PER_SCAN + 40 {
        let other = Jid::group(format!("1203630000{n:08}")).to_string();
        world.actor(people[0]).storage.plant(Table::SharedKey, other.as_bytes(), &record);
    }
    world.admin(AdminRequest::ReplacePhone { account: "Bob".to_owned() });
    world.run_for(Duration::from_secs(30));
    let rows = world[people[0]].storage.rows();
    let keys = rows.iter().filter(|row| row.table == Table::SharedKey);
    let stale = keys.filter(|row| SharedKey::decode(&row.value[1..]).unwrap().stale == Some(true));
    assert_eq!(stale.count(), SHARED_GROUPS_PER_SCAN as usize + 41);
    say(&mut world, people[0], &group, "after");
    assert_ne!(shared(&world, people[0], &group).0, key);
}

#[test]
fn a_key_is_used_for_a_bounded_number_of_messages() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "first");
    let (key, _) = shared(&world, people[0], &group);
    for n in 1..SENDER_KEY_MESSAGES {
        world.send_to(people[0], group.clone(), &format!("{n}"));
        if n % 200 == 0 {
            world.run();
        }
    }
    world.run_for(Duration::from_secs(60));
    assert_eq!(shared(&world, people[0], &group).0, key);
    say(&mut world, people[0], &group, "with a new one");
    assert_ne!(shared(&world, people[0], &group).0, key);
    assert_eq!(world.texts(people[1]).len(), SENDER_KEY_MESSAGES as usize + 1);
    assert_clean(&world);
}

#[test]
fn own_key_of_a_restored_storage_is_never_used_again() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    let copy = world[people[0]].storage.clone();
    let (key, _) = shared(&world, people[0], &group);
    say(&mut world, people[0], &group, "since");
    world.put_back(people[0], copy);
    world.run_for(Duration::from_secs(120));
    say(&mut world, people[0], &group, "after");
    assert_ne!(shared(&world, people[0], &group).0, key);
    assert_eq!(world.texts(people[1]), ["before", "since", "after"]);
    say(&mut world, people[1], &group, "heard you");
    assert_eq!(world.texts(people[0]).last().map(String::as_str), Some("heard you"));
    assert_clean(&world);
}

#[test]
fn those_who_got_the_key_are_marked_by_the_ack_only() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let alice = Target::Device(world.device(people[0]).unwrap());
    world.server.arm(Fault::RefuseMessage(400), alice, 1);
    let refused = say(&mut world, people[0], &group, "refused");
    assert!(!is_sent(&world, people[0], refused));
    let (key, holders) = shared(&world, people[0], &group);
    assert!(key.is_some() && holders.is_empty());
    let taken = say(&mut world, people[0], &group, "taken");
    assert!(is_sent(&world, people[0], taken));
    assert_eq!(shared(&world, people[0], &group).1.len(), 3);
    assert_eq!(world.texts(people[1]), ["taken"]);
    assert_clean(&world);
}

/// The sender, then the recipient, dies before each of its outputs.
#[test]
fn whoever_dies_at_whichever_output_each_message_is_read_once() {
    for victim in [0, 1] {
        for point in 0..120 {
            let (mut world, people, group) = small(point);
            world.actor(people[victim]).light_fuse(point);
            for text in ["one", "two"] {
                persistently(&mut world, people[0], &group, text);
            }
            assert_eq!(world.texts(people[1]), ["one", "two"], "victim {victim} at {point}");
            assert_clean(&world);
            if !world[people[victim]].has_burned() {
                assert!(point > 10);
                break;
            }
        }
    }
}

/// As an application does: a call that got no answer is made again under the message's id.
fn persistently(world: &mut World, who: Who, group: &OwnedJid, text: &str) {
    for _ in 0..3 {
        let call = world.call(who, SendMessage::text(group.clone(), text).with_id(text));
        world.run_for(Duration::from_secs(200));
        if world.reply(who, call).is_some() {
            return;
        }
    }
    panic!("no answer");
}

fn small(point: u32) -> (World, Vec<Who>, OwnedJid) {
    let mut world = World::new(u64::from(point));
    let people = vec![world.paired("Alice"), world.paired("Bob")];
    let group = super::make(&mut world, &people, Addressing::Lid);
    (world, people, group)
}

/// Moves Bob's copy of Alice's sender key to another name of hers.
fn rename(world: &mut World, bob: Who, group: &OwnedJid, from: &Jid<'_>, to: &Jid<'_>) {
    let key = |name: &Jid<'_>| format!("{group}\0{name}").into_bytes();
    let rows = world[bob].storage.rows();
    let row = rows.iter().find(|row| row.table == Table::SenderKey && row.key == key(from)).unwrap();
    world.crash(bob);
    world.actor(bob).storage.wipe(Table::SenderKey);
    let record = SenderKeyRecord::decode(&row.value[1..]).unwrap();
    world.actor(bob).storage.plant(Table::SenderKey, &key(to), &record);
    world.restart(bob);
    world.run_for(Duration::from_secs(60));
}

#[test]
fn a_key_under_the_number_moves_to_the_lid_and_one_of_another_device_is_found() {
    for other_device in [false, true] {
        let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
        say(&mut world, people[0], &group, "before");
        let (number, lid) = world.addresses(people[0]);
        let to = if other_device { lid.with_device(lid.device() + 7).into_owned() } else { number };
        rename(&mut world, people[1], &group, &lid, &to);
        say(&mut world, people[0], &group, "after");
        assert_eq!(world.texts(people[1]), ["before", "after"]);
        let unread = |event: &Event| matches!(event, Event::Undecryptable(_)).then_some(());
        assert!(world[people[1]].select(unread).is_empty(), "the key was there, under another name");
        assert_clean(&world);
    }
}
