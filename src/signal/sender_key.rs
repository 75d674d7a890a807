//! The sender keys of one member of a group: their states, and the message that hands one to others.
//! Reference 04 §2, §7.
//!
//! A sender key is a chain that only its owner moves, and a signing key that proves it was the owner. Everybody
//! in the group holds the same chain, so a MAC would prove nothing.

use alloc::vec::Vec;

use thiserror::Error;

use super::Draw;
use super::chain::{ChainKey, MessageSeed, SkippedKey, append_skipped, first_out_of_order};
use super::error::{GroupError, WireFault};
use super::fields::{Fields, put_bytes, put_uint32};
use super::message::{VERSION_BYTE, fields_after_version};
use crate::crypto::{HmacKey, KeyPair, PrivateKey, PublicKey, Secret};
use crate::limits::{SENDER_KEY_STATES_MAX, SKIPPED_KEYS_MAX};

/// The sender keys of one member, newest first. Stored under the group and the member's device, as the stanza
/// names them: what a distribution message says about the group is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderKeyRecord(Vec<SenderKeyState>);

impl SenderKeyRecord {
    /// A record without sender keys.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A record from stored states, newest first; those beyond [`SENDER_KEY_STATES_MAX`] are dropped.
    #[must_use]
    pub fn from_states(mut states: Vec<SenderKeyState>) -> Self {
        states.truncate(SENDER_KEY_STATES_MAX);
        Self(states)
    }

    /// The states, newest first.
    #[must_use]
    pub fn states(&self) -> &[SenderKeyState] {
        &self.0
    }

    /// Whether messages under this key id can be tried.
    #[must_use]
    pub fn knows(&self, id: u32) -> bool {
        self.find(id).is_some()
    }

    /// Makes a new sender key of ours, which further messages are encrypted with: draws id, chain key and
    /// signing key. Everybody in the group needs its [`Self::distribution`].
    pub fn create(&mut self, draw: &mut impl Draw) {
        let id = Secret::new(draw.draw_32());
        let [a, b, c, d, ..] = *id.expose();
        let id = u32::from_le_bytes([a, b, c, d]) & OWN_ID_MAX;
        let chain = ChainKey::new(Secret::new(draw.draw_32()), 0);
        let signing = KeyPair::from_private(draw.draw_32());
        self.install(SenderKeyState(SenderKeyParts {
            id,
            chain,
            signing_public: signing.public,
            signing_edwards: Some(signing.private.edwards_public()),
            signing_private: Some(signing.private),
            skipped: Vec::new(),
            first: 0,
        }));
    }

    /// What others need to read what we encrypt from now on. To be taken before the message is encrypted that
    /// goes out with it.
    ///
    /// # Errors
    /// [`GroupError::NoSenderKey`] when we have made none.
    pub fn distribution(&self) -> Result<SenderKeyDistribution, GroupError> {
        let SenderKeyParts { id, chain, signing_public, .. } = &self.own().ok_or(GroupError::NoSenderKey)?.0;
        Ok(SenderKeyDistribution { id: *id, chain: chain.clone(), signing_key: *signing_public })
    }

    /// Takes a sender key that the member handed out. One that is known already keeps its place in its chain
    /// and its skipped keys; one with a known id and another signing key replaces the known one.
    pub fn process(&mut self, distribution: &SenderKeyDistribution) {
        let SenderKeyDistribution { id, chain, signing_key } = distribution;
        let known = self.find(*id).filter(|(_, state)| state.0.signing_public == *signing_key);
        let state = match known {
            Some((_, state)) => state.clone(),
            None => SenderKeyState(SenderKeyParts {
                id: *id,
                chain: chain.clone(),
                signing_public: *signing_key,
                signing_private: None,
                signing_edwards: None,
                skipped: Vec::new(),
                first: chain.index(),
            }),
        };
        self.install(state);
    }

    /// Puts a state in front, in place of the one with its id; the oldest goes when there are too many.
    fn install(&mut self, state: SenderKeyState) {
        self.0.retain(|known| known.0.id != state.0.id);
        self.0.truncate(SENDER_KEY_STATES_MAX - 1);
        self.0.insert(0, state);
    }

