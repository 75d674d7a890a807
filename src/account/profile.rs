//! What the account says about itself, as other devices of it set it. Reference 08 §3.2.

use sanswire_proto::records::OwnProfile;

use crate::engine::{Stop, Turn};
use crate::event::{AccountEvent, Event};
use crate::messaging::inbox;
use crate::records::PROFILE_KEY;
use crate::wire::NodeRef;

/// The account's name was changed elsewhere.
pub(super) fn renamed(cx: &mut Turn<'_>, name: &str) -> Result<(), Stop> {
    let mut profile = cx.get::<OwnProfile>(PROFILE_KEY)?.unwrap_or_default();
    if name.is_empty() || profile.push_name.as_deref() == Some(name) {
        return Ok(());
    }
    profile.push_name = Some(name.into());
    cx.put(PROFILE_KEY, &profile);
    inbox::keep(cx, Event::Account(AccountEvent::PushName { name: name.into() }));
    Ok(())
}

/// `<disappearing_mode>`: the timer of new conversations; an older one than is known is ignored.
pub(super) fn timer(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let Some(set) = node.get_u64("t") else { return Ok(()) };
    let mut profile = cx.get::<OwnProfile>(PROFILE_KEY)?.unwrap_or_default();
    if profile.default_expiration_set_unix_s.is_some_and(|known| known >= set) {
        return Ok(());
    }
    let seconds = node.get_u64("duration").unwrap_or(0);
    let expiration_s = u32::try_from(seconds).unwrap_or(u32::MAX);
    profile.default_expiration_s = Some(expiration_s);
    profile.default_expiration_set_unix_s = Some(set);
    cx.put(PROFILE_KEY, &profile);
    inbox::keep(cx, Event::Account(AccountEvent::DefaultTimer { expiration_s, set }));
    Ok(())
}
