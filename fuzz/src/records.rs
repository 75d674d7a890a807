//! Records from arbitrary bytes, and sessions with arbitrary numbers.

use arbitrary::{Result, Unstructured};
use sanswire::crypto::{KeyPair, PublicKey, Secret};
use sanswire::limits::{RECEIVING_CHAINS_MAX, SIGNAL_JUMP_MAX};
use sanswire::signal::chain::{ChainKey, MessageSeed, ReceivingChain, SkippedKey};
use sanswire::signal::ratchet::RootKey;
use sanswire::signal::{
    PendingPreKey, PreKeyMessage, SessionParts, SessionRecord, SessionState, SignalError, SignalMessage,
    decrypt_message, encrypt,
};
use sanswire::{Table, canonical_record};
use std::sync::LazyLock;

use super::signal::Counting;

/// The first byte is the table, or beyond them all a session with arbitrary numbers; the second says under which
/// of the two keys of table `meta`; the rest is the record.
pub fn records(input: &[u8]) {
    let [table, key, record @ ..] = input else { return };
    match Table::from_number(*table % (Table::ALL.len() as u8 + 2)) {
        Some(table) => record_of(table, if key % 2 == 0 { b"store" } else { b"messaging" }, record),
        None => drop(session(&mut Unstructured::new(record))),
    }
}

/// What can be read has one form, and that reads as the same.
fn record_of(table: Table, key: &[u8], record: &[u8]) {
    let canonical = |record: &[u8]| canonical_record(table, key, record.to_vec().into());
    // Without its version byte most of what the fuzzer makes would be refused at the first byte.
    let versioned = [&[1], record].concat();
    for record in [record, &versioned] {
        let Ok(once) = canonical(record) else { continue };
        assert_eq!(canonical(&once), Ok(once.clone()), "what was written reads as something else");
    }
}

/// A session whose numbers lie anywhere encrypts until its chain ends, and opens exactly what its chains hold.
fn session(u: &mut Unstructured<'_>) -> Result<()> {
    let parts = parts(u)?;
    let Ok(state) = SessionState::from_parts(parts.clone()) else { return Ok(()) };
    let mut record = SessionRecord::from_sessions(Some(state), Vec::new());
    for _ in 0..3 {
        let index = stored(&record).sending.index();
        match encrypt(&mut record, b"text") {
            Ok(sent) => {
                assert!(!parts.spent, "a chain that may have been used was used");
                let inner = PreKeyMessage::parse(&sent.bytes).map(|message| message.message().counter());
                let counter = inner.or_else(|_| SignalMessage::parse(&sent.bytes).map(|sent| sent.counter()));
                assert_eq!(counter, Ok(index), "it counts on from where it stood");
            }
            Err(SignalError::ChainExhausted) => assert_eq!(index, u32::MAX),
            Err(error) => assert!(error == SignalError::NoSession && parts.spent, "{error}"),
        }
    }
    for _ in 0..u.int_in_range(0..=4)? {
        receive(u, &mut record, &parts)?;
    }
    Ok(())
}

/// The one session of a record, which cannot encrypt if it is not the current one.
fn stored(record: &SessionRecord) -> &SessionParts {
    record.current().or_else(|| record.archived().first()).expect("it has a session").parts()
}

