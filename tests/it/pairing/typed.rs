//! Linking with a code that is typed into the phone: the whole way, and each way to fail.

use core::time::Duration;

use sanswire::OpError;
use sanswire::event::{DownReason, LinkEvent};
use sanswire::limits::{LINK_CODE_ANSWER_S, LINK_CODE_HELLOS_MAX, LINK_CODE_PAIR_S};
use sanswire::link::{PairCode, Relink, ShownCode};
use sanswire::ops::{Answer, CallId};
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Script, pair_device};
use sanswire_sim::server::{AdminRequest, Config, Fault, Target};
use sanswire_sim::world::{Who, World};

const NUMBER: &str = "15550009999";

fn code_for(phone: &str) -> PairCode {
    PairCode { phone: phone.to_owned(), code: None, notify: true, display: None }
}

/// A client that shows QR codes.
fn waiting(seed: u64) -> (World, Who) {
    waiting_at(seed, Config::default())
}

fn waiting_at(seed: u64, config: Config) -> (World, Who) {
    let mut world = World::with(seed, config);
    let alice = world.client("Alice");
    world.run();
    (world, alice)
}

fn answer(world: &World, who: Who, call: CallId) -> Result<ShownCode, OpError> {
    match world.reply(who, call).expect("an answer") {
        Ok(Answer::PairCode(shown)) => Ok(shown.clone()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.clone()),
    }
}

/// Asks for a code; what is shown.
fn code(world: &mut World, who: Who) -> String {
    let call = world.call(who, code_for(NUMBER));
    world.run();
    answer(world, who, call).expect("a code").code
}

fn type_code(world: &mut World, code: &str) -> u16 {
    let typed = world.admin(AdminRequest::TypeCode { phone: NUMBER.to_owned(), code: code.to_owned() });
    world.run();
    typed.status
}

fn trouble(world: &mut World) -> String {
    let state = world.admin(AdminRequest::State).body;
    state["accounts"][0]["link_trouble"].as_str().unwrap_or_default().to_owned()
}

fn about_codes(world: &World, who: Who) -> Vec<&LinkEvent> {
    let about = |event: &&LinkEvent| {
        matches!(event, LinkEvent::Code { .. } | LinkEvent::CodeRefresh { .. } | LinkEvent::CodeFailed { .. })
    };
    world[who].link_events().into_iter().filter(about).collect()
}

fn linked(world: &World, who: Who) -> bool {
    world.is_ready(who) && world.number(who).user() == NUMBER
}

#[test]
fn a_code_typed_into_the_phone_links_the_device() {
    let (mut world, alice) = waiting(1);
    let call = world.call(alice, code_for("+1 (555) 000-9999"));
    world.run();
    let shown = answer(&world, alice, call).unwrap();
    assert_eq!((shown.code.len(), shown.code.as_bytes()[4], shown.valid_s), (9, b'-', 180));
    let event = LinkEvent::Code { code: shown.code.clone(), valid_s: 180 };
    assert_eq!(about_codes(&world, alice), [&event]);
    assert_eq!(type_code(&mut world, &shown.code), 200);
    assert!(linked(&world, alice), "{:?}", world[alice].events);
    assert_eq!(about_codes(&world, alice), [&event], "nothing is left over of the attempt");
    assert_eq!(world.server.violations(), []);
}

#[test]
fn a_device_linked_by_code_sends_and_receives() {
    let (mut world, alice) = waiting(2);
    let shown = code(&mut world, alice);
    type_code(&mut world, &shown);
    let bob = world.paired("Bob");
    world.send(alice, bob, "hello");
    world.run();
    world.send(bob, alice, "and back");
    world.run();
    assert_eq!((world.texts(bob), world.texts(alice)), (vec!["hello".into()], vec!["and back".into()]));
    assert_eq!(world.server.violations(), []);
}

#[test]
fn a_code_of_ones_own_is_used_in_capitals() {
    let (mut world, alice) = waiting(3);
    let wanted = PairCode { code: Some("abcd-1234".to_owned()), notify: false, ..code_for(NUMBER) };
    let call = world.call(alice, wanted);
    world.run();
    assert_eq!(answer(&world, alice, call).unwrap().code, "ABCD-1234");
    type_code(&mut world, "abcd1234");
    assert!(linked(&world, alice));
}

#[test]
fn a_wrong_code_is_noticed_by_the_phone_and_the_right_one_still_links() {
    let (mut world, alice) = waiting(4);
    let shown = code(&mut world, alice);
    assert_eq!(type_code(&mut world, "WRNG-CDE1"), 200);
    assert_eq!(trouble(&mut world), "wrong code");
    assert!(!world.is_ready(alice));
    type_code(&mut world, &shown);
    assert!(linked(&world, alice));
    assert_eq!(trouble(&mut world), "");
}

