//! Who comes, goes and rules. Reference 11 §5, 14 §14.

use sanswire::wire::{Jid, Node};

use super::super::directory::{AccountId, Form};
use super::super::{DeviceRef, Server, Stanza};
use super::model::{Role, draw_code};
use super::notify::Notice;
use super::{BAD_REQUEST, Done, FORBIDDEN, NOT_FOUND, Refusal};

/// Why one account was not taken in: a code, and the invitation to send instead.
pub(super) type NotAdmitted = (u64, Option<Stanza>);

impl Server {
    /// `<add>`, `<remove>`, `<promote>`, `<demote>`: one answer per participant, in their order.
    pub(super) fn take_members(
        &mut self,
        at: DeviceRef,
        group: &str,
        action: &Node<'_>,
    ) -> Result<Done, Refusal> {
        let record = self.groups.get(group).ok_or(NOT_FOUND)?;
        let adding = action.tag == "add";
        let anybody_adds = record.modes.get("member_add_mode").is_none_or(|mode| mode == "all_member_add");
        let allowed = record.is_admin(at.account) || (adding && anybody_adds && record.has(at.account));
        if !allowed {
            return Err(FORBIDDEN);
        }
        let wanted = action
            .find_all("participant")
            .map(|node| node.get_jid("jid").map(Jid::into_owned).ok_or(BAD_REQUEST))
            .collect::<Result<Vec<_>, _>>()?;
        if wanted.is_empty() {
            return Err(BAD_REQUEST);
        }
        let tag = match action.tag.as_ref() {
            "add" => "add",
            "remove" => "remove",
            "promote" => "promote",
            _ => "demote",
        };
        let (results, notices) = self.change_members(group, at.account, tag, &wanted);
        Ok(Done { answer: Some(Node::new(tag).children(results)), notices })
    }

    /// Carries out one action for several people.
    pub(super) fn change_members(
        &mut self,
        group: &str,
        actor: AccountId,
        action: &'static str,
        wanted: &[Jid<'static>],
    ) -> (Vec<Stanza>, Vec<Notice>) {
        let (mut results, mut changed) = (Vec::new(), Vec::new());
        for jid in wanted {
            let node = Node::new("participant").attr("jid", jid.clone());
            let done = match action {
                "add" => self.admit(group, actor, jid),
                _ => self.change_one(group, action, jid).map_err(|code| (code, None)),
            };
            results.push(match done {
                Ok(account) => {
                    changed.push(account);
                    let pn = self.directory.account(account).map(|account| account.bare(Form::Pn));
                    node.attr("type", "200").attr_opt("phone_number", pn)
                }
                Err((code, request)) => node.attr("error", code).child_opt(request),
            });
        }
        let notices = self.notices_of_change(group, action, &changed);
        (results, notices)
    }

    /// Raises the version and writes the notices of what was done to some members.
    pub(super) fn notices_of_change(
        &mut self,
        group: &str,
        action: &'static str,
        changed: &[AccountId],
    ) -> Vec<Notice> {
        if changed.is_empty() {
            return Vec::new();
        }
        if let Some(record) = self.groups.get_mut(group) {
            record.version += 1;
        }
        match action {
            "add" => self.notices_of_new(group, changed, None),
            "remove" => {
                self.phones_rotate(group);
                let body = self.named("remove", group, changed);
                vec![self.notice_with(group, changed, body)]
            }
            _ => {
                let body = self.named(action, group, changed);
                vec![self.notice(group, body)]
            }
        }
    }

    /// Takes one account in, unless it or the group does not want that.
    pub(super) fn admit(
        &mut self,
        group: &str,
        actor: AccountId,
        jid: &Jid<'_>,
    ) -> Result<AccountId, NotAdmitted> {
        let whom = self.directory.resolve(jid).ok_or((404, None))?;
        let at = self.now.seconds();
        let account = self.directory.account(whom).ok_or((404, None))?;
        let blocked = account.blocked.contains(&actor);
        let open = match account.privacy.get("groupadd").map(String::as_str) {
            Some("none") => false,
            Some("contacts" | "contact_blacklist") => account.contacts.contains(&actor),
            _ => true,
        };
        let record = self.groups.get_mut(group).ok_or((404, None))?;
        if record.has(whom) {
            return Err((409, None));
        }
        if blocked {
            return Err((401, None));
        }
        if record.members.len() >= self.config.group_size {
            return Err((419, None));
        }
        if !open {
            let code = draw_code(&mut self.seed, INVITATION_LEN);
            let expiration = at + INVITATION_S;
            record.invitations.insert(whom, (code.clone(), expiration));
            let request = Node::new("add_request").attr("code", code).attr("expiration", expiration);
            return Err((403, Some(request)));
        }
        record.admit(whom, Role::Member);
        Ok(whom)
    }

    fn change_one(&mut self, group: &str, action: &str, jid: &Jid<'_>) -> Result<AccountId, u64> {
        let whom = self.directory.resolve(jid).ok_or(404_u64)?;
        let record = self.groups.get_mut(group).ok_or(404_u64)?;
        let role = *record.members.get(&whom).ok_or(404_u64)?;
        match (action, role) {
            ("promote", Role::Member) => {
                record.members.insert(whom, Role::Admin);
            }
            ("demote", Role::Admin) => {
                record.members.insert(whom, Role::Member);
            }
            ("promote", _) | ("demote", Role::Member) => return Err(409),
            (_, Role::SuperAdmin) => return Err(406),
            _ => {
                record.dismiss(whom);
            }
        }
        Ok(whom)
    }

    /// `<leave><group id/>…</leave>`, to `g.us`.
    pub(super) fn take_leave(&mut self, at: DeviceRef, leave: &Node<'_>) -> Result<Done, Refusal> {
        let wanted: Vec<Jid<'static>> = leave
            .nodes()
            .iter()
            .filter(|node| matches!(node.tag.as_ref(), "group" | "community"))
            .filter_map(|node| node.get_jid("id").map(Jid::into_owned))
            .collect();
        if wanted.is_empty() {
            return Err(BAD_REQUEST);
        }
        let mut answer = Node::new("leave");
        let mut notices = Vec::new();
        for jid in wanted {
            let left = self.depart(jid.user(), at.account);
            let node = Node::new("group").attr("id", jid);
            answer = answer.child(if left.is_some() { node } else { node.attr("error", "404") });
            notices.extend(left.into_iter().flatten());
        }
        Ok(Done { answer: Some(answer), notices })
    }

    /// A member goes; the group never stays without an admin. `None`: was no member.
    pub(super) fn depart(&mut self, group: &str, who: AccountId) -> Option<Vec<Notice>> {
        let record = self.groups.get_mut(group)?;
        record.dismiss(who)?;
        let heir = record.members.keys().next().copied();
        let heir = heir.filter(|_| !record.members.values().any(|role| *role != Role::Member));
        let mut notices = self.notices_of_change(group, "remove", &[who]);
        if let Some(heir) = heir {
            if let Some(role) = self.groups.get_mut(group).and_then(|record| record.members.get_mut(&heir)) {
                *role = Role::Admin;
            }
            notices.extend(self.notices_of_change(group, "promote", &[heir]));
        }
        Some(notices)
    }
}

/// Letters of a personal invitation's code.
const INVITATION_LEN: usize = 16;
/// How long one can be used: three days.
const INVITATION_S: u64 = 3 * 86_400;
