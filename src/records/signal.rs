//! Sessions, one-time prekeys and identities as records, and back. Reference 04 §4, §5, §9.
//!
//! What storage holds is checked as strictly as what the network brings: a key of the wrong length, a missing
//! field or a limit that does not hold makes the whole record malformed.

use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records as stored;

use super::{Record, RecordError, Table};
use crate::crypto::{KeyPair, PrivateKey, PublicKey, Secret};
use crate::signal::chain::{ChainKey, MessageSeed, ReceivingChain, SkippedKey};
use crate::signal::ratchet::RootKey;
use crate::signal::{PendingPreKey, PreKey, SessionParts, SessionRecord, SessionState};

/// The stored form of all sessions with one device.
pub(crate) fn session_to(record: &SessionRecord) -> stored::SessionRecord {
    stored::SessionRecord {
        current: record.current().map(state_to),
        archived: record.archived().iter().map(state_to).collect(),
        epoch: None,
    }
}

/// Reads all sessions with one device.
///
/// # Errors
/// [`RecordError`] when any of them is malformed.
pub(crate) fn session_from(record: &stored::SessionRecord) -> Result<SessionRecord, RecordError> {
    let sessions = || {
        let current = record.current.as_ref().map(state_from);
        let current = if let Some(current) = current { Some(current?) } else { None };
        let archived = record.archived.iter().map(state_from).collect::<Option<_>>()?;
        Some(SessionRecord::from_sessions(current, archived))
    };
    sessions().ok_or_else(|| RecordError::malformed(Table::Session))
}

/// Reads a record of table [`Table::Session`]: for tools that look into a storage, and for tests.
///
/// # Errors
/// [`RecordError`] when this version did not write it.
pub fn read_sessions(record: Bytes) -> Result<SessionRecord, RecordError> {
    session_from(&<stored::SessionRecord as Record>::from_record(record)?)
}

/// The stored form of a one-time prekey; `uploaded` once the server confirmed that it has it.
pub(crate) fn prekey_to(key: &PreKey, uploaded: bool) -> stored::PreKey {
    stored::PreKey {
        id: Some(key.id),
        private: Some(Bytes::copy_from_slice(key.pair.private.expose())),
        uploaded: Some(uploaded),
        public: Some(Bytes::copy_from_slice(key.pair.public.as_bytes())),
    }
}

/// Reads a one-time prekey.
///
/// # Errors
/// [`RecordError`] when it has no id or no key.
pub(crate) fn prekey_from(record: &stored::PreKey) -> Result<PreKey, RecordError> {
    let key = || Some(PreKey::new(record.id.filter(|id| *id != 0)?, array(record.private.as_ref())?));
    key().ok_or_else(|| RecordError::malformed(Table::PreKey))
}

/// Reads the key of another device's identity.
///
/// # Errors
/// [`RecordError`] when it is not 32 bytes.
pub(crate) fn identity_from(record: &stored::Identity) -> Result<PublicKey, RecordError> {
    public(record.key.as_ref()).ok_or_else(|| RecordError::malformed(Table::Identity))
}

fn state_to(session: &SessionState) -> stored::Session {
    let parts = session.parts();
    let [local_identity, remote_identity, root_key, private, public, sending, base_key] = shared([
        parts.local_identity.as_bytes(),
        parts.remote_identity.as_bytes(),
        parts.root.expose(),
        parts.ratchet.private.expose(),
        parts.ratchet.public.as_bytes(),
        parts.sending.key().expose(),
        parts.base_key.as_bytes(),
    ]);
    stored::Session {
        version: Some(parts.version.into()),
        local_identity: Some(local_identity),
        remote_identity: Some(remote_identity),
        root_key: Some(root_key),
        our_ratchet_private: Some(private),
        our_ratchet_public: Some(public),
        sending: Some(stored::SendingChain { key: Some(sending), index: Some(parts.sending.index()) }),
        previous_counter: Some(parts.previous_counter),
        receiving: parts.receiving.iter().map(chain_to).collect(),
        pending_prekey: parts.pending_prekey.map(|pending| stored::PendingPreKey {
            prekey_id: pending.prekey_id,
            signed_prekey_id: Some(pending.signed_prekey_id),
            base_key: Some(base_key.clone()),
        }),
        local_registration_id: Some(parts.local_registration_id),
        remote_registration_id: Some(parts.remote_registration_id),
        base_key: Some(base_key),
        spent: parts.spent.then_some(true),
    }
}

