//! Symmetric chains: one key per message, forward only. Reference 04 §2.1, §4.

use alloc::vec::Vec;

use super::error::DecryptError;
use crate::crypto::{HmacKey, PublicKey, Secret};
use crate::limits::{SIGNAL_JUMP_MAX, SKIPPED_KEYS_MAX};

/// The key from which all further message keys of a chain follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainKey {
    key: Secret<32>,
    index: u32,
}

impl ChainKey {
    /// A chain whose next message has position `index`.
    #[must_use]
    pub const fn new(key: Secret<32>, index: u32) -> Self {
        Self { key, index }
    }

    /// The secret itself, for records.
    #[must_use]
    pub const fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// Position of the next message.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The seed of the next message, and the chain after it; `None` once positions are used up.
    #[must_use]
    pub fn step(&self) -> Option<(MessageSeed, Self)> {
        let index = self.index.checked_add(1)?;
        let schedule = HmacKey::new(self.key.expose());
        let seed = MessageSeed::new(Secret::new(schedule.sign(&[&[MESSAGE_LABEL]])));
        Some((seed, Self { key: Secret::new(schedule.sign(&[&[CHAIN_LABEL]])), index }))
    }

    /// The seed of message `counter`, which must not lie behind, and what passing over the messages before
    /// it leaves.
    ///
    /// # Errors
    /// [`DecryptError::FutureMessage`] beyond [`SIGNAL_JUMP_MAX`] skipped messages, or at the last position.
    pub(super) fn reach(&self, counter: u32) -> Result<Reach, DecryptError> {
        let future = DecryptError::FutureMessage { counter, next: self.index };
        let gap = counter.saturating_sub(self.index);
        if gap > SIGNAL_JUMP_MAX {
            return Err(future);
        }
        let (mut seed, mut next) = self.step().ok_or(future)?;
        let kept_from = counter.saturating_sub(u32::try_from(SKIPPED_KEYS_MAX).unwrap_or(u32::MAX));
        let mut skipped = Vec::with_capacity(SKIPPED_KEYS_MAX.min(gap as usize));
        for index in self.index..counter {
            if index >= kept_from {
                skipped.push(SkippedKey { index, seed });
            }
            (seed, next) = next.step().ok_or(future)?;
        }
        Ok(Reach { seed, next, skipped })
    }
}

/// Where a chain stands once a message ahead was taken from it.
pub(super) struct Reach {
    /// Seed of the message.
    pub(super) seed: MessageSeed,
    /// The chain after the message.
    pub(super) next: ChainKey,
    /// Messages passed over, ascending; only the last [`SKIPPED_KEYS_MAX`].
    pub(super) skipped: Vec<SkippedKey>,
}

/// The 32 bytes from which the keys of one message are derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSeed(Secret<32>);

impl MessageSeed {
    /// A seed from its bytes.
    #[must_use]
    pub const fn new(seed: Secret<32>) -> Self {
        Self(seed)
    }

    /// The bytes, for records.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The keys of the message.
    #[must_use]
    pub fn keys(&self) -> MessageKeys {
        let extracted = Secret::new(HmacKey::ZERO.sign(&[self.expose()]));
        let [cipher, mac, tail] = HmacKey::new(extracted.expose()).expand(MESSAGE_KEYS_INFO);
        let iv = Secret::new(core::array::from_fn(|i| tail.expose()[i]));
        MessageKeys { cipher, mac, iv }
    }
}

/// Cipher key, MAC key and initial vector of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageKeys {
    /// Key of AES-256-CBC.
    pub cipher: Secret<32>,
    /// Key of the MAC.
    pub mac: Secret<32>,
    /// Initial vector of AES-256-CBC.
    pub iv: Secret<16>,
}

/// The seed of a message that others overtook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Position of the message in its chain.
    pub index: u32,
    /// Its seed.
    pub seed: MessageSeed,
}

/// The messages that a peer sends under one of its ratchet keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivingChain {
    /// The peer's ratchet key.
    pub ratchet: PublicKey,
    /// The chain after the latest message.
    pub next: ChainKey,
    /// Seeds of messages not yet received, ascending, at most [`SKIPPED_KEYS_MAX`].
    pub skipped: Vec<SkippedKey>,
}

