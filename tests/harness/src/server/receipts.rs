//! Receipts and retry requests on their way. Reference 14 §10, 07 §6.

use sanswire::wire::{Jid, Node};

use super::directory::Form;
use super::{DeviceRef, Server, Stanza};

impl Server {
    /// Closes what the receipt acknowledges, then sends it where it belongs.
    pub(crate) fn take_receipt(&mut self, at: DeviceRef, node: &Node<'_>) {
        let Some(id) = node.get("id").filter(|id| !id.is_empty()).map(|id| id.into_owned()) else {
            self.violation(Some(at), node, "a receipt needs an id", "07 §6.3");
            return;
        };
        let kind = node.get("type").unwrap_or_default().into_owned();
        let to = node.get_jid("to").map(Jid::into_owned);
        if let Some(newsletter) = to.as_ref().filter(|to| to.is_newsletter() && kind == "view") {
            return self.view_posts(at, newsletter, node);
        }
        if !matches!(kind.as_str(), "retry" | "enc_rekey_retry") {
            let listed = node.find("list").into_iter().flat_map(|list| list.find_all("item"));
            let more: Vec<String> =
                listed.filter_map(|item| item.get("id").map(|id| id.into_owned())).collect();
            for id in [id].into_iter().chain(more) {
                self.close_entry(at, "message", &id, to.as_ref());
            }
        }
        if to.is_none() && kind != "sender" {
            self.violation(Some(at), node, "a receipt needs to", "07 §6.3");
        }
        self.route_receipt(at, node, &kind, to.as_ref());
    }

    /// Sends a receipt to the devices it is for.
    pub(crate) fn route_receipt(&mut self, at: DeviceRef, node: &Node<'_>, kind: &str, to: Option<&Jid<'_>>) {
        if let Some(chat) = to.filter(|to| to.is_group() || to.is_broadcast()) {
            return self.route_shared_receipt(at, node, kind, chat);
        }
        match kind {
            "retry" | "enc_rekey_retry" => {
                if kind == "retry" {
                    self.check_retry(at, node);
                }
                if let Some(target) = to.and_then(|to| self.directory.resolve_device(to)) {
                    let receipt = self.receipt_from(at, node, to, None);
                    self.deliver(target, receipt);
                }
            }
            "peer_msg" | "hist_sync" | "server-error" => {
                let receipt = self.receipt_from(at, node, to, None);
                self.phone_inbox.push_back((at.account, receipt));
            }
            "sender" | "read-self" | "played-self" => self.receipt_to_own(at, node, to),
            "read" | "played" => {
                self.receipt_to_author(at, node, to);
                self.receipt_to_own(at, node, to);
            }
            _ => self.receipt_to_author(at, node, to),
        }
    }

    /// To every device of the account that `to` names.
    fn receipt_to_author(&mut self, at: DeviceRef, node: &Node<'_>, to: Option<&Jid<'_>>) {
        let Some(author) = to.and_then(|to| self.directory.resolve(to)).filter(|id| *id != at.account) else {
            return;
        };
        let receipt = self.receipt_from(at, node, to, None);
        let devices = self.directory.account(author).map(|account| account.device_refs()).unwrap_or_default();
        for device in devices {
            self.deliver(device, receipt.clone());
        }
    }

    /// To the account's other devices, with the chat in `recipient`.
    fn receipt_to_own(&mut self, at: DeviceRef, node: &Node<'_>, to: Option<&Jid<'_>>) {
        let chat = node.get_jid("recipient").map(Jid::into_owned);
        let chat = chat.or_else(|| to.map(|to| to.bare().into_owned()));
        let receipt = self.receipt_from(at, node, to.filter(|to| to.is_lid()), chat);
        let devices =
            self.directory.account(at.account).map(|account| account.device_refs()).unwrap_or_default();
        for device in devices.into_iter().filter(|device| *device != at) {
            self.deliver(device, receipt.clone());
        }
    }

    /// The receipt as others see it: from the sending device, in the form in which `to` was written.
    fn receipt_from(
        &self,
        at: DeviceRef,
        node: &Node<'_>,
        to: Option<&Jid<'_>>,
        chat: Option<Jid<'static>>,
    ) -> Stanza {
        let form = to.map_or(Form::Pn, Form::of);
        let copy = |name: &str| node.get(name).map(|value| value.into_owned());
        let recipient = chat.or_else(|| node.get_jid("recipient").map(Jid::into_owned));
        Node::new("receipt")
            .attr_opt("from", self.address(at, form))
            .attr_opt("id", copy("id"))
            .attr("t", self.now.seconds())
            .attr_opt("type", copy("type"))
            .attr_opt("recipient", recipient)
            .attr_opt("category", copy("category"))
            .children(node.nodes().iter().map(|child| child.clone().into_owned()).collect::<Vec<_>>())
    }

    /// What a retry receipt must look like. Reference 04 §12.1.
    pub(crate) fn check_retry(&mut self, at: DeviceRef, node: &Node<'_>) {
        let retry = node.find("retry");
        if retry.is_none_or(|retry| retry.get_u64("count").is_none_or(|count| count == 0) || !retry.has("id"))
        {
            self.violation(Some(at), node, "a retry needs count and id", "04 §12.1");
        }
        let registration =
            node.find("registration").and_then(Node::content_bytes).map(|bytes| bytes.to_vec());
        let known =
            self.directory.device(at).map(|device| device.keys.registration_id.to_be_bytes().to_vec());
        if registration.is_none() || registration != known {
            self.violation(Some(at), node, "the retry's registration id is not the device's", "04 §12.1");
        }
        let count = retry.and_then(|retry| retry.get_u64("count")).unwrap_or(0);
        let keys = node.find("keys");
        if count >= 2 && keys.is_none() {
            self.violation(Some(at), node, "a second retry needs keys", "04 §12.1");
        }
        let identity = keys.and_then(|keys| keys.find("identity")).and_then(Node::content_bytes);
        let known = self.directory.device(at).map(|device| device.keys.identity);
        if identity.is_some_and(|key| known.is_none_or(|known| known != *key)) {
            self.violation(Some(at), node, "the retry's identity key is not the device's", "04 §12.1");
        }
        let signed = keys.and_then(|keys| keys.find("skey"));
        let signs = |skey| self.directory.device_mut(at).is_none_or(|device| device.keys.name_signed(skey));
        if !signed.is_none_or(signs) {
            self.violation(
                Some(at),
                node,
                "the retry's signed prekey is not signed by the device",
                "04 §12.1",
            );
        }
    }
}
