//! The gate before a link: the server wants a passkey, then relays between companion and phone. Reference 02 §4.

use base64ct::{Base64UrlUnpadded, Encoding};
use sanswire::wire::Node;

use super::Server;
use super::accept::ConnId;
use super::directory::{AccountId, random_token};
use crate::phone::PasskeyRefusal;

/// A companion that has to show a passkey.
#[derive(Debug)]
pub(crate) struct Gate {
    account: AccountId,
    challenge: String,
    reference: Option<String>,
}

impl Server {
    /// Asks the companion for a passkey before its phone may link it.
    pub(crate) fn want_passkey(&mut self, conn: ConnId, account: AccountId) {
        let challenge = Base64UrlUnpadded::encode_string(&self.seed.bytes::<32>());
        let options = self.phones.get(&account).map(|phone| phone.passkey_options(&challenge));
        if let Some(registration) = self.links.get_mut(&conn).and_then(|link| link.registration_mut()) {
            registration.gate = Some(Gate { account, challenge, reference: None });
        }
        let omitted = self.faults.omit_passkey_options();
        let options = options.filter(|_| !omitted).unwrap_or_default();
        let body = Node::new("passkey_request_options").bytes(options.into_bytes());
        self.notify_unlinked(conn, "passkey_prologue_request", body);
    }

    /// A stanza of the ceremony. Says whether it was one.
    pub(crate) fn take_passkey(&mut self, conn: ConnId, kind: &str, iq: &Node<'_>) -> bool {
        let child = iq.nodes().first();
        let tag = child.map(|child| child.tag.to_string()).unwrap_or_default();
        let bytes = child.and_then(|child| child.content_bytes()).unwrap_or_default().into_owned();
        let gate = self.links.get(&conn).and_then(|link| link.registration()?.gate.as_ref());
        let Some((account, challenge)) = gate.map(|gate| (gate.account, gate.challenge.clone())) else {
            return false;
        };
        let taken = match (kind, tag.as_str()) {
            ("get", "passkey_request_options") => {
                let options = self.phones.get(&account).map(|phone| phone.passkey_options(&challenge));
                let options = options.unwrap_or_default().into_bytes();
                self.result(conn, iq, Some(Node::new("passkey_request_options").bytes(options)));
                Ok(())
            }
            ("get", "ref") => {
                self.give_reference(conn, iq);
                Ok(())
            }
            ("set", "passkey_prologue") => self.take_prologue(conn, account, &challenge, iq),
            ("set", "companion_nonce") => self.take_nonce(conn, account, &bytes, iq),
            ("set", "encrypted_pairing_request") => self.take_request(conn, account, &bytes, iq),
            _ => return false,
        };
        if let Err(refusal) = taken {
            if let Some(phone) = self.phones.get_mut(&account) {
                phone.link_trouble = Some(refusal.to_string());
            }
            if refusal == PasskeyRefusal::Assertion {
                self.refuse(conn, iq, 403, "forbidden");
            } else {
                self.violation(None, iq, refusal.to_string(), "02 §4");
                self.refuse(conn, iq, 400, "bad-request");
            }
        }
        true
    }

    fn give_reference(&mut self, conn: ConnId, iq: &Node<'_>) {
        let reference = format!("3@{}", random_token(&mut self.seed));
        let registration = self.links.get_mut(&conn).and_then(|link| link.registration_mut());
        if let Some(gate) = registration.and_then(|registration| registration.gate.as_mut()) {
            gate.reference = Some(reference.clone());
        }
        self.result(conn, iq, Some(Node::new("ref").bytes(reference.into_bytes())));
    }

    fn take_prologue(
        &mut self,
        conn: ConnId,
        account: AccountId,
        challenge: &str,
        iq: &Node<'_>,
    ) -> Result<(), PasskeyRefusal> {
        let body = iq.find("passkey_prologue").ok_or(PasskeyRefusal::Prologue)?;
        let bytes = |tag| body.find(tag).and_then(|child| child.content_bytes()).unwrap_or_default();
        if body.find("pairing_handoff_proof").is_some() {
            self.violation(None, iq, "a first link has nothing to hand off", "02 §4");
        }
        let gate = self.links.get(&conn).and_then(|link| link.registration()?.gate.as_ref());
        let reference = gate.and_then(|gate| gate.reference.clone()).ok_or(PasskeyRefusal::Prologue)?;
        let phone = self.phones.get_mut(&account).ok_or(PasskeyRefusal::Prologue)?;
        phone.check_assertion(&bytes("credential_id"), &bytes("webauthn_assertion"), challenge)?;
        let answer = phone.open_prologue(&bytes("prologue_payload"))?;
        if !phone.opened_under(&reference) {
            return Err(PasskeyRefusal::Prologue);
        }
        self.result(conn, iq, None);
        if !self.faults.phone_refuses_link() {
            let body = Node::new("primary_ephemeral_identity").bytes(answer);
            self.notify_unlinked(conn, "crsc_continuation", body);
        }
        Ok(())
    }

    fn take_nonce(
        &mut self,
        conn: ConnId,
        account: AccountId,
        nonce: &[u8],
        iq: &Node<'_>,
    ) -> Result<(), PasskeyRefusal> {
        self.phones.get_mut(&account).ok_or(PasskeyRefusal::Commitment)?.reveal(nonce)?;
        self.result(conn, iq, None);
        Ok(())
    }

    fn take_request(
        &mut self,
        conn: ConnId,
        account: AccountId,
        sealed: &[u8],
        iq: &Node<'_>,
    ) -> Result<(), PasskeyRefusal> {
        let opened = self.phones.get_mut(&account).ok_or(PasskeyRefusal::Request)?.open_request(sealed)?;
        let registration = self.links.get(&conn).and_then(|link| link.registration());
        let registration = registration.ok_or(PasskeyRefusal::Request)?;
        if opened.noise[..] != registration.noise || opened.identity[..] != registration.keys.identity {
            return Err(PasskeyRefusal::Request);
        }
        self.result(conn, iq, None);
        if !self.faults.phone_refuses_link() {
            self.offer_link(conn, account, &opened.secret);
        }
        Ok(())
    }
}
