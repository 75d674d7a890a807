//! Contacts' texts about themselves. Reference 08 §4.2.

use super::time;
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=status>`: without text it says nothing.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let jid = parse::jid(node, "notification", "from")?.bare().into_owned();
    let Some(text) = node.find("set").filter(|set| !set.has("hash")).map(|set| set.content_text()) else {
        return Ok(());
    };
    let push_name = node.get("notify").filter(|name| !name.is_empty()).map(|name| name.into_owned());
    let timestamp = time(cx, node);
    let text = text.unwrap_or_default().into_owned();
    inbox::keep(cx, Event::Contact(ContactEvent::About { jid, text, push_name, timestamp }));
    Ok(())
}
