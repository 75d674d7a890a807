//! Whole conversations in any order: loss, reordering, repetition, damage, sessions started on both sides.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sanswire::crypto::PublicKey;
use sanswire::limits::RECEIVING_CHAINS_MAX;
use sanswire::signal::{
    Ciphertext, CiphertextKind, DecryptError, PreKeyMessage, SessionState, SignalMessage,
};

use super::{Counting, Device};

/// One thing that happens; `side` is who does it (0 or 1), `pick` which of the messages on their way.
#[derive(Clone, Debug)]
enum Op {
    Send { side: usize },
    Deliver { pick: usize },
    Repeat { pick: usize },
    Damage { pick: usize, bit: u8 },
    Lose { pick: usize },
    Restart { side: usize },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (side, pick) = (0..2_usize, any::<usize>());
    let op = prop_oneof![
        6 => side.clone().prop_map(|side| Op::Send { side }),
        8 => pick.prop_map(|pick| Op::Deliver { pick }),
        1 => pick.prop_map(|pick| Op::Repeat { pick }),
        1 => (pick, 0..8_u8).prop_map(|(pick, bit)| Op::Damage { pick, bit }),
        1 => pick.prop_map(|pick| Op::Lose { pick }),
        1 => side.prop_map(|side| Op::Restart { side }),
    ];
    prop::collection::vec(op, 1..120)
}

/// A message on its way.
#[derive(Clone)]
struct Letter {
    to: usize,
    text: Vec<u8>,
    sent: Ciphertext,
    ratchet_key: PublicKey,
}

struct World {
    devices: [Device; 2],
    draw: Counting,
    on_the_way: Vec<Letter>,
    delivered: Vec<Letter>,
    /// Message keys used so far: ratchet key and position.
    used: BTreeSet<([u8; 32], u32)>,
    /// Ratchet keys that a side has met, in order, by the session's sending chains.
    met: BTreeMap<(usize, [u8; 32]), usize>,
    /// How many new ratchet keys each session of each side has met.
    turns: BTreeMap<(usize, [u8; 32]), usize>,
    count: u32,
}

impl World {
    fn new() -> Self {
        Self {
            devices: [Device::new(1), Device::new(2)],
            draw: Counting(0),
            on_the_way: Vec::new(),
            delivered: Vec::new(),
            used: BTreeSet::new(),
            met: BTreeMap::new(),
            turns: BTreeMap::new(),
            count: 0,
        }
    }

    fn step(&mut self, op: &Op) {
        let pick = |pick: &usize, len: usize| pick.checked_rem(len);
        match op {
            Op::Send { side } => self.send(*side),
            Op::Restart { side } => self.start(*side),
            Op::Deliver { pick: wanted } => {
                if let Some(at) = pick(wanted, self.on_the_way.len()) {
                    let letter = self.on_the_way.swap_remove(at);
                    self.deliver(letter);
                }
            }
            Op::Lose { pick: wanted } => {
                if let Some(at) = pick(wanted, self.on_the_way.len()) {
                    self.on_the_way.swap_remove(at);
                }
            }
            Op::Repeat { pick: wanted } => {
                if let Some(at) = pick(wanted, self.delivered.len()) {
                    let letter = self.delivered[at].clone();
                    self.refuse(&letter);
                }
            }
            Op::Damage { pick: wanted, bit } => {
                if let Some(at) = pick(wanted, self.on_the_way.len()) {
                    let mut letter = self.on_the_way[at].clone();
                    let middle = letter.sent.bytes.len() / 2;
                    letter.sent.bytes[middle] ^= 1 << bit;
                    self.refuse(&letter);
                }
            }
        }
        for device in &self.devices {
            for session in device.record.current().into_iter().chain(device.record.archived()) {
                assert!(SessionState::from_parts(session.parts().clone()).is_ok());
            }
        }
    }

