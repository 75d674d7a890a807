//! The life of a connection against the simulated server: pairing, login, refusals, restarts.

use core::time::Duration;

use sanswire::event::{DownReason, LinkEvent};
use sanswire::link::Logout;
use sanswire::wire::{Jid, Node};
use sanswire::{OpError, Table};
use sanswire_sim::script::Script;
use sanswire_sim::server::{AdminRequest, Config, Fault, OfflineMode, Target};
use sanswire_sim::world::{Who, World};

fn down_reasons(world: &World, who: Who) -> Vec<&DownReason> {
    world[who]
        .link_events()
        .into_iter()
        .filter_map(|event| match event {
            LinkEvent::Down { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

/// The last word on whether the client will connect by itself.
fn retries(world: &World, who: Who) -> bool {
    let last = world[who].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::Down { retry_in_ms, .. } => Some(retry_in_ms.is_some()),
        _ => None,
    });
    last.unwrap_or(true)
}

fn kick(world: &mut World, who: Who, code: Option<u64>, conflict: Option<&str>) {
    let jid = world.addresses(who).0.to_string();
    let conflict = conflict.map(ToString::to_string);
    assert_eq!(world.admin(AdminRequest::Kick { jid, code, conflict }).status, 200);
    world.run();
}

#[test]
fn pairing_restarts_once_and_ends_ready_without_a_broken_rule() {
    let mut world = World::new(1);
    let alice = world.paired("Alice");
    assert_eq!(down_reasons(&world, alice), [&DownReason::Restart]);
    let (pn, lid) = world.addresses(alice);
    assert!(pn.is_pn() && lid.is_lid() && pn.device() == lid.device() && pn.device() != 0);
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
    assert_eq!(world[alice].storage.count(Table::PreKey), 812);
}

#[test]
fn codes_rotate_until_they_are_used_up_and_new_ones_follow() {
    let mut world = World::new(2);
    let alice = world.client("Alice");
    world.run_for(Duration::from_secs(59));
    let codes = |world: &World| {
        let shown = |event: &LinkEvent| matches!(event, LinkEvent::QrCode { .. });
        world[alice].link_events().into_iter().filter(|event| shown(event)).count()
    };
    assert_eq!(codes(&world), 1);
    world.run_for(Duration::from_secs(2));
    assert_eq!(codes(&world), 2);
    world.run_for(Duration::from_secs(200));
    assert!(world[alice].link_events().contains(&&LinkEvent::QrExhausted));
    assert!(codes(&world) > 6, "a new connection brings new codes");
    world.pair(alice);
}

#[test]
fn a_forged_pairing_answer_is_refused_and_the_next_try_works() {
    for fault in [Fault::BadPairingHmac, Fault::BadAccountSignature] {
        let mut world = World::new(3);
        let alice = world.client("Alice");
        world.run();
        world.server.arm(fault, Target::Anyone, 1);
        let code = world[alice].qr_code().unwrap().to_string();
        world.admin(AdminRequest::ScanQr(code));
        world.run_for(Duration::from_secs(30));
        let failed = |event: &&LinkEvent| matches!(event, LinkEvent::PairingFailed { .. });
        assert_eq!(world[alice].link_events().into_iter().filter(failed).count(), 1);
        let paired = |event: &&LinkEvent| matches!(event, LinkEvent::Paired { .. });
        assert_eq!(world[alice].link_events().into_iter().filter(paired).count(), 0);
        world.pair(alice);
    }
}

#[test]
fn a_server_with_another_root_learns_nothing() {
    let mut world = World::new(4);
    let alice =
        world.client_with("Alice", |config| config.trust.root = sanswire::crypto::PublicKey::new([9; 32]));
    world.run();
    assert_eq!(down_reasons(&world, alice), [&DownReason::Untrusted]);
    assert!(world[alice].qr_code().is_none());
    assert!(retries(&world, alice));
}

#[test]
fn a_paired_client_logs_in_again_after_a_crash_without_its_phone() {
    let mut world = World::new(5);
    let alice = world.paired("Alice");
    world.crash(alice);
    world.restart(alice);
    world.run();
    assert!(world.is_ready(alice));
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}

#[test]
fn a_lost_connection_comes_back_by_itself() {
    let mut world = World::new(6);
    let alice = world.paired("Alice");
    world.cut(alice);
    world.run();
    assert!(!world.is_ready(alice));
    world.run_for(Duration::from_secs(3));
    assert!(world.is_ready(alice));
}

#[test]
fn without_a_network_the_client_keeps_trying_at_a_bounded_rate() {
    let mut world = World::new(7);
    let alice = world.paired("Alice");
    world.unplug(alice);
    world.run_for(Duration::from_secs(3600));
    let attempts = down_reasons(&world, alice).len();
    assert!((10..40).contains(&attempts), "{attempts} attempts in an hour");
    world.plug_in(alice);
    world.run_for(Duration::from_secs(1000));
    assert!(world.is_ready(alice));
}

#[test]
fn each_stream_error_leads_to_its_action() {
    let cases = [
        (Some(515), None, DownReason::Restart, true),
        (Some(503), None, DownReason::Unavailable { code: 503 }, true),
        (Some(429), None, DownReason::Unavailable { code: 429 }, true),
        (None, Some("replaced"), DownReason::Replaced, false),
        (Some(401), Some("device_removed"), DownReason::LoggedOut { code: 401 }, false),
        (Some(516), None, DownReason::LoggedOut { code: 516 }, false),
    ];
    for (code, conflict, reason, again) in cases {
        let mut world = World::new(8);
        let alice = world.paired("Alice");
        kick(&mut world, alice, code, conflict);
        assert_eq!(down_reasons(&world, alice).last(), Some(&&reason), "{code:?} {conflict:?}");
        assert_eq!(retries(&world, alice), again, "{code:?} {conflict:?}");
        world.run_for(Duration::from_secs(120));
        assert_eq!(world.is_ready(alice), again, "{code:?} {conflict:?}");
    }
}

#[test]
fn each_login_refusal_leads_to_its_action() {
    let cases = [
        (401, DownReason::LoggedOut { code: 401 }, false),
        (403, DownReason::LoggedOut { code: 403 }, false),
        (405, DownReason::Outdated, false),
        (503, DownReason::Unavailable { code: 503 }, true),
    ];
    for (code, reason, again) in cases {
        let mut world = World::new(9);
        let alice = world.paired("Alice");
        world.server.arm(Fault::LoginFailure(code), Target::Anyone, 1);
        world.cut(alice);
        world.run_for(Duration::from_secs(120));
        assert!(down_reasons(&world, alice).contains(&&reason), "{code}: {:?}", down_reasons(&world, alice));
        assert_eq!(world.is_ready(alice), again, "{code}");
    }
}

#[test]
fn a_device_that_was_logged_out_does_not_connect_after_a_restart_either() {
    let mut world = World::new(10);
    let alice = world.paired("Alice");
    let jid = world.addresses(alice).0.to_string();
    world.admin(AdminRequest::Unlink { jid });
    world.run_for(Duration::from_secs(60));
    assert!(!retries(&world, alice));
    world.crash(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(60));
    assert!(!world.is_ready(alice));
    assert!(matches!(down_reasons(&world, alice).last(), Some(DownReason::LoggedOut { .. })));
}

#[test]
fn two_clients_with_the_same_keys_do_not_fight() {
    let mut world = World::new(11);
    let alice = world.paired("Alice");
    let twin = world.client("Alice");
    world.crash(twin);
    let copy = world[alice].storage.clone();
    world.actor(twin).storage = copy;
    world.restart(twin);
    world.run_for(Duration::from_secs(600));
    assert_eq!(down_reasons(&world, alice).last(), Some(&&DownReason::Replaced));
    assert!(!world.is_ready(alice) && world.is_ready(twin));
}

#[test]
fn logging_out_unlinks_the_device_only_when_the_server_confirms() {
    let mut world = World::new(12);
    let alice = world.paired("Alice");
    world.server.arm(Fault::RefuseIq("md".to_string(), 500), Target::Anyone, 1);
    let refused = world.call(alice, Logout {});
    world.run();
    assert!(matches!(world.reply(alice, refused), Some(Err(OpError::Refused { code: 500, .. }))));
    assert!(world.is_ready(alice));
    let done = world.call(alice, Logout {});
    world.run();
    assert!(matches!(world.reply(alice, done), Some(Ok(_))));
    assert!(!retries(&world, alice));
}

#[test]
fn a_silent_server_is_noticed_within_the_keepalive_bound() {
    let mut world = World::new(13);
    let alice = world.paired("Alice");
    world.server.arm(Fault::WithholdAnswer("w:p".to_string()), Target::Anyone, 100);
    world.run_for(Duration::from_secs(55));
    assert!(down_reasons(&world, alice).contains(&&DownReason::Silence));
}

#[test]
fn a_frame_cut_in_the_middle_costs_only_the_connection() {
    let mut world = World::new(14);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.server.arm(Fault::CutFrame(10), Target::Anyone, 1);
    world.send(alice, bob, "through a cut");
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(bob), ["through a cut"]);
    assert!(world.is_ready(alice) && world.is_ready(bob));
}

#[test]
fn a_server_restart_is_survived_by_everybody() {
    let mut world = World::new(15);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.admin(AdminRequest::Restart);
    world.send(alice, bob, "after the restart");
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(bob), ["after the restart"]);
}

