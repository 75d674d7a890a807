//! Status updates: to the people that their author lists. Reference 05 §6, 14 §9.2.

use std::collections::BTreeSet;

use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::groups::SharedEncs;
use super::router::{Accepted, Chat, Refusal};
use super::{DeviceRef, Server};

impl Server {
    /// A status goes to everybody in `<participants>`, with a ciphertext of their own or without, the author's
    /// other devices too if they are listed; whoever blocked the author does not see it.
    pub(crate) fn accept_for_status(
        &mut self,
        at: DeviceRef,
        node: &Node<'_>,
        to: Jid<'static>,
    ) -> Result<Accepted, Refusal> {
        let encs = SharedEncs::parse(node)?;
        if encs.shared.is_none() && encs.pairwise.is_empty() && encs.resend.is_none() {
            return Err((479, "a status needs a ciphertext", "05 §6"));
        }
        let about_another = node.has("edit") || node.get("type").as_deref() == Some("reaction");
        if about_another && node.find("meta").is_some_and(|meta| meta.has("status_setting")) {
            return Err((479, "what changes a status has no audience of its own", "05 §6"));
        }
        if encs.pairwise.iter().any(|(jid, _)| jid.is_lid())
            && encs.pairwise.iter().any(|(jid, _)| jid.is_pn())
        {
            self.violation(Some(at), node, "participants mix phone numbers and hidden ids", "05 §2.1");
        }
        let listed = encs.pairwise.iter().map(|(jid, _)| jid).chain(&encs.named);
        let asker = encs.resend.iter().map(|(jid, _)| jid);
        let mut recipients: BTreeSet<AccountId> =
            listed.clone().chain(asker).filter_map(|jid| self.directory.resolve(jid)).collect();
        recipients.retain(|id| {
            self.directory.account(*id).is_some_and(|account| !account.blocked.contains(&at.account))
        });
        let form = listed.clone().next().map_or(Form::Lid, Form::of);
        self.accept_shared(at, node, to, &encs, &recipients, Chat::Shared { form, told: false })
    }

    /// `<privacy/>` of `xmlns=status`: who sees statuses by default. Everybody who is a contact.
    pub(crate) fn take_status_privacy(&mut self, conn: ConnId, iq: &Node<'_>) {
        let list = Node::new("list").attr("type", "contacts").attr("default", "true");
        self.result(conn, iq, Some(Node::new("privacy").child(list)));
    }
}
