//! A phone scans a QR code: which account, which device number, and pair-success. Reference 14 §5, §6.

use sanswire::wire::{Jid, Node};
use thiserror::Error;

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::pairing::PendingLink;
use super::{DeviceRef, FirstDevice, Server};
use crate::phone::{Companion, Phone, QrCode, QrError};

/// A scan that the server accepted.
pub(crate) struct Scanned {
    pub(crate) jid: Jid<'static>,
    pub(crate) lid: Jid<'static>,
    pub(crate) device: u16,
}

/// Why a scan was refused. Reference 14 §5.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ScanRefusal {
    #[error("malformed code: {0}")]
    Malformed(#[from] QrError),
    #[error("unknown or expired ref")]
    UnknownRef,
    #[error("this ref was used already")]
    Used,
    #[error("the keys are not those of the registration")]
    KeyMismatch,
    #[error("too many linked devices")]
    Full,
}

impl ScanRefusal {
    /// The HTTP status that says so.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Full => 403,
            Self::UnknownRef => 404,
            Self::Used => 409,
            Self::KeyMismatch => 422,
        }
    }
}

impl Server {
    /// Lets the phone of the account that the registration belongs to scan a code.
    pub(crate) fn scan_qr(&mut self, text: &str) -> Result<Scanned, ScanRefusal> {
        let code = QrCode::parse(text)?;
        let qr = self.refs.get(&code.reference).ok_or(ScanRefusal::UnknownRef)?;
        if qr.used {
            return Err(ScanRefusal::Used);
        }
        let conn = qr.conn;
        let registration =
            self.links.get(&conn).and_then(|link| link.registration()).ok_or(ScanRefusal::UnknownRef)?;
        if registration.pending.is_some() {
            return Err(ScanRefusal::Used);
        }
        if code.noise != registration.noise || code.identity != registration.keys.identity {
            return Err(ScanRefusal::KeyMismatch);
        }
        let (name, os) = (registration.push_name.clone(), registration.os.clone());
        let account = self.account_for(name.as_deref(), &os);
        if self.is_full(account) {
            return Err(ScanRefusal::Full);
        }
        if let Some(qr) = self.refs.get_mut(&code.reference) {
            qr.used = true;
        }
        Ok(self.link_companion(conn, account, &code.secret))
    }

    /// Whether the phone links no further companion.
    pub(crate) fn is_full(&self, account: AccountId) -> bool {
        let account = self.directory.account(account);
        account.is_some_and(|account| account.companions().count() >= self.config.max_companions)
    }

    /// The phone has a companion's keys and secret: it links it, after the passkey if one is wanted.
    pub(crate) fn link_companion(&mut self, conn: ConnId, account: AccountId, secret: &[u8; 32]) -> Scanned {
        if !self.config.passkey && !self.faults.phone_refuses_link() {
            return self.offer_link(conn, account, secret);
        }
        if self.config.passkey {
            self.want_passkey(conn, account);
        }
        let next = self.directory.account(account).map(|account| {
            let device = account.next_device;
            Scanned { jid: account.jid(device, Form::Pn), lid: account.jid(device, Form::Lid), device }
        });
        next.unwrap_or(Scanned { jid: Jid::SERVER, lid: Jid::SERVER, device: 0 })
    }

    /// Pairs a registration without a code: with the configured secret in place of the code's.
    pub(crate) fn auto_pair(&mut self, conn: ConnId) {
        let Some(registration) = self.links.get(&conn).and_then(|link| link.registration()) else { return };
        let (name, os) = (registration.push_name.clone(), registration.os.clone());
        let Some(secret) = self.config.adv_secret else { return };
        let account = self.account_for(name.as_deref(), &os);
        self.offer_link(conn, account, &secret);
    }

    /// The account that registrations under this name belong to, made when it is new. Reference 14 §6.1.
    fn account_for(&mut self, name: Option<&str>, os: &str) -> AccountId {
        if let Some(known) = name.and_then(|name| self.directory.by_name(name)) {
            return known;
        }
        let phone_is_device_zero = match self.config.first_device {
            FirstDevice::Zero => false,
            FirstDevice::One => true,
            FirstDevice::Auto => os != COMPATIBLE_OS,
        };
        self.add_account(name, phone_is_device_zero)
    }

    /// Creates an account with its phone.
    pub(crate) fn add_account(&mut self, name: Option<&str>, phone_is_device_zero: bool) -> AccountId {
        let account = self.directory.create(name, phone_is_device_zero, self.now);
        let phone = Phone::new(self.seed.fork(), self.now);
        self.install_phone(account, phone);
        self.set_scene(account, name.unwrap_or_default());
        account
    }

    /// Creates an account of a number that nobody has yet, for a companion that asks for a code.
    pub(crate) fn add_numbered_account(&mut self, name: Option<&str>, number: &str) -> AccountId {
        let name = name.filter(|name| self.directory.by_name(name).is_none());
        let account = self.directory.create_numbered(name, Some(number), true, self.now);
        let phone = Phone::new(self.seed.fork(), self.now);
        self.install_phone(account, phone);
        account
    }

    /// The phone signs, the server pushes pair-success. Reference 02 §6.
    pub(crate) fn offer_link(&mut self, conn: ConnId, account: AccountId, secret: &[u8; 32]) -> Scanned {
        let (bad_hmac, bad_signature) = (self.faults.bad_pairing_hmac(), self.faults.bad_account_signature());
        let (now, iq) = (self.now, self.fresh_id());
        let identity = self.links.get(&conn).and_then(|link| link.registration()).map(|r| r.keys.identity);
        let device = self.directory.account_mut(account).map_or(1, |account| {
            account.next_device += 1;
            account.next_device - 1
        });
        let at = DeviceRef { account, device };
        let signed = self.phones.get_mut(&account).zip(identity).map(|(phone, identity)| {
            phone.sign_companion(&Companion { identity, secret: *secret, bad_hmac, bad_signature }, now)
        });
        let addresses =
            self.directory.account(account).map(|a| (a.jid(device, Form::Pn), a.jid(device, Form::Lid)));
        let (jid, lid) = addresses.unwrap_or((Jid::SERVER, Jid::SERVER));
        let Some(signed) = signed else { return Scanned { jid, lid, device } };
        let success = Node::new("pair-success")
            .child(Node::new("device-identity").bytes(signed.container))
            .child(Node::new("platform").attr("name", "android"))
            .child(Node::new("device").attr("jid", &jid).attr("lid", &lid));
        let stanza = Node::new("iq")
            .attr("from", Jid::SERVER)
            .attr("type", "set")
            .attr("id", iq.clone())
            .attr("xmlns", "md")
            .attr("t", now.seconds())
            .child(success);
        if let Some(registration) = self.links.get_mut(&conn).and_then(|link| link.registration_mut()) {
            registration.pending = Some(PendingLink {
                iq,
                at,
                key_index: signed.key_index,
                signed: signed.identity,
                since: now,
            });
        }
        self.send(conn, &stanza);
        Scanned { jid, lid, device }
    }
}

/// Registrations of this operating system get the compatibility layout. Reference 14 §6.3.
const COMPATIBLE_OS: &str = "rust";
