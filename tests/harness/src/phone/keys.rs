//! The phone's Signal side: identity, prekeys, and a session per device it talks with. Reference 04.

use std::collections::BTreeMap;

use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::signal::{
    self, DecryptError, Draw, Local, PreKey, PreKeyMessage, PreKeyPublic, SessionRecord, SignalError,
    SignedPreKey, SignedPreKeyPublic,
};

use super::Phone;
use crate::seed::Seed;
use crate::server::{Bundle, DeviceRef, PublishedKeys, SignedPrekey};

/// An encrypted message and the type of its `<enc>`.
pub(crate) struct Sealed {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Keys and sessions of one phone.
pub(super) struct PhoneKeys {
    local: Local,
    signed: SignedPreKey,
    one_time: BTreeMap<u32, PreKey>,
    next_id: u32,
    sessions: BTreeMap<DeviceRef, SessionRecord>,
}

impl PhoneKeys {
    pub(super) fn draw(seed: &mut Seed) -> Self {
        let identity: KeyPair = seed.key_pair();
        let registration_id = signal::identity::registration_id(seed.bytes());
        let signed = SignedPreKey::new(&identity, 1, seed.bytes(), &seed.bytes());
        let local = Local { identity, registration_id };
        Self { local, signed, one_time: BTreeMap::new(), next_id: 1, sessions: BTreeMap::new() }
    }

    /// The raw identity key, which is also the account signature key.
    pub(super) fn identity(&self) -> &[u8; 32] {
        self.local.identity.public.as_bytes()
    }

    pub(super) fn sign(&self, message: &[u8], seed: &mut Seed) -> [u8; 64] {
        self.local.identity.private.sign(message, &seed.bytes())
    }

    /// Agrees with another key; `None` with a low-order point.
    pub(super) fn agree(&self, peer: &PublicKey) -> Option<[u8; 32]> {
        self.local.identity.private.agree(peer).ok().map(|shared| *shared.expose())
    }

    pub(super) fn forget(&mut self, with: DeviceRef) {
        self.sessions.remove(&with);
    }

    fn new_prekeys(&mut self, count: u32, seed: &mut Seed) -> BTreeMap<u32, [u8; 32]> {
        let ids = self.next_id..self.next_id + count;
        self.next_id = ids.end;
        ids.map(|id| {
            let key = PreKey::new(id, seed.bytes());
            let public = *key.pair.public.as_bytes();
            self.one_time.insert(id, key);
            (id, public)
        })
        .collect()
    }
}

impl Phone {
    /// What the phone publishes about itself: identity, signed prekey, a first pool.
    pub(crate) fn published(&mut self) -> PublishedKeys {
        let signed = &self.keys.signed;
        let signed = SignedPrekey {
            id: signed.id,
            public: *signed.pair.public.as_bytes(),
            signature: signed.signature,
        };
        let mut keys = PublishedKeys::new(self.keys.local.registration_id, *self.keys.identity(), signed);
        keys.pool = self.refill();
        keys
    }

    /// New one-time prekeys for the server's pool.
    pub(crate) fn refill(&mut self) -> BTreeMap<u32, [u8; 32]> {
        self.keys.new_prekeys(POOL, &mut self.seed)
    }

    /// Whether nothing has to be fetched to encrypt for a device.
    pub(crate) fn has_session(&self, with: DeviceRef) -> bool {
        self.keys.sessions.get(&with).is_some_and(|record| record.current().is_some())
    }

    /// Starts a session from a bundle.
    pub(crate) fn start_session(&mut self, with: DeviceRef, bundle: &Bundle) -> Result<(), SignalError> {
        let bundle = signal::Bundle {
            registration_id: bundle.registration_id,
            identity: PublicKey::new(bundle.identity),
            signed_prekey: SignedPreKeyPublic {
                id: bundle.signed.id,
                public: PublicKey::new(bundle.signed.public),
                signature: bundle.signed.signature,
            },
            prekey: bundle.one_time.map(|(id, public)| PreKeyPublic { id, public: PublicKey::new(public) }),
        };
        let record = self.keys.sessions.entry(with).or_default();
        record.initiate(&self.keys.local, &bundle, &mut Drawn(&mut self.seed))
    }

    /// Drops the session with a device, so that the next message needs its bundle.
    pub(crate) fn drop_session(&mut self, with: DeviceRef) {
        if let Some(record) = self.keys.sessions.get_mut(&with) {
            record.archive_current();
        }
    }

    /// Pads and encrypts for one device.
    pub(crate) fn seal(&mut self, with: DeviceRef, plaintext: &[u8]) -> Result<Sealed, SignalError> {
        let mut padded = plaintext.to_vec();
        signal::pad(&mut padded, self.seed.bytes::<1>()[0]);
        let record = self.keys.sessions.entry(with).or_default();
        let sealed = signal::encrypt(record, &padded)?;
        Ok(Sealed { kind: sealed.kind.as_str(), bytes: sealed.bytes })
    }

    /// Decrypts and unpads what a device sent.
    pub(crate) fn open(
        &mut self,
        from: DeviceRef,
        kind: &str,
        bytes: &[u8],
    ) -> Result<Vec<u8>, DecryptError> {
        let Self { keys, seed, .. } = self;
        let record = keys.sessions.entry(from).or_default();
        let padded = if kind == "pkmsg" {
            let message = PreKeyMessage::parse(bytes)?;
            let one_time = message.prekey_id().and_then(|id| keys.one_time.get(&id));
            let signed = Some(&keys.signed);
            let opened = signal::decrypt_prekey_message(
                record,
                &message,
                &keys.local,
                signed,
                one_time,
                &mut Drawn(seed),
            )?;
            if let Some(id) = opened.used_prekey {
                keys.one_time.remove(&id);
            }
            opened.plaintext
        } else {
            signal::decrypt_message(record, bytes, &mut Drawn(seed))?
        };
        signal::unpad(&padded).map(<[u8]>::to_vec).map_err(|_| DecryptError::InvalidMessage)
    }

    /// Keys for a retry receipt: identity, one fresh one-time prekey, the signed prekey. Reference 04 §12.1.
    pub(crate) fn retry_keys(&mut self) -> Bundle {
        let fresh = self.keys.new_prekeys(1, &mut self.seed);
        let signed = &self.keys.signed;
        Bundle {
            registration_id: self.keys.local.registration_id,
            identity: *self.keys.identity(),
            signed: SignedPrekey {
                id: signed.id,
                public: *signed.pair.public.as_bytes(),
                signature: signed.signature,
            },
            one_time: fresh.into_iter().next(),
        }
    }
}

/// The phone's randomness as the Signal layer draws it.
pub(super) struct Drawn<'a>(pub(super) &'a mut Seed);

impl Draw for Drawn<'_> {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.bytes()
    }
}

/// One-time prekeys made at a time.
const POOL: u32 = 50;
