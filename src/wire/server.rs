//! The part of a JID after the `@`. Reference 03 §10.

use alloc::borrow::Cow;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};

/// The namespace of a JID: what its user part means and which devices it can have.
///
/// Two servers are equal when their canonical forms are: [`Server::Legacy`] is an alias of [`Server::Pn`].
#[derive(Clone, Debug)]
pub enum Server<'a> {
    /// `bot`: an AI bot.
    Bot,
    /// `broadcast`: a broadcast list, or status updates.
    Broadcast,
    /// `call`: a call relay.
    Call,
    /// `g.us`: a group or community.
    Group,
    /// `hosted`: the cloud-hosted device of a phone-number user.
    Hosted,
    /// `hosted.lid`: the cloud-hosted device of a LID user.
    HostedLid,
    /// `interop`: a user of a third-party messenger.
    Interop,
    /// `c.us`: the old name of [`Server::Pn`], in stored history and in hashes.
    Legacy,
    /// `lid`: a user by hidden identity.
    Lid,
    /// `msgr`: a Messenger user.
    Messenger,
    /// `newsletter`: a channel.
    Newsletter,
    /// `s.whatsapp.net`: a user by phone number; without a user part, the server itself.
    Pn,
    /// Any other name: kept as text, routed nowhere.
    Other(Cow<'a, str>),
}

impl<'a> Server<'a> {
    /// The server of that name when it is one of the known ones.
    pub fn known(name: &str) -> Option<Self> {
        Some(match name {
            "bot" => Self::Bot,
            "broadcast" => Self::Broadcast,
            "c.us" => Self::Legacy,
            "call" => Self::Call,
            "g.us" => Self::Group,
            "hosted" => Self::Hosted,
            "hosted.lid" => Self::HostedLid,
            "interop" => Self::Interop,
            "lid" => Self::Lid,
            "msgr" => Self::Messenger,
            "newsletter" => Self::Newsletter,
            "s.whatsapp.net" => Self::Pn,
            _ => return None,
        })
    }

    /// The server of that name, known or not.
    pub fn from_name(name: impl Into<Cow<'a, str>>) -> Self {
        let name = name.into();
        Self::known(&name).unwrap_or(Self::Other(name))
    }

    /// The name as it stands after the `@`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Bot => "bot",
            Self::Broadcast => "broadcast",
            Self::Call => "call",
            Self::Group => "g.us",
            Self::Hosted => "hosted",
            Self::HostedLid => "hosted.lid",
            Self::Interop => "interop",
            Self::Legacy => "c.us",
            Self::Lid => "lid",
            Self::Messenger => "msgr",
            Self::Newsletter => "newsletter",
            Self::Pn => "s.whatsapp.net",
            Self::Other(name) => name,
        }
    }

    /// The domain byte of device JIDs on the wire; `None` for servers without one. Reference 03 §5.1.
    pub fn domain(&self) -> Option<u8> {
        match self {
            Self::Pn => Some(0),
            Self::Lid => Some(1),
            Self::Hosted => Some(128),
            Self::HostedLid => Some(129),
            _ => None,
        }
    }

    /// The server of a domain byte: 0, 1, 129, and every even one from 128 on. Reference 03 §5.1.
    pub fn of_domain(domain: u8) -> Option<Self> {
        match domain {
            0 => Some(Self::Pn),
            1 => Some(Self::Lid),
            129 => Some(Self::HostedLid),
            128.. if domain & 1 == 0 => Some(Self::Hosted),
            _ => None,
        }
    }

    /// The highest device number that the server knows; 0 when its JIDs have no devices.
    pub fn device_max(&self) -> u16 {
        match self {
            Self::Pn | Self::Lid | Self::Hosted | Self::HostedLid => 255,
            Self::Messenger | Self::Interop => u16::MAX,
            _ => 0,
        }
    }

    /// Whether this is a server of cloud-hosted devices.
    pub fn is_hosted(&self) -> bool {
        matches!(self, Self::Hosted | Self::HostedLid)
    }

    /// The same server by its current name: `c.us` becomes `s.whatsapp.net`.
    pub fn canonical(&self) -> Server<'_> {
        match self {
            Self::Legacy => Server::Pn,
            other => other.borrowed(),
        }
    }

    /// The server whose users are the same people: hosted devices belong to the plain server's user.
    pub fn family(&self) -> Server<'_> {
        match self {
            Self::Legacy | Self::Hosted => Server::Pn,
            Self::HostedLid => Server::Lid,
            other => other.borrowed(),
        }
    }

    /// The same server, borrowing its name.
    pub fn borrowed(&self) -> Server<'_> {
        match self {
            Self::Other(name) => Server::Other(Cow::Borrowed(name)),
            known => known.clone_known(),
        }
    }

    /// The same server with a name of its own.
    pub fn into_owned(self) -> Server<'static> {
        match self {
            Self::Other(name) => Server::Other(Cow::Owned(name.into_owned())),
            known => known.clone_known(),
        }
    }

    fn clone_known<'b>(&self) -> Server<'b> {
        match self {
            Self::Bot => Server::Bot,
            Self::Broadcast => Server::Broadcast,
            Self::Call => Server::Call,
            Self::Group => Server::Group,
            Self::Hosted => Server::Hosted,
            Self::HostedLid => Server::HostedLid,
            Self::Interop => Server::Interop,
            Self::Legacy => Server::Legacy,
            Self::Lid => Server::Lid,
            Self::Messenger => Server::Messenger,
            Self::Newsletter => Server::Newsletter,
            Self::Pn => Server::Pn,
            Self::Other(name) => Server::Other(Cow::Owned(name.clone().into_owned())),
        }
    }

    fn canonical_name(&self) -> &str {
        match self {
            Self::Legacy => "s.whatsapp.net",
            other => other.as_str(),
        }
    }
}

impl PartialEq for Server<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_name() == other.canonical_name()
    }
}

impl Eq for Server<'_> {}

impl PartialOrd for Server<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Server<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical_name().cmp(other.canonical_name())
    }
}

impl Hash for Server<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical_name().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::Server;

    #[test]
    fn names_of_known_servers_read_back() {
        for name in [
            "bot",
            "broadcast",
            "c.us",
            "call",
            "g.us",
            "hosted",
            "hosted.lid",
            "interop",
            "lid",
            "msgr",
            "newsletter",
            "s.whatsapp.net",
        ] {
            assert_eq!(Server::known(name).map(|server| server.as_str() == name), Some(true), "{name}");
        }
        assert!(Server::known("example.invalid").is_none());
    }

    #[test]
    fn every_even_domain_with_the_top_bit_is_hosted() {
        for domain in 0..=255u8 {
            let server = Server::of_domain(domain);
            match domain {
                0 | 1 | 128 | 129 => assert_eq!(server.and_then(|server| server.domain()), Some(domain)),
                130.. if domain % 2 == 0 => assert_eq!(server, Some(Server::Hosted)),
                _ => assert_eq!(server, None, "{domain}"),
            }
        }
    }
}
