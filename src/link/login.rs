//! From the handshake to a session that sends and receives. Reference 01 §7-§9.

use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;

use super::failure::{Failure, StreamError, Verdict};
use super::{keep, life, payload};
use crate::directory::{own, prekeys};
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn, Work};
use crate::event::{DownReason, Event, LinkEvent};
use crate::limits::{PREKEY_RETRY_S, PREKEYS_LOW};
use crate::link::backoff::STABLE_AFTER;
use crate::stanza::Reject;
use crate::timer::Timer;
use crate::wire::{Jid, Node, NodeRef, frame, ids};

/// The server's half of the handshake: check its certificates, then say who we are.
pub(crate) fn handshake(cx: &mut Turn<'_>, body: &Bytes) -> Result<(), Stop> {
    let Some(initiator) = cx.connection.initiator().cloned() else { return Err(Reject::OutOfTurn.into()) };
    let Some(credentials) = own::credentials(cx)? else { return Ok(()) };
    let profile = &cx.config.profile;
    let payload = match (&credentials.me, credentials.current_signed_prekey()) {
        (Some(me), _) => {
            let counter = i32::try_from(credentials.login_counter).unwrap_or(i32::MAX);
            match payload::login(profile, &me.pn, Some(counter)) {
                Ok(payload) => payload,
                Err(_) => return life::fail(cx, DownReason::Protocol),
            }
        }
        (None, Some(signed)) => payload::registration(
            profile,
            &payload::Registration {
                registration_id: credentials.registration_id,
                identity: &credentials.identity.public,
                signed_prekey_id: signed.id,
                signed_prekey: &signed.pair.public,
                signature: &signed.signature,
            },
        ),
        (None, None) => return Ok(()),
    };
    let trust = &cx.config.trust;
    let done = initiator.read_server_hello(body, trust, cx.now.unix.seconds(), &payload)?;
    if let Some(finish) = done.client_finish {
        let mut bytes = frame::header(finish.len())?.to_vec();
        bytes.extend_from_slice(&finish);
        cx.send_raw(bytes);
    }
    cx.encrypt(done.transport.sealer, done.transport.opener);
    cx.remember(|memory| memory.phase = Phase::FinishSent);
    Ok(())
}

/// `<success>`: count the login, then see to the prekeys before going active, as messages that wait may
/// need them. Reference 01 §8.1.
pub(crate) fn success(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    if cx.memory.phase != Phase::FinishSent || cx.memory.me.is_none() {
        return Ok(());
    }
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(()) };
    credentials.login_counter = credentials.login_counter.saturating_add(1);
    if let (Some(me), Some(lid)) = (&mut credentials.me, node.get_jid("lid").filter(Jid::is_lid)) {
        me.lid = Some(lid.into_owned());
    }
    own::save_credentials(cx, &credentials);
    let now_ms = cx.now.unix.0;
    let offset_ms = node.get_u64("t").map_or(0, |t| {
        i64::try_from(t.saturating_mul(1000)).unwrap_or(0).saturating_sub(i64::try_from(now_ms).unwrap_or(0))
    });
    let me = credentials.me;
    cx.remember(move |memory| {
        memory.phase = Phase::LoggingIn;
        memory.server_offset_ms = offset_ms;
        memory.me = me;
    });
    cx.disarm(Timer::Handshake);
    cx.arm(Timer::Stable, STABLE_AFTER);
    keep::begin(cx);
    count_prekeys(cx);
    Ok(())
}

/// Looks after the prekeys of a session that is active already: the server runs low, or an upload failed.
pub(crate) fn refill_prekeys(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.phase.is_logged_in() && !cx.memory.uploading_prekeys {
        count_prekeys(cx);
    }
    Ok(())
}

fn count_prekeys(cx: &mut Turn<'_>) {
    let iq = Node::new("iq").attr("to", Jid::SERVER).attr("type", "get").attr("xmlns", "encrypt");
    cx.remember(|memory| memory.uploading_prekeys = true);
    cx.ask(iq.child(Node::new("count")), cx.config.timing.query(), Arc::new(Counted));
}

