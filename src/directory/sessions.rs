//! Where a device's session and identity are stored, and how they move when its LID becomes known.
//! Reference 03 §13, 04 §14, §15.

use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::{Identity, SessionRecord as StoredSessions};

use crate::crypto::PublicKey;
use crate::directory::{adv, lid};
use crate::engine::{Stop, Turn};
use crate::entropy::Entropy;
use crate::records::{Record, RecordError, Table, signal};
use crate::signal::{Draw, SessionRecord};
use crate::wire::{Jid, OwnedJid};

impl Record for StoredSessions {
    const TABLE: Table = Table::Session;
}

impl Record for Identity {
    const TABLE: Table = Table::Identity;
}

impl Draw for Entropy {
    fn draw_32(&mut self) -> [u8; 32] {
        self.bytes()
    }
}

/// The address under which a device's session is kept: its LID once that is known, its number before. What
/// was stored under the number moves to the LID in the same transaction; a session that is under the LID
/// already is newer and stays.
pub(crate) fn address_of(cx: &mut Turn<'_>, device: &Jid<'_>) -> Result<OwnedJid, Stop> {
    if !device.is_pn() {
        return Ok(device.clone().into_owned());
    }
    let Some(lid) = lid::lid_of(cx, device)? else { return Ok(device.clone().into_owned()) };
    let address = lid.with_device(device.device()).into_owned();
    let (from, to) = (key(device), key(&address));
    cx.prefetch(&[
        (Table::Session, from.clone()),
        (Table::Session, to.clone()),
        (Table::Identity, from.clone()),
        (Table::Identity, to.clone()),
    ])?;
    if let Some(session) = cx.get::<StoredSessions>(&from)? {
        if cx.get::<StoredSessions>(&to)?.is_none() {
            cx.put(&to, &session);
        }
        cx.delete(Table::Session, &from);
    }
    if let Some(identity) = cx.get::<Identity>(&from)? {
        if cx.get::<Identity>(&to)?.is_none() {
            cx.put(&to, &identity);
        }
        cx.delete(Table::Identity, &from);
    }
    Ok(address)
}

/// The addresses of several devices; what they move is loaded at once.
pub(crate) fn addresses_of(cx: &mut Turn<'_>, devices: &[OwnedJid]) -> Result<Vec<OwnedJid>, Stop> {
    let numbers = || devices.iter().filter(|device| device.is_pn());
    cx.prefetch(&numbers().map(|device| lid::record_key(device)).collect::<Vec<_>>())?;
    let mut wanted = Vec::new();
    for device in numbers() {
        if let Some(lid) = lid::lid_of(cx, device)? {
            wanted.extend(record_keys(device));
            wanted.extend(record_keys(&lid.with_device(device.device())));
        }
    }
    cx.prefetch(&wanted)?;
    devices.iter().map(|device| address_of(cx, device)).collect()
}

/// Where the sessions and the identity of an address are stored.
pub(crate) fn record_keys(address: &Jid<'_>) -> [(Table, Vec<u8>); 2] {
    [(Table::Session, key(address)), (Table::Identity, key(address))]
}

/// The sessions with a device; none when nothing readable is stored.
pub(crate) fn load(cx: &mut Turn<'_>, address: &Jid<'_>) -> Result<SessionRecord, Stop> {
    match cx.get::<StoredSessions>(&key(address)) {
        Ok(record) => {
            let written = record.as_ref().map_or(0, StoredSessions::epoch);
            let mut sessions = read(record)?;
            if written < cx.memory.epoch {
                sessions.distrust();
            }
            Ok(sessions)
        }
        // An unreadable record is as good as none: a new session repairs it.
        Err(Stop::Record(_)) => Ok(SessionRecord::new()),
        Err(stop) => Err(stop),
    }
}

/// The sessions with several devices, loaded at once.
pub(crate) fn load_all(cx: &mut Turn<'_>, addresses: &[OwnedJid]) -> Result<Vec<SessionRecord>, Stop> {
    let keys: Vec<_> = addresses.iter().map(|address| (Table::Session, key(address))).collect();
    cx.prefetch(&keys)?;
    addresses.iter().map(|address| load(cx, address)).collect()
}

/// Stores the sessions with a device.
pub(crate) fn save(cx: &mut Turn<'_>, address: &Jid<'_>, sessions: &SessionRecord) {
    let epoch = Some(cx.memory.epoch).filter(|epoch| *epoch > 0);
    cx.put(&key(address), &StoredSessions { epoch, ..signal::session_to(sessions) });
}

/// Forgets the sessions with a device.
pub(crate) fn forget(cx: &mut Turn<'_>, address: &Jid<'_>) {
    cx.delete(Table::Session, &key(address));
}

/// The identity key that a device was last known by; none when an older copy of the storage was put back since,
/// as the device may have changed its key meanwhile and said so only once.
pub(crate) fn identity(cx: &mut Turn<'_>, address: &Jid<'_>) -> Result<Option<PublicKey>, Stop> {
    let stored = cx.get::<Identity>(&key(address))?;
    let stored = stored.filter(|identity| identity.epoch() >= cx.memory.epoch);
    Ok(stored.and_then(|identity| signal::identity_from(&identity).ok()))
}

/// Remembers the identity key of a device; call it only once the key has proved itself.
pub(crate) fn remember_identity(
    cx: &mut Turn<'_>,
    address: &Jid<'_>,
    identity: &PublicKey,
) -> Result<(), Stop> {
    if self::identity(cx, address)? == Some(*identity) {
        return Ok(());
    }
    let record = Identity {
        key: Some(Bytes::copy_from_slice(identity.as_bytes())),
        first_seen_unix_s: Some(cx.now.unix.seconds()),
        epoch: Some(cx.memory.epoch).filter(|epoch| *epoch > 0),
        ..Identity::default()
    };
    cx.put(&key(address), &record);
    Ok(())
}

/// Whether a companion's device identity holds for its identity key, and comes from the account whose primary
/// device is known. Without a known primary the account's own key is adopted. Reference 04 §11.
pub(crate) fn vouches(proof: &[u8], identity: &PublicKey, primary: Option<&PublicKey>) -> bool {
    match adv::verify_device_identity(proof, identity, primary) {
        Ok(account) => primary.is_none_or(|primary| *primary == account),
        Err(adv::AdvError::NoAccountKey) => true,
        Err(_) => false,
    }
}

/// Forgets the identity key of a device.
pub(crate) fn forget_identity(cx: &mut Turn<'_>, address: &Jid<'_>) {
    cx.delete(Table::Identity, &key(address));
}

fn read(record: Option<StoredSessions>) -> Result<SessionRecord, Stop> {
    let sessions = record.map(|record| signal::session_from(&record));
    match sessions {
        None => Ok(SessionRecord::new()),
        Some(Ok(sessions)) => Ok(sessions),
        Some(Err(RecordError { .. })) => Ok(SessionRecord::new()),
    }
}

fn key(address: &Jid<'_>) -> Vec<u8> {
    address.text().into_bytes()
}
