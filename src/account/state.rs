//! Collections of the application state that changed elsewhere: that they have to be fetched is stored.
//! Reference 08 §3.1.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use sanswire_proto::records::DirtyCollection;

use crate::engine::{Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::messaging::inbox;
use crate::records::COLLECTION_KEYS;
use crate::wire::NodeRef;

/// `<notification type=server_sync>`: names that do not exist are skipped.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let named = node.find_all("collection").filter_map(|collection| {
        let name = collection.get("name")?;
        let known = COLLECTIONS.iter().find(|known| **known == name)?;
        Some((known.to_string(), collection.get_u64("version")))
    });
    let collections: BTreeMap<String, Option<u64>> = named.collect();
    mark(cx, collections)
}

/// Everything may have changed.
pub(super) fn all_changed(cx: &mut Turn<'_>) -> Result<(), Stop> {
    mark(cx, COLLECTIONS.iter().map(|name| (name.to_string(), None)).collect())
}

fn mark(cx: &mut Turn<'_>, collections: BTreeMap<String, Option<u64>>) -> Result<(), Stop> {
    if collections.is_empty() {
        return Ok(());
    }
    for (name, version) in &collections {
        let key = [COLLECTION_KEYS, name.as_bytes()].concat();
        let known = cx.get::<DirtyCollection>(&key)?;
        let version = match known {
            Some(known) => known.version.max(*version).filter(|_| known.version.is_some()),
            None => *version,
        };
        cx.put(&key, &DirtyCollection { version });
    }
    inbox::keep(cx, Event::Account(AccountEvent::AppStateChanged { collections }));
    Ok(())
}

/// The collections that exist. Reference 09 §2.
const COLLECTIONS: [&str; 5] =
    ["critical_block", "critical_unblock_low", "regular", "regular_high", "regular_low"];
