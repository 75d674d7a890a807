//! A new signed prekey now and then. Reference 04 §9, §9.1.
//!
//! The new one is durable before the server hears of it, and opens messages from then on: whether the answer comes
//! or is lost, whoever was given either of the two is understood. Until the server confirms, it is told again.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::time::Duration;

use super::own;
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn};
use crate::event::Event;
use crate::limits::{ROTATION_LOOK_S, ROTATION_RETRY_S};
use crate::records::credentials::{Credentials, OwnSignedPreKey};
use crate::signal::SignedPreKey;
use crate::timer::Timer;
use crate::wire::{Jid, Node};

/// Makes a new signed prekey when the current one is old enough, and tells the server of one that it has not
/// confirmed; otherwise looks again later. Only once the session is ready and the offline queue is delivered.
pub(crate) fn look(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.phase != Phase::Ready || !cx.memory.offline_done || cx.memory.rotating {
        return Ok(());
    }
    let Some(mut keys) = own::credentials(cx)? else { return Ok(()) };
    if keys.new_signed_prekey.is_some() {
        tell(cx, &keys);
        return Ok(());
    }
    let left_s = left_s(cx, &keys);
    if left_s > 0 {
        cx.arm(Timer::SignedPreKey, Duration::from_secs(left_s.min(ROTATION_LOOK_S)));
        return Ok(());
    }
    let id = keys.take_signed_prekey_id();
    let key = SignedPreKey::new(&keys.identity, id, cx.entropy.bytes(), &cx.entropy.bytes());
    keys.new_signed_prekey = Some(OwnSignedPreKey { key, since_s: Some(cx.now.unix.seconds()) });
    own::save_credentials(cx, &keys);
    tell(cx, &keys);
    Ok(())
}

/// Tells the server of the newest signed prekey.
pub(super) fn tell(cx: &mut Turn<'_>, keys: &Credentials) {
    let Some(id) = keys.newest_signed_prekey().map(|key| key.id) else { return };
    let rotate = Node::new("rotate").children(own::build_signed_prekey(keys));
    let iq = Node::new("iq").attr("to", Jid::SERVER).attr("type", "set").attr("xmlns", "encrypt");
    cx.remember(|memory| memory.rotating = true);
    cx.ask(iq.child(rotate), cx.config.timing.query(), Arc::new(Rotated { id }));
}

/// Seconds until the current signed prekey has served long enough. One whose age is not known, or that seems to come
/// from the future because a clock was wrong, is replaced.
fn left_s(cx: &Turn<'_>, keys: &Credentials) -> u64 {
    let period_s = u64::from(cx.config.signed_prekey_days) * SECONDS_PER_DAY;
    let now_s = cx.now.unix.seconds();
    let since_s = keys.signed_prekeys.first().and_then(|own| own.since_s);
    match since_s.filter(|since_s| *since_s <= now_s.saturating_add(SECONDS_PER_DAY)) {
        Some(since_s) => since_s.saturating_add(period_s).saturating_sub(now_s),
        None => 0,
    }
}

/// The server's answer.
#[derive(Debug)]
struct Rotated {
    id: u32,
}

impl Continuation for Rotated {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        if matches!(outcome, Outcome::Disconnected) {
            return Ok(());
        }
        let wait_s = match outcome {
            Outcome::Result(_) => {
                if let Some(mut keys) = own::credentials(cx)?
                    && keys.confirm_signed_prekey(self.id, cx.now.unix.seconds())
                {
                    own::save_credentials(cx, &keys);
                }
                ROTATION_LOOK_S
            }
            _ => {
                let error = outcome.error().to_string();
                cx.emit(Event::Fault { error: ["signed prekey: ", &error].concat(), stanza: None });
                ROTATION_RETRY_S
            }
        };
        cx.remember(|memory| memory.rotating = false);
        cx.arm(Timer::SignedPreKey, Duration::from_secs(wait_s));
        Ok(())
    }
}

const SECONDS_PER_DAY: u64 = 86_400;
