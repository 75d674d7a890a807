//! Trusted-contact tokens: one per pair of accounts, the same in both directions. Reference 14 §18.1.

use sanswire::crypto::mac::hmac_sha256;
use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::{DeviceRef, Server};

impl Server {
    /// Issues tokens to contacts and tells the contacts' devices.
    pub(crate) fn take_tokens(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let wanted: Vec<(Jid<'static>, u64)> = iq
            .find("tokens")
            .into_iter()
            .flat_map(Node::nodes)
            .filter_map(|token| Some((token.get_jid("jid")?.into_owned(), token.get_u64("t")?)))
            .collect();
        let mut answer = Node::new("tokens");
        let mut issued = Vec::new();
        for (jid, t) in wanted {
            let Some(contact) = self.directory.resolve(&jid) else { continue };
            let bytes = self.pair_token(at.account, contact);
            let token =
                Node::new("token").attr("t", t.max(1)).attr("type", "trusted_contact").bytes(bytes.to_vec());
            answer = answer.child(token.clone().attr("jid", jid));
            issued.push((contact, token));
        }
        if issued.is_empty() {
            self.violation(Some(at), iq, "tokens need known contacts with jid and t", "12 §10");
            return self.refuse(conn, iq, 400, "bad-request");
        }
        self.result(conn, iq, Some(answer));
        let Some(issuer) = self.directory.account(at.account) else { return };
        let (pn, lid) = (issuer.bare(Form::Pn), issuer.bare(Form::Lid));
        for (contact, token) in issued {
            let Some(account) = self.directory.account(contact) else { continue };
            let devices: Vec<(u16, Jid<'static>)> =
                account.companions().map(|(id, _)| (id, account.jid(id, Form::Pn))).collect();
            for (device, jid) in devices {
                let notification = Node::new("notification")
                    .attr("from", pn.clone())
                    .attr("sender_lid", lid.clone())
                    .attr("type", "privacy_token")
                    .attr("id", self.fresh_id())
                    .attr("t", self.now.seconds())
                    .child(Node::new("tokens").child(token.clone().attr("jid", jid)));
                self.deliver(DeviceRef { account: contact, device }, notification);
            }
        }
    }

    fn pair_token(&self, one: AccountId, two: AccountId) -> [u8; 16] {
        let (low, high) = (one.min(two).0.to_be_bytes(), one.max(two).0.to_be_bytes());
        let mac = hmac_sha256(&self.token_secret, &[&low, &high]);
        let mut token = [0; 16];
        token.copy_from_slice(&mac[..16]);
        token
    }
}
