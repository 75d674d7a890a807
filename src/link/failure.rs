//! Why a connection ended, and what to do about it: one table for refusals and stream errors. Reference 01 §8.

use alloc::string::{String, ToString};

use crate::event::DownReason;
use crate::wire::NodeRef;

/// What follows the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Close and dial again at once; the back-off starts over.
    RestartNow,
    /// Close and dial again after the back-off, made longer by this many steps first.
    Retry {
        /// Extra steps of the back-off.
        raise: u8,
    },
    /// Not the end yet: go on until the server closes, then dial again after the back-off.
    Linger,
    /// The credentials are of no use any more: do not connect with them again.
    LogOut,
    /// Someone else uses the credentials: do not fight over the connection.
    OtherOwner,
    /// Wait for a newer client version.
    Outdated,
    /// Wait for the end of a ban.
    Banned,
    /// Do not dial again unless the application says so.
    Stop,
}

/// A reason and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// For the application.
    pub reason: DownReason,
    /// For us.
    pub action: Action,
}

/// A `<failure>` that came instead of a `<success>`. Reference 01 §8.2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Attribute `reason`.
    pub reason: Option<u32>,
    /// Attribute `code` of a ban.
    pub ban_code: Option<u32>,
    /// Attribute `expire` of a ban: a duration in seconds.
    pub ban_expires_s: Option<u64>,
    /// The whole stanza as XML-like text: it may hold one-time appeal tokens.
    pub stanza: String,
}

impl Failure {
    /// Parses a `<failure>`; numbers that cannot be read are absent.
    #[must_use]
    pub fn parse(node: NodeRef<'_>) -> Self {
        Self {
            reason: number(node, "reason"),
            ban_code: number(node, "code"),
            ban_expires_s: node.get_u64("expire"),
            stanza: node.to_string(),
        }
    }

    /// The row of the table for this refusal. One that is not in the table is never tried again.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        let code = self.reason.unwrap_or_default();
        let ban = self.ban_code.zip(self.ban_expires_s);
        let (reason, action) = match (code, ban) {
            (401 | 403 | 406, _) => (DownReason::LoggedOut { code }, Action::LogOut),
            (402, Some((kind, expires_s))) => {
                (DownReason::Banned { code: Some(kind), expires_s: Some(expires_s) }, Action::Banned)
            }
            (405, _) => (DownReason::Outdated, Action::Outdated),
            (500 | 503, _) => (DownReason::Unavailable { code }, Action::Retry { raise: 0 }),
            _ => (DownReason::Refused { code, stanza: self.stanza }, Action::Stop),
        };
        Verdict { reason, action }
    }
}

/// What a `<stream:error>` is made of. Reference 01 §8.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamError {
    /// Attribute `code`.
    pub code: Option<u32>,
    /// The child that says what is meant.
    pub child: StreamErrorChild,
}

/// The meaningful child of a `<stream:error>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamErrorChild {
    /// None, or one without meaning for us.
    #[default]
    None,
    /// `<conflict type="device_removed"/>`
    DeviceRemoved,
    /// `<conflict/>` of any other type, as a rule `replaced`.
    Conflict,
    /// `<xml-not-well-formed/>`: the server could not read a frame of ours.
    NotWellFormed,
    /// `<ack/>`: the server still waits for the ack of a stanza.
    Ack,
}

impl StreamError {
    /// Parses a `<stream:error>`.
    #[must_use]
    pub fn parse(node: NodeRef<'_>) -> Self {
        let child = match node.find("conflict") {
            Some(conflict) if conflict.get("type").as_deref() == Some("device_removed") => {
                StreamErrorChild::DeviceRemoved
            }
            Some(_) => StreamErrorChild::Conflict,
            None if node.find("xml-not-well-formed").is_some() => StreamErrorChild::NotWellFormed,
            None if node.find("ack").is_some() => StreamErrorChild::Ack,
            None => StreamErrorChild::None,
        };
        Self { code: number(node, "code"), child }
    }

    /// The row of the table for this error.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        use StreamErrorChild as Child;
        let (reason, action) = match (self.code, self.child) {
            (Some(515), _) => (DownReason::Restart, Action::RestartNow),
            (_, Child::DeviceRemoved) => (DownReason::LoggedOut { code: 401 }, Action::LogOut),
            (_, Child::Conflict) => (DownReason::Replaced, Action::OtherOwner),
            (Some(code @ (401 | 516)), _) => (DownReason::LoggedOut { code }, Action::LogOut),
            (Some(409 | 440), _) => (DownReason::Replaced, Action::OtherOwner),
            (Some(code @ 429), _) => {
                (DownReason::Unavailable { code }, Action::Retry { raise: RATE_LIMIT_STEPS })
            }
            (Some(code @ (500 | 503)), _) => (DownReason::Unavailable { code }, Action::Linger),
            (_, Child::NotWellFormed) => (DownReason::Protocol, Action::Retry { raise: 0 }),
            (_, Child::Ack | Child::None) => (DownReason::Closed, Action::Linger),
        };
        Verdict { reason, action }
    }
}

