//! Links, personal invitations and requests to join. Reference 11 §8-9.

use sanswire::wire::{Jid, Node};

use super::super::directory::AccountId;
use super::super::{DeviceRef, Server};
use super::model::{Request, Role, participant};
use super::notify::Notice;
use super::{BAD_REQUEST, Done, FORBIDDEN, NOT_FOUND, Refusal};

impl Server {
    /// `<invite/>`: an admin has the link replaced.
    pub(super) fn reset_code(&mut self, at: DeviceRef, group: &str) -> Result<Done, Refusal> {
        let record = self.groups.get(group).ok_or(NOT_FOUND)?;
        if !record.has(at.account) {
            return Err(FORBIDDEN);
        }
        if !record.is_admin(at.account) {
            return Err((401, "not-authorized"));
        }
        let code = self.groups.reset_code(group, &mut self.seed).ok_or(NOT_FOUND)?;
        let body = Node::new("invite").attr("code", code);
        let notices = vec![self.notice(group, body.clone())];
        Ok(Done { answer: Some(body), notices })
    }

    /// `<invite code/>` to `g.us`: joins, or waits for approval.
    pub(super) fn join_by_code(&mut self, at: DeviceRef, invite: &Node<'_>) -> Result<Done, Refusal> {
        let code = invite.get("code").filter(|code| !code.is_empty()).ok_or(BAD_REQUEST)?.into_owned();
        let group = self.groups.by_code(&code)?.id.clone();
        self.join(at, &group)
    }

    /// `<accept code expiration admin/>` to the group that sent a personal invitation.
    pub(super) fn accept_invitation(
        &mut self,
        at: DeviceRef,
        group: &str,
        accept: &Node<'_>,
    ) -> Result<Done, Refusal> {
        let code = accept.get("code").ok_or(BAD_REQUEST)?;
        let now = self.now.seconds();
        let record = self.groups.get(group).ok_or(NOT_FOUND)?;
        if record.has(at.account) {
            return Err((304, "not-modified"));
        }
        let known = record.invitations.get(&at.account);
        if known.is_none_or(|(known, until)| known.as_str() != code || *until < now) {
            return Err((410, "gone"));
        }
        Ok(self.enter(at.account, group))
    }

    fn join(&mut self, at: DeviceRef, group: &str) -> Result<Done, Refusal> {
        let (now, most) = (self.now.seconds(), self.config.group_size);
        let record = self.groups.get_mut(group).ok_or(NOT_FOUND)?;
        let jid = record.jid();
        if record.has(at.account) {
            return Err((304, "not-modified"));
        }
        if record.members.len() >= most {
            return Err((419, "resource-limit"));
        }
        if !record.approval {
            return Ok(self.enter(at.account, group));
        }
        record.requests.insert(at.account, Request { at: now, method: "invite_link" });
        let admins: Vec<AccountId> = record.members().filter(|id| record.is_admin(*id)).collect();
        let form = record.addressing().form();
        let asked = participant(&self.directory, at.account, form, None).map(|mut node| {
            node.tag = "requested_user".into();
            node
        });
        let body = Node::new("created_membership_requests").attr("request_method", "invite_link");
        let notice = self.notice(group, body.children(asked)).only(&admins);
        let answer = Node::new("membership_approval_request").attr("jid", jid);
        Ok(Done { answer: Some(answer), notices: vec![notice] })
    }

    /// Somebody comes in by a code.
    fn enter(&mut self, who: AccountId, group: &str) -> Done {
        let Some(record) = self.groups.get_mut(group) else {
            return Done { answer: None, notices: Vec::new() };
        };
        record.admit(who, Role::Member);
        record.version += 1;
        let answer = Node::new("group").attr("jid", record.jid());
        let notices = self.notices_of_new(group, &[who], Some("invite"));
        Done { answer: Some(answer), notices }
    }

