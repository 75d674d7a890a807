//! Linking with a passkey: the whole ceremony, and each way to fail.

use core::time::Duration;

use sanswire::OpError;
use sanswire::event::LinkEvent;
use sanswire::limits::{IQ_LIMIT_S, LINK_CODE_PAIR_S, PASSKEY_LIMIT_S};
use sanswire::link::{Assertion, PasskeyConfirm, PasskeyResponse};
use sanswire::ops::{CallId, Operation};
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Script, pair_device};
use sanswire_sim::server::{AdminRequest, Config, Fault, Target};
use sanswire_sim::world::{Who, World};
use serde_json::Value;

/// A client whose QR code was scanned, and whom the server asks for a passkey.
fn scanned(seed: u64, faults: &[Fault]) -> (World, Who) {
    let mut world = World::with(seed, Config { passkey: true, ..Config::default() });
    let alice = world.client("Alice");
    world.run();
    for fault in faults {
        world.server.arm(fault.clone(), Target::Anyone, 1);
    }
    let code = world[alice].qr_code().unwrap().to_owned();
    assert_eq!(world.admin(AdminRequest::ScanQr(code)).status, 200);
    world.run();
    (world, alice)
}

fn request(world: &World, who: Who) -> Option<String> {
    world[who].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::PasskeyWanted { request, .. } => Some(request.clone()),
        _ => None,
    })
}

/// What the owner's authenticator says to the last request.
fn assertion(world: &mut World, who: Who) -> Assertion {
    let request = request(world, who).expect("a request");
    let answer = world.admin(AdminRequest::Authenticate { phone: "Alice".to_owned(), request });
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_value(answer.body).unwrap()
}

fn call(world: &mut World, who: Who, operation: impl Into<Operation>) -> CallId {
    let call = world.call(who, operation);
    world.run();
    call
}

fn error(world: &World, who: Who, call: CallId) -> Option<OpError> {
    world.reply(who, call)?.as_ref().err().cloned()
}

fn respond(world: &mut World, who: Who) -> CallId {
    let assertion = Some(assertion(world, who));
    call(world, who, PasskeyResponse { assertion })
}

fn shown(world: &World, who: Who) -> Option<String> {
    world[who].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::PasskeyCode { code } => Some(code.clone()),
        _ => None,
    })
}

fn phone(world: &mut World, what: &str) -> Option<String> {
    let state = world.admin(AdminRequest::State).body;
    state["accounts"][0][what].as_str().map(str::to_owned)
}

fn failures(world: &World, who: Who) -> Vec<(OpError, bool)> {
    let failure = |event: &LinkEvent| match event {
        LinkEvent::PasskeyFailed { error, continuation } => Some((error.clone(), *continuation)),
        _ => None,
    };
    world[who].link_events().into_iter().filter_map(failure).collect()
}

#[test]
fn a_passkey_and_equal_codes_link_the_device() {
    for faults in [&[][..], &[Fault::OmitPasskeyOptions]] {
        let (mut world, alice) = scanned(1, faults);
        let options: Value = serde_json::from_str(&request(&world, alice).unwrap()).unwrap();
        assert_eq!(options["rpId"], "web.whatsapp.com");
        let taken = respond(&mut world, alice);
        assert!(matches!(world.reply(alice, taken), Some(Ok(_))));
        let code = shown(&world, alice).unwrap();
        assert_eq!(phone(&mut world, "code_on_show"), Some(code), "both sides show the same");
        assert!(!world.is_ready(alice), "not before the user has compared");
        let confirmed = call(&mut world, alice, PasskeyConfirm { same: true });
        assert!(matches!(world.reply(alice, confirmed), Some(Ok(_))));
        assert!(world.is_ready(alice), "{:?}", world[alice].events);
        assert_eq!(failures(&world, alice), []);
        assert_eq!(world.server.violations(), []);
    }
}

#[test]
fn steps_out_of_turn_are_refused_and_change_nothing() {
    let (mut world, alice) = scanned(2, &[]);
    let out_of_turn = |error: Option<OpError>| matches!(error, Some(OpError::OutOfTurn(_)));
    let early = call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(out_of_turn(error(&world, alice, early)));
    let assertion = assertion(&mut world, alice);
    let broken = Assertion { raw_id: "not base64url!".to_owned(), ..assertion.clone() };
    let broken = call(&mut world, alice, PasskeyResponse { assertion: Some(broken) });
    assert!(matches!(error(&world, alice, broken), Some(OpError::Argument(_))));
    call(&mut world, alice, PasskeyResponse { assertion: Some(assertion.clone()) });
    let twice = call(&mut world, alice, PasskeyResponse { assertion: Some(assertion) });
    assert!(out_of_turn(error(&world, alice, twice)));
    call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(world.is_ready(alice));
    let late = call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(out_of_turn(error(&world, alice, late)));
}

