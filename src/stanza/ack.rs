//! The frame that closes an incoming stanza at the server. Reference 01 §11.1, 07 §6.2.

use super::reaction::NackCode;
use crate::engine::Turn;
use crate::wire::{Node, NodeRef};

/// Acks a stanza: class, id, `to` exactly as `from` was written, and the copied attributes. Nothing is sent
/// when the stanza has no id or sender, as nothing could be named then.
pub(crate) fn ack(cx: &mut Turn<'_>, stanza: NodeRef<'_>) {
    send(cx, stanza, None);
}

/// Acks a stanza and says why it was not taken.
pub(crate) fn nack(cx: &mut Turn<'_>, stanza: NodeRef<'_>, code: NackCode) {
    send(cx, stanza, Some(code));
}

fn send(cx: &mut Turn<'_>, stanza: NodeRef<'_>, code: Option<NackCode>) {
    let (Some(id), Some(from)) = (stanza.get("id"), stanza.value("from")) else { return };
    let own = cx.memory.me.as_ref().filter(|_| stanza.is("message")).map(|me| me.pn.clone());
    let node = Node::new("ack")
        .attr("class", stanza.tag())
        .attr("id", id)
        .attr("to", from)
        .attr_opt("participant", stanza.value("participant"))
        .attr_opt("recipient", stanza.value("recipient"))
        .attr_opt("type", stanza.get("type"))
        .attr_opt("from", own)
        .attr_opt("error", code.map(|code| u64::from(code.number())));
    cx.send(&node);
}