    /// Starts a session as a client does: with a bundle whose one-time prekey nobody else gets.
    fn start(&mut self, side: usize) {
        let bundle = self.devices[1 - side].bundle();
        // The owner keeps the key; the server hands the next one out next time.
        self.devices[1 - side].prekeys.rotate_left(1);
        self.devices[side].initiate(&bundle, &mut self.draw);
    }

    fn send(&mut self, side: usize) {
        if self.devices[side].record.current().is_none() {
            self.start(side);
        }
        self.count += 1;
        let text = self.count.to_be_bytes().to_vec();
        let sent = self.devices[side].encrypt(&text);
        let prekey_message;
        let parsed = match sent.kind {
            CiphertextKind::Message => SignalMessage::parse(&sent.bytes).unwrap(),
            CiphertextKind::PreKey => {
                prekey_message = PreKeyMessage::parse(&sent.bytes).unwrap();
                prekey_message.message().clone()
            }
        };
        let ratchet_key = *parsed.ratchet_key();
        assert!(self.used.insert((*ratchet_key.as_bytes(), parsed.counter())), "message key used twice");
        self.on_the_way.push(Letter { to: 1 - side, text, ratchet_key, sent });
    }

    /// Delivers a letter for the first time: it must decrypt unless its chain is too old to be kept.
    fn deliver(&mut self, letter: Letter) {
        let key = (letter.to, *letter.ratchet_key.as_bytes());
        let device = &mut self.devices[letter.to];
        let before = device.record.clone();
        let outcome = device.decrypt(&letter.sent, &mut self.draw);
        let base_key = *device.record.current().expect("a session exists").base_key().as_bytes();
        let turns = self.turns.entry((letter.to, base_key)).or_default();
        match outcome {
            Ok(text) => {
                assert_eq!(text, letter.text);
                self.met.entry(key).or_insert_with(|| {
                    *turns += 1;
                    *turns
                });
                self.delivered.push(letter);
            }
            Err(error) => {
                let newer = before.current().into_iter().chain(before.archived()).any(|session| {
                    let turns = self.turns.get(&(letter.to, *session.base_key().as_bytes()));
                    let met = self.met.get(&key);
                    met.zip(turns).is_some_and(|(met, turns)| turns - met >= RECEIVING_CHAINS_MAX)
                });
                assert!(newer, "decryptable message refused: {error}");
                assert_eq!(error, DecryptError::BadMac);
                assert_eq!(self.devices[letter.to].record, before);
            }
        }
    }

    /// Delivers what must not be accepted, and checks that it changes nothing.
    fn refuse(&mut self, letter: &Letter) {
        let device = &mut self.devices[letter.to];
        let before = (device.record.clone(), device.prekeys.clone(), self.draw.0);
        assert!(device.decrypt(&letter.sent, &mut self.draw).is_err());
        assert!(before == (device.record.clone(), device.prekeys.clone(), self.draw.0));
    }

    /// Delivers everything, then lets both sides answer each other.
    fn settle(&mut self) {
        while let Some(letter) = self.on_the_way.pop() {
            self.deliver(letter);
        }
        for side in [0, 1, 0, 1] {
            self.send(side);
            let letter = self.on_the_way.pop().expect("just sent");
            self.deliver(letter);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_read_everything_and_come_together(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.step(op);
        }
        world.settle();
        let [alice, bob] = &world.devices;
        let session = |device: &Device| *device.record.current().unwrap().base_key();
        prop_assert_eq!(session(alice), session(bob));
        prop_assert!(!alice.record.current().unwrap().is_unanswered());
        prop_assert!(!bob.record.current().unwrap().is_unanswered());
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut tagged = bytes.clone();
        tagged.insert(0, 0x33);
        for bytes in [bytes, tagged] {
            let _ = SignalMessage::parse(&bytes);
            let _ = PreKeyMessage::parse(&bytes);
            let _ = sanswire::signal::unpad(&bytes);
        }
    }
}
