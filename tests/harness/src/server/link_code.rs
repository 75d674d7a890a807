//! Link codes: two companions' stanzas, relayed to and from the phone of the number. Reference 02 §3, 14 §7.

use core::time::Duration;

use sanswire::link::pairing::code::{LinkCode, check_display};
use sanswire::wire::{Jid, Node};
use thiserror::Error;

use super::Server;
use super::accept::ConnId;
use super::directory::AccountId;
use crate::clock::Time;

/// A code that waits for the phone: what the server knows of it.
#[derive(Debug)]
pub(crate) struct PendingCode {
    pub(crate) account: AccountId,
    reference: Vec<u8>,
    wrapped: Vec<u8>,
    since: Time,
}

impl PendingCode {
    pub(crate) fn end(&self) -> Time {
        self.since.after(CODE_LIFE)
    }
}

/// Why a typed code leads to nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum CodeRefusal {
    #[error("no account has this number")]
    NoAccount,
    #[error("this is not a link code")]
    Malformed,
    #[error("no companion waits for a code of this number")]
    NotWaiting,
    #[error("too many linked devices")]
    Full,
}

impl CodeRefusal {
    /// The HTTP status that says so.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Full => 403,
            Self::NoAccount | Self::NotWaiting => 404,
        }
    }
}

impl Server {
    /// `<link_code_companion_reg stage>` of a companion.
    pub(crate) fn take_link_code(&mut self, conn: ConnId, iq: &Node<'_>) {
        let stage = iq.find("link_code_companion_reg").and_then(|body| body.get("stage"));
        let taken = match stage.as_deref() {
            Some("companion_hello") => self.take_companion_hello(conn, iq),
            Some("companion_finish") => self.take_companion_finish(conn, iq),
            _ => Err("the stage is unknown"),
        };
        if let Err(rule) = taken {
            self.violation(None, iq, rule, "02 §3");
            self.refuse(conn, iq, 400, "bad-request");
        }
    }

