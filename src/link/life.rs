//! Making a connection, noticing that it ended, and deciding what comes next. Reference 01 §1, §13.

use alloc::string::ToString;
use alloc::vec;
use core::time::Duration;

use sanswire_proto::records::StoreMeta;

use super::backoff::Backoff;
use super::failure::Action;
use super::{code, fresh, info, keep, login, pair, passkey};
use crate::directory::{own, rotation};
use crate::engine::{Memory, Phase, Stop, Turn, Work};
use crate::error::OpError;
use crate::event::{DownReason, Event, LinkEvent};
use crate::limits::{LINGER_LIMIT_S, PREKEY_ID_MAX, PREKEYS_SKIPPED};
use crate::records::META_KEY;
use crate::records::credentials::Me;
use crate::timer::Timer;
use crate::wire::frame;
use crate::wire::ids::request_prefix;
use crate::wire::noise::Initiator;

use crate::crypto::KeyPair;

/// The client was made: find its credentials, or make them, and dial. Says whether the storage is an older copy that
/// was put back.
pub(crate) fn start(cx: &mut Turn<'_>) -> Result<bool, Stop> {
    let meta = cx.get::<StoreMeta>(META_KEY)?.unwrap_or_default();
    let (stored, known) = (meta.generation(), cx.config.known_generation);
    let restored = stored < known;
    let epoch = meta.epoch().saturating_add(u32::from(restored));
    let mut credentials = match own::credentials(cx)? {
        Some(credentials) => credentials,
        None => {
            let credentials = fresh::credentials(cx);
            own::save_credentials(cx, &credentials);
            credentials
        }
    };
    if restored {
        // Numbers that were handed out since must not name other keys. This write also makes the epoch durable.
        let skipped = skipped_prekeys(known - stored);
        credentials.skip_ids(skipped);
        own::save_credentials(cx, &credentials);
        cx.emit(Event::Link(LinkEvent::StorageRestored { stored, known }));
    }
    let generation = stored.max(known);
    cx.start_event_ids(generation);
    let (me, available) = (credentials.me.clone(), cx.config.available);
    cx.remember(move |memory| {
        memory.generation = generation;
        memory.stored = stored;
        memory.epoch = epoch;
        memory.me = me;
        memory.available = available;
    });
    if credentials.logged_out.is_some() {
        cx.remember(|memory| memory.stopped = true);
        let reason = DownReason::LoggedOut { code: 0 };
        cx.emit(Event::Link(LinkEvent::Down { reason, retry_in_ms: None }));
        fail_sends(cx, credentials.me);
        return Ok(restored);
    }
    if cx.config.connect {
        dial(cx);
    } else {
        cx.remember(|memory| memory.stopped = true);
    }
    Ok(restored)
}

/// A record without which there is no start cannot be read: nothing is dialed, and what is written all the same
/// follows what is stored.
pub(crate) fn not_started(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let stored = match cx.get::<StoreMeta>(META_KEY) {
        Ok(meta) => meta.unwrap_or_default().generation(),
        Err(Stop::Missing) => return Err(Stop::Missing),
        Err(_) => return Ok(()),
    };
    let generation = stored.max(cx.config.known_generation);
    cx.start_event_ids(generation);
    cx.remember(move |memory| {
        memory.generation = generation;
        memory.stored = stored;
    });
    Ok(())
}

/// How many prekey ids are left out after a copy that is this many generations behind was put back. The same copy
/// put back twice goes to different ids, as more was stored by the second time: a generation uses fewer ids than
/// it moves on.
fn skipped_prekeys(behind: u64) -> u32 {
    let moved = behind.saturating_mul(SKIPPED_PER_GENERATION) % u64::from(PREKEY_ID_MAX);
    PREKEYS_SKIPPED.saturating_add(u32::try_from(moved).unwrap_or(0))
}

