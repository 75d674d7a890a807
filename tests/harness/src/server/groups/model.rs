//! A group as the server keeps it, and how it is described to clients. Reference 11 §4, §15.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::wire::{Jid, Node, OwnedJid};

use super::super::Stanza;
use super::super::directory::{AccountId, Directory, Form};
use crate::seed::Seed;

/// The names by which the members of a group are written and encrypted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Phone numbers, as old groups have them.
    Pn,
    /// Hidden ids, as new groups have them.
    Lid,
}

impl Addressing {
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Pn => Form::Pn,
            Self::Lid => Form::Lid,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pn => "pn",
            Self::Lid => "lid",
        }
    }
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Member,
    Admin,
    /// Who made the group: nobody can remove or demote them.
    SuperAdmin,
}

/// A text with its second and its author.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) at: u64,
    pub(super) by: AccountId,
}

/// Somebody who asked to join.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) at: u64,
    pub(super) method: &'static str,
}

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    /// Digits of the group's address.
    pub(super) id: String,
    pub(super) subject: Written,
    /// The description and the id that its author gave it.
    pub(super) description: Option<(String, Written)>,
    pub(super) creator: AccountId,
    pub(super) created: u64,
    pub(super) addressing: Addressing,
    pub(super) members: BTreeMap<AccountId, Role>,
    /// Everybody who was ever a member: their devices may still be in somebody's list.
    pub(super) ever: BTreeSet<AccountId>,
    /// Everybody who was ever out again.
    pub(super) left: BTreeSet<AccountId>,
    /// Switches that are on, by the tag that turns them on.
    pub(super) flags: BTreeSet<&'static str>,
    /// Seconds after which messages disappear; 0: never.
    pub(super) ephemeral: u64,
    /// `member_add_mode`, `member_link_mode` and the like.
    pub(super) modes: BTreeMap<&'static str, String>,
    /// Joining by link needs an admin's approval.
    pub(super) approval: bool,
    pub(super) code: String,
    /// Personal invitations: code and second of expiry, by invited account.
    pub(super) invitations: BTreeMap<AccountId, (String, u64)>,
    pub(super) requests: BTreeMap<AccountId, Request>,
    /// Grows with every change of members.
    pub(super) version: u64,
    /// Grows with every change of the announcement rule.
    pub(super) announced: u64,
}

impl Group {
    pub(crate) fn jid(&self) -> OwnedJid {
        Jid::group(self.id.clone())
    }

    pub(crate) fn addressing(&self) -> Addressing {
        self.addressing
    }

    pub(crate) fn has(&self, account: AccountId) -> bool {
        self.members.contains_key(&account)
    }

    pub(crate) fn had(&self, account: AccountId) -> bool {
        self.ever.contains(&account)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.members.keys().copied()
    }

    pub(crate) fn is_admin(&self, account: AccountId) -> bool {
        self.members.get(&account).is_some_and(|role| *role != Role::Member)
    }

    /// Whether an account may write into the group.
    pub(crate) fn may_write(&self, account: AccountId) -> bool {
        self.has(account) && (self.is_admin(account) || !self.flags.contains("announcement"))
    }

    /// Puts an account out; gives what it was.
    pub(super) fn dismiss(&mut self, account: AccountId) -> Option<Role> {
        let role = self.members.remove(&account)?;
        self.left.insert(account);
        Some(role)
    }

    /// Takes an account in.
    pub(super) fn admit(&mut self, account: AccountId, role: Role) {
        self.members.insert(account, role);
        self.ever.insert(account);
        self.requests.remove(&account);
        self.invitations.remove(&account);
    }

    /// The member a change comes from when nobody said who makes it.
    pub(super) fn chair(&self) -> AccountId {
        let chairs = [Role::SuperAdmin, Role::Admin, Role::Member];
        let first = |wanted| self.members.iter().find(|(_, role)| **role == wanted).map(|(id, _)| *id);
        chairs.into_iter().find_map(first).unwrap_or(self.creator)
    }

