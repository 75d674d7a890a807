//! Who a status goes to. Reference 05 §6.

use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::OpError;
use crate::limits::AUDIENCE_MAX;
use crate::wire::OwnedJid;

/// The users who may see a status, as the application chooses them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The users, by number or by LID, without device; those whose LID cannot be found out are left out.
    pub users: Vec<OwnedJid>,
    /// How they were chosen: the post says so.
    #[serde(default)]
    pub kind: AudienceKind,
}

/// How the audience of a status was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceKind {
    /// All contacts.
    #[default]
    Contacts,
    /// Only those on a list.
    AllowList,
    /// All contacts but those on a list.
    DenyList,
}

impl Audience {
    /// Whether it can be sent to.
    pub(super) fn check(&self) -> Result<(), OpError> {
        let person = |user: &OwnedJid| {
            (user.is_pn() || user.is_lid()) && user.device() == 0 && !user.user().is_empty()
        };
        let refuse = |why: &str| Err(OpError::Argument(why.to_string()));
        if self.users.is_empty() {
            return refuse("a status needs users who may see it");
        }
        if self.users.len() > AUDIENCE_MAX {
            return refuse("too many users");
        }
        if !self.users.iter().all(person) {
            return refuse("the audience holds something that is no user");
        }
        Ok(())
    }
}

impl AudienceKind {
    /// The number that the outbox keeps.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Contacts => 1,
            Self::AllowList => 2,
            Self::DenyList => 3,
        }
    }

    /// The word in the stanza.
    pub(super) const fn word(number: Option<u32>) -> &'static str {
        match number {
            Some(2) => "allowlist",
            Some(3) => "denylist",
            _ => "contacts",
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::Jid;

    #[test]
    fn an_audience_is_a_bounded_list_of_users() {
        let of = |users: Vec<OwnedJid>| Audience { users, kind: AudienceKind::Contacts };
        let friend = Jid::pn("15550001111", 0);
        assert_eq!(of(vec![friend.clone()]).check(), Ok(()));
        assert_eq!(of(vec![friend.clone(); AUDIENCE_MAX]).check(), Ok(()));
        let refused = [
            Vec::new(),
            vec![friend.clone(); AUDIENCE_MAX + 1],
            vec![Jid::group("120363000000000001")],
            vec![Jid::pn("15550001111", 3)],
        ];
        for users in refused {
            assert!(of(users).check().is_err());
        }
    }

    #[test]
    fn each_kind_of_audience_has_its_word() {
        let kinds = [AudienceKind::Contacts, AudienceKind::AllowList, AudienceKind::DenyList];
        let words = kinds.map(|kind| AudienceKind::word(Some(kind.number())));
        assert_eq!(words, ["contacts", "allowlist", "denylist"]);
    }
}
