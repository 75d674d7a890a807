//! Contacts' default timers for disappearing messages. Reference 08 §4.4.

use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=disappearing_mode>`: without a time it cannot be told which one is newer, and says nothing.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let jid = parse::jid(node, "notification", "from")?.bare().into_owned();
    let Some(mode) = node.find("disappearing_mode") else { return Ok(()) };
    let Some(set) = mode.get_u64("t") else { return Ok(()) };
    let seconds = mode.get_u64("duration").unwrap_or(0);
    let expiration_s = u32::try_from(seconds).unwrap_or(u32::MAX);
    inbox::keep(cx, Event::Contact(ContactEvent::DefaultTimer { jid, expiration_s, set }));
    Ok(())
}