#[test]
fn a_user_who_declines_or_sees_another_code_ends_the_attempt() {
    let (mut world, alice) = scanned(3, &[]);
    let declined = call(&mut world, alice, PasskeyResponse { assertion: None });
    assert!(matches!(world.reply(alice, declined), Some(Ok(_))));
    let again = call(&mut world, alice, PasskeyResponse { assertion: None });
    assert!(matches!(error(&world, alice, again), Some(OpError::OutOfTurn(_))));

    let (mut world, alice) = scanned(3, &[]);
    respond(&mut world, alice);
    let differs = call(&mut world, alice, PasskeyConfirm { same: false });
    assert!(matches!(world.reply(alice, differs), Some(Ok(_))));
    world.run_for(Duration::from_secs(PASSKEY_LIMIT_S));
    assert!(!world.is_ready(alice));
    assert_eq!(failures(&world, alice), []);
}

#[test]
fn an_assertion_of_another_key_is_refused_by_the_server() {
    let (mut world, alice) = scanned(4, &[]);
    let mut forged = assertion(&mut world, alice);
    forged.response.signature = "A".repeat(86);
    let refused = call(&mut world, alice, PasskeyResponse { assertion: Some(forged) });
    let code = |error: &OpError| matches!(error, OpError::Refused { code: 403, .. });
    assert!(error(&world, alice, refused).is_some_and(|error| code(&error)));
    let failures = failures(&world, alice);
    assert!(matches!(failures.as_slice(), [(error, false)] if code(error)), "{failures:?}");
    assert!(phone(&mut world, "link_trouble").unwrap().contains("assertion"));
}

#[test]
fn each_request_that_is_refused_or_not_answered_ends_the_attempt() {
    // How many iqs of the ceremony are answered before: the reference, the prologue, the nonce, the request.
    for answered in 0..4_u32 {
        for withheld in [false, true] {
            let (mut world, alice) = scanned(5, &[]);
            let assertion = assertion(&mut world, alice);
            if answered == 3 {
                call(&mut world, alice, PasskeyResponse { assertion: Some(assertion.clone()) });
            }
            let fault = match withheld {
                true => Fault::WithholdAnswer("md".to_owned()),
                false => Fault::RefuseIq("md".to_owned(), 500),
            };
            world.server.arm_after(if answered == 3 { 0 } else { answered }, fault, Target::Anyone);
            let call = match answered {
                3 => call(&mut world, alice, PasskeyConfirm { same: true }),
                _ => call(&mut world, alice, PasskeyResponse { assertion: Some(assertion) }),
            };
            world.run_for(Duration::from_secs(IQ_LIMIT_S));
            let expected = |error: &OpError| match withheld {
                true => *error == OpError::TimedOut,
                false => matches!(error, OpError::Refused { code: 500, .. }),
            };
            let failures = failures(&world, alice);
            let continued = answered >= 2;
            assert!(
                matches!(failures.as_slice(), [(error, flag)] if expected(error) && *flag == continued),
                "{answered} {withheld}: {failures:?}"
            );
            // The nonce is nobody's call: what had been answered stays answered.
            assert_eq!(error(&world, alice, call).is_some(), answered != 2, "{answered} {withheld}");
            assert!(!world.is_ready(alice));
        }
    }
}

#[test]
fn a_phone_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let (mut world, alice) = scanned(6, &[Fault::PhoneRefusesLink]);
    respond(&mut world, alice);
    world.run_for(Duration::from_secs(PASSKEY_LIMIT_S - 1));
    assert_eq!(failures(&world, alice), []);
    world.run_for(Duration::from_secs(1));
    assert_eq!(failures(&world, alice), [(OpError::TimedOut, false)]);
}

#[test]
fn a_phone_that_saw_equal_codes_and_says_nothing_is_waited_for_so_long_and_no_longer() {
    let (mut world, alice) = scanned(12, &[]);
    world.server.arm_after(1, Fault::PhoneRefusesLink, Target::Anyone);
    respond(&mut world, alice);
    let confirmed = call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(matches!(world.reply(alice, confirmed), Some(Ok(_))));
    world.run_for(Duration::from_secs(LINK_CODE_PAIR_S - 1));
    assert_eq!(failures(&world, alice), []);
    world.run_for(Duration::from_secs(1));
    assert_eq!(failures(&world, alice), [(OpError::TimedOut, true)]);
}

