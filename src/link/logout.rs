//! The operation that unlinks this device. Reference 01 §15, 02 §8.

use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Action;
use super::life;
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::DownReason;
use crate::limits::LOGOUT_LIMIT_S;
use crate::ops::{Answer, CallId, Start};
use crate::wire::{Jid, Node};

/// Unlinks this device. The credentials are given up only once the server has confirmed; on any failure the
/// device stays linked and the call can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {}

impl Start for Logout {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let Some(me) = cx.memory.me.clone() else {
            cx.reply(call, Err(OpError::NotLoggedIn));
            return Ok(());
        };
        if cx.memory.phase != Phase::Ready {
            cx.reply(call, Err(OpError::Disconnected));
            return Ok(());
        }
        let remove = Node::new("remove-companion-device").attr("jid", me.pn).attr("reason", "user_initiated");
        let iq =
            Node::new("iq").attr("to", Jid::SERVER).attr("type", "set").attr("xmlns", "md").child(remove);
        cx.ask(iq, Duration::from_secs(LOGOUT_LIMIT_S), Arc::new(Removed { call }));
        Ok(())
    }
}

#[derive(Debug)]
struct Removed {
    call: CallId,
}

impl Continuation for Removed {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Result(_) => {
                cx.reply(self.call, Ok(Answer::Logout(())));
                life::end(cx, DownReason::LoggedOut { code: 200 }, Action::LogOut)
            }
            other => {
                cx.reply(self.call, Err(other.error()));
                Ok(())
            }
        }
    }
}
