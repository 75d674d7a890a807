//! Call signalling: carried from one account to the other, never understood. Reference 13 §5.

use sanswire::wire::Node;

use super::accept::ConnId;
use super::directory::Form;
use super::{DeviceRef, Server};

impl Server {
    /// Forwards what a device says about a call to the other side, and what ends it to its own other devices.
    pub(crate) fn take_call(&mut self, conn: ConnId, at: DeviceRef, call: &Node<'_>) {
        let (id, to, child) = (call.get("id"), call.get_jid("to"), call.first());
        let (Some(id), Some(to), Some(child)) = (id, to, child) else {
            return self.violation(Some(at), call, "a call needs id, to and one child", "13 §5");
        };
        let kind = child.tag.to_string();
        let ack = Node::new("ack").attr("class", "call").attr("id", id.clone().into_owned());
        if kind == "link_create" {
            let token = super::directory::random_token(&mut self.seed);
            let ack = ack.attr("from", to.to_owned_jid());
            return self.send(conn, &ack.child(Node::new("link_create").attr("token", token)));
        }
        let Some(callee) = self.directory.resolve(&to) else {
            return self.send(conn, &ack.attr("from", to.to_owned_jid()).attr("error", "404"));
        };
        self.send(conn, &ack.attr("from", to.to_owned_jid()).attr("type", kind.clone()));
        if !child.has("call-id") || !child.has("call-creator") {
            self.violation(
                Some(at),
                call,
                "what is said about a call needs call-id and call-creator",
                "13 §5",
            );
        }
        let forwarded = Node::new("call")
            .attr_opt("from", self.address(at, Form::of(&to)))
            .attr("id", id.into_owned())
            .attr("t", self.now.seconds())
            .child(child.clone().into_owned());
        match self.directory.resolve_device(&to).filter(|device| device.device != 0) {
            Some(device) => self.deliver(device, forwarded.clone()),
            None => self.deliver_all(callee, Some(at), &forwarded),
        }
        if matches!(kind.as_str(), "reject" | "accept" | "terminate") && callee != at.account {
            self.deliver_all(at.account, Some(at), &forwarded);
        }
    }
}
