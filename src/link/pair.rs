//! Pairing by QR code. Reference 02 §2.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use core::time::Duration;

use bytes::Bytes;

use super::failure::Action;
use super::pairing::adv_sign::{self, PairError, SignedIdentity};
use super::pairing::qr::QrCode;
use super::pairing::success::{self, PairSuccess};
use super::{keep, life};
use crate::crypto::Secret;
use crate::directory::{lid, own, sessions};
use crate::engine::{Phase, Stop, Turn};
use crate::event::{DownReason, Event, LinkEvent};
use crate::limits::PAIR_RESTART_S;
use crate::records::credentials::Me;
use crate::timer::Timer;
use crate::wire::NodeRef;

/// `<pair-device>`: the references that QR codes are made of. Reference 02 §2.1.
pub(crate) fn pair_device(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(id) = node.get("id") else { return Ok(()) };
    cx.send(&success::received(&id));
    if cx.memory.me.is_some() {
        return Ok(());
    }
    cx.disarm(Timer::Handshake);
    keep::begin(cx);
    cx.remember(|memory| memory.phase = Phase::Registering);
    let references = node.find("pair-device").map(success::parse_references).unwrap_or_default();
    show_next(cx, references.into(), cx.config.timing.qr_first_s)
}

/// The QR code on show has expired.
pub(super) fn rotate(cx: &mut Turn<'_>) -> Result<(), Stop> {
    show_next(cx, cx.memory.qr_refs.clone(), cx.config.timing.qr_next_s)
}

/// `companion_reg_refresh`: a new secret, the same reference. Reference 02 §2.4.
pub(crate) fn refresh(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let named = node.find("companion_reg_refresh").or_else(|| node.find("pair-device-rotate-qr"));
    let Some(reference) = cx.memory.qr_current.clone().filter(|_| named.is_some()) else { return Ok(()) };
    // A phone that has used a link code answers under the secret that came of it.
    if cx.memory.link_code.as_ref().is_some_and(|attempt| attempt.used.hellos > 0) {
        return show(cx, reference, cx.config.timing.qr_next_s);
    }
    let fresh = Secret::new(cx.entropy.bytes());
    replace_secret(cx, fresh)
}

/// Stores another secret, and shows the code at hand anew, as it holds the secret.
pub(super) fn replace_secret(cx: &mut Turn<'_>, secret: Secret<32>) -> Result<(), Stop> {
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(()) };
    credentials.adv_secret = secret;
    own::save_credentials(cx, &credentials);
    match cx.memory.qr_current.clone() {
        // The deadline stays; how much of it is left is not told, so the shorter of the two is.
        Some(reference) => show(cx, reference, cx.config.timing.qr_next_s),
        None => Ok(()),
    }
}

/// An attempt that kept the connection beyond the last QR code is over.
pub(super) fn attempt_over(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let others = usize::from(cx.memory.link_code.is_some()) + usize::from(cx.memory.passkey.is_some());
    if cx.memory.phase == Phase::Registering && cx.memory.qr_current.is_none() && others <= 1 {
        return life::end(cx, DownReason::QrExhausted, Action::Retry { raise: 0 });
    }
    Ok(())
}

fn show_next(cx: &mut Turn<'_>, mut refs: VecDeque<String>, valid_s: u32) -> Result<(), Stop> {
    let Some(reference) = refs.pop_front() else {
        cx.emit(Event::Link(LinkEvent::QrExhausted));
        if cx.memory.link_code.is_some() || cx.memory.passkey.is_some() {
            cx.remember(|memory| memory.qr_current = None);
            return Ok(());
        }
        return life::end(cx, DownReason::QrExhausted, Action::Retry { raise: 0 });
    };
    let current = reference.clone();
    cx.remember(move |memory| {
        memory.qr_refs = refs;
        memory.qr_current = Some(current);
    });
    cx.arm(Timer::QrRotate, Duration::from_secs(u64::from(valid_s)));
    show(cx, reference, valid_s)
}

/// The text is made from the secret as it is now: a refresh changes it.
fn show(cx: &mut Turn<'_>, reference: String, valid_s: u32) -> Result<(), Stop> {
    let Some(credentials) = own::credentials(cx)? else { return Ok(()) };
    let code = QrCode {
        reference,
        noise: credentials.noise.public,
        identity: credentials.identity.public,
        adv_secret: credentials.adv_secret,
        client_type: Some(cx.config.profile.client_type().to_string()),
    };
    cx.emit(Event::Link(LinkEvent::QrCode { text: code.text(), valid_s }));
    Ok(())
}

/// `<pair-success>`: check what the phone signed, make it durable, then sign it ourselves. Reference 02 §2.5.
pub(crate) fn pair_success(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(id) = node.get("id").filter(|_| cx.memory.phase == Phase::Registering) else { return Ok(()) };
    let accepted = match node.find("pair-success").ok_or(PairError::MissingDeviceIdentity) {
        Ok(child) => match PairSuccess::parse(child) {
            Ok(success) => accept(cx, success)?,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match accepted {
        Ok((signed, me)) => {
            cx.send(&success::signed(&id, &signed));
            for timer in [Timer::QrRotate, Timer::LinkCode, Timer::Passkey] {
                cx.disarm(timer);
            }
            cx.arm(Timer::PairRestart, Duration::from_secs(PAIR_RESTART_S));
            cx.remember(move |memory| {
                memory.me = Some(me);
                memory.qr_refs.clear();
                memory.qr_current = None;
                memory.link_code = None;
                memory.passkey = None;
            });
            Ok(())
        }
        Err(error) => {
            cx.send(&success::refused(&id, error));
            cx.emit(Event::Link(LinkEvent::PairingFailed { error: error.class().to_string() }));
            life::fail(cx, DownReason::Protocol)
        }
    }
}

/// Steps 5 to 11: everything is written in the turn that answers.
fn accept(
    cx: &mut Turn<'_>,
    success: PairSuccess<'_>,
) -> Result<Result<(SignedIdentity, Me), PairError>, Stop> {
    let allowed = &cx.config.accounts;
    if !allowed.is_empty() && !allowed.iter().any(|account| account.same_user(&success.pn)) {
        return Ok(Err(PairError::NotAllowed));
    }
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(Err(PairError::Proto)) };
    let random = cx.entropy.bytes();
    let secret = &credentials.adv_secret;
    let signed = match adv_sign::sign(&success.container, secret, &credentials.identity, &random) {
        Ok(signed) => signed,
        Err(error) => return Ok(Err(error)),
    };
    let me = Me { pn: success.pn, lid: Some(success.lid.clone()) };
    credentials.account = Some(Bytes::from(signed.stored.clone()));
    credentials.platform = success.platform;
    credentials.push_name = credentials.push_name.or_else(|| success.business_name.clone());
    credentials.business_name = success.business_name;
    credentials.me = Some(me.clone());
    credentials.server_has_prekeys = false;
    lid::learn(cx, &me.pn, &success.lid)?;
    sessions::remember_identity(cx, &success.lid.with_device(0).into_owned(), &signed.account)?;
    cx.emit(Event::Link(LinkEvent::Paired {
        pn: me.pn.clone(),
        lid: success.lid,
        platform: credentials.platform.clone(),
    }));
    own::save_credentials(cx, &credentials);
    Ok(Ok((signed, me)))
}
