//! The primary device of an account: links companions, shares keys, keeps the messages. Reference 14 §8.
//!
//! A phone knows nothing of sockets or stanza routing: the server hands it what is addressed to device 0 and
//! carries what it makes. Its sessions, signatures and prekeys are real.

mod groups;
mod history;
mod keys;
mod link_code;
mod messages;
mod passkey;
mod resend;
mod scan;

pub(crate) use history::Person;
pub(crate) use messages::{Heard, Incoming};
pub(crate) use passkey::PasskeyRefusal;
pub(crate) use scan::{Companion, QrCode, QrError};

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::seed::Seed;

use groups::SenderKeys;
use history::SyncKey;
use keys::PhoneKeys;
use link_code::TypedCode;
use messages::MessageStore;
use passkey::{Opening, Passkey};
use scan::LinkedDevices;

/// One account's phone.
pub(crate) struct Phone {
    keys: PhoneKeys,
    linked: LinkedDevices,
    sync_key: SyncKey,
    messages: MessageStore,
    sender_keys: SenderKeys,
    /// Retries asked for per message id.
    retries: BTreeMap<String, u64>,
    /// The link code that was typed last.
    typed: Option<TypedCode>,
    /// The owner's passkey.
    passkey: Passkey,
    /// A companion that links with it.
    opening: Option<Opening>,
    /// Why the last companion could not be linked, as the phone shows it.
    pub(crate) link_trouble: Option<String>,
    seed: Seed,
    /// It took the place of another: what is on its way may be encrypted for that one.
    replaces: bool,
}

impl Phone {
    /// A phone fresh out of its box, registered at `now`.
    pub(crate) fn new(mut seed: Seed, now: Time) -> Self {
        let keys = PhoneKeys::draw(&mut seed);
        let linked = LinkedDevices::new(&mut seed, now);
        let sync_key = SyncKey::draw(&mut seed, now);
        let passkey = Passkey::draw(&mut seed.fork_for("passkey"));
        Self {
            keys,
            linked,
            sync_key,
            messages: MessageStore::default(),
            sender_keys: SenderKeys::default(),
            retries: BTreeMap::new(),
            typed: None,
            passkey,
            opening: None,
            link_trouble: None,
            seed,
            replaces: false,
        }
    }

    /// The next phone of the same person: new keys, no companions, the old messages from a backup.
    pub(crate) fn successor(self, seed: Seed, now: Time) -> Self {
        Self { messages: self.messages, replaces: true, ..Self::new(seed, now) }
    }

    /// Whether everybody has known its keys from the start.
    pub(crate) const fn is_first(&self) -> bool {
        !self.replaces
    }

    /// A message id such as phones make.
    pub(crate) fn fresh_message_id(&mut self) -> String {
        let random: [u8; 9] = self.seed.bytes();
        random.iter().fold(String::from("3EB0"), |id, byte| id + &format!("{byte:02X}"))
    }
}
