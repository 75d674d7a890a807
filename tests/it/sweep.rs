//! Crash-point sweeps: a client dies before each of its outputs in turn, and nothing is lost or repeated.

use core::time::Duration;

use sanswire::Table;
use sanswire_sim::world::{Who, World};

/// Runs a scenario once for every output of one client, with a crash at that output, and gives the number of
/// crash points.
fn sweep(
    scenario: impl Fn(&mut World, Who, Who),
    victim: impl Fn(Who, Who) -> Who,
    check: impl Fn(&World, Who, Who, u32),
) -> u32 {
    for point in 0..POINTS_MAX {
        let mut world = World::new(1);
        let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
        world.actor(victim(alice, bob)).light_fuse(point);
        scenario(&mut world, alice, bob);
        world.run_for(Duration::from_secs(300));
        if !world[victim(alice, bob)].has_burned() {
            return point;
        }
        check(&world, alice, bob, point);
        assert!(world.server.violations().is_empty(), "point {point}: {:#?}", world.server.violations());
    }
    panic!("the scenario has no end");
}

fn conversation(world: &mut World, alice: Who, bob: Who) {
    world.send(alice, bob, "a1");
    world.run_for(Duration::from_secs(10));
    world.send(bob, alice, "b1");
    world.send(alice, bob, "a2");
    world.run_for(Duration::from_secs(10));
}

/// A call dies with the process that made it unless its message was durable: then it must arrive once.
fn each_once_in_order(texts: &[String], all: &[&str], may_miss: &[&str], point: u32) {
    let wanted: Vec<_> =
        all.iter().filter(|text| texts.iter().any(|t| t == *text) || !may_miss.contains(text)).collect();
    let got: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(got, wanted.into_iter().copied().collect::<Vec<_>>(), "crash point {point}");
}

#[test]
fn a_sender_that_dies_anywhere_loses_and_repeats_nothing_that_it_took() {
    let points = sweep(
        conversation,
        |alice, _| alice,
        |world, alice, bob, point| {
            each_once_in_order(&world.texts(bob), &["a1", "a2"], &["a1", "a2"], point);
            each_once_in_order(&world.texts(alice), &["b1"], &[], point);
            assert_eq!(world[alice].storage.count(Table::Outbox), 0, "crash point {point}");
        },
    );
    assert!(points > 30, "{points} points");
    println!("{points} crash points of a sender");
}

#[test]
fn a_recipient_that_dies_anywhere_is_handed_each_message_once() {
    let points = sweep(
        conversation,
        |_, bob| bob,
        |world, alice, bob, point| {
            each_once_in_order(&world.texts(bob), &["a1", "a2"], &[], point);
            each_once_in_order(&world.texts(alice), &["b1"], &["b1"], point);
            assert_eq!(world[bob].storage.count(Table::Inbox), 0, "crash point {point}");
        },
    );
    assert!(points > 30, "{points} points");
    println!("{points} crash points of a recipient");
}

#[test]
fn a_client_that_dies_anywhere_while_it_pairs_can_be_paired() {
    for point in 0..POINTS_MAX {
        let mut world = World::new(2);
        let alice = world.client("Alice");
        world.actor(alice).light_fuse(point);
        world.run_for(Duration::from_secs(1));
        for _ in 0..3 {
            if let Some(code) = world[alice].qr_code().map(ToString::to_string) {
                world.admin(sanswire_sim::server::AdminRequest::ScanQr(code));
            }
            world.run_for(Duration::from_secs(200));
        }
        if !world[alice].has_burned() {
            println!("{point} crash points of a pairing");
            return;
        }
        let down = world[alice].link_events();
        let logged_out = down.iter().any(|event| {
            matches!(
                event,
                sanswire::event::LinkEvent::Down {
                    reason: sanswire::event::DownReason::LoggedOut { .. },
                    ..
                }
            )
        });
        // Dying between the durable pairing and its confirmation leaves a device that the server never took:
        // it is told so at the next login. Everything else comes up. Reference 02 §2.6.
        assert!(world.is_ready(alice) || logged_out, "point {point}: {down:#?}");
    }
    panic!("pairing has no end");
}

/// More outputs than any of these scenarios has.
const POINTS_MAX: u32 = 2_000;
