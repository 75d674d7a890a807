//! The operation that gives what is known of a group. Reference 11 §2.

use alloc::boxed::Box;
use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use super::{cache, parse};
use crate::engine::{Stop, Turn};
use crate::error::OpError;
use crate::ops::{Answer, CallId, Start};
use crate::wire::OwnedJid;

/// Gives a group's name, settings and members: what is known already, as notifications keep it up to date, or
/// else what the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// The group.
    pub group: OwnedJid,
    /// Ask the server in any case.
    #[serde(default)]
    pub fresh: bool,
}

impl Start for GroupInfo {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        if !self.group.is_group() || self.group.user().is_empty() {
            cx.reply(call, Err(OpError::Argument("not a group".to_string())));
            return Ok(());
        }
        if cx.memory.me.is_none() || cx.memory.logged_out {
            cx.reply(call, Err(OpError::NotLoggedIn));
            return Ok(());
        }
        let known = if self.fresh { None } else { cache::known(cx, &self.group)? };
        match known {
            Some(record) => {
                let metadata = Box::new(parse::metadata(&self.group, &record));
                cx.reply(call, Ok(Answer::GroupInfo(metadata)));
            }
            None if !cx.memory.phase.is_logged_in() => cx.reply(call, Err(OpError::Disconnected)),
            None => cache::answer_later(cx, &self.group, call),
        }
        Ok(())
    }
}
