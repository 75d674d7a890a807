//! Whether this device counts as being used. Reference 07 §6.3, 14 §11.1.

use sanswire_proto::records::OwnProfile;
use serde::{Deserialize, Serialize};

use crate::engine::{Phase, Stop, Turn};
use crate::ops::{Answer, CallId, Start};
use crate::records::PROFILE_KEY;
use crate::wire::Node;

/// Announces that the application is in use, or not: while it is not, delivery receipts are `inactive` and
/// show no ticks. Remembered for the life of the client; every login announces it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAvailable {
    /// In use.
    pub available: bool,
}

impl Start for SetAvailable {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let available = self.available;
        cx.remember(move |memory| memory.available = available);
        if cx.memory.phase == Phase::Ready {
            announce(cx, available)?;
        }
        cx.reply(call, Ok(Answer::SetAvailable(())));
        Ok(())
    }
}

/// Sends the presence, with the name that another device of the account gave it last, or else the configured one.
pub(super) fn announce(cx: &mut Turn<'_>, available: bool) -> Result<(), Stop> {
    let kind = if available { "available" } else { "unavailable" };
    let stored = cx.get::<OwnProfile>(PROFILE_KEY)?.and_then(|profile| profile.push_name);
    let name = stored.or_else(|| cx.config.profile.push_name.clone()).filter(|name| !name.is_empty());
    cx.send(&Node::new("presence").attr("type", kind).attr_opt("name", name));
    Ok(())
}