fn state_from(session: &stored::Session) -> Option<SessionState> {
    let sending = session.sending.as_ref()?;
    let pending_prekey = match &session.pending_prekey {
        None => None,
        Some(pending) => {
            Some(PendingPreKey { prekey_id: pending.prekey_id, signed_prekey_id: pending.signed_prekey_id? })
        }
    };
    let parts = SessionParts {
        version: u8::try_from(session.version?).ok()?,
        local_identity: public(session.local_identity.as_ref())?,
        remote_identity: public(session.remote_identity.as_ref())?,
        local_registration_id: session.local_registration_id?,
        remote_registration_id: session.remote_registration_id?,
        base_key: public(session.base_key.as_ref())?,
        root: RootKey::new(secret(session.root_key.as_ref())?),
        ratchet: KeyPair {
            private: PrivateKey::new(array(session.our_ratchet_private.as_ref())?),
            public: public(session.our_ratchet_public.as_ref())?,
        },
        sending: ChainKey::new(secret(sending.key.as_ref())?, sending.index?),
        previous_counter: session.previous_counter?,
        receiving: session.receiving.iter().map(chain_from).collect::<Option<_>>()?,
        pending_prekey,
        spent: session.spent(),
    };
    SessionState::from_parts(parts).ok()
}

fn chain_to(chain: &ReceivingChain) -> stored::ReceivingChain {
    let [their_ratchet, key] = shared([chain.ratchet.as_bytes(), chain.next.key().expose()]);
    let mut seeds = Vec::with_capacity(KEY_LEN * chain.skipped.len());
    for key in &chain.skipped {
        seeds.extend_from_slice(key.seed.expose());
    }
    let mut seeds = Bytes::from(seeds);
    let mut skipped =
        |key: &SkippedKey| stored::SkippedKey { index: Some(key.index), seed: Some(seeds.split_to(KEY_LEN)) };
    stored::ReceivingChain {
        their_ratchet: Some(their_ratchet),
        key: Some(key),
        index: Some(chain.next.index()),
        skipped: chain.skipped.iter().map(&mut skipped).collect(),
    }
}

fn chain_from(chain: &stored::ReceivingChain) -> Option<ReceivingChain> {
    let skipped = |key: &stored::SkippedKey| {
        Some(SkippedKey { index: key.index?, seed: MessageSeed::new(secret(key.seed.as_ref())?) })
    };
    Some(ReceivingChain {
        ratchet: public(chain.their_ratchet.as_ref())?,
        next: ChainKey::new(secret(chain.key.as_ref())?, chain.index?),
        skipped: chain.skipped.iter().map(skipped).collect::<Option<_>>()?,
    })
}

/// Copies of keys that lie in one allocation: a session has many, and is written with every message.
fn shared<const N: usize>(keys: [&[u8; KEY_LEN]; N]) -> [Bytes; N] {
    let mut all = Bytes::from(keys.map(|key| *key).concat());
    keys.map(|_| all.split_to(KEY_LEN))
}

pub(super) fn public(bytes: Option<&Bytes>) -> Option<PublicKey> {
    array(bytes).map(PublicKey::new)
}

pub(super) fn secret(bytes: Option<&Bytes>) -> Option<Secret<KEY_LEN>> {
    array(bytes).map(Secret::new)
}

pub(super) fn array(bytes: Option<&Bytes>) -> Option<[u8; KEY_LEN]> {
    bytes?.as_ref().try_into().ok()
}

