//! The operation that counts posts of a channel as seen. Reference 13 §3.

use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::error::OpError;
use crate::limits::RECEIPT_IDS;
use crate::ops::{Answer, CallId, Start};
use crate::wire::{Node, OwnedJid, ids};

/// Tells a channel that posts were looked at, which its owner sees as a number. [`MarkRead`](crate::messaging::MarkRead)
/// is another thing: it tells only the account's own devices that they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkViewed {
    /// The channel.
    pub newsletter: OwnedJid,
    /// The posts' numbers ([`Details::server_id`](crate::event::Details::server_id)), at least one.
    pub posts: Vec<u64>,
}

impl Start for MarkViewed {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let result = self.tell(cx);
        cx.reply(call, result.map(|()| Answer::MarkViewed(())));
        Ok(())
    }
}

impl MarkViewed {
    fn tell(&self, cx: &mut Turn<'_>) -> Result<(), OpError> {
        if !self.newsletter.is_newsletter() {
            return Err(OpError::Argument("this is no channel".to_string()));
        }
        if !(1..=RECEIPT_IDS).contains(&self.posts.len()) {
            return Err(OpError::Argument("between 1 and 256 posts are needed".to_string()));
        }
        if cx.memory.phase != Phase::Ready {
            return Err(OpError::Disconnected);
        }
        let random = cx.entropy.bytes::<16>();
        let me = cx.memory.me.as_ref().map(|me| &me.pn);
        let items = self.posts.iter().map(|number| Node::new("item").attr("server_id", *number));
        let receipt = Node::new("receipt")
            .attr("id", ids::message_id(cx.now.unix.seconds(), me, &random))
            .attr("to", self.newsletter.clone())
            .attr("type", "view")
            .child(Node::new("list").children(items));
        cx.send(&receipt);
        Ok(())
    }
}