fn number(node: NodeRef<'_>, key: &str) -> Option<u32> {
    node.get_u64(key)?.try_into().ok()
}

/// How much longer the back-off gets when the server limits our rate. Reference 01 §13.
const RATE_LIMIT_STEPS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Node;

    fn failure(reason: u32) -> (DownReason, Action) {
        let Verdict { reason, action } =
            Failure { reason: Some(reason), stanza: "<failure/>".into(), ..Failure::default() }.verdict();
        (reason, action)
    }

    #[test]
    fn each_refusal_has_its_row() {
        for code in [401, 403, 406] {
            assert_eq!(failure(code), (DownReason::LoggedOut { code }, Action::LogOut));
        }
        assert_eq!(failure(405), (DownReason::Outdated, Action::Outdated));
        for code in [500, 503] {
            assert_eq!(failure(code), (DownReason::Unavailable { code }, Action::Retry { raise: 0 }));
        }
        for code in [400, 402, 409, 413, 414, 415, 418, 501, 599, 0] {
            let reason = DownReason::Refused { code, stanza: "<failure/>".into() };
            assert_eq!(failure(code), (reason, Action::Stop));
        }
        let nameless = Failure::default().verdict();
        assert_eq!(nameless.reason, DownReason::Refused { code: 0, stanza: String::new() });
        assert_eq!(nameless.action, Action::Stop);
    }

    #[test]
    fn a_ban_needs_its_kind_and_its_end() {
        let ban = |ban_code, ban_expires_s| {
            Failure { reason: Some(402), ban_code, ban_expires_s, stanza: String::new() }.verdict().action
        };
        assert_eq!(ban(Some(101), Some(3600)), Action::Banned);
        assert_eq!(ban(Some(101), None), Action::Stop);
        assert_eq!(ban(None, Some(3600)), Action::Stop);
    }

    #[test]
    fn each_stream_error_has_its_row() {
        use StreamErrorChild as Child;
        let logged_out = |code| (DownReason::LoggedOut { code }, Action::LogOut);
        let replaced = (DownReason::Replaced, Action::OtherOwner);
        let rows = [
            (Some(515), Child::None, (DownReason::Restart, Action::RestartNow)),
            (Some(401), Child::DeviceRemoved, logged_out(401)),
            (None, Child::DeviceRemoved, logged_out(401)),
            (Some(401), Child::None, logged_out(401)),
            (Some(516), Child::None, logged_out(516)),
            (None, Child::Conflict, replaced.clone()),
            (Some(409), Child::Conflict, replaced.clone()),
            (Some(440), Child::Conflict, replaced.clone()),
            (Some(409), Child::None, replaced.clone()),
            (Some(440), Child::None, replaced),
            (Some(429), Child::None, (DownReason::Unavailable { code: 429 }, Action::Retry { raise: 5 })),
            (Some(503), Child::None, (DownReason::Unavailable { code: 503 }, Action::Linger)),
            (Some(500), Child::None, (DownReason::Unavailable { code: 500 }, Action::Linger)),
            (None, Child::NotWellFormed, (DownReason::Protocol, Action::Retry { raise: 0 })),
            (None, Child::Ack, (DownReason::Closed, Action::Linger)),
            (None, Child::None, (DownReason::Closed, Action::Linger)),
            (Some(999), Child::None, (DownReason::Closed, Action::Linger)),
        ];
        for (code, child, (reason, action)) in rows {
            let verdict = StreamError { code, child }.verdict();
            assert_eq!(verdict, Verdict { reason, action }, "{code:?} {child:?}");
        }
    }

    #[test]
    fn stanzas_are_read_into_rows() {
        let node = Node::new("failure").attr("reason", 402_u32).attr("code", 101_u32).attr("expire", 60_u32);
        let failure = Failure::parse(node.view());
        assert_eq!(
            (failure.reason, failure.ban_code, failure.ban_expires_s),
            (Some(402), Some(101), Some(60))
        );
        assert!(failure.stanza.contains("402"));
        let nonsense = Node::new("failure").attr("reason", "gone");
        assert_eq!(Failure::parse(nonsense.view()).reason, None);

        let error = |code: Option<u32>, child: Option<Node<'static>>| {
            StreamError::parse(Node::new("stream:error").attr_opt("code", code).child_opt(child).view())
        };
        let conflict = |kind: &'static str| Some(Node::new("conflict").attr("type", kind));
        assert_eq!(error(Some(515), None), StreamError { code: Some(515), child: StreamErrorChild::None });
        assert_eq!(error(Some(401), conflict("device_removed")).child, StreamErrorChild::DeviceRemoved);
        assert_eq!(error(None, conflict("replaced")).child, StreamErrorChild::Conflict);
        assert_eq!(
            error(None, Some(Node::new("xml-not-well-formed"))).child,
            StreamErrorChild::NotWellFormed
        );
        assert_eq!(error(None, Some(Node::new("ack"))).child, StreamErrorChild::Ack);
    }
}