/// Bytes of a key of any kind.
pub(super) const KEY_LEN: usize = 32;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use prost::Message;

    use super::*;
    use crate::signal::{Bundle, Draw, Local, PreKeyMessage, SignedPreKey, decrypt_prekey_message, encrypt};

    struct Counting(u8);

    impl Draw for Counting {
        fn draw_32(&mut self) -> [u8; 32] {
            self.0 += 1;
            [self.0; 32]
        }
    }

    fn local(fill: u8) -> Local {
        Local { identity: KeyPair::from_private([fill; 32]), registration_id: fill.into() }
    }

    /// The records of both sides: the initiator's with an archived session and an unanswered one, the
    /// responder's with a skipped key.
    fn records() -> [SessionRecord; 2] {
        let (alice, bob, mut draw) = (local(200), local(201), Counting(0));
        let signed = SignedPreKey::new(&bob.identity, 1, [202; 32], &[0; 64]);
        let prekey = PreKey::new(5, [203; 32]);
        let bundle = Bundle {
            registration_id: 201,
            identity: bob.identity.public,
            signed_prekey: signed.public(),
            prekey: Some(prekey.public()),
        };
        let (mut ours, mut theirs) = (SessionRecord::new(), SessionRecord::new());
        ours.initiate(&alice, &bundle, &mut draw).unwrap();
        ours.initiate(&alice, &bundle, &mut draw).unwrap();
        encrypt(&mut ours, b"overtaken").unwrap();
        let sent = encrypt(&mut ours, b"received").unwrap();
        let message = PreKeyMessage::parse(&sent.bytes).unwrap();
        decrypt_prekey_message(&mut theirs, &message, &bob, Some(&signed), Some(&prekey), &mut draw).unwrap();
        [ours, theirs]
    }

    #[test]
    fn sessions_come_back_from_storage_as_they_were() {
        for record in records() {
            let bytes = session_to(&record).encode_to_vec();
            assert_eq!(session_from(&stored::SessionRecord::decode(&bytes[..]).unwrap()), Ok(record));
        }
        assert_eq!(session_from(&stored::SessionRecord::default()), Ok(SessionRecord::new()));
    }

    #[test]
    fn a_session_without_one_of_its_fields_is_malformed() {
        let [ours, theirs] = records().map(|record| session_to(&record));
        let malformed = Err(RecordError::malformed(Table::Session));
        type Damage = fn(&mut stored::Session);
        let damages: Vec<Damage> = alloc::vec![
            |it| it.version = Some(4),
            |it| it.version = None,
            |it| it.local_identity = None,
            |it| it.remote_identity = Some(Bytes::from_static(&[5; 33])),
            |it| it.root_key = Some(Bytes::from_static(&[1; 31])),
            |it| it.our_ratchet_private = None,
            |it| it.our_ratchet_public = None,
            |it| it.sending = None,
            |it| it.sending.as_mut().unwrap().index = None,
            |it| it.previous_counter = None,
            |it| it.local_registration_id = None,
            |it| it.remote_registration_id = None,
            |it| it.base_key = None,
            |it| it.receiving[0].their_ratchet = None,
            |it| it.receiving[0].key = None,
            |it| it.receiving[0].index = Some(0),
            |it| it.receiving[0].skipped[0].seed = None,
            |it| it.receiving[0].skipped[0].index = Some(u32::MAX),
        ];
        for (number, damage) in damages.iter().enumerate() {
            let mut damaged = theirs.clone();
            damage(damaged.current.as_mut().unwrap());
            assert_eq!(session_from(&damaged), malformed, "damage {number}");
        }
        let mut damaged = ours.clone();
        damaged.archived[0].root_key = None;
        assert_eq!(session_from(&damaged), malformed);
        let mut damaged = ours;
        damaged.current.as_mut().unwrap().pending_prekey.as_mut().unwrap().signed_prekey_id = None;
        assert_eq!(session_from(&damaged), malformed);
    }

    #[test]
    fn prekeys_and_identities_need_whole_keys() {
        let key = PreKey::new(7, [1; 32]);
        let stored = prekey_to(&key, true);
        assert_eq!((prekey_from(&stored), stored.uploaded), (Ok(key), Some(true)));
        let short = stored::PreKey { private: Some(Bytes::from_static(&[1; 31])), ..stored.clone() };
        let unnamed = stored::PreKey { id: Some(0), ..stored };
        assert!(prekey_from(&short).is_err() && prekey_from(&unnamed).is_err());
        let identity = |key: &'static [u8]| stored::Identity {
            key: Some(Bytes::from_static(key)),
            ..stored::Identity::default()
        };
        assert_eq!(identity_from(&identity(&[3; 32])), Ok(PublicKey::new([3; 32])));
        assert!(identity_from(&identity(&[3; 33])).is_err());
    }
}
