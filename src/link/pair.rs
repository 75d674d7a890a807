//! Pairing by QR code. Reference 02 §2.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use core::time::Duration;

use bytes::Bytes;

use super::failure::Action;
use super::pairing::adv_sign::{self, PairError, SignedIdentity};
use super::pairing::qr::QrCode;
use super::{keep, life};
use crate::crypto::Secret;
use crate::directory::{lid, own, sessions};
use crate::engine::{Phase, Stop, Turn};
use crate::event::{DownReason, Event, LinkEvent};
use crate::limits::{PAIR_RESTART_S, QR_FIRST_S, QR_NEXT_S, QR_REFS};
use crate::records::credentials::Me;
use crate::timer::Timer;
use crate::wire::{Node, NodeRef};

/// `<pair-device>`: the references that QR codes are made of. Reference 02 §2.1.
pub(crate) fn pair_device(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let refs: VecDeque<String> = node
        .find("pair-device")
        .into_iter()
        .flat_map(|list| list.find_all("ref"))
        .filter_map(|reference| reference.content_text())
        .map(|text| text.into_owned())
        .take(QR_REFS)
        .collect();
    answer(cx, node, None);
    if cx.memory.me.is_some() {
        return Ok(());
    }
    cx.disarm(Timer::Handshake);
    keep::begin(cx);
    cx.remember(|memory| memory.phase = Phase::Registering);
    show_next(cx, refs, QR_FIRST_S)
}

/// The QR code on show has expired.
pub(super) fn rotate(cx: &mut Turn<'_>) -> Result<(), Stop> {
    show_next(cx, cx.memory.qr_refs.clone(), QR_NEXT_S)
}

/// `companion_reg_refresh`: a new secret, the same reference. Reference 02 §2.4.
pub(crate) fn refresh(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let named = node.find("companion_reg_refresh").or_else(|| node.find("pair-device-rotate-qr"));
    let Some(reference) = cx.memory.qr_current.clone().filter(|_| named.is_some()) else { return Ok(()) };
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(()) };
    credentials.adv_secret = Secret::new(cx.entropy.bytes());
    own::save_credentials(cx, &credentials);
    // The deadline stays; how much of it is left is not told, so the shorter of the two is.
    show(cx, reference, QR_NEXT_S)
}

fn show_next(cx: &mut Turn<'_>, mut refs: VecDeque<String>, valid_s: u32) -> Result<(), Stop> {
    let Some(reference) = refs.pop_front() else {
        cx.emit(Event::Link(LinkEvent::QrExhausted));
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
    if node.get("id").is_none() || cx.memory.phase != Phase::Registering {
        return Ok(());
    }
    match accept(cx, node)? {
        Ok((signed, me)) => {
            let reply = Node::new("pair-device-sign").child(
                Node::new("device-identity")
                    .attr("key-index", u64::from(signed.key_index))
                    .bytes(signed.reply),
            );
            answer(cx, node, Some(reply));
            cx.disarm(Timer::QrRotate);
            cx.arm(Timer::PairRestart, Duration::from_secs(PAIR_RESTART_S));
            cx.remember(move |memory| {
                memory.me = Some(me);
                memory.qr_refs.clear();
                memory.qr_current = None;
            });
            Ok(())
        }
        Err(error) => {
            refuse(cx, node, error);
            cx.emit(Event::Link(LinkEvent::PairingFailed { error: error.class().to_string() }));
            life::fail(cx, DownReason::Protocol)
        }
    }
}

/// Steps 3 to 11: everything is written in the turn that answers.
fn accept(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<Result<(SignedIdentity, Me), PairError>, Stop> {
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(Err(PairError::Proto)) };
    let Some(success) = node.find("pair-success") else { return Ok(Err(PairError::MissingDeviceIdentity)) };
    let Some(container) = success.find("device-identity").and_then(|node| node.content_bytes()) else {
        return Ok(Err(PairError::MissingDeviceIdentity));
    };
    let device = success.find("device");
    let pn = device.and_then(|device| device.get_jid("jid")).filter(|jid| jid.is_pn());
    let own_lid = device.and_then(|device| device.get_jid("lid")).filter(|jid| jid.is_lid());
    let (Some(pn), Some(own_lid)) = (pn, own_lid) else { return Ok(Err(PairError::MissingDevice)) };
    let random = cx.entropy.bytes();
    let signed = match adv_sign::sign(&container, &credentials.adv_secret, &credentials.identity, &random) {
        Ok(signed) => signed,
        Err(error) => return Ok(Err(error)),
    };
    let name = |tag| success.find(tag).and_then(|node| node.get("name")).map(|name| name.into_owned());
    let me = Me { pn: pn.into_owned(), lid: Some(own_lid.clone().into_owned()) };
    credentials.account = Some(Bytes::from(signed.stored.clone()));
    credentials.platform = name("platform");
    credentials.business_name = name("biz");
    credentials.push_name = credentials.push_name.or_else(|| credentials.business_name.clone());
    credentials.me = Some(me.clone());
    credentials.server_has_prekeys = false;
    lid::learn(cx, &me.pn, &own_lid)?;
    sessions::remember_identity(cx, &own_lid.with_device(0).into_owned(), &signed.account)?;
    cx.emit(Event::Link(LinkEvent::Paired {
        pn: me.pn.clone(),
        lid: own_lid.into_owned(),
        platform: credentials.platform.clone(),
    }));
    own::save_credentials(cx, &credentials);
    Ok(Ok((signed, me)))
}

fn answer(cx: &mut Turn<'_>, iq: NodeRef<'_>, child: Option<Node<'static>>) {
    let reply = Node::new("iq")
        .attr_opt("to", iq.value("from"))
        .attr("type", "result")
        .attr_opt("id", iq.get("id"))
        .children(child);
    cx.send(&reply);
}

fn refuse(cx: &mut Turn<'_>, iq: NodeRef<'_>, error: PairError) {
    let (code, text) = error.reply();
    let reply = Node::new("iq")
        .attr_opt("to", iq.value("from"))
        .attr("type", "error")
        .attr_opt("id", iq.get("id"))
        .child(Node::new("error").attr("code", u64::from(code)).attr("text", text));
    cx.send(&reply);
}
