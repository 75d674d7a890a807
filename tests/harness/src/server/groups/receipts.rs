//! Receipts between members. Reference 14 §10, 07 §6.

use sanswire::wire::{Jid, Node};

use super::super::directory::Form;
use super::super::{DeviceRef, Server, Stanza};

impl Server {
    /// A receipt for a message of a group, of a status or of a list: to its author's devices, or, when it asks
    /// for a resend, to the one device that wrote it.
    pub(crate) fn route_shared_receipt(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        kind: &str,
        chat: &Jid<'_>,
    ) {
        let author = node.get_jid("participant").map(Jid::into_owned);
        let Some(author) = author else {
            if kind != "sender" {
                self.violation(Some(at), node, "a receipt of a group needs participant", "07 §6.3");
            }
            return;
        };
        let Some(account) = self.directory.resolve(&author) else { return };
        let form = match self.groups.get(chat.user()) {
            Some(group) => group.addressing().form(),
            None => Form::of(&author),
        };
        if matches!(kind, "retry" | "enc_rekey_retry") {
            if kind == "retry" {
                self.check_retry(at, node);
            }
            if let Some(target) = self.directory.resolve_device(&author) {
                let receipt = self.shared_receipt(at, node, chat, form);
                self.deliver(target, receipt);
            }
            return;
        }
        if !matches!(kind, "sender" | "read-self" | "played-self") && account != at.account {
            let receipt = self.shared_receipt(at, node, chat, form);
            let receipt = if self.config.grouped_receipts { grouped(receipt) } else { receipt };
            self.deliver_all(account, None, &receipt);
        }
        if matches!(kind, "sender" | "read-self" | "played-self" | "read" | "played") {
            let receipt = self.shared_receipt(at, node, chat, form);
            let author = self.directory.account(account).map(|account| account.bare(form));
            let receipt = receipt.attr_opt("recipient", author);
            self.deliver_all(at.account, Some(at), &receipt);
        }
    }

    fn shared_receipt(&self, at: DeviceRef, node: &Node<'_>, chat: &Jid<'_>, form: Form) -> Stanza {
        let copy = |name: &str| node.get(name).map(|value| value.into_owned());
        Node::new("receipt")
            .attr("from", chat.to_owned_jid())
            .attr_opt("id", copy("id"))
            .attr("t", self.now.seconds())
            .attr_opt("type", copy("type"))
            .attr_opt("participant", self.address(at, form))
            .children(node.nodes().iter().map(|child| child.clone().into_owned()).collect::<Vec<_>>())
    }

    /// Queues a copy for every device of an account but one.
    pub(crate) fn deliver_all(
        &mut self,
        account: super::super::AccountId,
        except: Option<DeviceRef>,
        stanza: &Stanza,
    ) {
        let devices =
            self.directory.account(account).map(|account| account.device_refs()).unwrap_or_default();
        for device in devices.into_iter().filter(|device| Some(*device) != except) {
            self.deliver(device, stanza.clone());
        }
    }
}

/// The same receipt in the form that servers use for large groups: the members below each message.
fn grouped(receipt: Stanza) -> Stanza {
    let own = receipt.get("id").map(|id| id.into_owned());
    let listed = receipt.find("list").into_iter().flat_map(Node::nodes);
    let ids = own.into_iter().chain(listed.filter_map(|item| item.get("id").map(|id| id.into_owned())));
    let user = Node::new("user")
        .attr_opt("jid", receipt.get_jid("participant").map(Jid::into_owned))
        .attr_opt("t", receipt.get_u64("t"));
    let groups: Vec<Stanza> =
        ids.map(|id| Node::new("participants").attr("key", id).child(user.clone())).collect();
    let mut node = Node::new("receipt");
    for name in ["from", "id", "t", "type"] {
        node = node.attr_opt(name, receipt.value(name).map(|value| value.into_owned()));
    }
    node.children(groups)
}
