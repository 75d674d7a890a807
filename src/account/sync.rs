//! What other devices of the account changed. Reference 08 §3.2, 02 §7.2.

use super::{blocklist, privacy, profile};
use crate::directory::device_change;
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::limits::NOTIFICATION_ITEMS;
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=account_sync>`: only the account itself can say so. Children that nothing is known about say
/// nothing.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "notification", "from")?.into_owned();
    if !cx.is_me(&from) {
        return Ok(());
    }
    if let Some(name) = node.get("pushname") {
        profile::renamed(cx, &name)?;
    }
    for child in node.nodes().take(NOTIFICATION_ITEMS) {
        match child.tag().as_ref() {
            "disappearing_mode" => profile::timer(cx, child)?,
            "blocklist" => blocklist::changed(cx, child)?,
            "privacy" => privacy::merge(cx, child)?,
            "devices" => {
                if let Some(change) = device_change::own_replaced(cx, child)? {
                    inbox::keep(cx, Event::Contact(change.event()));
                }
            }
            "picture" => {
                let id = child.get("id").or_else(|| Some("".into())).map(|id| id.into_owned());
                let jid = from.bare().into_owned();
                let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
                let picture = ContactEvent::Picture { jid, author: None, id, timestamp };
                inbox::keep(cx, Event::Contact(picture));
            }
            _ => {}
        }
    }
    Ok(())
}
