//! What the server or a peer does wrong, each with its named error and its reaction; the client works on.

mod addressing;
mod anything;
mod messages;
mod stanzas;
mod transport;

use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_sim::script::{Peer, Script};

fn bob(device: u16) -> OwnedJid {
    Jid::pn("15550000002", device).into_owned()
}

/// A ready client and a device that can write to it.
fn met() -> (Script, Peer) {
    let mut script = Script::ready(1);
    let peer = script.peer(bob(0));
    (script, peer)
}

/// The client still receives and answers.
fn assert_works(script: &mut Script, peer: &mut Peer) {
    let before = script.received().len();
    let id = format!("works-{before}");
    let text = peer.text(&id, "still there?");
    script.sent();
    script.send(&text);
    assert_eq!(script.received().len(), before + 1, "{:?}", script.faults());
    assert_eq!(script.sent_tagged("receipt").len(), 1);
    assert!(script.is_alive());
}

/// Tags of stanzas, with the code of acks that have one and the type of receipts.
fn outline(sent: &[Node<'_>]) -> Vec<String> {
    let name = |node: &Node<'_>| {
        let more = node.get("error").or_else(|| node.get("type").filter(|_| node.tag == "receipt"));
        more.map_or_else(|| node.tag.to_string(), |more| format!("{} {more}", node.tag))
    };
    sent.iter().map(name).collect()
}
