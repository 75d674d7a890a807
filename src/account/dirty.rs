//! `<ib><dirty/>`: something is not up to date any more. Reference 08 §10, 12 §12.

use alloc::string::ToString;
use alloc::sync::Arc;

use super::{settings, state};
use crate::engine::{Continuation, Outcome, Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::limits::NOTIFICATION_ITEMS;
use crate::messaging::inbox;
use crate::wire::{Jid, Node, NodeRef};

/// Asks again for what this client keeps, tells the application, and tells the server that it is known.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    for dirty in node.find_all("dirty").take(NOTIFICATION_ITEMS) {
        let Some(kind) = dirty.get("type").filter(|kind| !kind.is_empty()) else { continue };
        match kind.as_ref() {
            "account_sync" => settings::ask(cx),
            "syncd_app_state" => state::all_changed(cx)?,
            "groups" | "newsletter_metadata" => {}
            _ => continue,
        }
        let timestamp = dirty.get_u64("timestamp");
        // What is known of groups is dropped in runs, and cleaned after the last.
        if kind != "groups" {
            clean(cx, &kind, timestamp);
        }
        inbox::keep(cx, Event::Account(AccountEvent::Dirty { kind: kind.into_owned(), timestamp }));
    }
    Ok(())
}

/// Tells the server that something dirty was seen to.
fn clean(cx: &mut Turn<'_>, kind: &str, timestamp: Option<u64>) {
    let clean = Node::new("clean").attr("type", kind.to_string()).attr_opt("timestamp", timestamp);
    let iq =
        Node::new("iq").attr("to", Jid::SERVER).attr("type", "set").attr("xmlns", "urn:xmpp:whatsapp:dirty");
    let limit = cx.config.timing.query();
    cx.ask(iq.child(clean), limit, Arc::new(Cleaned));
}

/// If it did not arrive, the server says so again on the next connection.
#[derive(Debug)]
struct Cleaned;

impl Continuation for Cleaned {
    fn answer(&self, _: &mut Turn<'_>, _: &Outcome) -> Result<(), Stop> {
        Ok(())
    }
}