#[test]
fn the_code_is_given_up_when_phones_have_used_it_too_often() {
    let (mut world, alice) = waiting(5);
    let shown = code(&mut world, alice);
    for _ in 0..LINK_CODE_HELLOS_MAX {
        type_code(&mut world, "WRNG-CDE1");
        assert_eq!(about_codes(&world, alice).len(), 1);
    }
    type_code(&mut world, &shown);
    let last = about_codes(&world, alice).pop();
    assert!(matches!(last, Some(LinkEvent::CodeFailed { error: OpError::OutOfTurn(_) })), "{last:?}");
    assert!(!world.is_ready(alice));
    let next = code(&mut world, alice);
    type_code(&mut world, &next);
    assert!(linked(&world, alice));
}

#[test]
fn the_qr_code_on_show_follows_the_secret() {
    let (mut world, alice) = waiting(6);
    let before = world[alice].qr_code().unwrap().to_owned();
    code(&mut world, alice);
    assert_eq!(world[alice].qr_code(), Some(before.as_str()), "asking changes nothing yet");
    type_code(&mut world, "WRNG-CDE1");
    assert_ne!(world[alice].qr_code(), Some(before.as_str()));
    world.pair(alice);
    assert_eq!(about_codes(&world, alice).len(), 1);
}

#[test]
fn numbers_codes_and_names_that_cannot_be_are_refused_at_once() {
    let (mut world, alice) = waiting(7);
    let cases = [
        code_for("12345"),
        code_for("01555000999"),
        code_for("1555000999912345"),
        code_for(""),
        PairCode { code: Some("ABCD123".to_owned()), ..code_for(NUMBER) },
        PairCode { code: Some("ABCD123O".to_owned()), ..code_for(NUMBER) },
        PairCode { display: Some("Chrome".to_owned()), ..code_for(NUMBER) },
    ];
    for wrong in cases {
        let call = world.call(alice, wrong.clone());
        world.run();
        assert!(matches!(answer(&world, alice, call), Err(OpError::Argument(_))), "{wrong:?}");
    }
    code(&mut world, alice);
    assert_eq!(world.server.violations(), []);
}

#[test]
fn there_is_one_code_at_a_time_and_none_without_qr_codes() {
    let mut world = World::new(8);
    let alice = world.client("Alice");
    let early = world.call(alice, code_for(NUMBER));
    world.run();
    assert_eq!(answer(&world, alice, early), Err(OpError::Disconnected));
    let shown = code(&mut world, alice);
    let second = world.call(alice, code_for("15550008888"));
    world.run();
    assert!(matches!(answer(&world, alice, second), Err(OpError::OutOfTurn(_))));
    type_code(&mut world, &shown);
    let late = world.call(alice, code_for(NUMBER));
    world.run();
    assert!(matches!(answer(&world, alice, late), Err(OpError::OutOfTurn(_))));
}

#[test]
fn each_refusal_of_the_server_is_told_with_its_number_and_not_repeated() {
    let (mut world, alice) = waiting(9);
    for number in [400, 403, 429, 452, 500] {
        world.server.arm(Fault::RefuseIq("md".to_owned(), number), Target::Anyone, 1);
        let call = world.call(alice, code_for(NUMBER));
        world.run();
        let refused = answer(&world, alice, call);
        assert!(
            matches!(refused, Err(OpError::Refused { code, .. }) if u64::from(code) == number),
            "{refused:?}"
        );
    }
    assert!(about_codes(&world, alice).is_empty());
    let shown = code(&mut world, alice);
    type_code(&mut world, &shown);
    assert!(linked(&world, alice));
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let (mut world, alice) = waiting(10);
    world.server.arm(Fault::WithholdAnswer("md".to_owned()), Target::Anyone, 1);
    let call = world.call(alice, code_for(NUMBER));
    world.run_for(Duration::from_secs(LINK_CODE_ANSWER_S - 1));
    assert_eq!(world.reply(alice, call), None);
    world.run_for(Duration::from_secs(1));
    assert_eq!(answer(&world, alice, call), Err(OpError::TimedOut));
    code(&mut world, alice);
}

#[test]
fn a_hello_under_another_reference_is_not_meant_for_us_and_does_not_count() {
    let (mut world, alice) = waiting(11);
    let shown = code(&mut world, alice);
    for _ in 0..=LINK_CODE_HELLOS_MAX {
        world.server.arm(Fault::StaleLinkRef, Target::Anyone, 1);
        assert_eq!(type_code(&mut world, &shown), 200);
    }
    assert!(!world.is_ready(alice));
    type_code(&mut world, &shown);
    assert!(linked(&world, alice));
}

