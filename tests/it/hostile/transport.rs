//! Frames, the handshake, and the verdicts of a server. Reference 01 §18.

use core::time::Duration;

use bytes::Bytes;
use sanswire::event::DownReason;
use sanswire::limits::FRAME_BUFFER_BYTES_MAX;
use sanswire::wire::Node;
use sanswire_sim::script::Script;

use super::{assert_works, met};

/// The client gave the connection up for this reason, and comes back by itself.
fn assert_comes_back(script: &mut Script, reason: &DownReason) {
    assert_eq!(script.down_reasons().last(), Some(&reason));
    let dials = script.dials;
    script.advance(Duration::from_secs(2));
    assert_eq!(script.dials, dials + 1);
    script.log_in();
}

#[test]
fn a_frame_that_is_no_stanza_costs_only_itself() {
    let (mut script, mut peer) = met();
    for frame in [&[][..], &[0], &[0, 0xff, 0xff], &[2, 1, 2, 3], &[0xf8; 40], &[0, 0xf8, 1, 0]] {
        let faults = script.faults().len();
        script.send_plaintext(frame);
        assert_eq!(script.faults().len(), faults + 1, "{frame:?}");
        assert!(script.faults().last().unwrap().starts_with("node: "));
    }
    assert!(script.sent().is_empty());
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_frame_that_does_not_authenticate_ends_the_connection() {
    for body in [&[7; 40][..], &[7; 3], &[]] {
        let (mut script, mut peer) = met();
        script.send_frame(body);
        assert!(script.faults().last().unwrap().starts_with("transport: "));
        assert_comes_back(&mut script, &DownReason::Protocol);
        assert_works(&mut script, &mut peer);
    }
}

#[test]
fn more_unread_bytes_than_a_frame_can_have_end_the_connection() {
    let (mut script, mut peer) = met();
    script.send_bytes(Bytes::from_static(&[0xff, 0xff, 0xff]));
    assert!(script.faults().is_empty(), "a frame may be that long");
    script.send_bytes(Bytes::from(vec![0; FRAME_BUFFER_BYTES_MAX - 2]));
    assert!(script.faults().last().unwrap().starts_with("frame: "));
    assert_comes_back(&mut script, &DownReason::Protocol);
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_handshake_answer_that_is_none_ends_the_connection() {
    for body in [&[][..], &[0xff; 4], &[0x1a, 0], &[0x1a, 3, 0x0a, 1, 7]] {
        let mut script = Script::new(2);
        script.greets = false;
        script.run();
        script.send_frame(body);
        assert!(script.faults().last().unwrap().starts_with("handshake: "), "{:?}", script.faults());
        assert_eq!(script.down_reasons(), [&DownReason::Protocol]);
        script.greets = true;
        script.advance(Duration::from_secs(2));
        script.pair();
        script.log_in();
    }
}

#[test]
fn a_second_success_changes_nothing() {
    let (mut script, mut peer) = met();
    script.send(&Node::new("success").attr("t", "1").attr("lid", "200000000000002@lid"));
    assert!(script.sent().is_empty() && script.is_ready());
    assert_works(&mut script, &mut peer);
}

#[test]
fn a_failure_without_a_usable_reason_ends_in_no_retry() {
    for reason in [None, Some("x"), Some("-1"), Some("99999999999999999999")] {
        let (mut script, _) = met();
        let dials = script.dials;
        script.send(&Node::new("failure").attr_opt("reason", reason));
        assert!(matches!(script.down_reasons().last(), Some(DownReason::Refused { code: 0, .. })));
        script.advance(Duration::from_secs(3600));
        assert_eq!(script.dials, dials);
        script.restart();
        script.log_in();
    }
}

#[test]
fn a_stream_error_of_no_known_kind_ends_when_the_server_closes() {
    for error in [
        Node::new("stream:error"),
        Node::new("stream:error").attr("code", "x"),
        Node::new("stream:error").child(Node::new("unheard-of")),
    ] {
        let (mut script, mut peer) = met();
        script.send(&error);
        assert_works(&mut script, &mut peer);
        script.close();
        assert_comes_back(&mut script, &DownReason::Closed);
    }
}

#[test]
fn what_comes_after_the_client_has_hung_up_is_not_read() {
    let (mut script, _) = met();
    script.send_frame(&[7; 40]);
    let faults = script.faults().len();
    script.send_frame(&[8; 40]);
    assert_eq!(script.faults().len(), faults);
    assert_comes_back(&mut script, &DownReason::Protocol);
}