    /// `<revoke>`: personal invitations become void.
    pub(super) fn revoke_invitations(
        &mut self,
        at: DeviceRef,
        group: &str,
        revoke: &Node<'_>,
    ) -> Result<Done, Refusal> {
        let record = self.groups.get_mut(group).ok_or(NOT_FOUND)?;
        if !record.is_admin(at.account) {
            return Err(FORBIDDEN);
        }
        let mut answer = Node::new("revoke");
        for jid in participants(revoke)? {
            let whom = self.directory.resolve(&jid);
            let voided = whom.is_some_and(|whom| record.invitations.remove(&whom).is_some());
            let node = Node::new("participant").attr("jid", jid);
            answer = answer.child(if voided { node } else { node.attr("error", "404") });
        }
        Ok(Done { answer: Some(answer), notices: Vec::new() })
    }

    /// `<membership_requests_action>` with `<approve>` and `<reject>`.
    pub(super) fn decide_requests(
        &mut self,
        at: DeviceRef,
        group: &str,
        action: &Node<'_>,
    ) -> Result<Done, Refusal> {
        if !self.groups.get(group).ok_or(NOT_FOUND)?.is_admin(at.account) {
            return Err(FORBIDDEN);
        }
        let mut answer = Node::new("membership_requests_action");
        let (mut approved, mut rejected) = (Vec::new(), Vec::new());
        for decision in action.nodes() {
            let approve = match decision.tag.as_ref() {
                "approve" => true,
                "reject" => false,
                _ => return Err(BAD_REQUEST),
            };
            let mut decided = Node::new(if approve { "approve" } else { "reject" });
            for jid in participants(decision)? {
                let record = self.groups.get_mut(group).ok_or(NOT_FOUND)?;
                let whom = self.directory.resolve(&jid).filter(|whom| record.requests.remove(whom).is_some());
                let node = Node::new("participant").attr("jid", jid);
                let Some(whom) = whom else {
                    decided = decided.child(node.attr("error", "404"));
                    continue;
                };
                decided = decided.child(node);
                if approve {
                    record.admit(whom, Role::Member);
                    approved.push(whom);
                } else {
                    rejected.push(whom);
                }
            }
            answer = answer.child(decided);
        }
        let mut notices = self.notices_of_change(group, "add", &approved);
        notices.extend(self.requests_gone(group, &rejected));
        Ok(Done { answer: Some(answer), notices })
    }

    /// `<cancel_membership_requests>`: whoever asked does not want to any more.
    pub(super) fn cancel_requests(
        &mut self,
        at: DeviceRef,
        group: &str,
        cancel: &Node<'_>,
    ) -> Result<Done, Refusal> {
        let mut answer = Node::new("cancel_membership_requests");
        let mut gone = Vec::new();
        for jid in participants(cancel)? {
            let own = self.directory.resolve(&jid) == Some(at.account);
            let record = self.groups.get_mut(group).ok_or(NOT_FOUND)?;
            let cancelled = own && record.requests.remove(&at.account).is_some();
            let node = Node::new("participant").attr("jid", jid);
            answer = answer.child(if cancelled { node } else { node.attr("error", "404") });
            gone.extend(cancelled.then_some(at.account));
        }
        let notices = self.requests_gone(group, &gone);
        Ok(Done { answer: Some(answer), notices })
    }

    /// Admins hear of requests that are gone, and so do those who asked.
    fn requests_gone(&self, group: &str, whose: &[AccountId]) -> Vec<Notice> {
        let Some(record) = self.groups.get(group).filter(|_| !whose.is_empty()) else { return Vec::new() };
        let mut to: Vec<AccountId> = record.members().filter(|id| record.is_admin(*id)).collect();
        to.extend_from_slice(whose);
        let form = record.addressing().form();
        let people = whose.iter().filter_map(|id| participant(&self.directory, *id, form, None));
        let body = Node::new("revoked_membership_requests").children(people.collect::<Vec<_>>());
        vec![self.notice(group, body).only(&to)]
    }
}

/// The people that a request names, at least one.
fn participants(node: &Node<'_>) -> Result<Vec<Jid<'static>>, Refusal> {
    let named = node.find_all("participant").map(|one| one.get_jid("jid").map(Jid::into_owned));
    let named = named.collect::<Option<Vec<_>>>().filter(|named| !named.is_empty());
    named.ok_or(BAD_REQUEST)
}