#[test]
fn a_phone_that_uses_the_code_and_then_says_nothing_makes_it_void() {
    let (mut world, alice) = waiting(12);
    let shown = code(&mut world, alice);
    world.server.arm(Fault::PhoneRefusesLink, Target::Anyone, 1);
    type_code(&mut world, &shown);
    let used = world[alice].qr_code().map(str::to_owned);
    world.run_for(Duration::from_secs(LINK_CODE_PAIR_S - 1));
    assert_eq!(about_codes(&world, alice).len(), 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!(about_codes(&world, alice).pop(), Some(&LinkEvent::CodeRefresh { manual: false }));
    assert_ne!(
        world[alice].qr_code().map(str::to_owned),
        used,
        "the secret that the phone knows is replaced"
    );
    let next = code(&mut world, alice);
    assert_ne!(next, shown);
    type_code(&mut world, &next);
    assert!(linked(&world, alice));
}

#[test]
fn a_bundle_that_the_server_does_not_take_ends_the_attempt() {
    let (mut world, alice) = waiting(13);
    let shown = code(&mut world, alice);
    world.server.arm(Fault::RefuseIq("md".to_owned(), 500), Target::Anyone, 1);
    type_code(&mut world, &shown);
    let last = about_codes(&world, alice).pop();
    assert!(
        matches!(last, Some(LinkEvent::CodeFailed { error: OpError::Refused { code: 500, .. } })),
        "{last:?}"
    );
    let next = code(&mut world, alice);
    type_code(&mut world, &next);
    assert!(linked(&world, alice));
}

#[test]
fn the_server_may_want_another_code() {
    for manual in [false, true] {
        let (mut world, alice) = waiting(14);
        let shown = code(&mut world, alice);
        let refreshed = world.admin(AdminRequest::RefreshCode { phone: NUMBER.to_owned(), manual });
        assert_eq!(refreshed.status, 200);
        world.run();
        assert_eq!(about_codes(&world, alice).pop(), Some(&LinkEvent::CodeRefresh { manual }));
        assert_eq!(type_code(&mut world, &shown), 404);
        let next = code(&mut world, alice);
        type_code(&mut world, &next);
        assert!(linked(&world, alice));
    }
}

#[test]
fn a_live_code_keeps_the_connection_beyond_the_last_qr_code_until_it_is_too_old() {
    let (mut world, alice) = waiting(15);
    world.run_for(Duration::from_secs(100));
    code(&mut world, alice);
    world.run_for(Duration::from_secs(179));
    let events = world[alice].link_events();
    assert!(events.contains(&&LinkEvent::QrExhausted));
    assert!(!events.iter().any(|event| matches!(event, LinkEvent::Down { .. })));
    world.run_for(Duration::from_secs(1));
    assert_eq!(about_codes(&world, alice).pop(), Some(&LinkEvent::CodeRefresh { manual: false }));
    let down = world[alice].link_events().into_iter().find_map(|event| match event {
        LinkEvent::Down { reason, retry_in_ms } => Some((reason.clone(), retry_in_ms.is_some())),
        _ => None,
    });
    assert_eq!(down, Some((DownReason::QrExhausted, true)));
    world.run_for(Duration::from_secs(10));
    world.pair(alice);
}

#[test]
fn a_code_typed_after_the_last_qr_code_links_as_well() {
    let (mut world, alice) = waiting(16);
    world.run_for(Duration::from_secs(100));
    let shown = code(&mut world, alice);
    world.run_for(Duration::from_secs(100));
    type_code(&mut world, &shown);
    assert!(linked(&world, alice));
}

#[test]
fn a_lost_connection_loses_the_code() {
    let (mut world, alice) = waiting(17);
    let shown = code(&mut world, alice);
    world.cut(alice);
    world.run_for(Duration::from_secs(10));
    assert_eq!(
        about_codes(&world, alice).pop(),
        Some(&LinkEvent::CodeFailed { error: OpError::Disconnected })
    );
    assert_eq!(type_code(&mut world, &shown), 404);
    world.pair(alice);
}

#[test]
fn a_crash_loses_the_attempt_and_nothing_else() {
    for typed in [false, true] {
        let (mut world, alice) = waiting(18);
        let shown = code(&mut world, alice);
        if typed {
            world.server.arm(Fault::PhoneRefusesLink, Target::Anyone, 1);
            type_code(&mut world, &shown);
        }
        world.crash(alice);
        world.restart(alice);
        world.run();
        assert_eq!(type_code(&mut world, &shown), 404);
        let next = code(&mut world, alice);
        type_code(&mut world, &next);
        assert!(linked(&world, alice));
    }
}

#[test]
fn linking_by_code_survives_a_crash_before_any_output_until_both_sides_know_the_link() {
    for outputs in 0.. {
        let (mut world, alice) = waiting(19);
        let shown = code(&mut world, alice);
        world.actor(alice).light_fuse(outputs);
        type_code(&mut world, &shown);
        assert!(world[alice].has_burned());
        world.run_for(Duration::from_secs(30));
        let unlinked =
            |event: &LinkEvent| matches!(event, LinkEvent::Down { reason: DownReason::LoggedOut { .. }, .. });
        if world[alice].link_events().into_iter().any(unlinked) {
            // It had stored the link, and the server had not heard of it. Reference 02 §2.6.
            world.call(alice, Relink {});
            world.run();
        }
        if world.is_ready(alice) {
            assert!(outputs > 5);
            return; // From here on it is the login of any linked device.
        }
        world.pair(alice);
    }
}

/// A script that shows QR codes, with a live code, and what the client has sent since.
fn script(seed: u64) -> (Script, Node<'static>) {
    let mut script = Script::new(seed);
    script.run();
    script.send(&pair_device(3));
    script.call(code_for(NUMBER));
    let hello = script.asked("md");
    let reference = Node::new("link_code_pairing_ref").bytes(b"ref-1".to_vec());
    script.answer(&hello, Some(Node::new("link_code_companion_reg").child(reference)));
    (script, hello)
}

fn notice(from: Jid<'static>, wrapped: usize, identity: Vec<u8>, reference: &[u8]) -> Node<'static> {
    let body = Node::new("link_code_companion_reg")
        .attr("stage", "primary_hello")
        .child(Node::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(vec![1; wrapped]))
        .child(Node::new("primary_identity_pub").bytes(identity))
        .child(Node::new("link_code_pairing_ref").bytes(reference.to_vec()));
    Node::new("notification")
        .attr("id", "n-1")
        .attr("from", from)
        .attr("type", "link_code_companion_reg")
        .child(body)
}

#[test]
fn what_is_no_answer_to_the_code_is_acked_and_ignored() {
    let (mut script, _) = script(20);
    let someone = Jid::pn("15550000002", 0);
    let cases = [
        notice(someone, 80, vec![9; 32], b"ref-1"),
        notice(Jid::SERVER, 79, vec![9; 32], b"ref-1"),
        notice(Jid::SERVER, 80, vec![9; 31], b"ref-1"),
        notice(Jid::SERVER, 80, vec![9; 32], b"ref-2"),
    ];
    for case in cases {
        script.sent();
        script.send(&case);
        let sent = script.sent();
        assert_eq!(sent.len(), 1, "{case}");
        assert_eq!(sent[0].tag, "ack");
    }
    script.send(&notice(Jid::SERVER, 80, vec![9; 32], b"ref-1"));
    let finish = script.asked("md");
    assert_eq!(
        finish.find("link_code_companion_reg").unwrap().get("stage").as_deref(),
        Some("companion_finish")
    );
}

#[test]
fn an_identity_of_low_order_ends_the_attempt() {
    let (mut script, _) = script(21);
    script.send(&notice(Jid::SERVER, 80, vec![0; 32], b"ref-1"));
    let failed = script.link_events().into_iter().any(
        |event| matches!(event, LinkEvent::CodeFailed { error: OpError::Malformed(why) } if why.contains("low-order")),
    );
    assert!(failed, "{:?}", script.link_events());
    assert!(script.is_alive());
}

#[test]
fn a_refresh_of_the_registration_keeps_the_secret_of_a_code_in_use() {
    for used in [false, true] {
        let (mut script, _) = script(22);
        if used {
            script.send(&notice(Jid::SERVER, 80, vec![9; 32], b"ref-1"));
        }
        let texts = |script: &Script| -> Vec<String> {
            let text = |event: &LinkEvent| match event {
                LinkEvent::QrCode { text, .. } => Some(text.clone()),
                _ => None,
            };
            script.link_events().into_iter().filter_map(text).collect()
        };
        let before = texts(&script);
        let body = Node::new("companion_reg_refresh");
        script.send(
            &Node::new("notification")
                .attr("id", "n-2")
                .attr("from", Jid::SERVER)
                .attr("type", "companion_reg_refresh")
                .child(body),
        );
        let after = texts(&script);
        assert_eq!(after.len(), before.len() + 1);
        assert_eq!(after.last() == before.last(), used);
    }
}

#[test]
fn the_hello_says_what_the_server_wants_to_know() {
    let (_, hello) = script(23);
    let body = hello.find("link_code_companion_reg").unwrap();
    let bytes = |tag: &str| body.find(tag).unwrap().content_bytes().unwrap().into_owned();
    assert_eq!(body.get("jid").as_deref(), Some("15550009999@s.whatsapp.net"));
    assert_eq!(body.get("should_show_push_notification").as_deref(), Some("true"));
    assert_eq!(bytes("companion_platform_display"), b"Chrome (Mac OS)");
    assert_eq!(bytes("link_code_pairing_nonce"), [0]);
    assert_eq!(bytes("link_code_pairing_wrapped_companion_ephemeral_pub").len(), 80);
}