#[test]
fn after_a_failure_a_new_qr_code_links() {
    let (mut world, alice) = scanned(7, &[]);
    call(&mut world, alice, PasskeyResponse { assertion: None });
    world.run_for(Duration::from_secs(200));
    let code = world[alice].qr_code().unwrap().to_owned();
    assert_eq!(world.admin(AdminRequest::ScanQr(code)).status, 200);
    world.run();
    respond(&mut world, alice);
    call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(world.is_ready(alice));
}

#[test]
fn a_passkey_is_wanted_after_a_typed_code_as_well() {
    let mut world = World::with(8, Config { passkey: true, ..Config::default() });
    let alice = world.client("Alice");
    world.run();
    let phone = "15550009999".to_owned();
    let pair = sanswire::link::PairCode { phone: phone.clone(), code: None, notify: true, display: None };
    call(&mut world, alice, pair);
    let code = world[alice].link_events().into_iter().rev().find_map(|event| match event {
        LinkEvent::Code { code, .. } => Some(code.clone()),
        _ => None,
    });
    world.admin(AdminRequest::TypeCode { phone, code: code.unwrap() });
    world.run();
    respond(&mut world, alice);
    call(&mut world, alice, PasskeyConfirm { same: true });
    assert!(world.is_ready(alice));
    assert_eq!(world.server.violations(), []);
}

fn from_server(kind: &'static str, body: Node<'static>) -> Node<'static> {
    Node::new("notification").attr("id", "n-1").attr("from", Jid::SERVER).attr("type", kind).child(body)
}

fn wanted() -> Node<'static> {
    let options = br#"{"challenge":"AAAA"}"#.to_vec();
    from_server("passkey_prologue_request", Node::new("passkey_request_options").bytes(options))
}

fn events(script: &Script) -> Vec<&LinkEvent> {
    let about = |event: &&LinkEvent| {
        matches!(event, LinkEvent::PasskeyWanted { .. } | LinkEvent::PasskeyFailed { .. })
    };
    script.link_events().into_iter().filter(about).collect()
}

#[test]
fn only_the_server_can_want_a_passkey() {
    let mut script = Script::new(9);
    script.run();
    script.send(&pair_device(3));
    script.send(&wanted().attr("from", Jid::pn("15550000002", 0)));
    assert!(events(&script).is_empty());
    script.send(&wanted());
    assert_eq!(events(&script).len(), 1);
}

#[test]
fn options_that_are_missing_twice_are_a_failure() {
    let mut script = Script::new(10);
    script.run();
    script.send(&pair_device(3));
    for body in ["", "[]", "{\"challenge\":1}", "no json"] {
        let options = Node::new("passkey_request_options").bytes(body.as_bytes().to_vec());
        script.send(&from_server("passkey_prologue_request", options.clone()));
        let iq = script.asked("md");
        assert!(iq.find("passkey_request_options").is_some());
        script.answer(&iq, Some(options));
    }
    let events = events(&script);
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| matches!(
        event,
        LinkEvent::PasskeyFailed { error: OpError::Malformed(_), continuation: false }
    )));
}

#[test]
fn a_continuation_without_an_attempt_or_without_whole_keys_is_a_failure() {
    let continuation =
        || from_server("crsc_continuation", Node::new("primary_ephemeral_identity").bytes(vec![10, 1, 7]));
    let mut script = Script::new(11);
    script.run();
    script.send(&pair_device(3));
    script.send(&continuation());
    assert!(matches!(
        events(&script).as_slice(),
        [LinkEvent::PasskeyFailed { error: OpError::OutOfTurn(_), continuation: true }]
    ));
    script.send(&wanted());
    let assertion: Assertion = serde_json::from_str(
        r#"{"id":"AAAA","rawId":"AAAA","type":"public-key",
            "response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}"#,
    )
    .unwrap();
    script.call(PasskeyResponse { assertion: Some(assertion) });
    let reference = script.asked("md");
    script.answer(&reference, Some(Node::new("ref").bytes(b"3@ref".to_vec())));
    let prologue = script.asked("md");
    let prologue = prologue.find("passkey_prologue").unwrap();
    assert_eq!(prologue.find("credential_id").unwrap().content_bytes().unwrap().as_ref(), [0, 0, 0]);
    assert!(prologue.find("pairing_handoff_proof").is_none());
    script.send(&continuation());
    assert!(matches!(
        events(&script).last(),
        Some(LinkEvent::PasskeyFailed { error: OpError::Malformed(_), continuation: true })
    ));
    assert!(script.is_alive());
}
