//! One session with one device: the state of a double ratchet. Reference 04 §3, §4.

use alloc::vec::Vec;

use thiserror::Error;

use super::Draw;
use super::bundle::Bundle;
use super::chain::{ChainKey, MessageSeed, ReceivingChain, SkippedKey, first_out_of_order};
use super::cipher::{Ciphertext, CiphertextKind};
use super::error::{DecryptError, SignalError};
use super::identity::Local;
use super::message::{MESSAGE_VERSION, Outgoing, PreKeyMessage, SignalMessage, Wrapping};
use super::prekey::{PreKey, SignedPreKey};
use super::ratchet::RootKey;
use super::x3dh::{self, Agreement};
use crate::crypto::{CurveError, KeyPair, PublicKey};
use crate::limits::{RECEIVING_CHAINS_MAX, SKIPPED_KEYS_MAX};

/// The state of a session as plain data, for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionParts {
    /// Protocol version: 3.
    pub version: u8,
    /// Our identity when the session started.
    pub local_identity: PublicKey,
    /// The peer's identity when the session started.
    pub remote_identity: PublicKey,
    /// Our registration id when the session started.
    pub local_registration_id: u32,
    /// The peer's registration id when the session started; 0 is unknown.
    pub remote_registration_id: u32,
    /// The initiator's base key, which names the session.
    pub base_key: PublicKey,
    /// Key of the root chain.
    pub root: RootKey,
    /// Our ratchet key.
    pub ratchet: KeyPair,
    /// The chain of our ratchet key.
    pub sending: ChainKey,
    /// Last position used in our sending chain before this one; 0 when none was.
    pub previous_counter: u32,
    /// Chains of the peer's ratchet keys, oldest first, at most [`RECEIVING_CHAINS_MAX`].
    pub receiving: Vec<ReceivingChain>,
    /// Set by the initiator until the peer's first answer.
    pub pending_prekey: Option<PendingPreKey>,
    /// The sending chain may have been used further than it says, as this state comes from an older copy: it must
    /// not encrypt any more. The next ratchet step of the peer ends that.
    pub spent: bool,
}

/// The peer's prekeys that every message names until the peer has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingPreKey {
    /// The peer's one-time prekey, if there was one.
    pub prekey_id: Option<u32>,
    /// The peer's signed prekey.
    pub signed_prekey_id: u32,
}

/// Why parts are no session.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionPartsError {
    /// More receiving chains than [`RECEIVING_CHAINS_MAX`].
    #[error("session has {0} receiving chains")]
    ReceivingChains(usize),
    /// More skipped keys in one chain than [`SKIPPED_KEYS_MAX`].
    #[error("receiving chain has {0} skipped keys")]
    SkippedKeys(usize),
    /// Skipped keys that do not ascend, or that lie ahead of their chain.
    #[error("skipped key {0} is out of order")]
    SkippedOrder(u32),
    /// Another protocol version than 3.
    #[error("session version is {0}")]
    Version(u8),
}

/// A session. It changes only by steps that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState(SessionParts);

/// What an opened message makes of its session; owns all that it needs, so that trying changes nothing.
#[derive(Debug)]
pub(super) enum Advance {
    /// A skipped key was used.
    Late { chain: usize, key: usize },
    /// A chain moved forward.
    Ahead { chain: usize, next: ChainKey, skipped: Vec<SkippedKey> },
    /// The peer showed a new ratchet key.
    Turn { chain: ReceivingChain, ratchet: KeyPair, root: RootKey, sending: ChainKey },
}

impl SessionState {
    /// A session from stored parts.
    ///
    /// # Errors
    /// [`SessionPartsError`] when a limit or an order does not hold.
    pub fn from_parts(parts: SessionParts) -> Result<Self, SessionPartsError> {
        if parts.version != MESSAGE_VERSION {
            return Err(SessionPartsError::Version(parts.version));
        }
        if parts.receiving.len() > RECEIVING_CHAINS_MAX {
            return Err(SessionPartsError::ReceivingChains(parts.receiving.len()));
        }
        for chain in &parts.receiving {
            if chain.skipped.len() > SKIPPED_KEYS_MAX {
                return Err(SessionPartsError::SkippedKeys(chain.skipped.len()));
            }
            if let Some(index) = first_out_of_order(&chain.skipped, chain.next.index()) {
                return Err(SessionPartsError::SkippedOrder(index));
            }
        }
        Ok(Self(parts))
    }

    /// The state, to be stored.
    #[must_use]
    pub const fn parts(&self) -> &SessionParts {
        &self.0
    }

    /// The peer's identity.
    #[must_use]
    pub const fn remote_identity(&self) -> &PublicKey {
        &self.0.remote_identity
    }

    /// The peer's registration id; 0 is unknown.
    #[must_use]
    pub const fn remote_registration_id(&self) -> u32 {
        self.0.remote_registration_id
    }

