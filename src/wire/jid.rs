//! Names of users, devices, groups and servers. Reference 03 §10-12.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::cmp::Ordering;
use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::server::Server;

/// A JID: `user[:device]@server`, `integrator-user[:device]@interop`, or `@server` for a server itself.
///
/// Device 0 is the primary device, or no device at all: the two are the same thing on the wire. Equality,
/// order and hash go by user, canonical server, device and integrator, so `x@c.us` equals
/// `x@s.whatsapp.net`. [`Jid::new`] does not check its parts; the encoder and [`Jid::parse`] do.
#[derive(Clone)]
pub struct Jid<'a> {
    user: Cow<'a, str>,
    server: Server<'a>,
    device: u16,
    integrator: u16,
}

/// A JID that borrows nothing.
pub type OwnedJid = Jid<'static>;

/// Why a text is not a JID, or a JID cannot be used in some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JidError {
    /// The agent of `user.agent:device` or `user_agent:device` is neither 0 nor the server's domain.
    #[error("agent does not fit the server")]
    Agent,
    /// The device is not a number, too large for the server, or the server has no devices.
    #[error("device does not fit the server")]
    Device,
    /// The integrator before the user of an interop JID is missing or above 65535.
    #[error("interop jid without an integrator")]
    Integrator,
    /// The hosted device number 99 on a server of ordinary devices.
    #[error("device 99 outside the hosted servers")]
    NotHosted,
    /// No server after the `@`, or no `@` and not the name of a known server.
    #[error("jid without a server")]
    Server,
    /// More than one `@`.
    #[error("jid with more than one @")]
    Shape,
    /// A device, or a place that needs a user, without a user.
    #[error("jid without a user")]
    User,
}

impl JidError {
    /// The error's class in the reference's vectors: `bad_device` for [`JidError::NotHosted`], else `bad_jid`.
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotHosted => "bad_device",
            _ => "bad_jid",
        }
    }
}

impl<'a> Jid<'a> {
    /// `@s.whatsapp.net`: the server as sender or addressee.
    pub const SERVER: Jid<'static> = Jid::of_server(Server::Pn);
    /// `@g.us`: the group server, addressee of queries on groups in general.
    pub const GROUP_SERVER: Jid<'static> = Jid::of_server(Server::Group);
    /// `status@broadcast`: status updates.
    pub const STATUS: Jid<'static> =
        Jid { user: Cow::Borrowed("status"), server: Server::Broadcast, device: 0, integrator: 0 };

    /// Any combination of parts, unchecked; the encoder refuses the ones that have no wire form.
    pub fn new(user: impl Into<Cow<'a, str>>, server: Server<'a>, device: u16) -> Self {
        Self { user: user.into(), server, device, integrator: 0 }
    }

    /// A user by phone number, with 0 as device for the user or its primary device.
    pub fn pn(user: impl Into<Cow<'a, str>>, device: u16) -> Self {
        Self::new(user, Server::Pn, device)
    }

    /// A user by hidden identity, with 0 as device for the user or its primary device.
    pub fn lid(user: impl Into<Cow<'a, str>>, device: u16) -> Self {
        Self::new(user, Server::Lid, device)
    }

    /// A group or community.
    pub fn group(user: impl Into<Cow<'a, str>>) -> Self {
        Self::new(user, Server::Group, 0)
    }

    /// A user of a third-party messenger.
    pub fn interop(integrator: u16, user: impl Into<Cow<'a, str>>, device: u16) -> Self {
        Self { user: user.into(), server: Server::Interop, device, integrator }
    }

    /// A server without a user.
    pub const fn of_server(server: Server<'a>) -> Self {
        Self { user: Cow::Borrowed(""), server, device: 0, integrator: 0 }
    }

