//! Comparing what the server has of our keys with what we have. Reference 04 §9.1.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::own::{self, Published};
use super::{prekeys, rotation};
use crate::crypto::PublicKey;
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn, Work};
use crate::event::Event;
use crate::limits::DIGEST_PREKEYS;
use crate::signal::prekey::bundle_digest;
use crate::stanza::{StanzaError, parse};
use crate::wire::{Jid, Node, NodeRef};

/// Has the keys compared at the first login of this client's life; not when it has just uploaded all of them.
pub(crate) fn check_once(cx: &mut Turn<'_>) {
    if cx.memory.phase == Phase::Ready && cx.memory.offline_done && !cx.memory.prekeys_checked {
        cx.schedule(Work::CheckPrekeys);
    }
}

/// Asks the server for the digest; not while an upload is under way, as it is not known then what it has.
pub(crate) fn check(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let memory = cx.memory;
    if !memory.phase.is_logged_in() || memory.uploading_prekeys || memory.checking_prekeys {
        return Ok(());
    }
    cx.remember(|memory| memory.checking_prekeys = true);
    let iq = Node::new("iq").attr("to", Jid::SERVER).attr("type", "get").attr("xmlns", "encrypt");
    cx.ask(iq.child(Node::new("digest")), cx.config.timing.query(), Arc::new(Digested));
    Ok(())
}

/// What the server says it has.
#[derive(Debug)]
struct Digest {
    registration_id: u32,
    identity: [u8; 32],
    signed_id: u32,
    signed: [u8; 32],
    signature: [u8; 64],
    prekeys: Vec<u32>,
    hash: [u8; 20],
}

impl Digest {
    fn parse(node: NodeRef<'_>) -> Result<Self, StanzaError> {
        let skey = parse::child(node, "digest", "skey")?;
        let list = parse::child(node, "digest", "list")?;
        let mut prekeys = Vec::new();
        for id in list.find_all("id").take(DIGEST_PREKEYS + 1) {
            let bytes = id.content_bytes().ok_or(StanzaError::BadContent { tag: "id" })?;
            let [a, b, c] = bytes.as_ref().try_into().map_err(|_| StanzaError::BadContent { tag: "id" })?;
            prekeys.push(u32::from_be_bytes([0, a, b, c]));
        }
        if prekeys.len() > DIGEST_PREKEYS {
            return Err(StanzaError::BadContent { tag: "list" });
        }
        Ok(Self {
            registration_id: parse::child_number::<4>(node, "digest", "registration")?,
            identity: parse::child_array(node, "digest", "identity")?,
            signed_id: parse::child_number::<3>(skey, "skey", "id")?,
            signed: parse::child_array(skey, "skey", "value")?,
            signature: parse::child_array(skey, "skey", "signature")?,
            prekeys,
            hash: parse::child_array(node, "digest", "hash")?,
        })
    }
}

/// The answer: what differs is reported and, where an upload can mend it, mended.
#[derive(Debug)]
struct Digested;

impl Continuation for Digested {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let digest = match outcome {
            Outcome::Disconnected => return Ok(()),
            Outcome::Result(iq) => iq.root().find("digest").map(Digest::parse).transpose()?,
            Outcome::Refused(error) if error.code == NOT_FOUND => None,
            // It says nothing about the keys: the next login asks again.
            _ => {
                cx.remember(|memory| memory.checking_prekeys = false);
                return Ok(());
            }
        };
        cx.remember(|memory| {
            memory.checking_prekeys = false;
            memory.prekeys_checked = true;
        });
        match digest {
            Some(digest) => compare(cx, &digest),
            None => upload(cx, true),
        }
    }
}

fn compare(cx: &mut Turn<'_>, digest: &Digest) -> Result<(), Stop> {
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    let prekeys = own::published_prekeys(cx, &digest.prekeys)?;
    if digest.identity != *keys.identity.public.as_bytes() || digest.registration_id != keys.registration_id {
        // No upload can change that: the server refuses keys of another identity.
        report(cx, "the server has keys of another identity for this device");
        return Ok(());
    }
    let same = |key: &crate::signal::SignedPreKey| {
        let public = *key.pair.public.as_bytes() == digest.signed && key.signature == digest.signature;
        public && key.id == digest.signed_id
    };
    if keys.new_signed_prekey.as_ref().is_some_and(|new| same(&new.key)) {
        // The answer to the rotation was lost.
        keys.confirm_signed_prekey(digest.signed_id, cx.now.unix.seconds());
        own::save_credentials(cx, &keys);
    } else if !keys.current_signed_prekey().is_some_and(same) && !cx.memory.rotating {
        report(cx, "the server has another signed prekey");
        rotation::tell(cx, &keys);
    }
    let known: Vec<PublicKey> = prekeys.iter().flatten().map(|Published { public, .. }| *public).collect();
    let signed = PublicKey::new(digest.signed);
    let hash = bundle_digest(&keys.identity.public, &signed, &digest.signature, &known);
    if known.len() == digest.prekeys.len() && hash == digest.hash {
        return Ok(());
    }
    report(cx, "the server has other one-time prekeys");
    upload(cx, false)
}

/// New prekeys for a server that has none, or others than we; once in the life of a client, as it may go on having
/// others. What is wrong with the old ones costs each peer that is given one a retry receipt.
fn upload(cx: &mut Turn<'_>, none: bool) -> Result<(), Stop> {
    if cx.memory.prekeys_repaired || cx.memory.uploading_prekeys {
        return Ok(());
    }
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    keys.server_has_prekeys &= !none;
    let (iq, upload) = prekeys::build_new_upload(cx, keys)?;
    cx.remember(|memory| {
        memory.prekeys_repaired = true;
        memory.uploading_prekeys = true;
    });
    cx.ask(iq, cx.config.timing.query(), Arc::new(Repaired { upload }));
    Ok(())
}

fn report(cx: &mut Turn<'_>, error: &str) {
    cx.emit(Event::Fault { error: error.to_string(), stanza: None });
}

/// The answer to the upload. When it was lost, the next login goes on with it.
#[derive(Debug)]
struct Repaired {
    upload: prekeys::Upload,
}

impl Continuation for Repaired {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        if let Outcome::Result(_) = outcome {
            prekeys::uploaded(cx, self.upload)?;
        }
        if !matches!(outcome, Outcome::Disconnected) {
            cx.remember(|memory| memory.uploading_prekeys = false);
        }
        Ok(())
    }
}

const NOT_FOUND: u32 = 404;
