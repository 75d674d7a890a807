//! Sender keys: the known answers of `senderkeys.json`, limits at their edges, and any order of delivery.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sanswire::crypto::{KeyPair, PrivateKey, Secret};
use sanswire::limits::{SENDER_KEY_STATES_MAX, SIGNAL_JUMP_MAX, SKIPPED_KEYS_MAX};
use sanswire::signal::chain::{ChainKey, MessageSeed, SkippedKey};
use sanswire::signal::sender_key::GroupMessageKeys;
use sanswire::signal::{
    GroupError, SenderKeyDistribution, SenderKeyMessage, SenderKeyParts, SenderKeyPartsError,
    SenderKeyRecord, SenderKeyState, WireFault, group_decrypt, group_encrypt,
};
use serde_json::Value;

use super::Counting;
use super::cases::{bytes, hex_is, id, public};
use crate::vectors::{Case, check, hex, same};

#[test]
fn every_sender_key_vector_gives_its_answer() {
    check("senderkeys.json", |case| match case.op() {
        "sender_chain_step" => chain_step(case),
        "skdm" => distribution(case),
        "group_script" => script(case),
        kind => Err(format!("unknown kind {kind:?}")),
    });
}

fn chain_step(case: &Case) -> Result<(), String> {
    let chain = ChainKey::new(Secret::new(bytes(&case.input, "chain_key")), id(&case.input["iteration"]));
    let (seed, next) = chain.step().ok_or("no step")?;
    let keys = GroupMessageKeys::derive(&seed);
    same("index", &next.index(), &(chain.index() + 1))?;
    hex_is("message_seed", seed.expose(), &case.expected["message_seed"])?;
    hex_is("next_chain_key", next.key().expose(), &case.expected["next_chain_key"])?;
    hex_is("iv", keys.iv.expose(), &case.expected["iv"])?;
    hex_is("cipher_key", keys.cipher.expose(), &case.expected["cipher_key"])
}

fn distribution(case: &Case) -> Result<(), String> {
    let wire = case.bytes("bytes");
    let parsed = SenderKeyDistribution::parse(&wire).map_err(|error| error.to_string())?;
    let expected = &case.expected;
    same("id", &parsed.id, &id(&expected["id"]))?;
    same("iteration", &parsed.chain.index(), &id(&expected["iteration"]))?;
    hex_is("chain_key", parsed.chain.key().expose(), &expected["chain_key"])?;
    same("signing_key", &parsed.signing_key, &public(expected, "signing_key"))?;
    same("wire form", &parsed.encode(), &wire)
}

/// One member's distributions and messages, as another member receives them; refused operations change nothing.
fn script(case: &Case) -> Result<(), String> {
    let mut record = SenderKeyRecord::new();
    let ops = case.input["ops"].as_array().unwrap();
    let results = case.expected["results"].as_array().unwrap();
    same("number of results", &results.len(), &ops.len())?;
    for (at, (op, expected)) in ops.iter().zip(results).enumerate() {
        let name = op["op"].as_str().unwrap();
        step(case, &mut record, op, expected).map_err(|reason| format!("op {at} ({name}): {reason}"))?;
    }
    Ok(())
}

fn step(case: &Case, record: &mut SenderKeyRecord, op: &Value, expected: &Value) -> Result<(), String> {
    match op["op"].as_str().unwrap() {
        "process_skdm" => {
            let wire = hex(op["bytes"].as_str().unwrap());
            let parsed = SenderKeyDistribution::parse(&wire).map_err(|error| error.to_string())?;
            record.process(&parsed);
            same("ok", &expected["ok"], &Value::Bool(true))
        }
        "decrypt" => {
            let wire = hex(op["ciphertext"].as_str().unwrap());
            let before = record.clone();
            match (group_decrypt(record, &wire), expected["error"].as_str()) {
                (Ok(plaintext), None) => {
                    hex_is("plaintext", &plaintext, &expected["plaintext"])?;
                    encrypts_to(&case.input["senders"], &plaintext, &wire)
                }
                (Err(error), Some(class)) => {
                    same("record is unchanged", &(*record == before), &true)?;
                    same("error", &error.class(), &class)
                }
                (outcome, class) => Err(format!("gave {outcome:?}, expected error {class:?}")),
            }
        }
        "snapshot" => compare(record, &expected["states"]),
        name => Err(format!("unknown operation {name:?}")),
    }
}