    /// The state with this id and its place.
    pub(super) fn find(&self, id: u32) -> Option<(usize, &SenderKeyState)> {
        self.0.iter().enumerate().find(|(_, state)| state.0.id == id)
    }

    /// The newest sender key of ours.
    pub(super) fn own(&self) -> Option<&SenderKeyState> {
        self.0.iter().find(|state| state.0.signing_private.is_some())
    }

    /// Takes a step of the own sender key.
    pub(super) fn move_own(&mut self, next: ChainKey) {
        if let Some(state) = self.0.iter_mut().find(|state| state.0.signing_private.is_some()) {
            state.0.chain = next;
        }
    }

    /// Takes the step that [`SenderKeyState::reach`] found in the state at this place.
    pub(super) fn commit(&mut self, place: usize, advance: SenderKeyAdvance) {
        let Some(SenderKeyState(parts)) = self.0.get_mut(place) else { return };
        match advance {
            SenderKeyAdvance::Late { key } if key < parts.skipped.len() => {
                parts.skipped.remove(key);
            }
            SenderKeyAdvance::Late { .. } => {}
            SenderKeyAdvance::Ahead { next, skipped } => {
                parts.chain = next;
                append_skipped(&mut parts.skipped, skipped);
            }
        }
    }
}

/// One sender key. It changes only by steps that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKeyState(SenderKeyParts);

/// The state of a sender key as plain data, for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKeyParts {
    /// Its id; ours have 31 bits.
    pub id: u32,
    /// The chain that all members hold; its index is the iteration of the next message.
    pub chain: ChainKey,
    /// Checks the signature of each message.
    pub signing_public: PublicKey,
    /// Signs our own messages; absent for keys of others.
    pub signing_private: Option<PrivateKey>,
    /// [`PrivateKey::edwards_public`] of our own, if it is at hand: it is taken anew for each message otherwise.
    pub signing_edwards: Option<[u8; 32]>,
    /// Seeds of messages not yet received, ascending, at most [`SKIPPED_KEYS_MAX`].
    pub skipped: Vec<SkippedKey>,
    /// Iteration of the first message that the key was handed out for: earlier ones were never readable here.
    pub first: u32,
}

/// Why parts are no sender key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderKeyPartsError {
    /// More skipped keys than [`SKIPPED_KEYS_MAX`].
    #[error("sender key has {0} skipped keys")]
    SkippedKeys(usize),
    /// Skipped keys that do not ascend, or that lie ahead of the chain.
    #[error("skipped key {0} is out of order")]
    SkippedOrder(u32),
    /// A first iteration that lies ahead of the chain.
    #[error("first iteration {0} is ahead of the chain")]
    First(u32),
}

impl SenderKeyState {
    /// A sender key from stored parts.
    ///
    /// # Errors
    /// [`SenderKeyPartsError`] when a limit or an order does not hold.
    pub fn from_parts(parts: SenderKeyParts) -> Result<Self, SenderKeyPartsError> {
        if parts.skipped.len() > SKIPPED_KEYS_MAX {
            return Err(SenderKeyPartsError::SkippedKeys(parts.skipped.len()));
        }
        if parts.first > parts.chain.index() {
            return Err(SenderKeyPartsError::First(parts.first));
        }
        match first_out_of_order(&parts.skipped, parts.chain.index()) {
            None => Ok(Self(parts)),
            Some(index) => Err(SenderKeyPartsError::SkippedOrder(index)),
        }
    }

    /// The state, to be stored.
    #[must_use]
    pub const fn parts(&self) -> &SenderKeyParts {
        &self.0
    }

