//! What the server says about contacts: changed, renumbered, to be compared again. Reference 08 §4.3.

use super::time;
use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::event::{ContactEvent, Event};
use crate::messaging::inbox;
use crate::wire::{Jid, NodeRef};

/// `<notification type=contacts>`. What is named by a digest only is nobody that this client could tell.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let timestamp = time(cx, node);
    let Some(child) = node.first() else { return Ok(()) };
    let named = |attr: &str| child.get_jid(attr).map(|jid| jid.bare().into_owned());
    let event = match child.tag().as_ref() {
        "update" => named("jid").map(|jid| ContactEvent::Updated { jid, timestamp }),
        "sync" => Some(ContactEvent::SyncRequested { after: child.get_u64("after"), timestamp }),
        "modify" => match (named("old"), named("new")) {
            (Some(old), Some(new)) => {
                let lids = (named("old_lid").filter(Jid::is_lid), named("new_lid").filter(Jid::is_lid));
                if let (Some(old_lid), Some(new_lid)) = &lids {
                    lid::learn(cx, &old, old_lid)?;
                    lid::learn(cx, &new, new_lid)?;
                }
                let (old_lid, new_lid) = lids;
                Some(ContactEvent::NumberChanged { old, new, old_lid, new_lid, timestamp })
            }
            _ => None,
        },
        _ => None,
    };
    if let Some(event) = event {
        inbox::keep(cx, Event::Contact(event));
    }
    Ok(())
}
