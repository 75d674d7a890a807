//! A storm of messages that cannot be read: what it costs is bounded, and nothing of it is lost.

use core::time::Duration;

use sanswire::Table;
use sanswire::event::{DownReason, Event};
use sanswire::limits::{RETRIES_PER_SENDER, RETRIES_PER_WINDOW, RETRY_WINDOW_S};
use sanswire::wire::{Jid, Node, OwnedJid, encode};
use sanswire_sim::script::Script;

use super::{TICK, bob, iqs, up_to};

/// Messages of a storm.
const STORM: usize = 10_000;
/// Most bytes of a retry receipt and the ack beside it.
const ANSWER_BYTES: usize = 1_024;
/// Events besides one for each message that is asked for: that some are left.
const OTHER_EVENTS: usize = 1;

/// A client that does not ask its phone for what others do not send again.
fn alone(seed: u64) -> Script {
    Script::ready_with(seed, |config| config.ask_phone = false)
}

fn unreadable(from: OwnedJid, id: usize) -> Node<'static> {
    let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
    let message =
        Node::new("message").attr("from", from).attr("id", format!("S{id}")).attr("t", "1700000000");
    message.attr("type", "text").child(enc)
}

/// Ten thousand messages; gives how many receipts they led to.
fn storm(script: &mut Script, sender: impl Fn(usize) -> OwnedJid) -> usize {
    let (events, prekeys) = (script.events.len(), script.storage.count(Table::PreKey));
    for id in 0..STORM {
        script.send(&unreadable(sender(id), id));
    }
    let sent = script.sent();
    let receipts = iqs(&sent, "retry").len();
    let bytes: usize = sent.iter().map(|node| encode(node).unwrap().len()).sum();
    assert_eq!(sent.len(), 2 * receipts, "a receipt and an ack for each that is asked for");
    assert!(bytes <= receipts * ANSWER_BYTES, "{bytes} bytes in {receipts} receipts");
    assert_eq!(script.events.len() - events, receipts + OTHER_EVENTS);
    assert_eq!(script.storage.count(Table::Retry), receipts);
    assert!(script.storage.count(Table::PreKey) - prekeys <= receipts);
    assert!(script.health().unwrap().cached_bytes <= 1 << 20);
    receipts
}

#[test]
fn a_storm_from_one_device_leads_to_so_many_receipts() {
    let mut script = Script::ready(1);
    let receipts = storm(&mut script, |_| bob(0));
    assert_eq!(receipts, RETRIES_PER_SENDER as usize);
    // Somebody else is heard all the same.
    script.send(&unreadable(Jid::pn("15550000003", 0), STORM));
    assert_eq!(iqs(&script.sent(), "retry").len(), 1);
}

#[test]
fn a_storm_from_many_devices_leads_to_so_many_receipts_and_nothing_is_lost() {
    let mut script = alone(2);
    let sender = |id: usize| Jid::pn(format!("1555{id:07}"), 0);
    let receipts = storm(&mut script, sender);
    assert_eq!(receipts, RETRIES_PER_WINDOW as usize);
    let downs = script.down_reasons().len();
    up_to(&mut script, RETRY_WINDOW_S);
    assert_eq!(script.down_reasons().len(), downs);
    script.advance(TICK);
    assert_eq!(script.down_reasons().last(), Some(&&DownReason::Restart), "to be given what was left");
    script.log_in();
    script.sent();
    script.send(&unreadable(sender(STORM - 1), STORM - 1));
    assert_eq!(iqs(&script.sent(), "retry").len(), 1);
}

#[test]
fn a_message_at_the_edge_of_a_window_is_asked_for_and_the_one_over_it_is_left() {
    let mut script = alone(3);
    for id in 0..RETRIES_PER_SENDER as usize {
        script.send(&unreadable(bob(0), id));
    }
    assert_eq!(iqs(&script.sent(), "retry").len(), RETRIES_PER_SENDER as usize);
    assert!(script.faults().is_empty());
    script.send(&unreadable(bob(0), STORM));
    assert!(script.sent().is_empty(), "left to the server");
    assert_eq!(script.faults(), ["too many messages cannot be read: some stay with the server for now"]);
    let told = |event: &Event| matches!(event, Event::Undecryptable(it) if it.id == format!("S{STORM}"));
    assert!(script.select(|event| told(event).then_some(())).is_empty());
    script.advance(Duration::from_secs(RETRY_WINDOW_S));
    script.log_in();
    script.sent();
    script.send(&unreadable(bob(0), STORM));
    assert_eq!(iqs(&script.sent(), "retry").len(), 1);
}

#[test]
fn a_storm_of_messages_that_the_server_withholds_is_told_of_so_often() {
    let mut script = Script::ready(4);
    for id in 0..STORM {
        let message = Node::new("message").attr("from", bob(0)).attr("id", format!("S{id}"));
        let withheld = Node::new("unavailable").attr("type", "view_once");
        script.send(&message.attr("t", "1700000000").attr("type", "text").child(withheld));
    }
    let told = script.select(|event| matches!(event, Event::Undecryptable(_)).then_some(())).len();
    assert_eq!(told, RETRIES_PER_SENDER as usize);
    let acks = script.sent_tagged("ack").len();
    assert_eq!(acks, told, "the others stay with the server");
    script.advance(Duration::from_secs(RETRY_WINDOW_S));
    assert_eq!(script.down_reasons().last(), Some(&&DownReason::Restart), "to be given what was left");
}
