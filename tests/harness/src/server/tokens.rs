//! Trusted-contact tokens: one per pair of accounts, the same in both directions. Reference 14 §18.1.

use std::collections::{BTreeMap, BTreeSet};

use sanswire::crypto::mac::hmac_sha256;
use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::router::Refusal;
use super::{DeviceRef, Server};

/// Who gave whom a token, who was let through, and who lets only those through. Reference 14 §18.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Unix second of the last token, by issuer and contact.
    issued: BTreeMap<(AccountId, AccountId), u64>,
    /// Sender and recipient of messages that passed the gate.
    admitted: BTreeSet<(AccountId, AccountId)>,
    restricted: BTreeMap<AccountId, Restriction>,
    /// Accounts whose phone hands out their salt.
    salted: BTreeSet<AccountId>,
}

/// What a stranger has to show to an account that does not hear from everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// A trusted-contact token opens.
    pub tctoken: bool,
    /// A token made with the sender's salt opens.
    pub cstoken: bool,
}

impl Server {
    /// Lets only those write to an account who show a token; `None`: everybody.
    pub fn restrict(&mut self, account: AccountId, to: Option<Restriction>) {
        match to {
            Some(restriction) => self.tokens.restricted.insert(account, restriction),
            None => self.tokens.restricted.remove(&account),
        };
    }

    /// From now on an account's phone hands out the salt of its tokens with the first history.
    pub fn hand_out_salt(&mut self, account: AccountId) {
        self.tokens.salted.insert(account);
    }

    /// The salt, if the phone hands it out.
    pub(crate) fn salt_for_history(&self, account: AccountId) -> Option<[u8; 32]> {
        self.tokens.salted.contains(&account).then(|| self.token_salt(account))
    }

    /// The salt of an account's own tokens.
    #[must_use]
    pub fn token_salt(&self, account: AccountId) -> [u8; 32] {
        hmac_sha256(&self.token_secret, &[b"salt", &account.0.to_be_bytes()])
    }

    /// The gate before a restricted recipient. Reference 14 §18.3.
    pub(crate) fn check_admitted(
        &mut self,
        at: DeviceRef,
        recipient: AccountId,
        node: &Node<'_>,
        free: bool,
    ) -> Result<(), Refusal> {
        if free || recipient == at.account || self.shows_token(at.account, recipient, node) {
            self.tokens.admitted.insert((at.account, recipient));
            return Ok(());
        }
        Err((463, "the recipient hears only from those with a token", "14 §18.3"))
    }

    /// Whether a stanza shows what an account wants to see.
    pub(crate) fn shows_token(&self, from: AccountId, to: AccountId, node: &Node<'_>) -> bool {
        let Some(restriction) = self.tokens.restricted.get(&to) else { return true };
        let child = |tag: &str| node.find(tag).and_then(Node::content_bytes).map(|bytes| bytes.to_vec());
        let known = self.tokens.issued.get(&(to, from)).copied();
        let own = self.tokens.issued.get(&(from, to)).filter(|_| self.tokens.admitted.contains(&(from, to)));
        let fresh = known.max(own.copied()).is_some_and(|at| !expired(at, self.now.seconds()));
        let trusted = child("tctoken").is_some_and(|token| token == self.pair_token(from, to));
        let salted = || {
            let name = format!("{}@lid", self.directory.account(to)?.lid);
            Some(hmac_sha256(&self.token_salt(from), &[name.as_bytes()]).to_vec())
        };
        (restriction.tctoken && trusted && fresh)
            || (restriction.cstoken && child("cstoken").is_some_and(|token| Some(token) == salted()))
    }

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
            self.tokens.issued.insert((at.account, contact), t.max(1));
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

/// Whether a token of that second is older than the fourth bucket of seven days. Reference 05 §11.
fn expired(at: u64, now: u64) -> bool {
    at < (now / BUCKET_S).saturating_sub(BUCKETS - 1) * BUCKET_S
}

const BUCKET_S: u64 = 604_800;
const BUCKETS: u64 = 4;
