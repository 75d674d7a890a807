//! Bounds of prekeys, device lists and bundles.

use core::time::Duration;

use sanswire::event::SendState;
use sanswire::limits::{
    BUNDLES_PER_QUERY, DEVICES_PER_USER, IQ_LIMIT_S, PREKEY_RETRY_S, PREKEYS_FIRST, PREKEYS_LOW,
    PREKEYS_TOP_UP, UNREACHABLE_S,
};
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Script, device_lists, own_number};

use super::{TICK, bob, iqs, text_to, up_to, written};

fn count_answered(script: &mut Script, count: u64) {
    let asked = script.asked("encrypt");
    assert!(asked.find("count").is_some(), "{asked}");
    script.answer(&asked, Some(Node::new("count").attr("value", count)));
}

/// The server says that prekeys run low; the client counts them.
fn low(script: &mut Script) {
    let id = format!("low-{}", script.storage.count(sanswire::Table::Shown));
    let low = Node::new("notification").attr("id", id).attr("from", Jid::SERVER).attr("type", "encrypt");
    script.send(&low.child(Node::new("count").attr("value", "1")));
}

fn uploaded(script: &mut Script) -> Option<usize> {
    let sent = script.sent();
    let upload = iqs(&sent, "list").into_iter().next()?.clone();
    script.answer(&upload, None);
    upload.find("list").map(|list| list.nodes().len())
}

#[test]
fn the_first_upload_is_large_and_later_ones_follow_only_when_few_are_left() {
    let mut script = Script::new(1);
    script.pair();
    script.send(&Node::new("success"));
    count_answered(&mut script, 0);
    assert_eq!(uploaded(&mut script), Some(PREKEYS_FIRST as usize));
    low(&mut script);
    count_answered(&mut script, PREKEYS_LOW);
    assert_eq!(uploaded(&mut script), None);
    low(&mut script);
    count_answered(&mut script, PREKEYS_LOW - 1);
    assert_eq!(uploaded(&mut script), Some(PREKEYS_TOP_UP as usize));
}

#[test]
fn prekeys_are_counted_again_after_a_failure() {
    let mut script = Script::new(2);
    script.pair();
    script.send(&Node::new("success"));
    script.advance(Duration::from_secs(IQ_LIMIT_S));
    script.asked("encrypt");
    let active = script.asked("passive");
    script.answer(&active, None);
    assert!(script.is_ready());
    script.send(&Node::new("ib").child(Node::new("offline").attr("count", "0")));
    script.sent();
    up_to(&mut script, PREKEY_RETRY_S);
    assert!(iqs(&script.sent(), "count").is_empty());
    script.advance(TICK);
    count_answered(&mut script, PREKEYS_LOW);
}

#[test]
fn a_user_has_as_many_devices_as_the_limit_and_bundles_are_asked_for_in_parts() {
    for listed in [DEVICES_PER_USER, DEVICES_PER_USER + 1] {
        let mut script = Script::ready(3);
        script.call(text_to(bob(0), "A"));
        let asked = script.asked("usync");
        let ids = (0..u16::try_from(listed).unwrap()).collect();
        let lists = device_lists([(bob(0), ids), (own_number().bare().into_owned(), vec![7])]);
        script.answer(&asked, Some(lists));
        let sent = script.sent();
        let sizes: Vec<_> =
            iqs(&sent, "key").iter().map(|iq| iq.find("key").unwrap().nodes().len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), DEVICES_PER_USER);
        assert_eq!(sizes, [BUNDLES_PER_QUERY, BUNDLES_PER_QUERY, DEVICES_PER_USER - 2 * BUNDLES_PER_QUERY]);
    }
}

#[test]
fn a_device_without_a_bundle_is_asked_for_again_only_after_a_while() {
    let mut script = Script::ready(4);
    let (peer, silent) = (script.peer(bob(0)), bob(1));
    script.call(text_to(bob(0), "A"));
    let asked = script.asked("usync");
    let lists = device_lists([(bob(0), vec![0, 1]), (own_number().bare().into_owned(), vec![7])]);
    script.answer(&asked, Some(lists));
    script.answer_directory(&[&peer]);
    assert_eq!(script.sent_tagged("message").len(), 1);
    script.ack("A");
    let skipped = script.progress().into_iter().find_map(|progress| match &progress.state {
        SendState::Acked { skipped, .. } => Some(skipped.clone()),
        _ => None,
    });
    assert_eq!(skipped, Some(vec![silent]));
    up_to(&mut script, UNREACHABLE_S);
    written(&mut script, &[&peer], "B");
    script.ack("B");
    assert_eq!(script.sent_tagged("message").len(), 1);
    script.advance(TICK);
    script.call(text_to(bob(0), "C"));
    assert_eq!(iqs(&script.sent(), "key").len(), 1);
}

/// The ids of the prekeys in an upload.
fn uploaded_ids(script: &mut Script) -> Vec<Vec<u8>> {
    let sent = script.sent();
    let list = iqs(&sent, "list")[0].find("list").unwrap();
    list.nodes().iter().map(|key| key.find("id").unwrap().content_bytes().unwrap().to_vec()).collect()
}

#[test]
fn prekeys_that_the_server_took_without_an_answer_are_not_uploaded_again() {
    let mut script = Script::new(5);
    script.pair();
    script.send(&Node::new("success"));
    count_answered(&mut script, 0);
    let first = uploaded_ids(&mut script);
    script.close();
    script.advance(Duration::from_secs(2));
    script.send(&Node::new("success"));
    count_answered(&mut script, u64::from(PREKEYS_FIRST) - 1);
    low(&mut script);
    count_answered(&mut script, PREKEYS_LOW - 1);
    let second = uploaded_ids(&mut script);
    assert_eq!(second.len(), PREKEYS_TOP_UP as usize);
    assert!(second.iter().all(|id| !first.contains(id)), "their ids may name keys that were handed out");
}