/// The server's count of our one-time prekeys. Reference 04 §9.
#[derive(Debug)]
struct Counted;

impl Continuation for Counted {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let count = match outcome {
            Outcome::Disconnected => return Ok(()),
            // No `value` means none.
            Outcome::Result(iq) => {
                iq.root().find("count").and_then(|count| count.get_u64("value")).unwrap_or(0)
            }
            _ => return later(cx),
        };
        if count >= PREKEYS_LOW {
            prekeys::arrived(cx)?;
            cx.remember(|memory| memory.uploading_prekeys = false);
            activate(cx);
            return Ok(());
        }
        let Some((iq, upload)) = prekeys::build_upload(cx)? else { return Ok(()) };
        cx.ask(iq, cx.config.timing.query(), Arc::new(Uploaded { upload }));
        Ok(())
    }
}

/// The answer to an upload.
#[derive(Debug)]
struct Uploaded {
    /// What it held.
    upload: prekeys::Upload,
}

impl Continuation for Uploaded {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Disconnected => Ok(()),
            Outcome::Result(_) => {
                prekeys::uploaded(cx, self.upload)?;
                cx.remember(|memory| memory.uploading_prekeys = false);
                activate(cx);
                Ok(())
            }
            Outcome::Refused(error) => {
                prekeys::refused(cx, self.upload, error.code)?;
                later(cx)
            }
            _ => later(cx),
        }
    }
}

/// The upload is tried again later; it must not keep the session from going active.
fn later(cx: &mut Turn<'_>) -> Result<(), Stop> {
    cx.remember(|memory| memory.uploading_prekeys = false);
    cx.arm(Timer::PrekeyUpload, Duration::from_secs(PREKEY_RETRY_S));
    activate(cx);
    Ok(())
}

/// Leaves the passive mode in which a login begins, once.
fn activate(cx: &mut Turn<'_>) {
    if cx.memory.phase != Phase::LoggingIn {
        return;
    }
    let iq = Node::new("iq").attr("to", Jid::SERVER).attr("type", "set").attr("xmlns", "passive");
    cx.ask(iq.child(Node::new("active")), cx.config.timing.query(), Arc::new(Activated));
}

#[derive(Debug)]
struct Activated;

impl Continuation for Activated {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Result(_) => ready(cx),
            Outcome::Disconnected => Ok(()),
            // A session that the server does not activate delivers nothing: try a new one.
            _ => life::fail(cx, DownReason::TimedOut),
        }
    }
}

/// Logged in for good: tell the application, announce ourselves, let the outbox go on.
fn ready(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let now = cx.now.unix;
    cx.remember(move |memory| {
        memory.phase = Phase::Ready;
        memory.ready_since = Some(now);
        memory.restarted = false;
    });
    cx.emit(Event::Link(LinkEvent::Ready));
    let session = ids::unified_session_id(cx.now.unix.0, cx.memory.server_offset_ms);
    cx.send(&Node::new("ib").child(Node::new("unified_session").attr("id", session)));
    super::presence::announce(cx, cx.memory.available)?;
    if cx.memory.offline_done {
        cx.schedule(Work::Resume);
    } else {
        cx.arm(Timer::OfflineEnd, Duration::from_secs(cx.config.timing.offline_s));
    }
    Ok(())
}

/// `<failure>` instead of a login. Reference 01 §8.2.
pub(crate) fn failure(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Verdict { reason, action } = Failure::parse(node).verdict();
    life::conclude(cx, reason, action)
}

/// `<stream:error>`. Reference 01 §8.3.
pub(crate) fn stream_error(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Verdict { reason, action } = StreamError::parse(node).verdict();
    life::conclude(cx, reason, action)
}

/// `<xmlstreamend/>`: the server is about to close.
pub(crate) fn stream_end(cx: &mut Turn<'_>, _: NodeRef<'_>) -> Result<(), Stop> {
    life::closed(cx)
}
