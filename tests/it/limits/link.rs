//! Bounds of the connection and of pairing.

use core::time::Duration;

use sanswire::OpError;
use sanswire::event::{DownReason, LinkEvent};
use sanswire::limits::{
    CONNECT_LIMIT_S, HANDSHAKE_LIMIT_S, IQ_LIMIT_S, LINGER_LIMIT_S, LOGOUT_LIMIT_S, OFFLINE_BATCH,
    OFFLINE_LIMIT_S, PAIR_RESTART_S, QR_FIRST_S, QR_NEXT_S, QR_REFERENCES_MAX,
};
use sanswire::link::Logout;
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Script, pair_device};

use super::{TICK, bob, iqs, text_to, up_to};

fn codes(script: &Script) -> Vec<u32> {
    let valid = |event: &LinkEvent| match event {
        LinkEvent::QrCode { valid_s, .. } => Some(*valid_s),
        _ => None,
    };
    script.link_events().into_iter().filter_map(valid).collect()
}

#[test]
fn connecting_may_take_until_its_limit() {
    let mut script = Script::new(1);
    script.connects = false;
    up_to(&mut script, CONNECT_LIMIT_S);
    assert!(script.down_reasons().is_empty());
    script.advance(TICK);
    assert_eq!(script.down_reasons(), [&DownReason::TimedOut]);
}

#[test]
fn the_handshake_and_the_answer_to_the_login_share_one_limit() {
    for greets in [false, true] {
        let mut script = Script::new(2);
        script.greets = greets;
        up_to(&mut script, HANDSHAKE_LIMIT_S);
        assert!(script.down_reasons().is_empty());
        script.advance(TICK);
        assert_eq!(script.down_reasons(), [&DownReason::TimedOut]);
    }
}

#[test]
fn an_iq_that_nobody_answers_ends_at_its_limit() {
    let mut script = Script::new(3);
    script.pair();
    script.send(&Node::new("success"));
    script.sent();
    up_to(&mut script, IQ_LIMIT_S);
    assert!(script.sent().is_empty());
    script.advance(TICK);
    assert_eq!(iqs(&script.sent(), "active").len(), 1, "the session goes on without the count");
}

#[test]
fn a_logout_that_nobody_confirms_leaves_the_device_linked() {
    let mut script = Script::ready(4);
    let call = script.call(Logout {});
    up_to(&mut script, LOGOUT_LIMIT_S);
    assert_eq!(script.reply(call), None);
    script.advance(TICK);
    assert_eq!(script.reply(call), Some(&Err(OpError::TimedOut)));
    assert!(script.is_ready() && script.is_alive());
}

#[test]
fn a_server_that_says_it_closes_is_given_time_to_do_so() {
    let mut script = Script::ready(5);
    let downs = script.down_reasons().len();
    script.send(&Node::new("stream:error").attr("code", "503"));
    up_to(&mut script, LINGER_LIMIT_S);
    assert_eq!(script.down_reasons().len(), downs);
    script.advance(TICK);
    assert_eq!(script.down_reasons().last(), Some(&&DownReason::Unavailable { code: 503 }));
}

#[test]
fn as_many_references_as_the_limit_are_shown() {
    for references in [QR_REFERENCES_MAX, QR_REFERENCES_MAX + 1] {
        let mut script = Script::new(6);
        script.run();
        script.send(&pair_device(references));
        script.advance(Duration::from_secs(u64::from(QR_FIRST_S) + 16 * u64::from(QR_NEXT_S)));
        assert_eq!(codes(&script).len(), QR_REFERENCES_MAX);
        assert!(script.link_events().contains(&&LinkEvent::QrExhausted));
    }
}

#[test]
fn the_first_code_is_shown_longer_than_the_others() {
    let mut script = Script::new(7);
    script.run();
    script.send(&pair_device(3));
    assert_eq!(codes(&script), [QR_FIRST_S]);
    up_to(&mut script, QR_FIRST_S.into());
    assert_eq!(codes(&script).len(), 1);
    script.advance(TICK);
    assert_eq!(codes(&script), [QR_FIRST_S, QR_NEXT_S]);
    up_to(&mut script, QR_NEXT_S.into());
    assert_eq!(codes(&script).len(), 2);
    script.advance(TICK);
    assert_eq!(codes(&script), [QR_FIRST_S, QR_NEXT_S, QR_NEXT_S]);
}

#[test]
fn a_server_that_does_not_restart_after_pairing_is_left() {
    let mut script = Script::new(8);
    script.run();
    script.send(&pair_device(1));
    let success = script.pair_success();
    script.send(&success);
    let dials = script.dials;
    up_to(&mut script, PAIR_RESTART_S);
    assert_eq!(script.dials, dials);
    script.advance(TICK);
    assert_eq!(script.down_reasons(), [&DownReason::Restart]);
    script.log_in();
}

#[test]
fn sends_wait_for_the_end_of_the_offline_queue_up_to_a_limit() {
    for told in [true, false] {
        let mut script = Script::ready(10);
        script.restart();
        script.send(&Node::new("success"));
        let count = script.asked("encrypt");
        script.answer(&count, Some(Node::new("count").attr("value", "812")));
        let active = script.asked("passive");
        script.answer(&active, None);
        script.call(text_to(bob(0), "A"));
        up_to(&mut script, OFFLINE_LIMIT_S);
        assert!(iqs(&script.sent(), "usync").is_empty());
        match told {
            true => script.send(&Node::new("ib").child(Node::new("offline").attr("count", "0"))),
            false => script.advance(TICK),
        }
        assert_eq!(iqs(&script.sent(), "usync").len(), 1);
    }
}

#[test]
fn the_next_batch_is_asked_for_when_the_last_has_come() {
    let mut script = Script::ready(9);
    let preview = Node::new("offline_preview").attr("count", u64::from(2 * OFFLINE_BATCH));
    script.send(&Node::new("ib").child(preview));
    let asked = script.sent_tagged("ib");
    let count = asked[0].find("offline_batch").and_then(|batch| batch.get_u64("count"));
    assert_eq!(count, Some(OFFLINE_BATCH.into()));
    for n in 1..=OFFLINE_BATCH {
        let queued = Node::new("notification")
            .attr("id", format!("queued-{n}"))
            .attr("from", Jid::SERVER)
            .attr("type", "unheard-of")
            .attr("offline", "0");
        script.send(&queued);
        assert_eq!(script.sent_tagged("ib").len(), usize::from(n == OFFLINE_BATCH), "stanza {n}");
    }
}
