//! Making a group. Reference 11 §3, 14 §14.

use sanswire::wire::{Jid, Node};

use super::super::directory::AccountId;
use super::super::{DeviceRef, Server};
use super::model::{Addressing, Detail, NewGroup, Role};
use super::notify::Notice;
use super::settings::{DESCRIPTION_MAX, SUBJECT_MAX, Setting};
use super::{BAD_REQUEST, Done, NOT_ACCEPTABLE, Refusal, UNKNOWN};

impl Server {
    /// `<create subject key>` with participants and first settings; the creator is never listed.
    pub(super) fn take_create(&mut self, at: DeviceRef, create: &Node<'_>) -> Result<Done, Refusal> {
        let subject = create.get("subject").ok_or(BAD_REQUEST)?.into_owned();
        let length = subject.chars().count();
        if length == 0 || length > SUBJECT_MAX {
            return Err(NOT_ACCEPTABLE);
        }
        if create.find("parent").is_some() || create.find("linked_parent").is_some() {
            return Err(UNKNOWN);
        }
        let wanted = create
            .find_all("participant")
            .map(|node| node.get_jid("jid").map(Jid::into_owned).ok_or(BAD_REQUEST))
            .collect::<Result<Vec<_>, _>>()?;
        let mut settings = Vec::new();
        for node in create.nodes().iter().filter(|node| node.tag != "participant") {
            settings.push(Setting::parse(node).ok_or(BAD_REQUEST)?);
        }
        if settings.iter().any(
            |setting| matches!(setting, Setting::Description(_, Some(text)) if text.len() > DESCRIPTION_MAX),
        ) {
            return Err(NOT_ACCEPTABLE);
        }
        let id = self.new_group(&subject, at.account, Addressing::Lid);
        for setting in settings {
            self.apply_setting(&id, at.account, setting);
        }
        let mut failed = Vec::new();
        for jid in wanted {
            match self.admit(&id, at.account, &jid) {
                // Whoever lists themselves or somebody twice asks for nothing new.
                Ok(_) | Err((409, _)) => {}
                Err((code, request)) => {
                    let node = Node::new("participant").attr("jid", jid).attr("error", code);
                    failed.push(node.child_opt(request));
                }
            }
        }
        let key = create.get("key").map(|key| key.into_owned());
        let group = self.groups.get(&id).ok_or(BAD_REQUEST)?;
        let described = group.describe(&self.directory, Detail::ALL);
        let told = Node::new("create").attr_opt("key", key).child(described.clone());
        let notices: Vec<Notice> = vec![self.notice(&id, told)];
        Ok(Done { answer: Some(described.children(failed)), notices })
    }

    /// A group with its creator alone.
    pub(super) fn new_group(&mut self, subject: &str, creator: AccountId, addressing: Addressing) -> String {
        let at = self.now.seconds();
        let new = NewGroup { subject, creator, addressing, at };
        let group = self.groups.create(new, &mut self.seed);
        debug_assert_eq!(group.members.get(&creator), Some(&Role::SuperAdmin));
        group.id.clone()
    }
}