/// The adapter has connected: send the intro and the first handshake message.
pub(crate) fn connected(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let Some(credentials) = own::credentials(cx)? else { return Ok(()) };
    let ephemeral = KeyPair::from_private(cx.entropy.bytes());
    let prefix = request_prefix(cx.entropy.bytes());
    let (initiator, hello) = Initiator::xx(credentials.noise, ephemeral);
    let mut bytes = frame::intro(credentials.routing_info.as_deref());
    bytes.extend_from_slice(&frame::header(hello.len())?);
    bytes.extend_from_slice(&hello);
    cx.greet(initiator);
    cx.send_raw(bytes);
    cx.disarm(Timer::Connect);
    cx.arm(Timer::Handshake, Duration::from_secs(cx.config.timing.handshake_s));
    cx.remember(|memory| {
        memory.id_prefix = prefix;
        memory.phase = Phase::HelloSent;
    });
    Ok(())
}

/// The connection ended without being asked to.
pub(crate) fn closed(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.phase == Phase::Idle {
        return Ok(());
    }
    match cx.memory.lingering.clone() {
        Some(reason) => end(cx, reason, Action::Retry { raise: 0 }),
        None => end(cx, DownReason::Closed, Action::Retry { raise: 0 }),
    }
}

/// Closes a connection that cannot go on, and dials again later.
pub(crate) fn fail(cx: &mut Turn<'_>, reason: DownReason) -> Result<(), Stop> {
    if cx.memory.phase == Phase::Idle {
        return Ok(());
    }
    end(cx, reason, Action::Retry { raise: 0 })
}

/// Closes the connection and makes a new one at once.
pub(crate) fn restart(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.phase == Phase::Idle {
        return Ok(());
    }
    end(cx, DownReason::Restart, Action::RestartNow)
}

/// The application wants no connection any more.
pub(crate) fn shutdown(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.stopped && cx.memory.phase == Phase::Idle {
        return Ok(());
    }
    end(cx, DownReason::Requested, Action::Stop)
}

/// The application wants a connection now; says whether there can be one. What was said about this account before
/// does not count any more: the host may have changed something about it.
pub(super) fn connect(cx: &mut Turn<'_>) -> bool {
    if cx.memory.logged_out {
        return false;
    }
    cx.remember(|memory| memory.stopped = false);
    if cx.memory.phase == Phase::Idle {
        cx.disarm(Timer::Reconnect);
        dial(cx);
    }
    true
}

/// A timer of the connection fired.
pub(crate) fn fired(cx: &mut Turn<'_>, timer: Timer) -> Result<(), Stop> {
    match timer {
        Timer::Connect | Timer::Handshake => fail(cx, DownReason::TimedOut),
        Timer::Reconnect => {
            dial(cx);
            Ok(())
        }
        Timer::Stable => {
            cx.remember(|memory| memory.backoff_step = 0);
            Ok(())
        }
        Timer::KeepAlive => keep::ping(cx),
        Timer::Silence => keep::check(cx),
        Timer::Linger => closed(cx),
        Timer::OfflineEnd => {
            info::offline_done(cx);
            Ok(())
        }
        Timer::QrRotate => pair::rotate(cx),
        Timer::LinkCode => code::expired(cx),
        Timer::Passkey => passkey::expired(cx),
        Timer::PairRestart => restart(cx),
        Timer::PrekeyUpload => login::refill_prekeys(cx),
        Timer::SignedPreKey => rotation::look(cx),
        Timer::Outbox
        | Timer::Prune
        | Timer::Placeholders
        | Timer::Retries
        | Timer::ChatStates
        | Timer::Request(_) => Ok(()),
    }
}

/// What follows a verdict of the server: now, or once the server has closed.
pub(super) fn conclude(cx: &mut Turn<'_>, reason: DownReason, action: Action) -> Result<(), Stop> {
    if action != Action::Linger {
        return end(cx, reason, action);
    }
    cx.remember(move |memory| memory.lingering = Some(reason));
    cx.arm(Timer::Linger, Duration::from_secs(LINGER_LIMIT_S));
    Ok(())
}