/// The sender's side: with its private keys, we make the same message. The signature's nonce is random with us, so
/// the two signatures differ, but each verifies.
fn encrypts_to(senders: &Value, plaintext: &[u8], wire: &[u8]) -> Result<(), String> {
    let message = SenderKeyMessage::parse(wire).map_err(|error| error.to_string())?;
    let sender = senders.as_array().unwrap().iter().find(|sender| id(&sender["id"]) == message.id());
    let sender = sender.ok_or("no such sender")?;
    let chain = ChainKey::new(Secret::new(bytes(sender, "chain_key")), id(&sender["iteration"]));
    let chain = (chain.index()..message.iteration()).fold(chain, |chain, _| chain.step().unwrap().1);
    let mut record = own(message.id(), chain, PrivateKey::new(bytes(sender, "signing_private")));
    let mut receiver = SenderKeyRecord::new();
    receiver.process(&record.distribution().unwrap());
    let ours = group_encrypt(&mut record, plaintext, &mut Counting(0)).map_err(|error| error.to_string())?;
    let signed = wire.len() - 64;
    same("what is signed", &&ours[..signed], &&wire[..signed])?;
    let mut other = receiver.clone();
    same("ours opens", &group_decrypt(&mut receiver, &ours).as_deref(), &Ok(plaintext))?;
    same("theirs opens", &group_decrypt(&mut other, wire).as_deref(), &Ok(plaintext))
}

fn compare(record: &SenderKeyRecord, expected: &Value) -> Result<(), String> {
    let expected = expected.as_array().unwrap();
    same("number of states", &record.states().len(), &expected.len())?;
    for (state, expected) in record.states().iter().map(SenderKeyState::parts).zip(expected) {
        same("id", &state.id, &id(&expected["id"]))?;
        same("next iteration", &state.chain.index(), &id(&expected["next_iteration"]))?;
        hex_is("chain key", state.chain.key().expose(), &expected["chain_key"])?;
        same("signing key", &state.signing_public, &public(expected, "signing_public"))?;
        same("skipped", &state.skipped.len(), &(id(&expected["skipped_count"]) as usize))?;
        for (skipped, expected) in state.skipped.iter().zip(expected["skipped"].as_array().unwrap()) {
            same("skipped iteration", &skipped.index, &id(&expected["iteration"]))?;
            hex_is("skipped seed", skipped.seed.expose(), &expected["seed"])?;
        }
    }
    Ok(())
}

/// A record that holds one sender key of ours.
fn own(id: u32, chain: ChainKey, signing: PrivateKey) -> SenderKeyRecord {
    let parts = SenderKeyParts {
        id,
        chain,
        signing_public: signing.public(),
        signing_private: Some(signing),
        signing_edwards: None,
        skipped: Vec::new(),
        first: 0,
    };
    SenderKeyRecord::from_states(vec![SenderKeyState::from_parts(parts).unwrap()])
}

/// A sender and a receiver that has its key.
fn pair() -> (SenderKeyRecord, SenderKeyRecord, Counting) {
    let (mut sender, mut receiver, mut draw) = (SenderKeyRecord::new(), SenderKeyRecord::new(), Counting(0));
    sender.create(&mut draw);
    receiver.process(&sender.distribution().unwrap());
    (sender, receiver, draw)
}

/// Moves our own chain forward as if `count` messages had been sent.
fn skip(record: &SenderKeyRecord, count: u32) -> SenderKeyRecord {
    let mut parts = record.states()[0].parts().clone();
    parts.chain = (0..count).fold(parts.chain, |chain, _| chain.step().unwrap().1);
    SenderKeyRecord::from_states(vec![SenderKeyState::from_parts(parts).unwrap()])
}

#[test]
fn a_jump_of_a_sender_key_is_accepted_up_to_the_limit() {
    let (sender, mut receiver, mut draw) = pair();
    let mut sender = skip(&sender, SIGNAL_JUMP_MAX);
    let at_limit = group_encrypt(&mut sender, b"at the limit", &mut draw).unwrap();
    let over = group_encrypt(&mut sender, b"over", &mut draw).unwrap();
    let before = receiver.clone();
    let refused = GroupError::FutureMessage { iteration: SIGNAL_JUMP_MAX + 1, next: 0 };
    assert_eq!(group_decrypt(&mut receiver, &over), Err(refused));
    assert_eq!(receiver, before);
    assert_eq!(group_decrypt(&mut receiver, &at_limit).unwrap(), b"at the limit");
    assert_eq!(receiver.states()[0].parts().skipped.len(), SKIPPED_KEYS_MAX);
    assert_eq!(group_decrypt(&mut receiver, &over).unwrap(), b"over");
}

#[test]
fn a_sender_key_keeps_only_its_newest_skipped_keys() {
    let limit = u32::try_from(SKIPPED_KEYS_MAX).unwrap();
    let (mut sender, mut receiver, mut draw) = pair();
    let [first, second] = [(); 2].map(|()| group_encrypt(&mut sender, b"early", &mut draw).unwrap());
    let mut sender = skip(&sender, limit - 1);
    let late = group_encrypt(&mut sender, b"late", &mut draw).unwrap();
    assert_eq!(SenderKeyMessage::parse(&late).unwrap().iteration(), limit + 1);
    group_decrypt(&mut receiver, &late).unwrap();
    assert_eq!(receiver.states()[0].parts().skipped.len(), SKIPPED_KEYS_MAX);
    let gone = Err(GroupError::DuplicateMessage { iteration: 0 });
    assert_eq!(group_decrypt(&mut receiver, &first), gone);
    assert_eq!(group_decrypt(&mut receiver, &second).unwrap(), b"early");
}