#[test]
fn a_failed_prekey_upload_is_made_up_for() {
    let mut world = World::new(16);
    world.server.arm(Fault::RefuseIq("encrypt".to_string(), 503), Target::Anyone, 2);
    let alice = world.paired("Alice");
    let bob = world.paired("Bob");
    world.run_for(Duration::from_secs(120));
    world.send(bob, alice, "hello");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(alice), ["hello"]);
    assert_eq!(world[alice].storage.count(Table::PreKey), 811, "made once, one of them used");
}

#[test]
fn an_offline_queue_is_pulled_batch_by_batch() {
    let config = Config { offline: OfflineMode::Pull, ..Config::default() };
    let mut world = World::with(17, config);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.unplug(bob);
    for n in 0..230 {
        world.send(alice, bob, &format!("{n}"));
    }
    world.run();
    world.plug_in(bob);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(bob).len(), 230);
    let done = world[bob].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::OfflineDone { count } => Some(*count),
        _ => None,
    });
    assert_eq!(done, Some(231), "the messages, and the token that came with the first");
}

#[test]
fn a_server_that_only_asks_for_restarts_does_not_make_the_client_spin() {
    let mut world = World::new(18);
    let alice = world.paired("Alice");
    let before = down_reasons(&world, alice).len();
    for _ in 0..20 {
        world.server.arm(Fault::LoginFailure(503), Target::Anyone, 1);
        if world.is_ready(alice) {
            kick(&mut world, alice, Some(515), None);
        }
        world.run_for(Duration::from_secs(1));
    }
    // Every second one restart and one refusal, at most; without a back-off it would be any number.
    assert!(down_reasons(&world, alice).len() - before <= 2 * 20, "{:?}", down_reasons(&world, alice));
}

