//! The sender keys of a group's members as records, and back. Reference 04 §7.

use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records as stored;

use super::signal::{array, public, secret};
use super::{Record, RecordError, Table};
use crate::crypto::PrivateKey;
use crate::signal::chain::{ChainKey, MessageSeed, SkippedKey};
use crate::signal::{SenderKeyParts, SenderKeyRecord, SenderKeyState};

/// The stored form of the sender keys of one member; without the epoch, which the caller knows.
pub(crate) fn sender_key_to(record: &SenderKeyRecord) -> stored::SenderKeyRecord {
    stored::SenderKeyRecord { states: record.states().iter().map(state_to).collect(), epoch: None }
}

/// Reads the sender keys of one member.
///
/// # Errors
/// [`RecordError`] when any of them is malformed.
pub(crate) fn sender_key_from(record: &stored::SenderKeyRecord) -> Result<SenderKeyRecord, RecordError> {
    let states: Option<Vec<_>> = record.states.iter().map(state_from).collect();
    states.map(SenderKeyRecord::from_states).ok_or_else(|| RecordError::malformed(Table::SenderKey))
}

/// Reads a record of table [`Table::SenderKey`]: for tools that look into a storage, and for tests.
///
/// # Errors
/// [`RecordError`] when this version did not write it.
pub fn read_sender_keys(record: Bytes) -> Result<SenderKeyRecord, RecordError> {
    sender_key_from(&<stored::SenderKeyRecord as Record>::from_record(record)?)
}

fn state_to(state: &SenderKeyState) -> stored::SenderKeyState {
    let parts = state.parts();
    let skipped = |key: &SkippedKey| stored::SkippedKey {
        index: Some(key.index),
        seed: Some(Bytes::copy_from_slice(key.seed.expose())),
    };
    stored::SenderKeyState {
        id: Some(parts.id),
        iteration: Some(parts.chain.index()),
        chain_key: Some(Bytes::copy_from_slice(parts.chain.key().expose())),
        signing_public: Some(Bytes::copy_from_slice(parts.signing_public.as_bytes())),
        signing_private: parts.signing_private.as_ref().map(|key| Bytes::copy_from_slice(key.expose())),
        signing_edwards: parts.signing_edwards.map(|key| Bytes::copy_from_slice(&key)),
        skipped: parts.skipped.iter().map(skipped).collect(),
        first: (parts.first != 0).then_some(parts.first),
    }
}

fn state_from(state: &stored::SenderKeyState) -> Option<SenderKeyState> {
    let skipped = |key: &stored::SkippedKey| {
        Some(SkippedKey { index: key.index?, seed: MessageSeed::new(secret(key.seed.as_ref())?) })
    };
    let signing_private = match &state.signing_private {
        None => None,
        Some(bytes) => Some(PrivateKey::new(array(Some(bytes))?)),
    };
    let parts = SenderKeyParts {
        id: state.id?,
        chain: ChainKey::new(secret(state.chain_key.as_ref())?, state.iteration?),
        signing_public: public(state.signing_public.as_ref())?,
        signing_private,
        signing_edwards: state
            .signing_edwards
            .as_ref()
            .map(|key| array(Some(key)).ok_or(()))
            .transpose()
            .ok()?,
        skipped: state.skipped.iter().map(skipped).collect::<Option<_>>()?,
        first: state.first.unwrap_or(0),
    };
    SenderKeyState::from_parts(parts).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::signal::{Draw, group_decrypt, group_encrypt};

    struct Counting(u8);

    impl Draw for Counting {
        fn draw_32(&mut self) -> [u8; 32] {
            self.0 += 1;
            [self.0; 32]
        }
    }

    fn records() -> [SenderKeyRecord; 2] {
        let mut draw = Counting(0);
        let (mut ours, mut theirs) = (SenderKeyRecord::new(), SenderKeyRecord::new());
        ours.create(&mut draw);
        theirs.process(&ours.distribution().unwrap());
        group_encrypt(&mut ours, b"overtaken", &mut draw).unwrap();
        let sent = group_encrypt(&mut ours, b"received", &mut draw).unwrap();
        group_decrypt(&mut theirs, &sent).unwrap();
        [ours, theirs]
    }

    #[test]
    fn sender_keys_come_back_from_storage_as_they_were() {
        for record in records() {
            assert_eq!(sender_key_from(&sender_key_to(&record)), Ok(record));
        }
    }

    #[test]
    fn a_sender_key_without_one_of_its_fields_is_malformed() {
        let malformed = Err(RecordError::malformed(Table::SenderKey));
        type Damage = fn(&mut stored::SenderKeyState);
        let damages: [Damage; 8] = [
            |it| it.id = None,
            |it| it.iteration = None,
            |it| it.chain_key = Some(Bytes::from_static(&[1; 31])),
            |it| it.signing_public = None,
            |it| it.signing_private = Some(Bytes::from_static(&[1; 31])),
            |it| it.skipped[0].index = Some(u32::MAX),
            |it| it.first = Some(u32::MAX),
            |it| it.signing_edwards = Some(Bytes::from_static(&[1; 31])),
        ];
        let [_, theirs] = records().map(|record| sender_key_to(&record));
        for (number, damage) in damages.iter().enumerate() {
            let mut damaged = theirs.clone();
            damage(&mut damaged.states[0]);
            assert_eq!(sender_key_from(&damaged), malformed, "damage {number}");
        }
    }
}
