//! Distributions and messages of one group member, from arbitrary bytes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use sanswire::crypto::{KeyPair, Secret};
use sanswire::limits::SENDER_KEY_STATES_MAX;
use sanswire::signal::chain::ChainKey;
use sanswire::signal::{
    GroupError, SenderKeyDistribution, SenderKeyMessage, SenderKeyRecord, SenderKeyState, group_decrypt,
    group_encrypt,
};

use super::pieces::pieces;
use super::signal::Counting;

/// A message as it is.
pub const MESSAGE: u8 = 0;
/// A distribution.
pub const DISTRIBUTION: u8 = 1;
/// Fields of a message, which the member signs.
pub const SIGNED: u8 = 2;
/// A plaintext, which the member encrypts.
pub const PLAINTEXT: u8 = 3;

/// A member who sends what it likes: a refused message leaves no trace, an accepted one is refused the second time,
/// and the keys that are kept are bounded and can be stored. Reference 04 §7.
pub fn sender_key_message(input: &[u8]) {
    let mut receiver = SenderKeyRecord::new();
    let mut sender = SenderKeyRecord::new();
    let mut draw = Counting(0);
    receiver.process(&MEMBER.1);
    for (kind, bytes) in pieces(input).take(PIECES_MAX) {
        match kind % 4 {
            MESSAGE => receive(&mut receiver, bytes),
            DISTRIBUTION => take(&mut receiver, bytes),
            SIGNED => receive(&mut receiver, &signed(bytes)),
            _ => {
                if sender.states().is_empty() || bytes.len() % 16 == 5 {
                    sender.create(&mut draw);
                    receiver.process(&sender.distribution().expect("a key was made"));
                }
                let sent = group_encrypt(&mut sender, bytes, &mut draw).expect("a key was made");
                let opened = group_decrypt(&mut receiver, &sent);
                let gone = SenderKeyMessage::parse(&sent).map(|message| !receiver.knows(message.id()));
                let expected =
                    if gone == Ok(true) { Err(GroupError::NoSenderKey) } else { Ok(bytes.to_vec()) };
                assert_eq!(opened, expected, "an honest message was refused");
            }
        }
        check(&receiver);
    }
}

fn receive(receiver: &mut SenderKeyRecord, bytes: &[u8]) {
    let before = receiver.clone();
    if group_decrypt(receiver, bytes).is_ok() {
        let after = receiver.clone();
        let again = group_decrypt(receiver, bytes).expect_err("the same message was accepted twice");
        assert_eq!(again.class(), "DuplicateMessage");
        assert!(*receiver == after, "a refused message left a trace");
    } else {
        assert!(*receiver == before, "a refused message left a trace");
    }
}

fn take(receiver: &mut SenderKeyRecord, bytes: &[u8]) {
    let Ok(distribution) = SenderKeyDistribution::parse(bytes) else { return };
    let wire = distribution.encode();
    assert_eq!(SenderKeyDistribution::parse(&wire).as_ref(), Ok(&distribution), "it reads as something else");
    receiver.process(&distribution);
    let after = receiver.clone();
    assert!(receiver.knows(distribution.id));
    receiver.process(&distribution);
    assert!(*receiver == after, "the same distribution changed something twice");
}

fn check(record: &SenderKeyRecord) {
    let states = record.states();
    assert!(states.len() <= SENDER_KEY_STATES_MAX);
    let ids: BTreeSet<_> = states.iter().map(|state| state.parts().id).collect();
    assert_eq!(ids.len(), states.len(), "two keys have the same id");
    for state in states {
        assert!(SenderKeyState::from_parts(state.parts().clone()).is_ok(), "a key cannot be stored");
    }
}

/// Fields in front of which there is a version, and behind them the member's signature.
fn signed(fields: &[u8]) -> Vec<u8> {
    let mut message = [&[0x33], fields].concat();
    let signature = MEMBER.0.private.sign_deterministic(&message);
    message.extend_from_slice(&signature);
    message
}

/// The member's signing key, and what it handed out.
static MEMBER: LazyLock<(KeyPair, SenderKeyDistribution)> = LazyLock::new(|| {
    let pair = KeyPair::from_private([7; 32]);
    let chain = ChainKey::new(Secret::new([8; 32]), 0);
    let distribution = SenderKeyDistribution { id: 1, chain, signing_key: pair.public };
    (pair, distribution)
});

const PIECES_MAX: usize = 48;
