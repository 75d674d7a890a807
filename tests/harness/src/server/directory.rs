//! Accounts and devices: who exists under which phone number and hidden id. Reference 14 §6, §19.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::crypto::mac::sha256;
use sanswire::wire::{Jid, OwnedJid};

use super::accept::ConnId;
use super::offline::Queue;
use super::prekeys::PublishedKeys;
use crate::clock::Time;
use crate::seed::Seed;

/// Number of an account on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// One device of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceRef {
    /// Whose device.
    pub account: AccountId,
    /// Its number; 0 is the phone, or the first client in the compatibility layout.
    pub device: u16,
}

/// The two name spaces in which every device has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// Phone number, `s.whatsapp.net`.
    Pn,
    /// Hidden id, `lid`.
    Lid,
}

impl Form {
    /// The name space that `jid` is written in.
    pub(crate) fn of(jid: &Jid<'_>) -> Self {
        if jid.is_lid() { Self::Lid } else { Self::Pn }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Pn => Self::Lid,
            Self::Lid => Self::Pn,
        }
    }
}

/// One account as the server knows it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    /// Phone number, digits only.
    pub(crate) pn: String,
    /// Hidden id, 15 digits.
    pub(crate) lid: String,
    /// The push name that registrations find the account by.
    pub(crate) key_name: String,
    /// The name shown to others: last presence, else the registration's.
    pub(crate) name: String,
    pub(crate) created: Time,
    /// False in the compatibility layout, where the first client is device 0.
    pub(crate) phone_is_device_zero: bool,
    pub(crate) devices: BTreeMap<u16, Device>,
    pub(crate) next_device: u16,
    /// Accounts that ever exchanged a message with this one: they hear of its device changes.
    pub(crate) contacts: BTreeSet<AccountId>,
    pub(crate) privacy: BTreeMap<String, String>,
    pub(crate) blocked: BTreeSet<AccountId>,
    pub(crate) disappearing: (u64, u64),
    pub(crate) last_seen: Option<Time>,
}

/// One device as the server knows it.
#[derive(Debug)]
pub(crate) struct Device {
    /// The Noise static key that logs in as this device; `None` for the phone.
    pub(crate) noise: Option<[u8; 32]>,
    pub(crate) keys: PublishedKeys,
    /// Index in the account's signed list; 0 for the phone.
    pub(crate) key_index: u32,
    /// `ADVSignedDeviceIdentity` with both signatures and the account key; empty for the phone.
    pub(crate) identity: Vec<u8>,
    pub(crate) conn: Option<ConnId>,
    pub(crate) queue: Queue,
    pub(crate) available: bool,
    /// How much of its first peer messages the phone has sent.
    pub(crate) welcome: Welcome,
    /// Users whose presence this device asked for, in the form it used.
    pub(crate) subscriptions: BTreeMap<AccountId, Form>,
    /// Chat states that came while the device was away, by sender and chat.
    pub(crate) chat_states: BTreeMap<(AccountId, String), (Time, super::Stanza)>,
}

/// What a new companion has got from the phone. Reference 14 §8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// Nothing yet.
    Due,
    /// The app-state key; the first history follows the offline end marker.
    KeyShared,
    /// Everything.
    Complete,
}

impl Account {
    /// The address of one device in one name space.
    pub(crate) fn jid(&self, device: u16, form: Form) -> OwnedJid {
        match form {
            Form::Pn => Jid::pn(self.pn.clone(), device),
            Form::Lid => Jid::lid(self.lid.clone(), device),
        }
    }

    /// The account's address without a device.
    pub(crate) fn bare(&self, form: Form) -> OwnedJid {
        self.jid(0, form)
    }

    /// All devices of the account, the phone first.
    pub(crate) fn device_refs(&self) -> Vec<DeviceRef> {
        self.devices.keys().map(|&device| DeviceRef { account: self.id, device }).collect()
    }

    /// Whether `device` is the simulated phone rather than a client.
    pub(crate) fn is_phone(&self, device: u16) -> bool {
        device == 0 && self.phone_is_device_zero
    }

    /// Clients linked to the account.
    pub(crate) fn companions(&self) -> impl Iterator<Item = (u16, &Device)> {
        self.devices.iter().filter(|(id, _)| !self.is_phone(**id)).map(|(id, device)| (*id, device))
    }

    /// Whether any device has announced itself available.
    pub(crate) fn available(&self) -> bool {
        self.devices.values().any(|device| device.available)
    }
}

/// All accounts and the names they are found by.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    accounts: BTreeMap<AccountId, Account>,
    by_pn: BTreeMap<String, AccountId>,
    by_lid: BTreeMap<String, AccountId>,
    by_name: BTreeMap<String, AccountId>,
    /// Noise and identity keys of removed devices: they may not register again.
    retired: BTreeSet<[u8; 32]>,
    created: u32,
}