    /// Reads the text form; also `user.agent:device` and `user_agent:device` with a fitting agent, and the
    /// bare name of a known server. Reference 03 §11.
    ///
    /// # Errors
    /// What is wrong with the text. A value from the wire that fails here stays text.
    pub fn parse(text: &'a str) -> Result<Self, JidError> {
        let Some((local, server)) = text.split_once('@') else {
            return Server::known(text).map(Self::of_server).ok_or(JidError::Server);
        };
        if server.contains('@') {
            return Err(JidError::Shape);
        }
        if server.is_empty() {
            return Err(JidError::Server);
        }
        let server = Server::from_name(server);
        if local.is_empty() {
            return Ok(Self::of_server(server));
        }
        if matches!(server, Server::Other(_)) {
            return Ok(Self::new(local, server, 0));
        }
        let (name, device) = match local.split_once(':') {
            Some((name, device)) if server.device_max() > 0 => {
                (name, number(device, server.device_max()).ok_or(JidError::Device)?)
            }
            Some(_) => return Err(JidError::Device),
            None => (local, 0),
        };
        let (integrator, user) = match server {
            Server::Interop => {
                let (integrator, user) = name.split_once('-').ok_or(JidError::Integrator)?;
                (number(integrator, u16::MAX).ok_or(JidError::Integrator)?, user)
            }
            _ => (0, without_agent(name, &server)?),
        };
        if user.is_empty() {
            return Err(JidError::User);
        }
        Ok(Self { user: Cow::Borrowed(user), server, device, integrator })
    }

    /// The part before the `@` without device and integrator; empty for a server.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The part after the `@`.
    pub fn server(&self) -> &Server<'a> {
        &self.server
    }

    /// The device number; 0 is the primary device, or no device.
    pub fn device(&self) -> u16 {
        self.device
    }

    /// The third-party messenger of an interop user; 0 elsewhere.
    pub fn integrator(&self) -> u16 {
        self.integrator
    }

    /// The same user without a device; server and integrator stay.
    pub fn bare(&self) -> Jid<'_> {
        self.with_device(0)
    }

    /// The same user with this device.
    pub fn with_device(&self, device: u16) -> Jid<'_> {
        Jid { device, ..self.borrowed() }
    }

    /// The same user and device on another server, as LID and phone number of one device.
    pub fn with_server<'b>(&'b self, server: Server<'b>) -> Jid<'b> {
        Jid { server, ..self.borrowed() }
    }

    /// The bare JID under its current server name: the key of a chat. Reference 03 §12.
    pub fn normalized(&self) -> Jid<'_> {
        Jid { server: self.server.canonical(), ..self.bare() }
    }

    /// This JID's device number on another user: devices keep their number between a user's phone-number
    /// and hidden identity. Reference 03 §12.1.
    pub fn transfer_device<'b>(&self, to: &'b Jid<'_>) -> Jid<'b> {
        to.with_device(self.device)
    }

    /// A user by phone number (`s.whatsapp.net`; the server itself is not one). Normalise `c.us` first.
    pub fn is_pn(&self) -> bool {
        matches!(self.server, Server::Pn) && !self.user.is_empty()
    }

    /// A user by hidden identity (`lid`).
    pub fn is_lid(&self) -> bool {
        matches!(self.server, Server::Lid) && !self.user.is_empty()
    }

    /// A group or community; the group server itself is not one.
    pub fn is_group(&self) -> bool {
        matches!(self.server, Server::Group) && !self.user.is_empty()
    }

    /// A broadcast list or status updates.
    pub fn is_broadcast(&self) -> bool {
        matches!(self.server, Server::Broadcast) && !self.user.is_empty()
    }

    /// Status updates, `status@broadcast`.
    pub fn is_status(&self) -> bool {
        self.is_broadcast() && self.user == "status"
    }

    /// A channel.
    pub fn is_newsletter(&self) -> bool {
        matches!(self.server, Server::Newsletter) && !self.user.is_empty()
    }

    /// A cloud-hosted device, of either identity.
    pub fn is_hosted(&self) -> bool {
        self.server.is_hosted()
    }

    /// A server rather than a user, group or list.
    pub fn is_server(&self) -> bool {
        self.user.is_empty()
    }

    /// A bot: any user of `bot`, and phone numbers `1313555` + 4 digits or `131655500` + 2 digits without
    /// device. Reference 03 §10.1.
    pub fn is_bot(&self) -> bool {
        if matches!(self.server, Server::Bot) {
            return !self.user.is_empty();
        }
        let digits =
            |rest: &str, count| rest.len() == count && rest.bytes().all(|byte| byte.is_ascii_digit());
        self.server == Server::Pn
            && self.device == 0
            && (self.user.strip_prefix("1313555").is_some_and(|rest| digits(rest, 4))
                || self.user.strip_prefix("131655500").is_some_and(|rest| digits(rest, 2)))
    }

    /// The same user on any device: equal user text on servers of one family. A phone number and a hidden
    /// identity with the same digits are different users. Reference 03 §12.
    pub fn same_user(&self, other: &Jid<'_>) -> bool {
        self.user == other.user
            && self.integrator == other.integrator
            && self.server.family() == other.server.family()
    }

    /// The same JID, borrowing from this one.
    pub fn borrowed(&self) -> Jid<'_> {
        Jid {
            user: Cow::Borrowed(&self.user),
            server: self.server.borrowed(),
            device: self.device,
            integrator: self.integrator,
        }
    }

    /// The same JID, borrowing nothing.
    pub fn into_owned(self) -> OwnedJid {
        Jid {
            user: Cow::Owned(self.user.into_owned()),
            server: self.server.into_owned(),
            device: self.device,
            integrator: self.integrator,
        }
    }

    /// A copy that borrows nothing.
    pub fn to_owned_jid(&self) -> OwnedJid {
        self.clone().into_owned()
    }

    /// The text form in a string that never grows: storage keys are made of it, many for each message.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.user.len() + self.server.as_str().len() + TEXT_MARKS_MAX);
        // A string takes whatever is written to it.
        let _ = write!(text, "{self}");
        text
    }

    fn rank(&self) -> (&Server<'a>, &str, u16, u16) {
        (&self.server, &self.user, self.device, self.integrator)
    }
}