    /// The seed of message `iteration`, and what taking it makes of this state.
    pub(super) fn reach(&self, iteration: u32) -> Result<(MessageSeed, SenderKeyAdvance), GroupError> {
        let SenderKeyParts { chain, skipped, first, .. } = &self.0;
        if iteration < *first {
            return Err(GroupError::EarlierMessage { iteration, first: *first });
        }
        if iteration >= chain.index() {
            let next = chain.index();
            let reach = chain.reach(iteration).map_err(|_| GroupError::FutureMessage { iteration, next })?;
            return Ok((reach.seed, SenderKeyAdvance::Ahead { next: reach.next, skipped: reach.skipped }));
        }
        let key = skipped.binary_search_by_key(&iteration, |skipped| skipped.index).ok();
        let (key, late) = key
            .and_then(|key| Some((key, skipped.get(key)?)))
            .ok_or(GroupError::DuplicateMessage { iteration })?;
        Ok((late.seed.clone(), SenderKeyAdvance::Late { key }))
    }
}

/// What an opened message makes of its sender key.
#[derive(Debug)]
pub(super) enum SenderKeyAdvance {
    /// A skipped key was used.
    Late { key: usize },
    /// The chain moved forward.
    Ahead { next: ChainKey, skipped: Vec<SkippedKey> },
}

/// What hands a sender key to another device, inside a message that is encrypted pairwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKeyDistribution {
    /// Id of the sender key.
    pub id: u32,
    /// The chain from the next message on.
    pub chain: ChainKey,
    /// Checks the signatures.
    pub signing_key: PublicKey,
}

impl SenderKeyDistribution {
    /// Reads `version || fields`.
    ///
    /// # Errors
    /// [`GroupError::BadVersion`], [`GroupError::Malformed`] or [`GroupError::InvalidKey`].
    pub fn parse(bytes: &[u8]) -> Result<Self, GroupError> {
        let mut fields = Fields::new(fields_after_version(bytes)?);
        let (mut id, mut iteration, mut chain_key, mut signing_key) = (None, None, None, None);
        while let Some((number, field)) = fields.read()? {
            match number {
                1 => id = Some(field.uint32(number)?),
                2 => iteration = Some(field.uint32(number)?),
                3 => chain_key = Some(field.bytes(number)?),
                4 => signing_key = Some(field.bytes(number)?),
                _ => {}
            }
        }
        let id = id.ok_or(WireFault::Missing(1))?;
        let iteration = iteration.ok_or(WireFault::Missing(2))?;
        let chain_key = Secret::from_slice(chain_key.ok_or(WireFault::Missing(3))?);
        let chain = ChainKey::new(chain_key.ok_or(WireFault::Length(3))?, iteration);
        let signing_key = PublicKey::from_serialized(signing_key.ok_or(WireFault::Missing(4))?)?;
        Ok(Self { id, chain, signing_key })
    }

    /// Its wire form, which holds the chain key in the clear: only for encryption.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(DISTRIBUTION_LEN_MAX);
        out.push(VERSION_BYTE);
        put_uint32(&mut out, 1, self.id);
        put_uint32(&mut out, 2, self.chain.index());
        put_bytes(&mut out, 3, self.chain.key().expose());
        put_bytes(&mut out, 4, &self.signing_key.serialized());
        out
    }
}

/// Cipher key and initial vector of one group message: the signature stands in for a MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMessageKeys {
    /// Initial vector of AES-256-CBC.
    pub iv: Secret<16>,
    /// Key of AES-256-CBC.
    pub cipher: Secret<32>,
}

impl GroupMessageKeys {
    /// The keys that follow from the seed of a message. Reference 04 §2.1.
    #[must_use]
    pub fn derive(seed: &MessageSeed) -> Self {
        let extracted = Secret::new(HmacKey::ZERO.sign(&[seed.expose()]));
        let [head, tail] = HmacKey::new(extracted.expose()).expand(GROUP_KEYS_INFO);
        let (head, tail) = (head.expose(), tail.expose());
        Self {
            iv: Secret::new(core::array::from_fn(|i| head[i])),
            cipher: Secret::new(core::array::from_fn(|i| if i < 16 { head[16 + i] } else { tail[i - 16] })),
        }
    }
}

const GROUP_KEYS_INFO: &[u8] = b"WhisperGroup";
/// Ids that we make have 31 bits, as those of all clients.
const OWN_ID_MAX: u32 = 0x7fff_ffff;
/// Version byte, two varints, two keys with their headers.
const DISTRIBUTION_LEN_MAX: usize = 1 + 2 * 6 + 34 + 35;
