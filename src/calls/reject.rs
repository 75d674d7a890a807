//! The operation that refuses a call. Reference 08 §8, 13 §5.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::ops::{Answer, CallId, Start};
use crate::wire::{Node, OwnedJid};

/// Refuses a call: the caller hears that the line is busy, and the account's other devices stop ringing. Answered as
/// soon as it is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCall {
    /// The call, as in [`CallEvent::call`](crate::event::CallEvent).
    pub call: String,
    /// Who calls, as in [`CallEvent::creator`](crate::event::CallEvent).
    pub creator: OwnedJid,
}

impl Start for RejectCall {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let person = self.creator.is_pn() || self.creator.is_lid();
        if self.call.is_empty() || !person {
            cx.reply(call, Err(OpError::Argument("a call id and the caller are needed".to_string())));
            return Ok(());
        }
        if cx.memory.phase != Phase::Ready {
            cx.reply(call, Err(OpError::Disconnected));
            return Ok(());
        }
        let me = cx.memory.me.as_ref();
        let own = me.and_then(|me| if self.creator.is_lid() { me.lid.clone() } else { Some(me.pn.clone()) });
        let id = cx.new_id();
        let reject = Node::new("reject")
            .attr("call-id", self.call.clone())
            .attr("call-creator", self.creator.clone())
            .attr("count", "0");
        let node = Node::new("call")
            .attr("id", id)
            .attr_opt("from", own.map(|own| own.bare().into_owned()))
            .attr("to", self.creator.bare().into_owned());
        cx.send(&node.child(reject));
        let ended = self.call.clone();
        cx.remember(move |memory| {
            memory.calls.remove(&ended);
        });
        cx.reply(call, Ok(Answer::RejectCall(())));
        Ok(())
    }
}