/// Most bytes of a text form beside user and server: `65535-` and `:65535@`.
const TEXT_MARKS_MAX: usize = 13;

impl fmt::Display for Jid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.user.is_empty() {
            if matches!(self.server, Server::Interop) {
                write!(f, "{}-", self.integrator)?;
            }
            f.write_str(&self.user)?;
            if self.device != 0 {
                write!(f, ":{}", self.device)?;
            }
        }
        f.write_str("@")?;
        f.write_str(self.server.as_str())
    }
}

impl fmt::Debug for Jid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq<Jid<'_>> for Jid<'_> {
    fn eq(&self, other: &Jid<'_>) -> bool {
        self.device == other.device
            && self.integrator == other.integrator
            && self.user == other.user
            && self.server.borrowed() == other.server.borrowed()
    }
}

impl Eq for Jid<'_> {}

impl PartialOrd for Jid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Hash for Jid<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
    }
}

impl FromStr for OwnedJid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Jid::parse(text).map(Jid::into_owned)
    }
}

impl Serialize for Jid<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OwnedJid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: JidError| serde::de::Error::custom(error.to_string()))
    }
}

/// `name` without its agent, which must be 0 or the domain of the server. Servers without device JIDs have
/// no agents: there a dot or an underscore is part of the name.
fn without_agent<'a>(name: &'a str, server: &Server<'_>) -> Result<&'a str, JidError> {
    let Some(domain) = server.domain() else { return Ok(name) };
    let Some((user, agent)) = name.split_once(['.', '_']) else { return Ok(name) };
    match number(agent, 255) {
        Some(agent) if agent == 0 || agent == u16::from(domain) => Ok(user),
        _ => Err(JidError::Agent),
    }
}

/// Decimal digits, nothing else, up to `max`.
fn number(digits: &str, max: u16) -> Option<u16> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number <= max)
}