#[test]
fn a_record_keeps_five_sender_keys_and_the_oldest_goes() {
    let mut receiver = SenderKeyRecord::new();
    let mut draw = Counting(0);
    let mut senders: Vec<_> = (0..=SENDER_KEY_STATES_MAX).map(|_| SenderKeyRecord::new()).collect();
    for (at, sender) in senders.iter_mut().enumerate() {
        sender.create(&mut draw);
        receiver.process(&sender.distribution().unwrap());
        assert_eq!(receiver.states().len(), (at + 1).min(SENDER_KEY_STATES_MAX));
    }
    for (at, sender) in senders.iter_mut().enumerate() {
        let sent = group_encrypt(sender, b"text", &mut draw).unwrap();
        let expected = if at == 0 { Err(GroupError::NoSenderKey) } else { Ok(b"text".to_vec()) };
        assert_eq!(group_decrypt(&mut receiver, &sent), expected, "sender {at}");
    }
    let one_more = [receiver.states(), senders[0].states()].concat();
    assert_eq!(SenderKeyRecord::from_states(one_more), receiver);
}

#[test]
fn stored_skipped_keys_must_ascend_below_the_chain() {
    let (sender, ..) = pair();
    let with = |indices: &[u32]| {
        let mut parts = skip(&sender, 3_000).states()[0].parts().clone();
        let seed = || MessageSeed::new(Secret::new([1; 32]));
        parts.skipped = indices.iter().map(|index| SkippedKey { index: *index, seed: seed() }).collect();
        SenderKeyState::from_parts(parts).map(|_| ())
    };
    let all: Vec<u32> = (0..=u32::try_from(SKIPPED_KEYS_MAX).unwrap()).collect();
    assert_eq!(with(&all[1..]), Ok(()));
    assert_eq!(with(&all), Err(SenderKeyPartsError::SkippedKeys(SKIPPED_KEYS_MAX + 1)));
    assert_eq!(with(&[4, 4]), Err(SenderKeyPartsError::SkippedOrder(4)));
    assert_eq!(with(&[5, 4]), Err(SenderKeyPartsError::SkippedOrder(4)));
    assert_eq!(with(&[3_000]), Err(SenderKeyPartsError::SkippedOrder(3_000)));
}

#[test]
fn only_the_owner_of_a_sender_key_encrypts_with_it() {
    let (mut sender, mut receiver, mut draw) = pair();
    assert_eq!(receiver.distribution(), Err(GroupError::NoSenderKey));
    assert_eq!(group_encrypt(&mut receiver, b"", &mut draw), Err(GroupError::NoSenderKey));
    let old = sender.distribution().unwrap();
    sender.create(&mut draw);
    assert_ne!(sender.distribution().unwrap().id, old.id);
    let sent = group_encrypt(&mut sender, b"rotated", &mut draw).unwrap();
    assert_eq!(group_decrypt(&mut receiver, &sent), Err(GroupError::NoSenderKey));
}

#[test]
fn the_last_iteration_of_a_sender_key_is_never_used() {
    let chain = ChainKey::new(Secret::new([1; 32]), u32::MAX);
    let mut record = own(1, chain, PrivateKey::new([2; 32]));
    let (before, mut draw) = (record.clone(), Counting(0));
    assert_eq!(group_encrypt(&mut record, b"", &mut draw), Err(GroupError::ChainExhausted));
    assert_eq!((record, draw.0), (before, 0));
}

#[test]
fn a_message_from_before_the_key_was_handed_out_is_no_duplicate() {
    let (mut sender, _, mut draw) = pair();
    let early = group_encrypt(&mut sender, b"early", &mut draw).unwrap();
    let mut receiver = SenderKeyRecord::new();
    receiver.process(&sender.distribution().unwrap());
    let late = group_encrypt(&mut sender, b"late", &mut draw).unwrap();
    let expected = Err(GroupError::EarlierMessage { iteration: 0, first: 1 });
    assert_eq!(group_decrypt(&mut receiver, &early), expected);
    group_decrypt(&mut receiver, &late).unwrap();
    assert_eq!(group_decrypt(&mut receiver, &early), expected);
    assert_eq!(group_decrypt(&mut receiver, &late), Err(GroupError::DuplicateMessage { iteration: 1 }));
}

