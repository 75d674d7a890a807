//! Pings, and the conclusion that nobody is there. Reference 01 §12.

use alloc::sync::Arc;

use super::{keepalive, life};
use crate::engine::{Continuation, Outcome, Stop, Turn};
use crate::event::DownReason;
use crate::timer::Timer;
use crate::wire::{Jid, Node};

/// Arms the next ping.
pub(super) fn begin(cx: &mut Turn<'_>) {
    let wait = keepalive::interval(cx.config.timing.keepalive_s, cx.entropy.number());
    cx.arm(Timer::KeepAlive, wait);
}

/// Pings the server; any bytes count as an answer.
pub(super) fn ping(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let iq = Node::new("iq").attr("to", Jid::SERVER).attr("type", "get").attr("xmlns", "w:p");
    cx.ask(iq.child(Node::new("ping")), cx.config.timing.query(), Arc::new(Pinged));
    // An earlier ping that is unanswered still counts, however short the time between two of them is.
    if cx.memory.pinged.is_none_or(|pinged| pinged <= cx.memory.last_received) {
        let now = cx.now.mono;
        cx.remember(move |memory| memory.pinged = Some(now));
        cx.arm(Timer::Silence, keepalive::SILENCE_LIMIT);
    }
    begin(cx);
    Ok(())
}

/// Whether anything came since the ping.
pub(super) fn check(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let since = |at| cx.now.mono.since(at);
    match keepalive::pulse(cx.memory.pinged.map(since), since(cx.memory.last_received)) {
        keepalive::Pulse::Dead => life::fail(cx, DownReason::Silence),
        keepalive::Pulse::Wait(wait) => {
            cx.arm(Timer::Silence, wait);
            Ok(())
        }
        keepalive::Pulse::Ping => Ok(()),
    }
}

/// The answer itself says nothing that its arrival did not.
#[derive(Debug)]
struct Pinged;

impl Continuation for Pinged {
    fn answer(&self, _: &mut Turn<'_>, _: &Outcome) -> Result<(), Stop> {
        Ok(())
    }
}
