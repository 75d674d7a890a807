//! Who may see what: the stored settings. Reference 08 §3.2, 12 §7.

use alloc::collections::BTreeMap;
use alloc::string::String;

use sanswire_proto::records::PrivacySettings;

use crate::engine::{Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::limits::PRIVACY_CATEGORIES;
use crate::messaging::inbox;
use crate::records::PRIVACY_KEY;
use crate::wire::NodeRef;

/// Takes `<category name value/>` children over what is stored, and tells what differs. Names and values that are
/// not known are kept as they are.
pub(super) fn merge(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let mut settings = cx.get::<PrivacySettings>(PRIVACY_KEY)?.unwrap_or_default();
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    for category in node.find_all("category").take(PRIVACY_CATEGORIES) {
        let (Some(name), Some(value)) = (category.get("name"), category.get("value")) else { continue };
        let (name, value) = (name.into_owned(), value.into_owned());
        let room = settings.values.len() < PRIVACY_CATEGORIES || settings.values.contains_key(&name);
        if room && settings.values.get(&name) != Some(&value) {
            settings.values.insert(name.clone(), value.clone());
            changed.insert(name, value);
        }
    }
    if !changed.is_empty() {
        cx.put(PRIVACY_KEY, &settings);
        inbox::keep(cx, Event::Account(AccountEvent::Privacy { changed }));
    }
    Ok(())
}
