//! Contacts' devices and keys, as events. Reference 08 §2.1, §2.2, §2.4.

use super::time;
use crate::directory::{device_change, identity_change, lid};
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=encrypt>`: own prekeys run low, or a contact was set up anew.
pub(crate) fn encrypt(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let timestamp = time(cx, node);
    if let Some(jid) = identity_change::notified(cx, node)? {
        let alt = lid::other_name(cx, &jid)?;
        inbox::keep(cx, Event::Contact(ContactEvent::IdentityChanged { jid, alt, timestamp }));
    }
    Ok(())
}

/// `<notification type=devices>`: a contact's devices came or went.
pub(crate) fn devices(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    parse::jid(node, "notification", "from")?;
    if let Some(change) = device_change::notified(cx, node)? {
        inbox::keep(cx, Event::Contact(change.event()));
    }
    Ok(())
}
