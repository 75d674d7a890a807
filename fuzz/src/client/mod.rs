//! The whole client below Noise: any sequence of what servers, peers, clocks, storages and applications can do to it.
//!
//! The handshake is real and the keys are fixed, so that every stanza gets in. What the client does is watched by
//! [`watch`]; what happens to it is in [`actions`], what servers say in [`stanzas`].

mod actions;
mod stanzas;
mod watch;

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use arbitrary::Unstructured;
use sanswire::event::{Event, LinkEvent};
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_sim::script::{Peer, Script, own_lid};

use watch::Watch;

/// No sequence makes the client panic, break the law of its interface, or stop working; the same sequence gives the
/// same outputs: one sequence in four is played twice.
pub fn client(input: &[u8]) {
    let first = play(input);
    if input.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 4 == 0 {
        assert_eq!(play(input), first, "the same inputs gave other outputs");
    }
}

/// One run; gives the digest of all outputs.
fn play(input: &[u8]) -> u64 {
    let mut stage = Stage::new();
    let mut u = Unstructured::new(input);
    for _ in 0..ACTIONS_MAX {
        if u.is_empty() || stage.act(&mut u).is_err() {
            break;
        }
        stage.observe();
    }
    stage.assert_nothing_twice();
    stage.assert_works();
    stage.watch.digest()
}

/// A paired client, those who talk to it, and what they remember.
struct Stage {
    script: Script,
    watch: Watch,
    peers: Vec<Peer>,
    /// A device that nobody in the sequence knows of.
    stranger: Peer,
    /// Stanzas of the client that may be answered.
    flight: Vec<Node<'static>>,
    /// Stanzas that the client got, to be repeated.
    told: Vec<Node<'static>>,
    /// Records were damaged: then it only has to stay calm.
    damaged: bool,
    /// The wall clock left the weeks in which a message's mark is kept.
    lost_track: bool,
}

impl Stage {
    fn new() -> Self {
        let prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = Watch::default();
        let script = prepared.script.again(watch.maker());
        let (peers, stranger) = (prepared.peers.clone(), prepared.stranger.clone());
        drop(prepared);
        let (flight, told) = (Vec::new(), Vec::new());
        let mut stage =
            Self { script, watch, peers, stranger, flight, told, damaged: false, lost_track: false };
        stage.script.run();
        stage.log_in();
        stage.observe();
        stage
    }

    /// Remembers what the client said.
    fn observe(&mut self) {
        self.flight.extend(self.script.sent());
        let surplus = self.flight.len().saturating_sub(FLIGHT_MAX);
        self.flight.drain(..surplus);
    }

    /// Lets the server accept the login, and answers what the client asks then.
    fn log_in(&mut self) {
        if self.script.is_open() {
            let success = Node::new("success").attr("t", self.script.seconds()).attr("lid", own_lid());
            self.script.send(&success);
        }
        self.settle();
        if self.script.is_open() {
            self.script.send(&Node::new("ib").child(Node::new("offline").attr("count", "0")));
        }
        self.settle();
    }

    /// Answers every question of the client honestly.
    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let peers: Vec<_> = self.peers.iter().collect();
            self.script.answer_directory(&peers);
            let asked = self.script.sent();
            if asked.is_empty() {
                return;
            }
            for stanza in &asked {
                let answered =
                    stanza.tag == "iq" && matches!(stanza.get("type").as_deref(), Some("get" | "set"));
                let count = stanza.find("count").map(|_| Node::new("count").attr("value", "812"));
                if answered && self.script.is_open() {
                    self.script.answer(stanza, count);
                } else if stanza.tag == "message" && self.script.is_open() {
                    let id = stanza.get("id").unwrap_or_default().into_owned();
                    self.script.ack(&id);
                }
            }
        }
    }

    /// Whether the client will not connect again by itself.
    fn is_over(&self) -> bool {
        let last = self.script.link_events().into_iter().rev().find_map(|event| match event {
            LinkEvent::Down { retry_in_ms, .. } => Some(retry_in_ms.is_none()),
            LinkEvent::Ready => Some(false),
            _ => None,
        });
        last == Some(true) || self.watch.is_shut_down()
    }

    /// No message was handed out as new twice.
    fn assert_nothing_twice(&self) {
        let mut shown = BTreeSet::new();
        for envelope in self.script.events.iter().filter(|envelope| !envelope.repeated) {
            if let Event::Message(message) = &envelope.event {
                let name = (message.chat.to_string(), message.sender.to_string(), message.id.clone());
                let first = shown.insert(name);
                assert!(first || self.damaged || self.lost_track, "shown twice: {}", message.id);
            }
        }
    }

    /// With a server that behaves, the client logs in again and reads and sends a message, once.
    fn assert_works(&mut self) {
        let script = &mut self.script;
        (script.connects, script.greets, script.loads, script.confirms, script.pongs) =
            (true, true, true, true, true);
        // Certificates are not valid at any time.
        self.watch.set_right();
        script.close();
        if self.damaged || self.is_over() {
            return;
        }
        self.script.confirm();
        self.script.close();
        for _ in 0..REDIALS_MAX {
            if self.is_over() {
                return;
            }
            if self.script.is_open() {
                break;
            }
            self.script.advance(Duration::from_secs(5));
        }
        self.script.sent();
        self.log_in();
        assert!(self.script.is_ready(), "not ready again: {:?}", self.script.link_events());
        let text = self.stranger.text("fresh", "still there?");
        self.script.send(&text);
        let shown = self.script.received().into_iter().filter(|message| message.id == "fresh").count();
        assert_eq!(shown, 1, "a good message was shown {shown} times: {:?}", self.script.faults());
        assert!(self.script.is_alive());
    }
}

/// What every run begins with: made once, as pairing and prekeys cost more than a run.
struct Prepared {
    script: Script,
    peers: Vec<Peer>,
    stranger: Peer,
}

static PREPARED: LazyLock<Mutex<Prepared>> = LazyLock::new(|| {
    let mut script = Script::ready(1);
    let [mut bob, bobs_other, carol] = [bob(0), bob(9), number("15550000003")].map(|jid| script.peer(jid));
    let stranger = script.peer(number("15550000009"));
    let hello = bob.text("hello", "hello");
    script.send(&hello);
    script.call(SendMessage::text(bob.jid.bare().into_owned(), "hello").with_id("mine"));
    script.answer_directory(&[&bob, &bobs_other]);
    script.answer_directory(&[&bob, &bobs_other]);
    script.ack("mine");
    script.sent();
    Mutex::new(Prepared { script, peers: vec![bob, bobs_other, carol], stranger })
});

fn bob(device: u16) -> OwnedJid {
    Jid::pn("15550000002", device).into_owned()
}

fn number(user: &'static str) -> OwnedJid {
    Jid::pn(user, 0).into_owned()
}

const ACTIONS_MAX: usize = 48;
const FLIGHT_MAX: usize = 24;
/// Turns of question and answer until a login is through; a client that asks longer goes in circles.
const ROUNDS_MAX: usize = 12;
/// Steps of five seconds in which the longest back-off is over.
const REDIALS_MAX: usize = 400;
