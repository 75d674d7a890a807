//! What either end of a session encrypts next, the other end can read without asking again.
//!
//! Two devices that started sessions with each other at the same moment may for a while prefer different ones,
//! which is no fault: each end holds both. So the check is a probe in each direction, on copies of what is
//! stored: the next message of the one is encrypted as it would be, and must open at the other with what that
//! one holds. Besides, either end must know the other by its true identity key. A device that has no session to
//! send with starts one when it needs it.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use sanswire::crypto::{KeyPair, PublicKey};
use sanswire::signal::{
    self, CiphertextKind, DecryptError, Draw, Local, PreKey, PreKeyMessage, SessionRecord, SignedPreKey,
};
use sanswire::wire::Jid;
use sanswire::{Found, Table, Want, read_sessions};
use sanswire_proto::records::{Credentials, SessionRecord as Stored, StoreMeta};

use super::Broken;
use super::facts::is_active;
use crate::seed::Seed;
use crate::server::DeviceRef;
use crate::world::{Storage, Who, World};

/// Checks every pair of clients that have a session.
#[must_use]
pub fn sessions_equal(world: &World) -> Vec<Broken> {
    let mut details = Vec::new();
    let mut ends: BTreeMap<DeviceRef, End> = BTreeMap::new();
    for who in world.everybody().filter(|who| is_active(world, *who)) {
        let Some(device) = world.device(who) else { continue };
        match End::read(world, who) {
            Some(end) => drop(ends.insert(device, end)),
            None => details.push(format!("{} cannot read its own records", world[who].name)),
        }
    }
    let mut seed = Seed::new([0x5e; 32]);
    for (device, end) in &ends {
        for (other, sessions) in &end.sessions {
            let Some(far) = ends.get(other) else { continue };
            let draw = &mut Drawn(&mut seed);
            if let Err(why) = probe(sessions, device, far, &world[far.who].storage, draw) {
                let (from, to) = (&world[end.who].name, &world[far.who].name);
                details.push(format!("what {from} {device:?} sends next, {to} {other:?} cannot read: {why}"));
            }
        }
    }
    details.into_iter().map(|detail| Broken { rule: "sessions_equal", detail }).collect()
}

/// One device's part of all its sessions.
struct End {
    who: Who,
    local: Local,
    signed: Vec<SignedPreKey>,
    sessions: BTreeMap<DeviceRef, SessionRecord>,
}

impl End {
    fn read(world: &World, who: Who) -> Option<Self> {
        let storage = &world[who].storage;
        let credentials: Credentials = one(storage, Table::Credentials, &[])?;
        let identity = KeyPair::from_private(array(credentials.identity_private.as_ref())?);
        let stored = credentials.signed_prekey.iter().chain(&credentials.old_signed_prekeys);
        let stored = stored.chain(&credentials.new_signed_prekey);
        let signed = stored.map(|key| {
            let private = array(key.private.as_ref())?;
            Some(SignedPreKey::new(&identity, key.id(), private, &[0; 64]))
        });
        let signed = signed.collect::<Option<_>>()?;
        let epoch = one::<StoreMeta>(storage, Table::Meta, b"store")?.epoch();
        let mut sessions = BTreeMap::new();
        for (key, record) in rows(storage, Table::Session) {
            let jid = Jid::parse(core::str::from_utf8(&key).ok()?).ok()?;
            let Some(device) = world.server.device_named(&jid) else { continue };
            let stale = Stored::decode(record.slice(1..)).ok()?.epoch() < epoch;
            let mut read = read_sessions(record).ok()?;
            if stale {
                read.distrust();
            }
            // A record under the hidden id is the one in use: the other moves there or goes.
            if jid.is_lid() || !sessions.contains_key(&device) {
                sessions.insert(device, read);
            }
        }
        let registration_id = credentials.registration_id();
        Some(Self { who, local: Local { identity, registration_id }, signed, sessions })
    }
}

/// Encrypts with copies of what is stored, and opens the result at the other end.
fn probe(
    sessions: &SessionRecord,
    from: &DeviceRef,
    far: &End,
    storage: &Storage,
    draw: &mut Drawn<'_>,
) -> Result<(), String> {
    let Some(current) = sessions.current() else { return Ok(()) };
    let known: PublicKey = current.parts().remote_identity;
    if known != far.local.identity.public {
        return Err("it is known by another identity key".to_owned());
    }
    let mut near = sessions.clone();
    let sealed = signal::encrypt(&mut near, PROBE).map_err(|error| error.to_string())?;
    let mut held = far.sessions.get(from).cloned().unwrap_or_default();
    let opened = match sealed.kind {
        CiphertextKind::Message => signal::decrypt_message(&mut held, &sealed.bytes, draw),
        CiphertextKind::PreKey => open_first(&mut held, &sealed.bytes, far, storage, draw),
    };
    match opened {
        Ok(plaintext) if plaintext == PROBE => Ok(()),
        Ok(_) => Err("it reads as something else".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn open_first(
    held: &mut SessionRecord,
    bytes: &[u8],
    far: &End,
    storage: &Storage,
    draw: &mut Drawn<'_>,
) -> Result<Vec<u8>, DecryptError> {
    let message = PreKeyMessage::parse(bytes)?;
    let prekey = message.prekey_id().and_then(|id| {
        let stored: sanswire_proto::records::PreKey = one(storage, Table::PreKey, &id.to_be_bytes())?;
        Some(PreKey::new(stored.id(), array(stored.private.as_ref())?))
    });
    let signed = far.signed.iter().find(|key| key.id == message.signed_prekey_id());
    let opened = signal::decrypt_prekey_message(held, &message, &far.local, signed, prekey.as_ref(), draw)?;
    Ok(opened.plaintext)
}

/// All records of a table.
pub(super) fn rows(storage: &Storage, table: Table) -> Vec<(Vec<u8>, Bytes)> {
    let all = Want::Scan { table, from: Vec::new(), limit: u32::MAX };
    match storage.read(&[all]).pop() {
        Some(Found::Rows(rows)) => rows,
        _ => Vec::new(),
    }
}

/// One record of a table.
pub(super) fn one<M: prost::Message + Default>(storage: &Storage, table: Table, key: &[u8]) -> Option<M> {
    match storage.read(&[Want::Get { table, key: key.to_vec() }]).pop() {
        Some(Found::Value(Some(record))) if record.len() > 1 => M::decode(record.slice(1..)).ok(),
        _ => None,
    }
}

fn array(bytes: Option<&Bytes>) -> Option<[u8; 32]> {
    bytes?.as_ref().try_into().ok()
}

struct Drawn<'a>(&'a mut Seed);

impl Draw for Drawn<'_> {
    fn draw_32(&mut self) -> [u8; 32] {
        self.0.bytes()
    }
}

/// A padded plaintext.
const PROBE: &[u8] = b"probe\x01";