/// The one way in which a connection ends: timers stop, volatile state goes, the application is told, and
/// the next connection is made or not.
pub(super) fn end(cx: &mut Turn<'_>, reason: DownReason, action: Action) -> Result<(), Stop> {
    for timer in LINK_TIMERS {
        cx.disarm(timer);
    }
    cx.hang_up(reason.clone());
    if action == Action::LogOut
        && let Some(mut credentials) = own::credentials(cx)?
    {
        credentials.logged_out = Some("logged_out".to_string());
        own::save_credentials(cx, &credentials);
        fail_sends(cx, credentials.me);
    }
    // When the last QR code is gone, attempts have kept the connection to their end.
    if reason != DownReason::QrExhausted {
        attempts_fail(cx);
    }
    cx.remember(forget_connection);
    let mut backoff = Backoff::at(cx.memory.backoff_step);
    let wait = match action {
        // A server that only ever asks for a restart must not make us spin.
        Action::RestartNow if !cx.memory.restarted => {
            backoff.reset();
            cx.remember(|memory| memory.restarted = true);
            Some(Duration::ZERO)
        }
        Action::RestartNow => Some(next_wait(cx, &mut backoff)),
        Action::Retry { raise } => {
            backoff.raise(raise);
            Some(next_wait(cx, &mut backoff)).filter(|_| cx.config.reconnect)
        }
        Action::Linger => Some(next_wait(cx, &mut backoff)).filter(|_| cx.config.reconnect),
        Action::LogOut | Action::OtherOwner | Action::Outdated | Action::Banned | Action::Stop => None,
    };
    let wait = wait.filter(|_| !cx.memory.stopped);
    cx.remember(move |memory| memory.backoff_step = backoff.step());
    let retry_in_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    cx.emit(Event::Link(LinkEvent::Down { reason, retry_in_ms }));
    match wait {
        Some(wait) if wait.is_zero() => dial(cx),
        Some(wait) => cx.arm(Timer::Reconnect, wait),
        None => cx.remember(|memory| memory.stopped = true),
    }
    Ok(())
}

fn next_wait(cx: &mut Turn<'_>, backoff: &mut Backoff) -> Duration {
    let timing = cx.config.timing;
    backoff.next(timing.backoff_first_s, timing.backoff_max_s, cx.entropy.number())
}

/// Nothing can be sent under these credentials any more: what waits for that ends here.
fn fail_sends(cx: &mut Turn<'_>, me: Option<Me>) {
    cx.remember(|memory| memory.logged_out = true);
    if let Some(me) = me {
        cx.schedule(Work::FailSends(vec![me.pn], OpError::NotLoggedIn));
    }
}

/// What was under way to link this device was bound to the connection.
fn attempts_fail(cx: &mut Turn<'_>) {
    let error = OpError::Disconnected;
    if cx.memory.link_code.is_some() {
        cx.emit(Event::Link(LinkEvent::CodeFailed { error: error.clone() }));
    }
    if let Some(attempt) = &cx.memory.passkey {
        let continuation = attempt.stage.is_continued();
        cx.emit(Event::Link(LinkEvent::PasskeyFailed { error, continuation }));
    }
}

pub(super) fn dial(cx: &mut Turn<'_>) {
    cx.dial();
    cx.arm(Timer::Connect, Duration::from_secs(cx.config.timing.connect_s));
    cx.remember(|memory| memory.phase = Phase::Dialing);
}

/// What is true of one connection only.
fn forget_connection(memory: &mut Memory) {
    memory.phase = Phase::Idle;
    memory.ready_since = None;
    memory.lingering = None;
    memory.pinged = None;
    memory.qr_refs.clear();
    memory.qr_current = None;
    memory.link_code = None;
    memory.passkey = None;
    memory.offline_seen = 0;
    memory.offline_wanted = 0;
    memory.offline_done = false;
    memory.left_behind = false;
    memory.asking_devices.clear();
    memory.asking_bundles.clear();
    memory.resends.clear();
    memory.uploading_prekeys = false;
    memory.checking_prekeys = false;
    memory.rotating = false;
    for pending in memory.outbox.values_mut() {
        pending.written = None;
    }
}

/// Timers that mean nothing without a connection.
const LINK_TIMERS: [Timer; 13] = [
    Timer::Connect,
    Timer::Handshake,
    Timer::Reconnect,
    Timer::Stable,
    Timer::KeepAlive,
    Timer::Silence,
    Timer::Linger,
    Timer::OfflineEnd,
    Timer::QrRotate,
    Timer::LinkCode,
    Timer::Passkey,
    Timer::PairRestart,
    Timer::SignedPreKey,
];

/// More than the prekeys of the first upload, which is the largest batch of them.
const SKIPPED_PER_GENERATION: u64 = 1024;
