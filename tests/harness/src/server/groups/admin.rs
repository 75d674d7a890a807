//! Groups for tests and people at the keyboard: made and changed without a client.

use sanswire::wire::{Jid, OwnedJid};
use serde_json::{Value, json};

use super::super::directory::{AccountId, Form};
use super::super::{AdminResponse, Server};
use super::model::{Addressing, Detail, Role};
use super::settings::Setting;

/// One change of a group; members hear of it as of any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// Takes somebody in.
    Add(AccountId),
    /// Puts somebody out.
    Remove(AccountId),
    /// Somebody leaves.
    Leave(AccountId),
    /// Somebody becomes admin.
    Promote(AccountId),
    /// An admin becomes an ordinary member.
    Demote(AccountId),
    /// A new name.
    Subject(String),
    /// A new description; empty: none.
    Description(String),
    /// Only admins may write.
    Announcement(bool),
    /// Only admins may change subject, description and timer.
    Locked(bool),
    /// Messages disappear after this many seconds; 0: never.
    Ephemeral(u64),
    /// Joining by link needs approval.
    Approval(bool),
    /// The group's members are written by their other names from now on; nobody is told.
    Addressing(Addressing),
}

/// The same with people by push name, phone number or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRequest {
    /// Takes somebody in.
    Add(String),
    /// Puts somebody out.
    Remove(String),
    /// Somebody leaves.
    Leave(String),
    /// Somebody becomes admin.
    Promote(String),
    /// An admin becomes an ordinary member.
    Demote(String),
    /// A change that names nobody.
    Change(GroupChange),
}

impl Server {
    /// Makes a group and tells its members; the first one is its creator. Without members it is empty.
    pub fn create_group(&mut self, subject: &str, members: &[AccountId], addressing: Addressing) -> OwnedJid {
        let creator = members.first().copied().unwrap_or(AccountId(0));
        let id = self.new_group(subject, creator, addressing);
        if let Some(group) = self.groups.get_mut(&id) {
            for member in members.iter().filter(|member| **member != creator) {
                group.admit(*member, Role::Member);
            }
            group.members.retain(|member, _| members.contains(member));
        }
        let described = self.groups.get(&id).map(|group| group.describe(&self.directory, Detail::ALL));
        let told = sanswire::wire::Node::new("create").child_opt(described);
        let notice = self.notice(&id, told);
        self.publish(creator, vec![notice]);
        self.settle();
        Jid::group(id)
    }

    /// Changes a group in the name of its creator or of whoever rules it; false when there was nothing to
    /// change.
    pub fn change_group(&mut self, group: &Jid<'_>, change: GroupChange) -> bool {
        let id = group.user();
        let Some(record) = self.groups.get(id) else { return false };
        let chair = record.chair();
        let (actor, notices) = match change {
            GroupChange::Leave(who) => (who, self.depart(id, who).unwrap_or_default()),
            GroupChange::Add(who) => (chair, self.change_member(id, chair, "add", who)),
            GroupChange::Remove(who) => (chair, self.change_member(id, chair, "remove", who)),
            GroupChange::Promote(who) => (chair, self.change_member(id, chair, "promote", who)),
            GroupChange::Demote(who) => (chair, self.change_member(id, chair, "demote", who)),
            GroupChange::Addressing(addressing) => {
                if let Some(record) = self.groups.get_mut(id) {
                    record.addressing = addressing;
                }
                return true;
            }
            GroupChange::Description(text) => {
                let number = self.fresh_id();
                let text = Some(text).filter(|text| !text.is_empty());
                (chair, self.change_setting(id, chair, Setting::Description(number, text)))
            }
            GroupChange::Subject(text) => (chair, self.change_setting(id, chair, Setting::Subject(text))),
            GroupChange::Announcement(on) => {
                (chair, self.change_setting(id, chair, Setting::Flag("announcement", on)))
            }
            GroupChange::Locked(on) => (chair, self.change_setting(id, chair, Setting::Flag("locked", on))),
            GroupChange::Ephemeral(seconds) => {
                (chair, self.change_setting(id, chair, Setting::Ephemeral(seconds)))
            }
            GroupChange::Approval(on) => (chair, self.change_setting(id, chair, Setting::Approval(on))),
        };
        let changed = !notices.is_empty();
        self.publish(actor, notices);
        self.settle();
        changed
    }