#[test]
fn a_distribution_of_a_known_key_neither_rewinds_nor_repeats() {
    let (mut sender, mut receiver, mut draw) = pair();
    let first = sender.distribution().unwrap();
    let [early, late] = [(); 2].map(|()| group_encrypt(&mut sender, b"text", &mut draw).unwrap());
    group_decrypt(&mut receiver, &late).unwrap();
    let before = receiver.clone();
    receiver.process(&first);
    receiver.process(&sender.distribution().unwrap());
    assert_eq!(receiver, before);
    assert!(group_decrypt(&mut receiver, &early).is_ok());
    assert_eq!(group_decrypt(&mut receiver, &late), Err(GroupError::DuplicateMessage { iteration: 1 }));
    // Another signing key under the same id is another key: what the old one signed is refused from then on.
    let stranger = KeyPair::from_private([9; 32]).public;
    receiver.process(&SenderKeyDistribution { signing_key: stranger, ..first });
    let sent = group_encrypt(&mut sender, b"text", &mut draw).unwrap();
    assert_eq!(receiver.states().len(), 1);
    assert_eq!(group_decrypt(&mut receiver, &sent), Err(GroupError::InvalidSignature));
}

#[test]
fn broken_wire_forms_have_their_own_errors() {
    let (mut sender, mut receiver, mut draw) = pair();
    let sent = group_encrypt(&mut sender, b"text", &mut draw).unwrap();
    let wire = sender.distribution().unwrap().encode();
    let malformed = |fault| Some(GroupError::Malformed(fault));
    let opened = |bytes: &[u8], receiver: &mut SenderKeyRecord| group_decrypt(receiver, bytes).err();
    assert_eq!(opened(&[], &mut receiver), malformed(WireFault::Truncated));
    assert_eq!(opened(&sent[..64], &mut receiver), malformed(WireFault::Truncated));
    assert_eq!(opened(&[&[0x23], &sent[1..]].concat(), &mut receiver), Some(GroupError::BadVersion(0x23)));
    assert_eq!(opened(&[&[0x33; 1][..], &[0; 64]].concat(), &mut receiver), malformed(WireFault::Missing(1)));
    let parsed = |bytes: &[u8]| SenderKeyDistribution::parse(bytes).err();
    assert_eq!(parsed(&wire[..wire.len() - 35]), malformed(WireFault::Missing(4)));
    assert_eq!(parsed(&wire[..wire.len() - 1]), malformed(WireFault::Truncated));
    assert_eq!(parsed(&[0x33, 8, 1, 16, 0, 26, 1, 0, 34, 0]), malformed(WireFault::Length(3)));
    let no_key = [&wire[..wire.len() - 34], &[32], &[0; 32]].concat();
    assert_eq!(parsed(&no_key).map(|error| error.class()), Some("InvalidKey"));
}

#[test]
fn nothing_printed_shows_a_sender_key() {
    let (sender, _, _) = pair();
    let state = sender.states()[0].parts();
    let printed = format!("{sender:?} {:?}", sender.distribution());
    for secret in [state.chain.key().expose(), state.signing_private.as_ref().unwrap().expose()] {
        assert!(!printed.contains(&format!("{:?}", &secret[..2]).replace(['[', ']'], "")), "{printed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `order` says which message arrives next; what is left over in the end was lost.
    #[test]
    fn any_order_with_loss_delivers_each_group_message_once(
        count in 1..40_usize,
        rotations in prop::collection::btree_set(1..40_usize, 0..4),
        order in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 1..80),
    ) {
        let (mut sender, mut receiver, mut draw) = pair();
        let mut on_the_way = Vec::new();
        for at in 0..count {
            if rotations.contains(&at) {
                sender.create(&mut draw);
                receiver.process(&sender.distribution().unwrap());
            }
            let text = at.to_be_bytes().to_vec();
            on_the_way.push((text.clone(), group_encrypt(&mut sender, &text, &mut draw).unwrap()));
        }
        let mut seen = BTreeSet::new();
        for (index, fate) in order {
            let (text, wire) = index.get(&on_the_way);
            let before = receiver.clone();
            if fate == 0 {
                let mut damaged = wire.clone();
                *index.get_mut(&mut damaged[1..]) ^= 1;
                prop_assert!(group_decrypt(&mut receiver, &damaged).is_err());
                prop_assert_eq!(&receiver, &before);
            } else if seen.insert(text.clone()) {
                prop_assert_eq!(group_decrypt(&mut receiver, wire), Ok(text.clone()));
            } else {
                prop_assert_eq!(group_decrypt(&mut receiver, wire).unwrap_err().class(), "DuplicateMessage");
                prop_assert_eq!(&receiver, &before);
            }
            for state in receiver.states() {
                prop_assert!(SenderKeyState::from_parts(state.parts().clone()).is_ok());
            }
        }
    }
}
