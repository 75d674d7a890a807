//! What is asked about groups: metadata, lists, links, requests. Reference 11 §2, §8-10.

use sanswire::wire::{Jid, Node};

use super::super::{DeviceRef, Server, Stanza};
use super::model::{Detail, participant};
use super::{BAD_REQUEST, FORBIDDEN, NOT_FOUND, Refusal, UNKNOWN};

impl Server {
    /// Questions to `g.us`.
    pub(super) fn ask_groups(&self, at: DeviceRef, child: &Node<'_>) -> Result<Stanza, Refusal> {
        match child.tag.as_ref() {
            "participating" => {
                let with = Detail {
                    members: child.find("participants").is_some(),
                    description: child.find("description").is_some(),
                };
                let groups = self.groups.of(at.account).map(|group| group.describe(&self.directory, with));
                Ok(Node::new("groups").children(groups.collect::<Vec<_>>()))
            }
            "query" => self.ask_many(at, child),
            "invite" => {
                let code = child.get("code").filter(|code| !code.is_empty()).ok_or(BAD_REQUEST)?;
                let group = self.groups.by_code(&code)?;
                let with = Detail { members: false, description: true };
                Ok(group.describe(&self.directory, with))
            }
            _ => Err(UNKNOWN),
        }
    }

    /// Several groups at once: those that may not be seen come with an error.
    fn ask_many(&self, at: DeviceRef, query: &Node<'_>) -> Result<Stanza, Refusal> {
        let wanted: Vec<Jid<'_>> = query.find_all("group").filter_map(|group| group.get_jid("jid")).collect();
        if wanted.is_empty() {
            return Err(BAD_REQUEST);
        }
        let found = wanted.iter().map(|jid| match self.groups.get(jid.user()) {
            Some(group) if group.has(at.account) => group.describe(&self.directory, Detail::ALL),
            Some(_) => Node::new("group").attr("id", jid.user().to_owned()).attr("error", "403"),
            None => Node::new("group").attr("id", jid.user().to_owned()).attr("error", "404"),
        });
        Ok(Node::new("groups").children(found.collect::<Vec<_>>()))
    }

    /// Questions to one group.
    pub(super) fn ask_group(&self, at: DeviceRef, group: &str, child: &Node<'_>) -> Result<Stanza, Refusal> {
        let group = self.groups.get(group).ok_or(NOT_FOUND)?;
        let member = group.has(at.account);
        match child.tag.as_ref() {
            "query" => {
                let invited = child.find("add_request").and_then(|request| request.get("code"));
                let known = group.invitations.get(&at.account);
                let welcome =
                    invited.is_some_and(|code| known.is_some_and(|(known, _)| known.as_str() == code));
                if !member && !welcome {
                    return Err(FORBIDDEN);
                }
                Ok(group.describe(&self.directory, Detail { members: member, description: true }))
            }
            "invite" if !member => Err(FORBIDDEN),
            "invite" if !group.is_admin(at.account) => Err((401, "not-authorized")),
            "invite" => Ok(Node::new("invite").attr("code", group.code.clone())),
            "membership_approval_requests" if !group.is_admin(at.account) => Err(FORBIDDEN),
            "membership_approval_requests" => {
                let form = group.addressing().form();
                let requests = group.requests.iter().filter_map(|(id, request)| {
                    let mut asked = participant(&self.directory, *id, form, None)?;
                    asked.tag = "membership_approval_request".into();
                    Some(asked.attr("request_time", request.at).attr("request_method", request.method))
                });
                Ok(Node::new("membership_approval_requests").children(requests.collect::<Vec<_>>()))
            }
            _ => Err(UNKNOWN),
        }
    }
}
