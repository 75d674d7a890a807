//! Stanzas that a test makes up: from services that this server does not have, or as no server would send them.

use sanswire::wire::Node;

use super::{AccountId, DeviceRef, Server};

impl Server {
    /// Hands a device a stanza. Messages, notifications, receipts and calls wait in its queue until it closes
    /// them, under the stanza's own id or a new one; anything else goes out only if the device is connected.
    pub fn inject(&mut self, to: DeviceRef, stanza: Node<'static>) {
        if !matches!(stanza.tag.as_ref(), "message" | "notification" | "receipt" | "call") {
            if let Some(conn) = self.directory.device(to).and_then(|device| device.conn) {
                self.send(conn, &stanza);
            }
            return;
        }
        let stanza = if stanza.has("id") { stanza } else { stanza.attr("id", self.fresh_id()) };
        let stanza = if stanza.has("t") { stanza } else { stanza.attr("t", self.now.seconds()) };
        self.deliver(to, stanza);
        self.settle();
    }

    /// The same for every device of an account but its phone, under one id.
    pub fn inject_to_all(&mut self, account: AccountId, stanza: &Node<'static>) {
        let id = self.fresh_id();
        let stanza = if stanza.has("id") { stanza.clone() } else { stanza.clone().attr("id", id) };
        let devices = self.directory.account(account).map(|account| account.companions().map(|(id, _)| id));
        for device in devices.into_iter().flatten().collect::<Vec<_>>() {
            self.inject(DeviceRef { account, device }, stanza.clone());
        }
    }
}
