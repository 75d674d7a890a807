//! Names under which Signal sessions and sender keys are stored. Reference 03 §13.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::jid::{Jid, JidError};
use super::server::Server;

/// The Signal address of a device: never on the wire, only the key of local stores.
///
/// `Display` gives `name.device`, as libsignal-based stores write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalAddress {
    /// The user, followed by `_` and the domain byte where that is not 0.
    pub name: String,
    /// The device number.
    pub device: u16,
}

impl SignalAddress {
    /// The address of a device.
    ///
    /// # Errors
    /// [`JidError::User`] for a server, [`JidError::NotHosted`] for device 99 outside the hosted servers.
    pub fn of(jid: &Jid<'_>) -> Result<Self, JidError> {
        check(jid)?;
        let name = match jid.server().domain() {
            None | Some(0) => String::from(jid.user()),
            Some(domain) => format!("{}_{domain}", jid.user()),
        };
        Ok(Self { name, device: jid.device() })
    }

    /// `name:device`, the form in whatsmeow's stores.
    pub fn colon_text(&self) -> String {
        format!("{}:{}", self.name, self.device)
    }

    /// The address as WA Web and whatsapp-rust write it: the device belongs to the name, phone numbers stand
    /// under `c.us`, and the Signal device is always 0.
    ///
    /// # Errors
    /// As [`SignalAddress::of`].
    pub fn web_text(jid: &Jid<'_>) -> Result<String, JidError> {
        check(jid)?;
        let jid = match jid.server() {
            Server::Pn => jid.with_server(Server::Legacy),
            _ => jid.borrowed(),
        };
        Ok(format!("{jid}.0"))
    }
}

impl fmt::Display for SignalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name, self.device)
    }
}

/// The name of a sender's key in a group: `group::name::device`.
pub fn sender_key_name(group: &Jid<'_>, sender: &SignalAddress) -> String {
    format!("{group}::{}::{}", sender.name, sender.device)
}

fn check(jid: &Jid<'_>) -> Result<(), JidError> {
    if jid.user().is_empty() {
        return Err(JidError::User);
    }
    if jid.device() == HOSTED_DEVICE && !jid.is_hosted() {
        return Err(JidError::NotHosted);
    }
    Ok(())
}

/// The number of every cloud-hosted device. Reference 03 §10.2.
const HOSTED_DEVICE: u16 = 99;
