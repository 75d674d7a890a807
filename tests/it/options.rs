//! What each option of the configuration changes.

use core::time::Duration;

use sanswire::content::Content;
use sanswire::event::{DownReason, Event, LinkEvent, SendState};
use sanswire::limits::{OPTION_SECONDS_MAX, RETRY_RECEIPTS};
use sanswire::link::{Connect, Disconnect};
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire::{Client, Config, LinkState, Misuse, Mono, Now, OpError, Table, UnixMs};
use sanswire_sim::script::{OWN_NUMBER, Script, own_number, pair_device};

const TICK: Duration = Duration::from_millis(1);

fn bob() -> OwnedJid {
    Jid::pn("15550000002", 0).into_owned()
}

fn group() -> OwnedJid {
    Jid::group("120363000000000001").into_owned()
}

fn text(id: &str) -> SendMessage {
    SendMessage::text(bob(), "hi").with_id(id)
}

/// All but one instant of this time passes.
fn nearly(script: &mut Script, seconds: u64) {
    script.advance(Duration::from_secs(seconds) - TICK);
}

fn receipts(sent: &[Node<'static>]) -> usize {
    sent.iter().filter(|node| node.tag == "receipt").count()
}

fn acks(sent: &[Node<'static>]) -> usize {
    sent.iter().filter(|node| node.tag == "ack").count()
}

#[test]
fn a_configuration_out_of_range_makes_no_client() {
    let now = Now { mono: Mono(0), unix: UnixMs(0) };
    let mut config = Config::default();
    config.timing.ack_s = OPTION_SECONDS_MAX + 1;
    let refused = Client::new(config, [1; 32], now).err();
    assert!(matches!(refused, Some(Misuse::Config(_))), "{refused:?}");
}

#[test]
fn the_connect_limit_is_what_is_configured() {
    let mut script = Script::configured(1, |config| config.timing.connect_s = 5);
    script.connects = false;
    nearly(&mut script, 5);
    assert!(script.down_reasons().is_empty());
    script.advance(TICK);
    assert_eq!(script.down_reasons(), [&DownReason::TimedOut]);
}

#[test]
fn the_handshake_limit_is_what_is_configured() {
    let mut script = Script::configured(2, |config| config.timing.handshake_s = 5);
    script.greets = false;
    nearly(&mut script, 5);
    assert!(script.down_reasons().is_empty());
    script.advance(TICK);
    assert_eq!(script.down_reasons(), [&DownReason::TimedOut]);
}

#[test]
fn the_query_limit_is_what_is_configured() {
    let mut script = Script::ready_with(3, |config| config.timing.query_s = 5);
    let call = script.call(text("A"));
    nearly(&mut script, 5);
    assert_eq!(script.reply(call), None);
    script.advance(TICK);
    assert_eq!(script.reply(call), Some(&Err(OpError::TimedOut)));
}

#[test]
fn pings_are_as_far_apart_as_configured_and_silence_is_noticed_however_near_they_are() {
    let mut script = Script::ready_with(4, |config| config.timing.keepalive_s = 6);
    script.pongs = false;
    script.advance(Duration::from_secs(60));
    let pings = script.sent().iter().filter(|node| node.get("xmlns").as_deref() == Some("w:p")).count();
    assert!((4..=7).contains(&pings), "{pings} pings before the connection was given up");
    assert!(script.down_reasons().contains(&&DownReason::Silence), "{:?}", script.down_reasons());
}

#[test]
fn codes_are_shown_for_as_long_as_configured() {
    let mut script = Script::configured(5, |config| {
        config.timing.qr_first_s = 7;
        config.timing.qr_next_s = 3;
    });
    script.run();
    script.send(&pair_device(2));
    let codes = |script: &Script| {
        let valid = |event: &Event| match event {
            Event::Link(LinkEvent::QrCode { valid_s, .. }) => Some(*valid_s),
            _ => None,
        };
        script.select(valid)
    };
    nearly(&mut script, 7);
    assert_eq!(codes(&script), [7]);
    script.advance(TICK);
    assert_eq!(codes(&script), [7, 3]);
    nearly(&mut script, 3);
    assert!(!script.link_events().contains(&&LinkEvent::QrExhausted));
    script.advance(TICK);
    assert!(script.link_events().contains(&&LinkEvent::QrExhausted));
}

#[test]
fn sends_wait_for_the_offline_queue_as_long_as_configured() {
    let mut script = Script::ready_with(6, |config| config.timing.offline_s = 5);
    script.restart();
    script.send(&Node::new("success"));
    let count = script.asked("encrypt");
    script.answer(&count, Some(Node::new("count").attr("value", "812")));
    let active = script.asked("passive");
    script.answer(&active, None);
    script.call(text("A"));
    nearly(&mut script, 5);
    let asks = |script: &mut Script| script.sent().iter().filter(|node| node.find("usync").is_some()).count();
    assert_eq!(asks(&mut script), 0);
    script.advance(TICK);
    assert_eq!(asks(&mut script), 1);
}

#[test]
fn a_message_is_written_as_often_and_waited_for_as_long_as_configured() {
    let mut script = Script::ready_with(7, |config| {
        config.timing.ack_s = 5;
        config.send_tries = 2;
    });
    let peer = script.peer(bob());
    let call = script.call(text("A"));
    script.answer_directory(&[&peer]);
    assert_eq!(script.sent_tagged("message").len(), 1);
    script.advance(Duration::from_secs(5));
    assert_eq!(script.sent_tagged("message").len(), 1);
    nearly(&mut script, 5);
    assert_eq!(script.reply(call), None);
    script.advance(TICK);
    assert_eq!(script.reply(call), Some(&Err(OpError::TimedOut)));
    assert!(script.sent_tagged("message").is_empty());
}

#[test]
fn an_unreadable_message_is_asked_for_as_often_as_configured() {
    for limit in [0, 2, RETRY_RECEIPTS] {
        let mut script = Script::ready_with(8, |config| config.retry_receipts = limit);
        let peer = script.peer(bob());
        for attempt in 0..=RETRY_RECEIPTS {
            let enc = Node::new("enc").attr("v", "2").attr("type", "msg").bytes(vec![0x33; 60]);
            script.send(&peer.envelope("A").child(enc.attr("count", u64::from(attempt))));
        }
        let sent = script.sent();
        assert_eq!(receipts(&sent), limit as usize);
        assert_eq!(acks(&sent), 1 + RETRY_RECEIPTS as usize, "each is closed");
        let told = |event: &Event| matches!(event, Event::Undecryptable(_)).then_some(());
        assert!(!script.select(told).is_empty());
    }
}

#[test]
fn a_client_that_does_not_connect_by_itself_waits_to_be_told() {
    let mut script = Script::configured(9, |config| config.connect = false);
    script.advance(Duration::from_secs(3600));
    assert_eq!((script.dials, script.link_events().len()), (0, 0));
    let call = script.call(Connect {});
    assert!(matches!(script.reply(call), Some(Ok(_))));
    assert_eq!(script.dials, 1);
    script.call(Connect {});
    assert_eq!(script.dials, 1, "one is enough");
    script.send(&pair_device(1));
    let success = script.pair_success();
    script.send(&success);
    script.send(&Node::new("stream:error").attr("code", "515"));
    script.log_in();
}

#[test]
fn a_client_that_does_not_connect_again_still_follows_the_restart_after_pairing() {
    let mut script = Script::ready_with(10, |config| config.reconnect = false);
    let dials = script.dials;
    script.close();
    let down = LinkEvent::Down { reason: DownReason::Closed, retry_in_ms: None };
    assert_eq!(script.link_events().last(), Some(&&down));
    script.advance(Duration::from_secs(3600));
    assert_eq!(script.dials, dials);
    script.call(Connect {});
    script.log_in();
}

#[test]
fn a_disconnected_device_stays_linked_and_keeps_what_it_has_to_send() {
    let mut script = Script::ready(11);
    let peer = script.peer(bob());
    let dials = script.dials;
    let call = script.call(Disconnect {});
    assert!(matches!(script.reply(call), Some(Ok(_))));
    assert_eq!(script.down_reasons().last(), Some(&&DownReason::Requested));
    script.call(text("A"));
    script.advance(Duration::from_secs(3600));
    assert_eq!((script.dials, script.storage.count(Table::Outbox)), (dials, 1));
    script.call(Connect {});
    script.log_in();
    script.answer_directory(&[&peer]);
    assert_eq!(script.sent_tagged("message").len(), 1);
}

#[test]
fn a_connection_is_made_at_once_when_the_application_does_not_want_to_wait() {
    let mut script = Script::ready_with(12, |config| config.timing.backoff_first_s = 600);
    script.close();
    let dials = script.dials;
    script.advance(Duration::from_secs(500));
    assert_eq!(script.dials, dials);
    script.call(Connect {});
    assert_eq!(script.dials, dials + 1);
    script.log_in();
    script.advance(Duration::from_secs(600));
    assert_eq!(script.dials, dials + 1, "the wait for the other one is over");
}

#[test]
fn an_unlinked_device_is_not_connected_again() {
    let mut script = Script::ready(13);
    script.send(&Node::new("stream:error").attr("code", "401"));
    let dials = script.dials;
    let call = script.call(Connect {});
    assert_eq!(script.reply(call), Some(&Err(OpError::NotLoggedIn)));
    assert_eq!(script.dials, dials);
}

#[test]
fn waits_between_connections_stay_between_the_bounds() {
    let mut script = Script::configured(14, |config| {
        config.timing.backoff_first_s = 10;
        config.timing.backoff_max_s = 20;
    });
    script.connects = false;
    script.advance(Duration::from_secs(1200));
    let waits = script.select(|event| match event {
        Event::Link(LinkEvent::Down { retry_in_ms, .. }) => *retry_in_ms,
        _ => None,
    });
    assert!(waits.len() > 20 && waits[0] < 11_001);
    assert!(waits.iter().all(|wait| (9_000..=20_000).contains(wait)), "{waits:?}");
}

#[test]
fn an_own_message_is_an_event_once_the_server_has_taken_it() {
    for wanted in [false, true] {
        let mut script = Script::ready_with(15, |config| config.own_events = wanted);
        script.confirms = false;
        let peer = script.peer(bob());
        script.call(text("A"));
        script.answer_directory(&[&peer]);
        assert!(script.received().is_empty(), "not before the ack");
        script.ack("A");
        let own = script.received();
        assert_eq!(own.len(), usize::from(wanted));
        if wanted {
            assert!(own[0].from_me && matches!(&own[0].content, Content::Text(text) if text.body == "hi"));
            assert_eq!((own[0].id.as_str(), &own[0].chat), ("A", &bob()));
            assert_eq!(own[0].sender, own_number());
        }
        script.restart();
        assert_eq!(script.received().len(), 2 * usize::from(wanted), "kept until it is confirmed");
    }
}

#[test]
fn an_own_message_that_the_server_refuses_is_no_event() {
    let mut script = Script::ready_with(16, |config| config.own_events = true);
    let peer = script.peer(bob());
    script.call(text("A"));
    script.answer_directory(&[&peer]);
    script.send(&Node::new("ack").attr("class", "message").attr("id", "A").attr("error", "400"));
    assert!(script.received().is_empty());
    let failed = script.progress().into_iter().any(|it| matches!(it.state, SendState::Failed { .. }));
    assert!(failed);
}

#[test]
fn messages_of_those_on_the_list_are_acked_and_nothing_else() {
    let lists: [Vec<OwnedJid>; 4] = [
        vec![bob()],
        vec![Jid::lid("200000000000002", 0).into_owned()],
        vec![group()],
        vec![Jid::GROUP_SERVER],
    ];
    for (n, list) in lists.into_iter().enumerate() {
        let in_group = n >= 2;
        let mut script = Script::ready_with(17, |config| config.ignore = list.clone());
        let mut peer = script.peer(bob());
        let message = match in_group {
            false => peer.text("A", "ignored").attr("sender_lid", Jid::lid("200000000000002", 0)),
            true => {
                let enc = Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(vec![0x33; 60]);
                Node::new("message")
                    .attr("id", "A")
                    .attr("from", group())
                    .attr("participant", Jid::pn("15550000003", 0))
                    .attr("type", "text")
                    .attr("t", "1700000000")
                    .child(enc)
            }
        };
        let (events, sessions) = (script.events.len(), script.storage.count(Table::Session));
        script.send(&message);
        let sent = script.sent();
        assert_eq!((acks(&sent), receipts(&sent), sent.len()), (1, 0, 1), "list {n}");
        assert_eq!(script.events.len(), events, "list {n}");
        assert_eq!(script.storage.count(Table::Session), sessions, "list {n}: nothing was decrypted");
        if in_group {
            script.send(&peer.text("B", "heard"));
            assert_eq!(script.received().len(), 1, "list {n}");
        }
    }
}

#[test]
fn only_an_account_on_the_list_can_link_the_device() {
    let other = Jid::pn("15550000009", 0).into_owned();
    let own = Jid::pn(OWN_NUMBER, 0).into_owned();
    for (accounts, allowed) in [(vec![other.clone()], false), (vec![other, own], true)] {
        let mut script = Script::configured(18, |config| config.accounts = accounts);
        script.run();
        script.send(&pair_device(1));
        let success = script.pair_success();
        script.sent();
        script.send(&success);
        let paired = |event: &&LinkEvent| matches!(event, LinkEvent::Paired { .. });
        assert_eq!(script.link_events().into_iter().any(|event| paired(&event)), allowed);
        let answer = script.sent().into_iter().find(|node| node.tag == "iq").unwrap();
        let kind = if allowed { "result" } else { "error" };
        assert_eq!(answer.get("type").as_deref(), Some(kind));
        if !allowed {
            let refused = LinkEvent::PairingFailed { error: "account_not_allowed".to_string() };
            assert!(script.link_events().contains(&&refused));
            assert_eq!(script.storage.count(Table::Identity) + script.storage.count(Table::Lid), 0);
            script.restart();
            assert!(!script.is_ready(), "nothing of the account was kept");
        }
    }
}

#[test]
fn a_host_can_see_how_far_the_client_is_and_what_is_pending() {
    let mut script = Script::configured(19, |config| config.connect = false);
    script.confirms = false;
    let health = |script: &Script| script.health().unwrap();
    let link = |script: &Script| health(script).link;
    script.run();
    assert_eq!((link(&script), health(&script).linked), (LinkState::Stopped, false));
    script.connects = false;
    script.call(Connect {});
    assert_eq!(link(&script), LinkState::Dialing);
    script.connects = true;
    script.advance(Duration::from_secs(30));
    assert_eq!(link(&script), LinkState::Greeting);
    script.send(&pair_device(1));
    assert_eq!(link(&script), LinkState::Linking);
    let success = script.pair_success();
    script.send(&success);
    script.send(&Node::new("stream:error").attr("code", "515"));
    script.send(&Node::new("success"));
    assert_eq!((link(&script), health(&script).logged_in), (LinkState::LoggingIn, true));
    assert_eq!(health(&script).ready_since, None);
    script.close();
    assert!(health(&script).connects_at.is_some() && link(&script) == LinkState::Waiting);
    script.advance(Duration::from_secs(5));
    let since = script.seconds();
    script.sent();
    script.log_in();
    let ready = health(&script);
    assert_eq!((ready.link, ready.linked, ready.offline_done), (LinkState::Ready, true, true));
    assert_eq!((ready.ready_since, ready.connects_at), (Some(UnixMs(since * 1000)), None));
    let mut peer = script.peer(bob());
    script.call(text("A"));
    assert_eq!((health(&script).unwritten_sends, health(&script).unacked_sends), (1, 1));
    script.answer_directory(&[&peer]);
    assert_eq!((health(&script).unwritten_sends, health(&script).unacked_sends), (0, 1));
    script.send(&peer.text("B", "for you"));
    assert_eq!(health(&script).unconfirmed_events, 1);
    script.confirm();
    assert_eq!(health(&script).unconfirmed_events, 0);
    script.send(&Node::new("stream:error").attr("code", "401"));
    assert_eq!((link(&script), health(&script).linked), (LinkState::Stopped, false));
}

#[test]
fn a_login_announces_the_device_as_in_use_only_if_that_is_wanted() {
    for wanted in [true, false] {
        let mut script = Script::configured(20, |config| config.available = wanted);
        script.pair();
        script.run();
        script.sent();
        script.log_in();
        let presence = script.sent_tagged("presence").pop().unwrap();
        let kind = if wanted { "available" } else { "unavailable" };
        assert_eq!(presence.get("type").as_deref(), Some(kind));
        let mut peer = script.peer(bob());
        script.send(&peer.text("A", "hi"));
        let receipt = script.sent_tagged("receipt").pop().unwrap();
        assert_eq!(receipt.get("type").as_deref(), (!wanted).then_some("inactive"));
    }
}

#[test]
fn settings_are_asked_for_after_a_login_only_if_that_is_wanted() {
    for wanted in [true, false] {
        let mut script = Script::configured(21, |config| config.login_queries = wanted);
        script.pair();
        script.pongs = false;
        script.log_in();
        let sent = script.sent();
        for name in ["privacy", "blocklist"] {
            let asked = sent.iter().any(|node| node.get("xmlns").as_deref() == Some(name));
            assert_eq!(asked, wanted, "{name}");
        }
    }
}

#[test]
fn the_phone_is_asked_for_messages_only_if_that_is_wanted() {
    for wanted in [true, false] {
        let mut script = Script::ready_with(22, |config| config.ask_phone = wanted);
        let withheld = Node::new("message").attr("id", "A").attr("from", bob()).attr("t", script.seconds());
        script.send(&withheld.child(Node::new("unavailable")));
        assert_eq!(script.storage.count(Table::Placeholder), usize::from(wanted));
    }
}

#[test]
fn messages_carry_a_reporting_token_only_if_that_is_wanted() {
    for wanted in [true, false] {
        let mut script = Script::ready_with(23, |config| config.reporting_tokens = wanted);
        let peer = script.peer(bob());
        script.call(text("A"));
        script.answer_directory(&[&peer]);
        let message = script.sent_tagged("message").pop().unwrap();
        assert_eq!(message.find("reporting").is_some(), wanted);
    }
}