impl Directory {
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub(crate) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(&id)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn accounts_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.accounts.values_mut()
    }

    pub(crate) fn device(&self, at: DeviceRef) -> Option<&Device> {
        self.account(at.account)?.devices.get(&at.device)
    }

    pub(crate) fn device_mut(&mut self, at: DeviceRef) -> Option<&mut Device> {
        self.account_mut(at.account)?.devices.get_mut(&at.device)
    }

    /// The account that a user address names, whatever its device part.
    pub(crate) fn resolve(&self, jid: &Jid<'_>) -> Option<AccountId> {
        let book = if jid.is_lid() {
            &self.by_lid
        } else if jid.is_pn() {
            &self.by_pn
        } else {
            return None;
        };
        book.get(jid.user()).copied()
    }

    /// The device that an address names, if it exists.
    pub(crate) fn resolve_device(&self, jid: &Jid<'_>) -> Option<DeviceRef> {
        let account = self.resolve(jid)?;
        let at = DeviceRef { account, device: jid.device() };
        self.device(at).map(|_| at)
    }

    /// The account of a phone number or of a push name, for people at the keyboard.
    pub(crate) fn look_up(&self, who: &str) -> Option<AccountId> {
        let digits = who.trim_start_matches('+').split(['@', ':']).next().unwrap_or(who);
        self.by_pn.get(digits).or_else(|| self.by_lid.get(digits)).or_else(|| self.by_name.get(who)).copied()
    }

    /// The account that registrations under `name` belong to.
    pub(crate) fn by_name(&self, name: &str) -> Option<AccountId> {
        self.by_name.get(name).copied()
    }

    /// Creates an account; a registration without a name gets a generated one. Reference 14 §6.1.
    pub(crate) fn create(&mut self, name: Option<&str>, phone_is_device_zero: bool, now: Time) -> AccountId {
        self.create_numbered(name, None, phone_is_device_zero, now)
    }

    /// Creates an account with a number of one's choice.
    pub(crate) fn create_numbered(
        &mut self,
        name: Option<&str>,
        number: Option<&str>,
        phone_is_device_zero: bool,
        now: Time,
    ) -> AccountId {
        self.created += 1;
        let id = AccountId(self.created);
        let name = name.map_or_else(|| self.free_name(), str::to_owned);
        let pn = number
            .map_or_else(|| Self::free_number(&self.by_pn, &name, "pn", 10_000_000, "1555"), str::to_owned);
        let lid = Self::free_number(&self.by_lid, &name, "lid", 100_000_000_000_000, "1");
        self.by_pn.insert(pn.clone(), id);
        self.by_lid.insert(lid.clone(), id);
        self.by_name.insert(name.clone(), id);
        let account = Account {
            id,
            pn,
            lid,
            key_name: name.clone(),
            name,
            created: now,
            phone_is_device_zero,
            devices: BTreeMap::new(),
            next_device: u16::from(phone_is_device_zero),
            contacts: BTreeSet::new(),
            privacy: BTreeMap::new(),
            blocked: BTreeSet::new(),
            disappearing: (0, 0),
            last_seen: None,
        };
        self.accounts.insert(id, account);
        id
    }

    /// Bars the keys of a removed device. Reference 02 §8.
    pub(crate) fn retire_keys(&mut self, keys: impl IntoIterator<Item = [u8; 32]>) {
        self.retired.extend(keys);
    }

    pub(crate) fn is_retired(&self, key: &[u8; 32]) -> bool {
        self.retired.contains(key)
    }

    fn free_name(&self) -> String {
        (self.created..)
            .map(|n| format!("Sim User {n}"))
            .find(|name| !self.by_name.contains_key(name))
            .unwrap_or_default()
    }

    /// A number that depends on the name alone, so that it survives restarts, moved on while it is taken.
    fn free_number(
        taken: &BTreeMap<String, AccountId>,
        name: &str,
        kind: &str,
        span: u64,
        prefix: &str,
    ) -> String {
        let hash = sha256(&[kind.as_bytes(), b":", name.as_bytes()]);
        let mut at = hash.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)) % span;
        let width = span.ilog10() as usize;
        loop {
            let number = format!("{prefix}{at:0width$}");
            if !taken.contains_key(&number) {
                return number;
            }
            at = (at + 1) % span;
        }
    }
}

impl Device {
    /// A device record with nothing queued and nobody connected.
    pub(crate) fn new(
        noise: Option<[u8; 32]>,
        keys: PublishedKeys,
        key_index: u32,
        identity: Vec<u8>,
    ) -> Self {
        Self {
            noise,
            keys,
            key_index,
            identity,
            conn: None,
            queue: Queue::default(),
            available: false,
            welcome: Welcome::Due,
            subscriptions: BTreeMap::new(),
            chat_states: BTreeMap::new(),
        }
    }
}

/// 16 random bytes as hex, for refs.
pub(crate) fn random_token(seed: &mut Seed) -> String {
    seed.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_the_name_alone_and_never_collide() {
        let (mut one, mut two) = (Directory::default(), Directory::default());
        let a = one.create(Some("alice"), true, Time(0));
        two.create(Some("bob"), true, Time(0));
        let b = two.create(Some("alice"), true, Time(0));
        let (a, b) = (one.account(a).map(|a| a.pn.clone()), two.account(b).map(|a| a.pn.clone()));
        assert_eq!(a, b);
        let pn = a.unwrap_or_default();
        assert!(pn.len() == 11 && pn.starts_with("1555"), "{pn}");
        let lids: BTreeSet<_> = (0..200).map(|_| one.create(None, true, Time(0))).collect();
        assert_eq!(lids.len(), 200);
        assert!(one.accounts().all(|account| account.lid.len() == 15));
    }
}
