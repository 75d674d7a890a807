//! Looking up a user's other address. Reference 04 §14.

use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::error::OpError;
use crate::ops::{Answer, CallId, Start};
use crate::wire::OwnedJid;

/// Looks up what is known of a user's addresses, without asking the server: pairs are learnt from every stanza that
/// names both, and told as [`ContactEvent::Lid`](crate::event::ContactEvent::Lid).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAddresses {
    /// The user by phone number or by LID; a device in it is left out of account.
    pub user: OwnedJid,
}

/// The two addresses of one user, without device; at least one is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Addresses {
    /// By phone number.
    pub pn: Option<OwnedJid>,
    /// By LID.
    pub lid: Option<OwnedJid>,
}

impl Start for ContactAddresses {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let user = self.user.bare().into_owned();
        if !(user.is_pn() || user.is_lid()) || user.user().is_empty() {
            cx.reply(call, Err(OpError::Argument("neither a phone number nor a LID".to_string())));
            return Ok(());
        }
        let other = lid::other_name(cx, &user)?;
        let (pn, lid) = if user.is_pn() { (Some(user), other) } else { (other, Some(user)) };
        cx.reply(call, Ok(Answer::ContactAddresses(Addresses { pn, lid })));
        Ok(())
    }
}
