//! Telling others that an account's devices changed. Reference 14 §12.1, 05 §2.5.

use std::collections::BTreeSet;

use sanswire::wire::{Jid, Node, participant_hash};

use super::directory::{AccountId, Form};
use super::{DeviceRef, Server, Stanza};

impl Server {
    /// A companion was linked: contacts and the account's other companions hear of it.
    pub(crate) fn announce_added(&mut self, at: DeviceRef) {
        let Some(device) = self.directory.device(at) else { return };
        let key_index = device.key_index;
        self.announce(at, "add", Some(key_index));
    }

    /// A companion was unlinked.
    pub(crate) fn announce_removed(&mut self, at: DeviceRef) {
        self.announce(at, "remove", None);
    }

    fn announce(&mut self, at: DeviceRef, change: &'static str, key_index: Option<u32>) {
        let Some(account) = self.directory.account(at.account) else { return };
        let (pn, lid) = (account.bare(Form::Pn), account.bare(Form::Lid));
        let contacts = self.circle(at.account);
        let mut device = Node::new("device")
            .attr("jid", account.jid(at.device, Form::Pn))
            .attr("lid", account.jid(at.device, Form::Lid));
        if let Some(index) = key_index {
            device = device.attr("key-index", u64::from(index));
        }
        let mut child = Node::new(change)
            .attr("device_hash", self.device_hash(at.account, Form::Pn))
            .attr("device_lid_hash", self.device_hash(at.account, Form::Lid))
            .child(device);
        if let Some(signed) = self.key_index_list(at.account) {
            child = child.child(signed);
        }
        for contact in contacts {
            let body = Node::new("notification")
                .attr("from", pn.clone())
                .attr("lid", lid.clone())
                .attr("type", "devices")
                .attr("id", self.fresh_id())
                .attr("t", self.now.seconds())
                .child(child.clone());
            self.notify_companions(contact, None, &body);
        }
        self.sync_own_devices(at);
    }

    /// `account_sync` with the full list to every companion but the one that changed.
    fn sync_own_devices(&mut self, changed: DeviceRef) {
        let Some(account) = self.directory.account(changed.account) else { return };
        let devices = account.devices.iter().map(|(id, device)| {
            let node = Node::new("device").attr("jid", account.jid(*id, Form::Pn));
            if *id == 0 { node } else { node.attr("key-index", u64::from(device.key_index)) }
        });
        let mut list = Node::new("devices")
            .attr("dhash", self.device_hash(changed.account, Form::Pn))
            .children(devices.collect::<Vec<_>>());
        let from = account.bare(Form::Pn);
        if let Some(signed) = self.key_index_list(changed.account) {
            list = list.child(signed);
        }
        let body = Node::new("notification")
            .attr("from", from)
            .attr("type", "account_sync")
            .attr("id", self.fresh_id())
            .attr("t", self.now.seconds())
            .child(list);
        self.notify_companions(changed.account, Some(changed.device), &body);
    }

    /// The account has a new identity: contacts must drop their sessions. Reference 08 §2.2.
    pub(crate) fn announce_identity(&mut self, account: AccountId) {
        let Some(record) = self.directory.account(account) else { return };
        let (pn, lid) = (record.bare(Form::Pn), record.bare(Form::Lid));
        let contacts = self.circle(account);
        for contact in contacts {
            let body = Node::new("notification")
                .attr("from", pn.clone())
                .attr("lid", lid.clone())
                .attr("type", "encrypt")
                .attr("id", self.fresh_id())
                .attr("t", self.now.seconds())
                .child(Node::new("identity"));
            self.notify_companions(contact, None, &body);
        }
    }

    /// Everybody who shares a chat or a group with an account.
    fn circle(&self, account: AccountId) -> BTreeSet<AccountId> {
        let known = self.directory.account(account).map(|record| record.contacts.clone()).unwrap_or_default();
        let members = self.groups.of(account).flat_map(|group| group.members());
        known.into_iter().chain(members).filter(|id| *id != account).collect()
    }

    /// Queues a copy for every companion of an account but one.
    pub(crate) fn notify_companions(&mut self, account: AccountId, except: Option<u16>, body: &Stanza) {
        let Some(record) = self.directory.account(account) else { return };
        let targets: Vec<u16> =
            record.companions().map(|(id, _)| id).filter(|id| Some(*id) != except).collect();
        for device in targets {
            self.deliver(DeviceRef { account, device }, body.clone());
        }
    }

    /// The participant hash over an account's devices.
    pub(crate) fn device_hash(&self, account: AccountId, form: Form) -> String {
        let record = self.directory.account(account);
        let jids: Vec<Jid<'static>> =
            record.into_iter().flat_map(|a| a.devices.keys().map(move |id| a.jid(*id, form))).collect();
        participant_hash(&jids)
    }

    /// `<key-index-list ts>` as the phone last signed it.
    pub(crate) fn key_index_list(&self, account: AccountId) -> Option<Stanza> {
        let (ts, bytes) = self.phones.get(&account)?.signed_list()?;
        Some(Node::new("key-index-list").attr("ts", ts).bytes(bytes.to_vec()))
    }
}
