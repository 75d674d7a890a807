//! Bounds of what waits, and of what is remembered.

use core::time::Duration;

use prost::Message as _;
use sanswire::content::Content;
use sanswire::event::DownReason;
use sanswire::limits::{
    INBOX_EVENTS, OUTBOX_MESSAGES, PRUNE_EVERY_S, PRUNED_MARKS, QUEUED_CALLS, SECRET_WEEKS, SENT_MESSAGES,
    SHOWN_WEEKS,
};
use sanswire::link::SetAvailable;
use sanswire::{OpError, Table};
use sanswire_proto::records::{
    InboxEntry, MessagingMeta, OutboxEntry, ReceivedEntry, RetryCounter, SentIndex, SentMessage, ShownMark,
};
use sanswire_proto::whatsapp::Message;
use sanswire_sim::script::Script;

use super::{TICK, bob, text_to, up_to, written};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Sequence numbers go on after this one.
fn counted(script: &mut Script, sequence: u64) {
    let meta = MessagingMeta { next_sequence: Some(sequence), first_sent: Some(1) };
    script.storage.plant(Table::Meta, b"messaging", &meta);
}

#[test]
fn calls_queue_up_to_the_limit_while_storage_is_slow() {
    let mut script = Script::ready(1);
    script.loads = false;
    script.call(text_to(bob(0), "A"));
    for _ in 0..QUEUED_CALLS {
        script.call(SetAvailable { available: true });
    }
    let over = script.call(SetAvailable { available: true });
    assert_eq!(script.reply(over), Some(&Err(OpError::QueueFull)));
    script.loads = true;
    script.run();
    let last = script.call(SetAvailable { available: true });
    assert!(matches!(script.reply(last), Some(Ok(_))));
}

#[test]
fn the_outbox_takes_messages_up_to_the_limit() {
    let mut script = Script::ready(2);
    let planted = OUTBOX_MESSAGES as u64 - 1;
    for seq in 1..=planted {
        let entry = OutboxEntry {
            id: Some(format!("P{seq}")),
            chat: Some(bob(0).to_string()),
            message: Some(Message::default().encode_to_vec().into()),
            ..OutboxEntry::default()
        };
        script.storage.plant(Table::Outbox, &seq.to_be_bytes(), &entry);
    }
    counted(&mut script, planted);
    script.connects = false;
    script.restart();
    let (last, over) = (script.call(text_to(bob(0), "A")), script.call(text_to(bob(0), "B")));
    assert_eq!(script.reply(last), None);
    assert_eq!(script.reply(over), Some(&Err(OpError::QueueFull)));
    assert_eq!(script.storage.count(Table::Outbox), OUTBOX_MESSAGES);
}

#[test]
fn as_many_sent_messages_are_kept_as_the_limit() {
    let mut script = Script::ready(3);
    let peer = script.peer(bob(0));
    for seq in 1..SENT_MESSAGES {
        let sent = SentMessage {
            id: Some(format!("P{seq}")),
            chat: Some(bob(0).to_string()),
            ..SentMessage::default()
        };
        script.storage.plant(Table::Sent, &seq.to_be_bytes(), &sent);
        let index = SentIndex { sequence: Some(seq) };
        script.storage.plant(Table::SentId, format!("P{seq}").as_bytes(), &index);
    }
    counted(&mut script, SENT_MESSAGES - 1);
    for id in ["A", "B"] {
        written(&mut script, &[&peer], id);
        script.ack(id);
        assert_eq!(script.storage.count(Table::Sent) as u64, SENT_MESSAGES, "{id}");
        assert_eq!(script.storage.count(Table::SentId) as u64, SENT_MESSAGES, "{id}");
    }
}

#[test]
fn nothing_more_is_taken_when_the_application_confirms_nothing() {
    let mut script = Script::ready(4);
    let mut peer = script.peer(bob(0));
    let received = ReceivedEntry {
        id: Some("P".to_string()),
        chat: Some(bob(0).to_string()),
        sender: Some(bob(0).to_string()),
        message: Some(Message::default().encode_to_vec().into()),
        ..ReceivedEntry::default()
    };
    let entry = InboxEntry { received: Some(received), ..InboxEntry::default() };
    for id in 1..u64::from(INBOX_EVENTS) {
        script.storage.plant(Table::Inbox, &id.to_be_bytes(), &entry);
    }
    script.confirms = false;
    script.restart();
    script.log_in();
    script.sent();
    let (last, over) = (peer.text("A", "last"), peer.text("B", "over"));
    script.send(&last);
    assert_eq!(script.sent_tagged("receipt").len(), 1);
    script.send(&over);
    assert!(script.sent().is_empty(), "left to the server");
    assert_eq!(script.faults(), ["inbox is full"]);
    script.confirm();
    assert_eq!(script.down_reasons().last(), Some(&&DownReason::Restart), "to be given what was left");
    script.log_in();
    script.sent();
    script.send(&over);
    assert_eq!(script.sent_tagged("receipt").len(), 1);
    assert_eq!(script.storage.count(Table::Inbox), 1);
}

