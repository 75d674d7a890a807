//! Bounds of one message on its way out.

use sanswire::OpError;
use sanswire::event::SendState;
use sanswire::limits::{ACK_LIMIT_S, MESSAGE_ID_BYTES, MESSAGE_TEXT_BYTES, SEND_TRIES};
use sanswire::messaging::SendMessage;
use sanswire_sim::script::Script;

use super::{TICK, bob, reports, text_to, up_to, written};

#[test]
fn texts_and_ids_are_taken_up_to_their_limits() {
    let mut script = Script::ready(1);
    let text = |len: usize| SendMessage::text(bob(0), "x".repeat(len)).with_id(format!("T{len}"));
    let id = |len: usize| text_to(bob(0), &"I".repeat(len));
    for message in [text(MESSAGE_TEXT_BYTES), id(MESSAGE_ID_BYTES)] {
        let call = script.call(message);
        assert_eq!(script.reply(call), None);
    }
    for message in [text(MESSAGE_TEXT_BYTES + 1), id(MESSAGE_ID_BYTES + 1), text(0), id(0)] {
        let call = script.call(message);
        assert!(matches!(script.reply(call), Some(Err(OpError::Argument(_)))));
    }
    assert_eq!(reports(&script, |state| *state == SendState::Queued), 2);
}

#[test]
fn a_message_without_ack_is_written_again_and_given_up_after_its_tries() {
    let mut script = Script::ready(2);
    let peer = script.peer(bob(0));
    let call = written(&mut script, &[&peer], "A");
    let first = script.sent_tagged("message");
    for write in 2..=SEND_TRIES {
        up_to(&mut script, ACK_LIMIT_S);
        assert!(script.sent_tagged("message").is_empty());
        script.advance(TICK);
        assert_eq!(script.sent_tagged("message"), first, "write {write} is the same stanza");
    }
    up_to(&mut script, ACK_LIMIT_S);
    assert_eq!(script.reply(call), None);
    script.advance(TICK);
    assert_eq!(script.reply(call), Some(&Err(OpError::TimedOut)));
    assert!(script.sent_tagged("message").is_empty() && script.is_ready());
}