#[test]
fn unreadable_credentials_are_a_named_fault_and_nothing_is_overwritten() {
    let mut world = World::new(19);
    let alice = world.paired("Alice");
    world.crash(alice);
    world.actor(alice).storage.scramble(Table::Credentials);
    world.restart(alice);
    world.run_for(Duration::from_secs(60));
    let ready = |event: &&LinkEvent| matches!(event, LinkEvent::Ready);
    assert_eq!(world[alice].link_events().into_iter().filter(ready).count(), 1, "only before the crash");
    assert_eq!(world[alice].faults(), ["record in table Credentials: malformed"]);
    assert_eq!(world[alice].storage.count(Table::Credentials), 1);
}

#[test]
fn a_client_whose_credentials_cannot_be_read_still_writes_after_what_is_stored() {
    let mut script = Script::ready(1);
    let mut peer = script.peer(Jid::pn("15550000002", 0).into_owned());
    script.confirms = false;
    let text = peer.text("kept", "text");
    script.send(&text);
    script.storage.scramble(Table::Credentials);
    script.restart();
    script.confirm();
    assert_eq!(script.storage.count(Table::Inbox), 0);
}

#[test]
fn the_way_that_the_server_names_is_taken_by_the_next_connections_also_after_a_restart() {
    let mut script = Script::ready(31);
    let way = |bytes: Vec<u8>| {
        let info = Node::new("routing_info").bytes(bytes);
        Node::new("ib").child(Node::new("edge_routing").child(info))
    };
    assert_eq!(script.routing, None);
    script.send(&way(vec![7, 8, 9]));
    script.close();
    script.advance(Duration::from_secs(5));
    assert_eq!(script.routing.as_deref(), Some(&[7, 8, 9][..]));
    script.restart();
    script.run();
    assert_eq!(script.routing.as_deref(), Some(&[7, 8, 9][..]));
}

#[test]
fn a_phone_that_cannot_have_linked_devices_is_told_of() {
    let mut script = Script::new(32);
    script.run();
    script.send(&Node::new("ib").child(Node::new("downgrade_webclient")));
    let error = "the phone has no multi-device".to_string();
    assert!(script.link_events().contains(&&LinkEvent::PairingFailed { error }));
}