    fn change_member(
        &mut self,
        group: &str,
        actor: AccountId,
        action: &'static str,
        who: AccountId,
    ) -> Vec<super::notify::Notice> {
        let Some(jid) = self.directory.account(who).map(|account| account.bare(Form::Lid)) else {
            return Vec::new();
        };
        self.change_members(group, actor, action, &[jid]).1
    }

    /// Adds a member; false when it was one.
    pub fn add_member(&mut self, group: &Jid<'_>, who: AccountId) -> bool {
        self.change_group(group, GroupChange::Add(who))
    }

    /// Removes a member; false when it was none, or is the creator.
    pub fn remove_member(&mut self, group: &Jid<'_>, who: AccountId) -> bool {
        self.change_group(group, GroupChange::Remove(who))
    }

    /// Who is in a group.
    #[must_use]
    pub fn group_members(&self, group: &Jid<'_>) -> Vec<AccountId> {
        self.groups.get(group.user()).map(|group| group.members().collect()).unwrap_or_default()
    }

    /// The groups that an account is in.
    #[must_use]
    pub fn groups_of(&self, account: AccountId) -> Vec<OwnedJid> {
        self.groups.of(account).map(super::model::Group::jid).collect()
    }

    /// Whether an account is in a group and was in it without a break since it came.
    #[must_use]
    pub fn always_member(&self, group: &Jid<'_>, who: AccountId) -> bool {
        self.groups.get(group.user()).is_some_and(|group| group.has(who) && !group.left.contains(&who))
    }

    /// The code of a group's invite link.
    #[must_use]
    pub fn group_code(&self, group: &Jid<'_>) -> Option<&str> {
        self.groups.get(group.user()).map(|group| group.code.as_str())
    }

    /// `CreateGroup` of the admin endpoint.
    pub(crate) fn admin_create_group(
        &mut self,
        subject: &str,
        members: &[String],
        addressing: Addressing,
    ) -> AdminResponse {
        let known: Option<Vec<AccountId>> =
            members.iter().map(|member| self.directory.look_up(member)).collect();
        let Some(known) = known.filter(|known| !known.is_empty()) else {
            return AdminResponse::error(404, "no such account");
        };
        let jid = self.create_group(subject, &known, addressing);
        AdminResponse::ok(self.describe_group(&jid))
    }

    /// `ChangeGroup` of the admin endpoint.
    pub(crate) fn admin_change_group(&mut self, group: &str, request: &GroupRequest) -> AdminResponse {
        let Some(jid) = Jid::parse(group).ok().filter(|jid| self.groups.get(jid.user()).is_some()) else {
            return AdminResponse::error(404, "no such group");
        };
        let (name, change): (&str, fn(AccountId) -> GroupChange) = match request {
            GroupRequest::Add(who) => (who, GroupChange::Add),
            GroupRequest::Remove(who) => (who, GroupChange::Remove),
            GroupRequest::Leave(who) => (who, GroupChange::Leave),
            GroupRequest::Promote(who) => (who, GroupChange::Promote),
            GroupRequest::Demote(who) => (who, GroupChange::Demote),
            GroupRequest::Change(change) => return self.admin_changed(&jid, change.clone()),
        };
        match self.directory.look_up(name) {
            Some(who) => self.admin_changed(&jid, change(who)),
            None => AdminResponse::error(404, "no such account"),
        }
    }

    fn admin_changed(&mut self, jid: &Jid<'_>, change: GroupChange) -> AdminResponse {
        let changed = self.change_group(jid, change);
        let mut body = self.describe_group(jid);
        if let Value::Object(fields) = &mut body {
            fields.insert("changed".to_owned(), Value::Bool(changed));
        }
        AdminResponse::ok(body)
    }

    fn describe_group(&self, jid: &Jid<'_>) -> Value {
        let Some(group) = self.groups.get(jid.user()) else { return Value::Null };
        let members: Vec<Value> = group
            .members
            .iter()
            .filter_map(|(id, role)| {
                let account = self.directory.account(*id)?;
                Some(json!({
                    "name": account.name,
                    "jid": account.bare(Form::Pn).to_string(),
                    "lid": account.bare(Form::Lid).to_string(),
                    "admin": *role != Role::Member,
                }))
            })
            .collect();
        json!({
            "jid": jid.to_string(),
            "subject": group.subject.text,
            "addressing": group.addressing.as_str(),
            "code": group.code,
            "members": members,
        })
    }

    /// All groups, for the admin endpoint's state.
    pub(crate) fn describe_groups(&self) -> Vec<Value> {
        self.groups.iter().map(|group| self.describe_group(&group.jid())).collect()
    }
}