    /// The initiator's base key, which names the session.
    #[must_use]
    pub const fn base_key(&self) -> &PublicKey {
        &self.0.base_key
    }

    /// Whether messages still go out as `pkmsg`.
    #[must_use]
    pub const fn is_unanswered(&self) -> bool {
        self.0.pending_prekey.is_some()
    }

    /// A session that we start: draws the base key, then our first ratchet key.
    pub(super) fn initiate(
        local: &Local,
        bundle: &Bundle,
        draw: &mut impl Draw,
    ) -> Result<Self, SignalError> {
        bundle.verify()?;
        let base = KeyPair::from_private(draw.draw_32());
        let ratchet = KeyPair::from_private(draw.draw_32());
        let signed_prekey = &bundle.signed_prekey;
        let Agreement { root, chain } = x3dh::initiate(&local.identity, &base.private, bundle)?;
        let (root, sending) = root.step(&ratchet.private, &signed_prekey.public)?;
        Ok(Self(SessionParts {
            version: MESSAGE_VERSION,
            local_identity: local.identity.public,
            remote_identity: bundle.identity,
            local_registration_id: local.registration_id,
            remote_registration_id: bundle.registration_id,
            base_key: base.public,
            root,
            ratchet,
            sending,
            previous_counter: 0,
            receiving: [ReceivingChain::new(signed_prekey.public, chain)].into(),
            pending_prekey: Some(PendingPreKey {
                prekey_id: bundle.usable_prekey().map(|key| key.id),
                signed_prekey_id: signed_prekey.id,
            }),
            spent: false,
        }))
    }

    /// A session that the sender of `message` started. Our signed prekey stands in for our ratchet key until
    /// the message inside was opened.
    pub(super) fn respond(
        local: &Local,
        message: &PreKeyMessage<'_>,
        signed_prekey: &SignedPreKey,
        prekey: Option<&PreKey>,
    ) -> Result<Self, CurveError> {
        let Agreement { root, chain } = x3dh::respond(
            &local.identity,
            signed_prekey,
            prekey,
            message.identity_key(),
            message.base_key(),
        )?;
        Ok(Self(SessionParts {
            version: MESSAGE_VERSION,
            local_identity: local.identity.public,
            remote_identity: *message.identity_key(),
            local_registration_id: local.registration_id,
            remote_registration_id: message.registration_id(),
            base_key: *message.base_key(),
            root,
            ratchet: signed_prekey.pair.clone(),
            sending: chain,
            previous_counter: 0,
            receiving: Vec::new(),
            pending_prekey: None,
            spent: false,
        }))
    }

    /// Whether the peer has shown this ratchet key in this session before.
    pub(super) fn has_chain(&self, ratchet_key: &PublicKey) -> bool {
        self.0.receiving.iter().any(|chain| chain.ratchet == *ratchet_key)
    }

    /// Encrypts under the next key of the sending chain.
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Result<Ciphertext, SignalError> {
        let parts = &mut self.0;
        let (seed, next) = parts.sending.step().ok_or(SignalError::ChainExhausted)?;
        let outgoing = Outgoing {
            ratchet_key: &parts.ratchet.public,
            counter: parts.sending.index(),
            previous_counter: parts.previous_counter,
            keys: &seed.keys(),
            sender: &parts.local_identity,
            receiver: &parts.remote_identity,
            plaintext,
        };
        let ciphertext = match parts.pending_prekey {
            None => Ciphertext { kind: CiphertextKind::Message, bytes: outgoing.encode() },
            Some(PendingPreKey { prekey_id, signed_prekey_id }) => {
                let wrapping = Wrapping {
                    prekey_id,
                    signed_prekey_id,
                    base_key: &parts.base_key,
                    registration_id: parts.local_registration_id,
                };
                Ciphertext { kind: CiphertextKind::PreKey, bytes: outgoing.encode_wrapped(&wrapping) }
            }
        };
        parts.sending = next;
        Ok(ciphertext)
    }

    /// Decrypts without changing anything; [`Self::commit`] takes the step. Draws only when the message
    /// opens a new chain and decrypts.
    pub(super) fn open(
        &self,
        message: &SignalMessage<'_>,
        draw: &mut impl Draw,
    ) -> Result<(Vec<u8>, Advance), DecryptError> {
        let mut chains = self.0.receiving.iter().enumerate().rev();
        let Some((index, chain)) = chains.find(|(_, chain)| chain.ratchet == *message.ratchet_key()) else {
            return self.open_turn(message, draw);
        };
        let counter = message.counter();
        if counter >= chain.next.index() {
            let reach = chain.next.reach(counter)?;
            let plaintext = self.open_body(message, &reach.seed)?;
            return Ok((
                plaintext,
                Advance::Ahead { chain: index, next: reach.next, skipped: reach.skipped },
            ));
        }
        let late = chain.skipped.binary_search_by_key(&counter, |skipped| skipped.index).ok();
        let (key, skipped) = late
            .and_then(|key| Some((key, chain.skipped.get(key)?)))
            .ok_or(DecryptError::DuplicateMessage { counter })?;
        let plaintext = self.open_body(message, &skipped.seed)?;
        Ok((plaintext, Advance::Late { chain: index, key }))
    }