#[test]
fn a_message_is_shown_once_for_as_many_weeks_as_the_limit() {
    let mut script = Script::ready(5);
    let mut peer = script.peer(bob(0));
    for week in 0..SHOWN_WEEKS {
        let again = peer.text("A", "hi");
        script.send(&again);
        assert_eq!(script.received().len(), 1, "week {week}");
        script.jump(WEEK);
    }
    let forgotten = peer.text("A", "hi");
    script.send(&forgotten);
    assert_eq!(script.received().len(), 2);
    assert!(script.received().iter().all(|received| matches!(received.content, Content::Text(_))));
}

#[test]
fn old_marks_are_dropped_in_parts_now_and_then() {
    let mut script = Script::new(6);
    script.connects = false;
    let this_week = u32::try_from(script.seconds() / WEEK.as_secs()).unwrap();
    let mut plant = |week: u32, count: u32| {
        for n in 0..count {
            let key = [week.to_be_bytes(), n.to_be_bytes()].concat();
            script.storage.plant(Table::Shown, &key, &ShownMark { unix_s: Some(1) });
        }
    };
    plant(this_week - SHOWN_WEEKS, PRUNED_MARKS + 1);
    plant(this_week - SHOWN_WEEKS + 1, 3);
    let all = PRUNED_MARKS as usize + 4;
    up_to(&mut script, PRUNE_EVERY_S);
    assert_eq!(script.storage.count(Table::Shown), all);
    script.advance(TICK);
    assert_eq!(script.storage.count(Table::Shown), 4);
    script.advance(Duration::from_secs(1));
    assert_eq!(script.storage.count(Table::Shown), 3);
}

#[test]
fn old_retry_counters_are_dropped_in_parts_now_and_then() {
    let mut script = Script::new(7);
    script.connects = false;
    let now = script.seconds();
    let age = u64::from(SHOWN_WEEKS) * WEEK.as_secs();
    let mut plant = |prefix: &str, count: u32, unix_s: u64| {
        for n in 0..count {
            let counter = RetryCounter { count: Some(1), unix_s: Some(unix_s), ..RetryCounter::default() };
            script.storage.plant(Table::Retry, format!("{prefix}{n:06}").as_bytes(), &counter);
        }
    };
    // Old ones lie before and behind young ones, so that the look has to go on where it stopped.
    plant("a", 3, now + PRUNE_EVERY_S + 1 - age);
    plant("b", PRUNED_MARKS - 3, now - age);
    plant("c", 2, now - age);
    plant("d", 1, now + PRUNE_EVERY_S + 1 - age);
    up_to(&mut script, PRUNE_EVERY_S);
    assert_eq!(script.storage.count(Table::Retry), PRUNED_MARKS as usize + 3);
    script.advance(TICK);
    assert_eq!(script.storage.count(Table::Retry), 3 + 2 + 1, "one run, and the young ones of it stay");
    script.advance(Duration::from_secs(1));
    assert_eq!(script.storage.count(Table::Retry), 3 + 1, "the next run begins behind the last");
    script.advance(Duration::from_secs(PRUNE_EVERY_S));
    assert_eq!(script.storage.count(Table::Retry), 0, "all are old by now, from the first on");
}

#[test]
fn secrets_of_messages_are_kept_for_their_weeks() {
    let mut script = Script::ready(9);
    script.call(text_to(bob(0), "A"));
    assert_eq!(script.storage.count(Table::Secret), 1, "durable before the message leaves");
    script.jump(WEEK * SECRET_WEEKS);
    script.advance(Duration::from_secs(PRUNE_EVERY_S));
    assert_eq!(script.storage.count(Table::Secret), 0);
    script.call(text_to(bob(0), "B"));
    script.jump(WEEK * SECRET_WEEKS - Duration::from_secs(PRUNE_EVERY_S));
    script.advance(Duration::from_secs(PRUNE_EVERY_S) - TICK);
    assert_eq!(script.storage.count(Table::Secret), 1);
}

#[test]
fn what_comes_after_a_message_that_was_left_is_left_as_well_even_if_there_is_room() {
    let mut script = Script::ready(8);
    let mut peer = script.peer(bob(0));
    script.confirms = false;
    let entry = InboxEntry {
        received: Some(ReceivedEntry {
            id: Some("P".to_string()),
            chat: Some(bob(0).to_string()),
            sender: Some(bob(0).to_string()),
            message: Some(Message::default().encode_to_vec().into()),
            ..ReceivedEntry::default()
        }),
        ..InboxEntry::default()
    };
    for id in 1..=u64::from(INBOX_EVENTS) {
        script.storage.plant(Table::Inbox, &id.to_be_bytes(), &entry);
    }
    script.restart();
    script.log_in();
    script.sent();
    let (first, second) = (peer.text("A", "first"), peer.text("B", "second"));
    script.send(&first);
    script.confirm_first();
    script.send(&second);
    assert!(script.sent().is_empty(), "both are left to the server");
    assert_eq!(script.faults(), ["inbox is full"]);
    script.close();
    script.advance(Duration::from_secs(2));
    script.log_in();
    script.sent();
    script.send(&first);
    assert_eq!(script.sent_tagged("receipt").len(), 1, "there is room on the next connection");
}
