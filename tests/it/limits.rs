//! Each bound of link, directory and messaging at its edge and over it.

mod directory;
mod link;
mod memory;
mod queues;
mod receipts;
mod sending;
mod storm;
mod wire;

use core::time::Duration;

use sanswire::event::SendState;
use sanswire::messaging::SendMessage;
use sanswire::ops::CallId;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_sim::script::{Peer, Script};

/// One instant less than `limit_s` passes; then the rest of it.
fn up_to(script: &mut Script, limit_s: u64) {
    script.advance(Duration::from_secs(limit_s) - TICK);
}

/// The instant that [`up_to`] left out.
const TICK: Duration = Duration::from_millis(1);

/// Another user's number and device.
fn bob(device: u16) -> OwnedJid {
    Jid::pn("15550000002", device).into_owned()
}

fn text_to(jid: OwnedJid, id: &str) -> SendMessage {
    SendMessage::text(jid, "hi").with_id(id)
}

/// Sends a text to Bob, who has these devices, as far as the wire.
fn written(script: &mut Script, peers: &[&Peer], id: &str) -> CallId {
    let call = script.call(text_to(bob(0), id));
    script.answer_directory(peers);
    call
}

/// A ready client whose message `id` Bob's first device has been sent and the server has acked.
fn acked(id: &str) -> (Script, Peer) {
    let mut script = Script::ready(1);
    let peer = script.peer(bob(0));
    written(&mut script, &[&peer], id);
    script.ack(id);
    script.sent();
    (script, peer)
}

/// How often a message was reported in a state that `pick` knows.
fn reports(script: &Script, pick: impl Fn(&SendState) -> bool) -> usize {
    script.progress().into_iter().filter(|progress| pick(&progress.state)).count()
}

fn iqs<'a>(sent: &'a [Node<'static>], child: &str) -> Vec<&'a Node<'static>> {
    sent.iter().filter(|node| node.find(child).is_some()).collect()
}