    /// The full `<group>` node, its id without server. Reference 11 §4.
    pub(super) fn describe(&self, directory: &Directory, with: Detail) -> Stanza {
        let form = self.addressing.form();
        let bare = |id: AccountId, form: Form| directory.account(id).map(|account| account.bare(form));
        let mut node = Node::new("group")
            .attr("id", self.id.clone())
            .attr("subject", self.subject.text.clone())
            .attr("s_t", self.subject.at)
            .attr_opt("s_o", bare(self.subject.by, form))
            .attr_opt("s_o_pn", bare(self.subject.by, Form::Pn).filter(|_| form == Form::Lid))
            .attr("creation", self.created)
            .attr_opt("creator", bare(self.creator, form))
            .attr_opt("creator_pn", bare(self.creator, Form::Pn).filter(|_| form == Form::Lid))
            .attr("addressing_mode", self.addressing.as_str())
            .attr("size", self.members.len() as u64)
            .attr("p_v_id", self.version.to_string())
            .attr("a_v_id", self.announced.to_string());
        if with.members {
            let members =
                self.members.iter().filter_map(|(id, role)| participant(directory, *id, form, Some(*role)));
            node = node.children(members.collect::<Vec<_>>());
        }
        if let Some((id, written)) = self.description.as_ref().filter(|_| with.description) {
            let description = Node::new("description")
                .attr("id", id.clone())
                .attr("t", written.at)
                .attr_opt("participant", bare(written.by, form))
                .attr_opt("participant_pn", bare(written.by, Form::Pn).filter(|_| form == Form::Lid));
            node = node.child(description.child(Node::new("body").bytes(written.text.clone().into_bytes())));
        }
        node = node.children(self.flags.iter().map(|flag| Node::new(*flag)).collect::<Vec<_>>());
        if self.ephemeral > 0 {
            node = node.child(Node::new("ephemeral").attr("expiration", self.ephemeral));
        }
        let modes = self.modes.iter().map(|(tag, mode)| Node::new(*tag).text(mode.clone()));
        node = node.children(modes.collect::<Vec<_>>());
        if self.approval {
            let join = Node::new("group_join").attr("state", "on");
            node = node.child(Node::new("membership_approval_mode").child(join));
        }
        node
    }
}

/// How much of a group is told.
#[derive(Clone, Copy)]
pub(super) struct Detail {
    pub(super) members: bool,
    pub(super) description: bool,
}

impl Detail {
    pub(super) const ALL: Self = Self { members: true, description: true };
}

/// `<participant>` in a group's form, with the other name beside it.
pub(super) fn participant(
    directory: &Directory,
    id: AccountId,
    form: Form,
    role: Option<Role>,
) -> Option<Stanza> {
    let account = directory.account(id)?;
    let kind = match role {
        Some(Role::Admin) => Some("admin"),
        Some(Role::SuperAdmin) => Some("superadmin"),
        _ => None,
    };
    let other = if form == Form::Lid { "phone_number" } else { "lid" };
    Some(
        Node::new("participant")
            .attr("jid", account.bare(form))
            .attr_opt("type", kind)
            .attr(other, account.bare(form.other())),
    )
}

/// All groups, and the link codes that lead to them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    all: BTreeMap<String, Group>,
    /// Codes that were reset.
    stale: BTreeSet<String>,
}

impl Groups {
    pub(crate) fn get(&self, id: &str) -> Option<&Group> {
        self.all.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.all.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.all.values()
    }

    /// Groups that an account is in.
    pub(crate) fn of(&self, account: AccountId) -> impl Iterator<Item = &Group> {
        self.all.values().filter(move |group| group.has(account))
    }

    /// The group that a link leads to, or why to none: 410 for a code that was reset.
    pub(super) fn by_code(&self, code: &str) -> Result<&Group, super::Refusal> {
        if self.stale.contains(code) {
            return Err((410, "gone"));
        }
        self.all.values().find(|group| group.code == code).ok_or((406, "not-acceptable"))
    }

    /// Gives a group a new link and voids the old one.
    pub(super) fn reset_code(&mut self, id: &str, seed: &mut Seed) -> Option<String> {
        let group = self.all.get_mut(id)?;
        let old = core::mem::replace(&mut group.code, draw_code(seed, CODE_LEN));
        self.stale.insert(old);
        Some(group.code.clone())
    }

    /// A new group that only its creator is in.
    pub(super) fn create(&mut self, new: NewGroup<'_>, seed: &mut Seed) -> &mut Group {
        let id = loop {
            let id = format!("{ID_PREFIX}{:011}", u64::from_be_bytes(seed.bytes()) % 100_000_000_000);
            if !self.all.contains_key(&id) {
                break id;
            }
        };
        let NewGroup { subject, creator, addressing, at } = new;
        let mut group = Group {
            id: id.clone(),
            subject: Written { text: subject.to_owned(), at, by: creator },
            description: None,
            creator,
            created: at,
            addressing,
            members: BTreeMap::new(),
            ever: BTreeSet::new(),
            left: BTreeSet::new(),
            flags: BTreeSet::new(),
            ephemeral: 0,
            modes: BTreeMap::new(),
            approval: false,
            code: draw_code(seed, CODE_LEN),
            invitations: BTreeMap::new(),
            requests: BTreeMap::new(),
            version: 1,
            announced: 1,
        };
        group.modes.insert("member_add_mode", "all_member_add".to_owned());
        group.admit(creator, Role::SuperAdmin);
        self.all.entry(id).or_insert(group)
    }
}

/// What a new group begins with.
pub(super) struct NewGroup<'a> {
    pub(super) subject: &'a str,
    pub(super) creator: AccountId,
    pub(super) addressing: Addressing,
    /// Unix second.
    pub(super) at: u64,
}

/// A code of letters and digits.
pub(super) fn draw_code(seed: &mut Seed, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |_| {
        let [drawn] = seed.bytes();
        char::from(LETTERS[usize::from(drawn) % LETTERS.len()])
    };
    (0..length).map(letter).collect()
}

/// How the ids of today's groups begin.
const ID_PREFIX: &str = "1203630";
/// Letters of an invite link's code.
const CODE_LEN: usize = 22;
