//! The operation that tells senders that their messages were read. Reference 07 §6.4.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::limits::RECEIPT_IDS;
use crate::ops::{Answer, CallId, Start};
use crate::wire::{Node, OwnedJid};

/// Sends a read receipt for messages of one chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRead {
    /// The conversation, as in [`Received::chat`](crate::event::Received).
    pub chat: OwnedJid,
    /// The messages' ids, at least one.
    pub ids: Vec<String>,
}

impl Start for MarkRead {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let Some((first, rest)) = self.ids.split_first().filter(|_| self.ids.len() <= RECEIPT_IDS) else {
            cx.reply(call, Err(OpError::Argument("between 1 and 256 ids are needed".to_string())));
            return Ok(());
        };
        if cx.memory.phase != Phase::Ready {
            cx.reply(call, Err(OpError::Disconnected));
            return Ok(());
        }
        let mut receipt = Node::new("receipt")
            .attr("id", first.clone())
            .attr("to", self.chat.bare().into_owned())
            .attr("type", "read")
            .attr("t", cx.now.unix.seconds());
        if !rest.is_empty() {
            let items = rest.iter().map(|id| Node::new("item").attr("id", id.clone()));
            receipt = receipt.child(Node::new("list").children(items));
        }
        cx.send(&receipt);
        cx.reply(call, Ok(Answer::MarkRead(())));
        Ok(())
    }
}
