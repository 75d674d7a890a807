//! Telling members of changes. Reference 11 §13, §15, 14 §14.

use sanswire::wire::Node;

use super::super::directory::{AccountId, Form};
use super::super::{Server, Stanza};
use super::model::{Detail, participant};

/// One change for some accounts.
pub(super) struct Notice {
    /// Digits of the group's address.
    group: String,
    to: Vec<AccountId>,
    body: Stanza,
}

impl Notice {
    /// The same for these accounts instead.
    pub(super) fn only(self, to: &[AccountId]) -> Self {
        Self { to: to.to_vec(), ..self }
    }
}

impl Server {
    /// A notice to everybody who is in the group now.
    pub(super) fn notice(&self, group: &str, body: Stanza) -> Notice {
        let to = self.groups.get(group).map(|group| group.members().collect()).unwrap_or_default();
        Notice { group: group.to_owned(), to, body }
    }

    /// The same, and to some who are not (any more).
    pub(super) fn notice_with(&self, group: &str, more: &[AccountId], body: Stanza) -> Notice {
        let mut notice = self.notice(group, body);
        notice.to.extend_from_slice(more);
        notice
    }

    /// Notices of new members: they get the whole group, the others their names.
    pub(super) fn notices_of_new(
        &self,
        group: &str,
        new: &[AccountId],
        reason: Option<&'static str>,
    ) -> Vec<Notice> {
        let Some(record) = self.groups.get(group).filter(|_| !new.is_empty()) else { return Vec::new() };
        let whole = Node::new("create").attr_opt("reason", reason);
        let whole = whole.child(record.describe(&self.directory, Detail::ALL));
        let added = self.named("add", group, new).attr_opt("reason", reason);
        let mut others = self.notice(group, added);
        others.to.retain(|account| !new.contains(account));
        let create = Notice { group: group.to_owned(), to: new.to_vec(), body: whole };
        vec![create, others]
    }

    /// `<tag>` with participants and the versions before and after.
    pub(super) fn named(&self, tag: &'static str, group: &str, who: &[AccountId]) -> Stanza {
        let Some(group) = self.groups.get(group) else { return Node::new(tag) };
        let form = group.addressing().form();
        let people = who.iter().filter_map(|id| participant(&self.directory, *id, form, None));
        Node::new(tag)
            .attr("v_id", group.version.to_string())
            .attr("prev_v_id", (group.version - 1).to_string())
            .children(people.collect::<Vec<_>>())
    }

    /// Sends notices: to every device of whom they are for, the acting one included, under one id.
    pub(super) fn publish(&mut self, actor: AccountId, notices: Vec<Notice>) {
        if notices.is_empty() {
            return;
        }
        let id = self.fresh_id();
        for notice in notices {
            let Some(group) = self.groups.get(&notice.group) else { continue };
            let form = group.addressing().form();
            let name = self.directory.account(actor).map(|account| account.name.clone());
            let other = if form == Form::Lid { "participant_pn" } else { "participant_lid" };
            let by = |form: Form| self.directory.account(actor).map(|account| account.bare(form));
            let stanza = Node::new("notification")
                .attr("from", group.jid())
                .attr("type", "w:gp2")
                .attr("id", id.clone())
                .attr("t", self.now.seconds())
                .attr_opt("participant", by(form))
                .attr_opt(other, by(form.other()))
                .attr_opt("notify", name)
                .attr("addressing_mode", group.addressing().as_str())
                .child(notice.body);
            for account in notice.to {
                self.notify_companions(account, None, &stanza);
            }
        }
    }
}
