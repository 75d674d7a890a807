//! Messages to the account's own phone, which ask it for something. Reference 05 §8, 07 §4.5.

use alloc::string::String;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use super::{fanout, form};
use crate::content::Envelope;
use crate::directory::{bundles, sessions};
use crate::engine::{Stop, Turn};
use crate::signal::CiphertextKind;
use crate::wire::{Node, ids};

/// Sends a message to the phone and gives its id; `None` when there is no session with it yet: then its keys are asked
/// for, and the caller tries again. It is not kept: what the phone does not answer has to be asked for again.
pub(super) fn send(cx: &mut Turn<'_>, message: &Message) -> Result<Option<String>, Stop> {
    let Some(me) = cx.memory.me.clone() else { return Ok(None) };
    let phone = me.lid.as_ref().unwrap_or(&me.pn).bare().into_owned();
    let address = sessions::address_of(cx, &phone)?;
    let record = sessions::load(cx, &address)?;
    if record.current().is_none() {
        bundles::ask(cx, &[phone]);
        return Ok(None);
    }
    let Some((kind, bytes)) = fanout::encrypt(cx, &address, record, &message.encode_to_vec()) else {
        return Ok(None);
    };
    let random = cx.entropy.bytes::<16>();
    let id = ids::message_id(cx.now.unix.seconds(), Some(&me.pn), &random);
    let stanza = Node::new("message")
        .attr("id", id.clone())
        .attr("to", me.pn.bare().into_owned())
        .attr("type", "text")
        .attr("category", "peer")
        .attr("push_priority", "high_force")
        .child(Node::new("meta").attr("appdata", "default"))
        .child(form::enc(kind, bytes, &Envelope::default()));
    let stanza = match kind {
        CiphertextKind::PreKey => fanout::attach_identity(cx, stanza)?,
        CiphertextKind::Message => stanza,
    };
    cx.send(&stanza);
    Ok(Some(id))
}