/// The peer's half of one of the chains sends a message at some position.
fn receive(u: &mut Unstructured<'_>, record: &mut SessionRecord, first: &SessionParts) -> Result<()> {
    let Some((at, chain)) = first.receiving.iter().enumerate().nth(u.int_in_range(0..=4)?) else {
        return Ok(());
    };
    let now = stored(record).receiving[at].clone();
    let ahead =
        if u.ratio(1, 64)? { u.int_in_range(0..=SIGNAL_JUMP_MAX + 9)? } else { u.int_in_range(0..=64)? };
    let counter = first.receiving[at].next.index().saturating_add(ahead.saturating_sub(3));
    // Only a chain from where ours began can be followed; deriving it from there is what costs time.
    let steps = counter.saturating_sub(chain.next.index());
    if steps > SIGNAL_JUMP_MAX + 2 {
        return Ok(());
    }
    let sending = (0..steps).try_fold(chain.next.clone(), |chain, _| chain.step().map(|(_, next)| next));
    let Some(sending) = sending.filter(|sending| sending.index() == counter) else { return Ok(()) };
    let peer = SessionParts {
        local_identity: first.remote_identity,
        remote_identity: first.local_identity,
        ratchet: KEYS[at].clone(),
        sending,
        receiving: Vec::new(),
        pending_prekey: None,
        spent: false,
        ..first.clone()
    };
    let peer = SessionState::from_parts(peer).expect("nothing in it is out of order");
    let Ok(sent) = encrypt(&mut SessionRecord::from_sessions(Some(peer), Vec::new()), b"text") else {
        return Ok(());
    };
    let (before, mut draw) = (record.clone(), Counting(0));
    let opened = decrypt_message(record, &sent.bytes, &mut draw);
    let gap = counter.checked_sub(now.next.index());
    let fresh = gap.is_some_and(|gap| gap <= SIGNAL_JUMP_MAX && counter < u32::MAX);
    let kept = now.skipped.iter().any(|skipped| skipped.index == counter);
    if fresh {
        assert_eq!(opened.as_deref(), Ok(&b"text"[..]), "a message in reach was refused");
        assert!(
            decrypt_message(record, &sent.bytes, &mut draw).is_err(),
            "the same message was accepted twice"
        );
    } else {
        // What is kept may hold any seed, also the right one.
        assert!(kept || opened.is_err(), "a message out of reach was opened");
        assert!(opened.is_ok() || *record == before, "a refused message left a trace");
    }
    Ok(())
}

fn parts(u: &mut Unstructured<'_>) -> Result<SessionParts> {
    let count = u.int_in_range(0..=RECEIVING_CHAINS_MAX + 1)?;
    let receiving = (0..count).map(|at| chain(u, at)).collect::<Result<_>>()?;
    Ok(SessionParts {
        version: if u.ratio(1, 20)? { u.arbitrary()? } else { 3 },
        local_identity: KEYS[6].public,
        remote_identity: KEYS[7].public,
        local_registration_id: u.arbitrary()?,
        remote_registration_id: u.arbitrary()?,
        base_key: PublicKey::new(u.arbitrary()?),
        root: RootKey::new(Secret::new(u.arbitrary()?)),
        ratchet: KEYS[8].clone(),
        sending: ChainKey::new(Secret::new([2; 32]), number(u)?),
        previous_counter: number(u)?,
        receiving,
        pending_prekey: pending(u)?,
        spent: u.ratio(1, 8)?,
    })
}

fn pending(u: &mut Unstructured<'_>) -> Result<Option<PendingPreKey>> {
    if u.ratio(1, 2)? {
        return Ok(None);
    }
    Ok(Some(PendingPreKey { prekey_id: u.arbitrary()?, signed_prekey_id: u.arbitrary()? }))
}

fn chain(u: &mut Unstructured<'_>, at: usize) -> Result<ReceivingChain> {
    let index = number(u)?;
    let mut chain = ReceivingChain::new(KEYS[at].public, ChainKey::new(Secret::new([3; 32]), index));
    let mut next = index.saturating_sub(u.int_in_range(0..=300)?);
    for _ in 0..u.int_in_range(0..=40)? {
        chain.skipped.push(SkippedKey { index: next, seed: MessageSeed::new(Secret::new([4; 32])) });
        next = next.saturating_add(u.int_in_range(0..=9)?);
    }
    Ok(chain)
}

/// Numbers at both ends as often as in the middle.
fn number(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=3)? {
        0 => u.int_in_range(0..=300)?,
        1 => u32::MAX - u.int_in_range(0..=300)?,
        _ => u.arbitrary()?,
    })
}

/// Ratchet keys of the peer's chains, both identities, our ratchet key.
static KEYS: LazyLock<[KeyPair; 9]> =
    LazyLock::new(|| core::array::from_fn(|at| KeyPair::from_private([at as u8 + 1; 32])));