    fn take_companion_hello(&mut self, conn: ConnId, iq: &Node<'_>) -> Result<(), &'static str> {
        let body = iq.find("link_code_companion_reg").ok_or("the body is missing")?;
        let bytes = |tag| body.find(tag).and_then(|child| child.content_bytes()).unwrap_or_default();
        let registration = self.links.get(&conn).and_then(|link| link.registration());
        let registration = registration.ok_or("only a registration asks for codes")?;
        let wrapped = bytes("link_code_pairing_wrapped_companion_ephemeral_pub").into_owned();
        if wrapped.len() != WRAPPED_BYTES {
            return Err("the wrapped key must be 80 bytes");
        }
        if bytes("companion_server_auth_key_pub")[..] != registration.noise {
            return Err("the noise key is not the connection's");
        }
        if bytes("companion_platform_id").len() != 1 || bytes("companion_platform_id")[..] == *b"0" {
            return Err("the platform id must be one known character");
        }
        let display = String::from_utf8_lossy(&bytes("companion_platform_display")).into_owned();
        check_display(&display).map_err(|_| "the display name must look like Browser (OS)")?;
        if !matches!(bytes("link_code_pairing_nonce")[..], [0 | b'0']) {
            return Err("the nonce must be one zero");
        }
        let number = body.get_jid("jid").filter(|jid| jid.is_pn() && jid.device() == 0);
        let number = number.ok_or("the number must be an address")?.user().to_owned();
        let name = registration.push_name.clone();
        let account = match self.directory.resolve(&Jid::pn(number.clone(), 0)) {
            Some(account) => account,
            None => self.add_numbered_account(name.as_deref(), &number),
        };
        // A number has one code: the phone would answer the newest anyway.
        for link in self.links.values_mut() {
            if let Some(registration) = link.registration_mut() {
                registration.code.take_if(|code| code.account == account);
            }
        }
        let reference = self.seed.bytes::<16>().to_vec();
        let code = PendingCode { account, reference: reference.clone(), wrapped, since: self.now };
        if let Some(registration) = self.links.get_mut(&conn).and_then(|link| link.registration_mut()) {
            registration.code = Some(code);
        }
        let child = Node::new("link_code_pairing_ref").bytes(reference);
        self.result(conn, iq, Some(Node::new("link_code_companion_reg").child(child)));
        Ok(())
    }

    fn take_companion_finish(&mut self, conn: ConnId, iq: &Node<'_>) -> Result<(), &'static str> {
        let body = iq.find("link_code_companion_reg").ok_or("the body is missing")?;
        let bytes = |tag| body.find(tag).and_then(|child| child.content_bytes()).unwrap_or_default();
        let registration = self.links.get(&conn).and_then(|link| link.registration());
        let registration = registration.ok_or("only a registration finishes codes")?;
        let code = registration.code.as_ref().ok_or("no code waits")?;
        let (account, identity) = (code.account, registration.keys.identity);
        if bytes("link_code_pairing_ref")[..] != code.reference[..] {
            return Err("the ref is not that of the code");
        }
        let bundle = bytes("link_code_pairing_wrapped_key_bundle").into_owned();
        if bundle.len() != BUNDLE_BYTES {
            return Err("the bundle must be 156 bytes");
        }
        if bytes("companion_identity_public")[..] != identity {
            return Err("the identity is not that of the registration");
        }
        self.result(conn, iq, None);
        let Some(phone) = self.phones.get_mut(&account) else { return Ok(()) };
        match phone.open_bundle(&bundle, &identity) {
            Ok(secret) => {
                phone.link_trouble = None;
                self.link_companion(conn, account, &secret);
            }
            Err(error) => phone.link_trouble = Some(error.to_string()),
        }
        Ok(())
    }

    /// The owner of a number types a code into the phone.
    pub(crate) fn type_code(&mut self, who: &str, text: &str) -> Result<(), CodeRefusal> {
        let account = self.directory.look_up(who).ok_or(CodeRefusal::NoAccount)?;
        let code = LinkCode::custom(&text.replace('-', "")).map_err(|_| CodeRefusal::Malformed)?;
        if self.is_full(account) {
            return Err(CodeRefusal::Full);
        }
        let (conn, wrapped, mut reference) = self.waiting_code(account).ok_or(CodeRefusal::NotWaiting)?;
        let phone = self.phones.get_mut(&account).ok_or(CodeRefusal::NoAccount)?;
        phone.link_trouble = None;
        let hello = phone.type_code(&code, &wrapped).ok_or(CodeRefusal::NotWaiting)?;
        if self.faults.stale_link_ref() {
            reference = vec![0; reference.len()];
        }
        let body = Node::new("link_code_companion_reg")
            .attr("stage", "primary_hello")
            .child(Node::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(hello.wrapped))
            .child(Node::new("primary_identity_pub").bytes(hello.identity.to_vec()))
            .child(Node::new("link_code_pairing_ref").bytes(reference));
        self.notify_unlinked(conn, "link_code_companion_reg", body);
        Ok(())
    }

    /// The server wants another code of the companion that waits for this number.
    pub(crate) fn refresh_code(&mut self, who: &str, manual: bool) -> Result<(), CodeRefusal> {
        let account = self.directory.look_up(who).ok_or(CodeRefusal::NoAccount)?;
        let (conn, _, reference) = self.waiting_code(account).ok_or(CodeRefusal::NotWaiting)?;
        if let Some(registration) = self.links.get_mut(&conn).and_then(|link| link.registration_mut()) {
            registration.code = None;
        }
        let body = Node::new("link_code_companion_reg")
            .attr("stage", "refresh_code")
            .attr_opt("force_manual_refresh", manual.then_some("true"))
            .child(Node::new("link_code_pairing_ref").bytes(reference));
        self.notify_unlinked(conn, "link_code_companion_reg", body);
        Ok(())
    }

    fn waiting_code(&self, account: AccountId) -> Option<(ConnId, Vec<u8>, Vec<u8>)> {
        self.links.iter().find_map(|(conn, link)| {
            let registration = link.registration().filter(|registration| registration.pending.is_none())?;
            let code = registration.code.as_ref()?;
            let live = code.account == account && self.now < code.end();
            live.then(|| (*conn, code.wrapped.clone(), code.reference.clone()))
        })
    }

    /// A notification of the server to a companion that is not linked yet.
    pub(crate) fn notify_unlinked(&mut self, conn: ConnId, kind: &'static str, body: Node<'static>) {
        let notification = Node::new("notification")
            .attr("from", Jid::SERVER)
            .attr("type", kind)
            .attr("id", self.fresh_id())
            .attr("t", self.now.seconds())
            .child(body);
        self.send(conn, &notification);
    }
}

/// How long a code may be typed.
const CODE_LIFE: Duration = Duration::from_secs(180);
const WRAPPED_BYTES: usize = 80;
const BUNDLE_BYTES: usize = 156;
