//! Messages to a group: who may write, what each member's device gets. Reference 05 §5, 14 §9.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::wire::{Jid, Node, participant_hash};

use super::super::directory::{AccountId, Form};
use super::super::router::{Accepted, Chat, Refusal, check_enc};
use super::super::{DeviceRef, Server, Stanza};

/// The ciphertexts of a message for many.
pub(crate) struct SharedEncs<'n, 'a> {
    /// One per device, in `<participants>`.
    pub(crate) pairwise: Vec<(Jid<'static>, &'n Node<'a>)>,
    /// Names in `<participants>` without a ciphertext.
    pub(crate) named: Vec<Jid<'static>>,
    /// The one for everybody.
    pub(crate) shared: Option<&'n Node<'a>>,
    /// A resend's only ciphertext, and the device it is for.
    pub(crate) resend: Option<(Jid<'static>, &'n Node<'a>)>,
}

impl<'n, 'a> SharedEncs<'n, 'a> {
    /// Reads and checks the parts of a message for many.
    pub(crate) fn parse(node: &'n Node<'a>) -> Result<Self, Refusal> {
        let mut parts = Self { pairwise: Vec::new(), named: Vec::new(), shared: None, resend: None };
        let mut listed = BTreeSet::new();
        for entry in node.find("participants").into_iter().flat_map(Node::nodes) {
            let jid = entry.get_jid("jid").ok_or((479, "a participant needs a jid", "05 §5"))?.into_owned();
            if !listed.insert(jid.to_string()) {
                return Err((479, "a device is listed twice", "05 §4"));
            }
            let Some(enc) = entry.find("enc") else {
                parts.named.push(jid);
                continue;
            };
            check_enc(enc)?;
            if !matches!(enc.get("type").as_deref(), Some("pkmsg" | "msg")) {
                return Err((479, "an enc for one device is pkmsg or msg", "05 §5"));
            }
            parts.pairwise.push((jid, enc));
        }
        let resent = node.get_jid("participant").map(Jid::into_owned);
        for enc in node.find_all("enc") {
            check_enc(enc)?;
            match (enc.get("type").as_deref(), &resent) {
                (Some("skmsg"), _) if parts.shared.is_none() => parts.shared = Some(enc),
                (Some("pkmsg" | "msg"), Some(device)) if parts.resend.is_none() => {
                    parts.resend = Some((device.clone(), enc));
                }
                _ => {
                    return Err((
                        479,
                        "a message for many has one skmsg, a resend one pkmsg or msg",
                        "05 §5",
                    ));
                }
            }
        }
        Ok(parts)
    }
}

impl Server {
    /// The checks of a message to a group, in the contract's order. Reference 14 §9.1.
    pub(crate) fn accept_for_group(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        to: Jid<'static>,
    ) -> Result<Accepted, Refusal> {
        let encs = SharedEncs::parse(node)?;
        let no_member = (403, "the sender is no member of this group", "14 §9.1");
        let group = self.groups.get(to.user()).filter(|group| group.has(at.account)).ok_or(no_member)?;
        if encs.resend.is_none() && !group.may_write(at.account) {
            return Err((403, "only admins write to this group", "14 §9.1"));
        }
        let form = group.addressing().form();
        let other_mode = node.get("addressing_mode").is_some_and(|mode| mode != group.addressing().as_str());
        let mixed = encs.pairwise.iter().any(|(jid, _)| Form::of(jid) != form);
        if other_mode || mixed {
            return Err((421, "the group's members are addressed by their other names", "05 §9"));
        }
        let members: BTreeSet<AccountId> = group.members().collect();
        let strangers = encs.pairwise.iter().filter_map(|(jid, _)| self.directory.resolve(jid));
        let strangers = strangers.filter(|account| !group.had(*account)).count();
        if strangers > 0 {
            let rule = "a sender key was handed to somebody who was never in the group";
            self.violation(Some(at), node, rule, "05 §5.3");
        }
        self.accept_shared(at, node, to, &encs, &members, Chat::Shared { form, told: true })
    }

    /// What groups and statuses have in common: everything after the question who the recipients are.
    pub(crate) fn accept_shared(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        to: Jid<'static>,
        encs: &SharedEncs<'_, '_>,
        recipients: &BTreeSet<AccountId>,
        chat: Chat,
    ) -> Result<Accepted, Refusal> {
        self.check_device_identity(at, node, &encs.pairwise, false)?;
        if let Some((device, enc)) = &encs.resend {
            self.check_device_identity(at, node, &[(device.clone(), *enc)], false)?;
            let parts = self.resent_part(at, node, device, enc, recipients);
            return Ok(Accepted { to, chat, peer: false, parts, phash: None });
        }
        let mut own: BTreeMap<DeviceRef, Stanza> = BTreeMap::new();
        for (jid, enc) in &encs.pairwise {
            // Some clients hand themselves their own key, too.
            let Some(target) = self.directory.resolve_device(jid).filter(|target| *target != at) else {
                continue;
            };
            self.audit_enc(at, target, node, enc);
            own.insert(target, (*enc).clone().into_owned());
        }
        if let Some(enc) = encs.shared {
            self.audit_shared(at, &to.to_string(), node, enc);
        } else if chat_is_group(chat) {
            return Err((479, "a message to a group needs a skmsg", "05 §5"));
        }
        let devices = self.devices_of(recipients);
        let mut parts = Vec::new();
        for target in devices.iter().filter(|target| **target != at) {
            let shared = encs.shared.map(|enc| enc.clone().into_owned());
            let all: Vec<Stanza> = own.remove(target).into_iter().chain(shared).collect();
            if !all.is_empty() {
                parts.push((*target, all));
            }
        }
        let Chat::Shared { form, .. } = chat else {
            return Ok(Accepted { to, chat, peer: false, parts, phash: None });
        };
        let phash = node.get("phash").and_then(|hash| self.other_hash(at, &hash, &devices, form));
        Ok(Accepted { to, chat, peer: false, parts, phash })
    }

    /// A resend goes to the one device that asked, as long as it belongs to a recipient.
    fn resent_part(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        device: &Jid<'_>,
        enc: &Node<'_>,
        recipients: &BTreeSet<AccountId>,
    ) -> Vec<(DeviceRef, Vec<Stanza>)> {
        let target = self.directory.resolve_device(device);
        let Some(target) = target.filter(|target| recipients.contains(&target.account) && *target != at)
        else {
            return Vec::new();
        };
        self.audit_enc(at, target, node, enc);
        vec![(target, vec![enc.clone().into_owned()])]
    }

    /// All devices of some accounts.
    pub(crate) fn devices_of(&self, accounts: &BTreeSet<AccountId>) -> Vec<DeviceRef> {
        let known = accounts.iter().filter_map(|id| self.directory.account(*id));
        known.flat_map(super::super::directory::Account::device_refs).collect()
    }

    /// The right participant hash, if the one in a stanza fits neither with nor without the sending device.
    /// Reference 05 §5.4.
    fn other_hash(&self, at: DeviceRef, claimed: &str, devices: &[DeviceRef], form: Form) -> Option<String> {
        let all: Vec<Jid<'static>> =
            devices.iter().filter_map(|device| self.address(*device, form)).collect();
        let own = self.address(at, form);
        let rest: Vec<Jid<'static>> = all.iter().filter(|jid| Some(*jid) != own.as_ref()).cloned().collect();
        let right = participant_hash(&all);
        (claimed != right && claimed != participant_hash(&rest)).then_some(right)
    }
}

const fn chat_is_group(chat: Chat) -> bool {
    matches!(chat, Chat::Shared { told: true, .. })
}
