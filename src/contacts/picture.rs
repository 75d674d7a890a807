//! Pictures of people and groups. Reference 08 §4.1.

use super::time;
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::limits::NOTIFICATION_ITEMS;
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::{Jid, NodeRef};

/// `<notification type=picture>`: set or removed; other children ask for nothing that this client could answer.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "notification", "from")?.bare().into_owned();
    let timestamp = time(cx, node);
    let author_of = |child: NodeRef<'_>| child.get_jid("author").map(Jid::into_owned);
    if node.first().is_none() {
        let gone = ContactEvent::Picture { jid: from, author: None, id: None, timestamp };
        inbox::keep(cx, Event::Contact(gone));
        return Ok(());
    }
    for child in node.nodes().take(NOTIFICATION_ITEMS) {
        let id = match child.tag().as_ref() {
            "set" => Some(child.get("id").unwrap_or_default().into_owned()),
            "delete" => None,
            _ => continue,
        };
        let jid = child.get_jid("jid").map_or_else(|| from.clone(), |jid| jid.bare().into_owned());
        let picture = ContactEvent::Picture { jid, author: author_of(child), id, timestamp };
        inbox::keep(cx, Event::Contact(picture));
    }
    Ok(())
}