impl ReceivingChain {
    /// A chain that no message was taken from.
    #[must_use]
    pub const fn new(ratchet: PublicKey, next: ChainKey) -> Self {
        Self { ratchet, next, skipped: Vec::new() }
    }

    /// Moves on to `next`, keeping `skipped`; the oldest skipped keys go when there are too many.
    pub(super) fn advance(&mut self, next: ChainKey, skipped: Vec<SkippedKey>) {
        self.next = next;
        append_skipped(&mut self.skipped, skipped);
    }
}

/// Appends newer skipped keys; the oldest go when there are more than [`SKIPPED_KEYS_MAX`].
pub(super) fn append_skipped(kept: &mut Vec<SkippedKey>, newer: Vec<SkippedKey>) {
    if kept.is_empty() {
        *kept = newer;
    } else {
        let surplus = (kept.len() + newer.len()).saturating_sub(SKIPPED_KEYS_MAX);
        kept.drain(..surplus.min(kept.len()));
        kept.extend(newer);
    }
}

/// The first of the stored skipped keys that does not ascend, or does not lie behind `next`.
pub(super) fn first_out_of_order(skipped: &[SkippedKey], next: u32) -> Option<u32> {
    let mut free = 0;
    for SkippedKey { index, .. } in skipped {
        if *index < free || *index >= next {
            return Some(*index);
        }
        free = index + 1;
    }
    None
}

const MESSAGE_LABEL: u8 = 1;
const CHAIN_LABEL: u8 = 2;
const MESSAGE_KEYS_INFO: &[u8] = b"WhisperMessageKeys";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn chain(index: u32) -> ChainKey {
        ChainKey::new(Secret::new([1; 32]), index)
    }

    #[test]
    fn a_jump_is_accepted_up_to_its_limit() {
        let reach = chain(7).reach(7 + SIGNAL_JUMP_MAX).unwrap();
        assert_eq!(reach.next.index(), 8 + SIGNAL_JUMP_MAX);
        let refused = DecryptError::FutureMessage { counter: 8 + SIGNAL_JUMP_MAX, next: 7 };
        assert_eq!(chain(7).reach(8 + SIGNAL_JUMP_MAX).err(), Some(refused));
    }

    #[test]
    fn only_the_newest_skipped_keys_are_kept() {
        let limit = u32::try_from(SKIPPED_KEYS_MAX).unwrap();
        assert_eq!(chain(0).reach(limit).unwrap().skipped.len(), SKIPPED_KEYS_MAX);
        let mut receiving = ReceivingChain::new(PublicKey::new([9; 32]), chain(0));
        let reach = receiving.next.reach(limit + 1).unwrap();
        receiving.advance(reach.next, reach.skipped);
        let span = |chain: &ReceivingChain| {
            (chain.skipped.first().unwrap().index, chain.skipped.last().unwrap().index, chain.skipped.len())
        };
        assert_eq!(span(&receiving), (1, limit, SKIPPED_KEYS_MAX));
        let reach = receiving.next.reach(limit + 4).unwrap();
        receiving.advance(reach.next, reach.skipped);
        assert_eq!(span(&receiving), (3, limit + 3, SKIPPED_KEYS_MAX));
    }

    #[test]
    fn a_skipped_seed_is_the_seed_of_its_message() {
        let reach = chain(0).reach(3).unwrap();
        let mut next = chain(0);
        for skipped in &reach.skipped {
            let (seed, after) = next.step().unwrap();
            assert_eq!((skipped.index, &skipped.seed), (next.index(), &seed));
            next = after;
        }
        assert_eq!(next.step().unwrap(), (reach.seed, reach.next));
    }

    #[test]
    fn the_last_position_is_never_used() {
        assert!(chain(u32::MAX).step().is_none());
        let refused = DecryptError::FutureMessage { counter: u32::MAX, next: u32::MAX - 1 };
        assert_eq!(chain(u32::MAX - 1).reach(u32::MAX).err(), Some(refused));
    }
}
