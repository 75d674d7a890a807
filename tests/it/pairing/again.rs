//! Unlinked from either side, and linked again in the same storage.

use core::time::Duration;

use sanswire::event::{DownReason, Envelope, Event, LinkEvent};
use sanswire::limits::RELINK_ROWS;
use sanswire::link::{Logout, Relink};
use sanswire::{OpError, Table};
use sanswire_sim::server::AdminRequest;
use sanswire_sim::world::{Who, World};

fn unlink(world: &mut World, who: Who) {
    let jid = world.addresses(who).0.to_string();
    assert_eq!(world.admin(AdminRequest::Unlink { jid }).status, 200);
    world.run_for(Duration::from_secs(10));
}

fn relink(world: &mut World, who: Who) -> bool {
    let call = world.call(who, Relink {});
    world.run();
    matches!(world.reply(who, call), Some(Ok(_)))
}

fn is_logged_out(world: &World, who: Who) -> bool {
    let last = world[who].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::Down { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    matches!(last, Some(DownReason::LoggedOut { .. }))
}

#[test]
fn a_device_that_was_unlinked_by_the_phone_is_linked_again_with_new_keys() {
    let mut world = World::new(1);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.send(alice, bob, "before");
    world.send(bob, alice, "before too");
    world.run();
    let before = world.addresses(alice).0;
    unlink(&mut world, alice);
    assert!(is_logged_out(&world, alice));
    assert!(relink(&mut world, alice));
    world.pair(alice);
    assert_ne!(world.addresses(alice).0, before, "another device number");
    assert!(world.server.violations().is_empty(), "the keys are new: {:#?}", world.server.violations());
    world.send(bob, alice, "after");
    world.run();
    world.send(alice, bob, "after too");
    world.run();
    assert_eq!(world.texts(alice), ["before too", "after"]);
    assert_eq!(world.texts(bob), ["before", "after too"]);
}

#[test]
fn a_device_that_logged_out_itself_is_linked_again() {
    let mut world = World::new(2);
    let alice = world.paired("Alice");
    let refused = world.call(alice, Relink {});
    world.run();
    assert!(matches!(world.reply(alice, refused), Some(Err(OpError::OutOfTurn(_)))), "it is linked");
    world.call(alice, Logout {});
    world.run();
    assert!(is_logged_out(&world, alice));
    assert!(relink(&mut world, alice));
    world.pair(alice);
    assert_eq!(world.server.violations(), []);
}

#[test]
fn a_device_that_was_unlinked_while_away_learns_it_at_its_next_login() {
    let mut world = World::new(3);
    let alice = world.paired("Alice");
    world.unplug(alice);
    unlink(&mut world, alice);
    assert!(!is_logged_out(&world, alice));
    world.plug_in(alice);
    world.run_for(Duration::from_secs(100));
    assert!(is_logged_out(&world, alice));
    world.crash(alice);
    world.restart(alice);
    world.run();
    assert!(relink(&mut world, alice), "also in another life of the client");
    world.pair(alice);
}

#[test]
fn nothing_of_the_old_device_stays_but_events_that_were_not_confirmed() {
    let mut world = World::new(4);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.actor(alice).confirms = false;
    world.send(bob, alice, "kept");
    world.send(alice, bob, "sent");
    world.run();
    unlink(&mut world, alice);
    assert!(world[alice].storage.count(Table::PreKey) > 0 && world[alice].storage.count(Table::Session) > 0);
    assert!(relink(&mut world, alice));
    for table in Table::ALL {
        let kept = matches!(table, Table::Meta | Table::Credentials | Table::Inbox);
        assert_eq!(world[alice].storage.count(table) > 0, kept, "{table:?}");
    }
    world.crash(alice);
    world.restart(alice);
    world.run();
    let again = |envelope: &&Envelope| envelope.repeated && matches!(envelope.event, Event::Message(_));
    assert_eq!(world[alice].events.iter().filter(again).count(), 1);
    world.pair(alice);
}

#[test]
fn a_large_storage_is_cleared_in_steps_and_a_crash_between_them_does_no_harm() {
    for outputs in 0.. {
        let mut world = World::new(5);
        let alice = world.paired("Alice");
        unlink(&mut world, alice);
        let rows = world[alice].storage.count(Table::PreKey);
        assert!(rows > RELINK_ROWS as usize, "{rows} rows are more than one step");
        world.actor(alice).light_fuse(outputs);
        world.call(alice, Relink {});
        world.run();
        let burned = world[alice].has_burned();
        world.actor(alice).put_out_fuse();
        if world[alice].qr_code().is_none() || is_logged_out(&world, alice) {
            relink(&mut world, alice);
        }
        world.run_for(Duration::from_secs(5));
        world.pair(alice);
        assert_eq!(world.server.violations(), [], "crash before output {outputs}");
        if !burned {
            assert!(outputs > 3);
            return;
        }
    }
}
