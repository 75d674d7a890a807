//! What arrives: every kind of stanza, what is told of it, and what is answered. Reference 07, 08.

mod addons;
mod bounds;
mod cases;
mod notifications;
mod placeholders;
mod receipts;
mod sender;
mod told;
mod vectors;

use sanswire::event::{Event, Undecryptable};
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire_sim::script::Script;

fn bob(device: u16) -> OwnedJid {
    Jid::pn("15550000002", device).into_owned()
}

fn group() -> OwnedJid {
    Jid::group("120363000000000001").into_owned()
}

fn undecryptable(script: &Script) -> Vec<&Undecryptable> {
    script.select(|event| if let Event::Undecryptable(event) = event { Some(event) } else { None })
}

/// A notification from somebody.
fn notification(kind: &'static str, from: OwnedJid, id: &str) -> Node<'static> {
    Node::new("notification")
        .attr("id", id.to_string())
        .attr("from", from)
        .attr("type", kind)
        .attr("t", "1700000000")
}