    /// Takes the step that [`Self::open`] found.
    pub(super) fn commit(&mut self, advance: Advance) {
        let parts = &mut self.0;
        match advance {
            Advance::Late { chain, key } => {
                if let Some(chain) = parts.receiving.get_mut(chain)
                    && key < chain.skipped.len()
                {
                    chain.skipped.remove(key);
                }
            }
            Advance::Ahead { chain, next, skipped } => {
                if let Some(chain) = parts.receiving.get_mut(chain) {
                    chain.advance(next, skipped);
                }
            }
            Advance::Turn { chain, ratchet, root, sending } => {
                if parts.receiving.len() >= RECEIVING_CHAINS_MAX {
                    parts.receiving.remove(0);
                }
                parts.receiving.push(chain);
                parts.previous_counter = parts.sending.index().saturating_sub(1);
                parts.ratchet = ratchet;
                parts.root = root;
                parts.sending = sending;
                parts.spent = false;
            }
        }
        parts.pending_prekey = None;
    }

    /// Whether the sending chain must not be used; see [`SessionParts::spent`].
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.0.spent
    }

    /// Gives the sending chain up.
    pub(super) fn spend(&mut self) {
        self.0.spent = true;
    }

    /// Stops naming prekeys: a session that is archived is only taken up again once the peer used it.
    pub(super) fn forget_pending_prekey(&mut self) {
        self.0.pending_prekey = None;
    }

    /// Opens a message under a ratchet key not seen before: one root step to read, one with a fresh key of
    /// ours to answer.
    fn open_turn(
        &self,
        message: &SignalMessage<'_>,
        draw: &mut impl Draw,
    ) -> Result<(Vec<u8>, Advance), DecryptError> {
        let theirs = message.ratchet_key();
        let (root, fresh) = self.0.root.step(&self.0.ratchet.private, theirs)?;
        let reach = fresh.reach(message.counter())?;
        let plaintext = self.open_body(message, &reach.seed)?;
        let chain = ReceivingChain { ratchet: *theirs, next: reach.next, skipped: reach.skipped };
        let ratchet = KeyPair::from_private(draw.draw_32());
        let (root, sending) = root.step(&ratchet.private, theirs)?;
        Ok((plaintext, Advance::Turn { chain, ratchet, root, sending }))
    }

    fn open_body(&self, message: &SignalMessage<'_>, seed: &MessageSeed) -> Result<Vec<u8>, DecryptError> {
        message.open(&seed.keys(), &self.0.remote_identity, &self.0.local_identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;

    fn parts(chains: usize, skipped: core::ops::Range<u32>, next: u32) -> SessionParts {
        let pair = KeyPair::from_private([1; 32]);
        let chain = |fill| ChainKey::new(Secret::new([fill; 32]), next);
        let key = |index| SkippedKey { index, seed: MessageSeed::new(Secret::new([3; 32])) };
        let receiving =
            ReceivingChain { ratchet: pair.public, next: chain(2), skipped: skipped.map(key).collect() };
        SessionParts {
            version: MESSAGE_VERSION,
            local_identity: pair.public,
            remote_identity: pair.public,
            local_registration_id: 1,
            remote_registration_id: 2,
            base_key: pair.public,
            root: RootKey::new(Secret::new([4; 32])),
            ratchet: pair,
            sending: chain(5),
            previous_counter: 0,
            receiving: core::iter::repeat_n(receiving, chains).collect(),
            pending_prekey: None,
            spent: false,
        }
    }

    #[test]
    fn parts_beyond_a_limit_are_no_session() {
        let refused = |parts| SessionState::from_parts(parts).err();
        let limit = u32::try_from(SKIPPED_KEYS_MAX).unwrap_or(u32::MAX);
        assert_eq!(refused(parts(RECEIVING_CHAINS_MAX, 0..limit, limit)), None);
        let chains = RECEIVING_CHAINS_MAX + 1;
        assert_eq!(refused(parts(chains, 0..1, 1)), Some(SessionPartsError::ReceivingChains(chains)));
        let keys = SKIPPED_KEYS_MAX + 1;
        assert_eq!(refused(parts(1, 0..limit + 1, limit + 1)), Some(SessionPartsError::SkippedKeys(keys)));
        assert_eq!(refused(parts(1, 0..2, 1)), Some(SessionPartsError::SkippedOrder(1)));
        let other = SessionParts { version: 4, ..parts(1, 0..0, 0) };
        assert_eq!(refused(other), Some(SessionPartsError::Version(4)));
    }
}
