//! The server's state and its few public verbs.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use sanswire::wire::{Jid, Node};

use super::accept::{ConnId, Link, NoiseIdentity};
use super::directory::{AccountId, DeviceRef, Directory};
use super::faults::Faults;
use super::groups::Groups;
use super::log::Log;
use super::newsletters::Newsletters;
use super::pairing::QrRef;
use super::router::Seen;
use super::scenario::Scenario;
use super::tokens::Tokens;
use super::violations::Audit;
use super::{Config, Stanza, Violation};
use crate::clock::Time;
use crate::phone::Phone;
use crate::seed::Seed;

/// A WhatsApp server on virtual time.
///
/// The law is the client's: one verb, then [`poll`](Self::poll) until `None`. `now` must not go back; a smaller
/// one is taken as standing still. Call [`tick`](Self::tick) when [`next_deadline`](Self::next_deadline) has come.
pub struct Server {
    pub(crate) config: Config,
    pub(crate) seed: Seed,
    pub(crate) now: Time,
    pub(crate) noise: NoiseIdentity,
    pub(crate) links: BTreeMap<ConnId, Link>,
    pub(crate) directory: Directory,
    pub(crate) phones: BTreeMap<AccountId, Phone>,
    pub(crate) refs: BTreeMap<String, QrRef>,
    pub(crate) outputs: VecDeque<ServerOutput>,
    /// Stanzas for phones, handled after the verb that caused them.
    pub(crate) phone_inbox: VecDeque<(AccountId, Stanza)>,
    pub(crate) seen: Seen,
    pub(crate) audit: Audit,
    pub(crate) faults: Faults,
    pub(crate) groups: Groups,
    pub(crate) newsletters: Newsletters,
    /// Secret behind trusted-contact tokens.
    pub(crate) token_secret: [u8; 32],
    pub(crate) tokens: Tokens,
    pub(crate) scenarios: BTreeMap<AccountId, Scenario>,
    pub(crate) last_stanza_time: u64,
    /// What was taken and heard, for whoever keeps a journal.
    pub(crate) log: Log,
    /// Stanzas taken and given out.
    pub(crate) stanzas: u64,
    ticked: Option<Time>,
    next_conn: u64,
    next_id: u64,
}

/// What the server asks of whoever holds its sockets, strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "bytes that are not carried leave the client waiting"]
pub enum ServerOutput {
    /// Write these bytes: exactly one frame, to be sent as one WebSocket message.
    Send {
        /// To whom.
        conn: ConnId,
        /// The frame with its length.
        bytes: Bytes,
    },
    /// Close the connection after what was sent before is flushed.
    Close {
        /// Which connection.
        conn: ConnId,
    },
}

impl Server {
    /// A server without accounts. Its certificate root, tokens and phones follow from `seed`.
    #[must_use]
    pub fn new(config: Config, mut seed: Seed, now: Time) -> Self {
        let noise = NoiseIdentity::draw(config.root, &mut seed, now);
        let token_secret = seed.bytes();
        Self {
            config,
            noise,
            links: BTreeMap::new(),
            directory: Directory::default(),
            phones: BTreeMap::new(),
            refs: BTreeMap::new(),
            outputs: VecDeque::new(),
            phone_inbox: VecDeque::new(),
            seen: Seen::default(),
            audit: Audit::default(),
            faults: Faults::default(),
            groups: Groups::default(),
            newsletters: Newsletters::default(),
            token_secret,
            tokens: Tokens::default(),
            scenarios: BTreeMap::new(),
            last_stanza_time: 0,
            log: Log::default(),
            stanzas: 0,
            ticked: None,
            next_conn: 0,
            next_id: 0,
            seed,
            now,
        }
    }

    /// The 32-byte public key of the certificate root that clients must trust. Reference 14 §3.
    #[must_use]
    pub fn cert_root(&self) -> [u8; 32] {
        self.noise.root_public()
    }

    /// A client opened a connection.
    pub fn connect(&mut self, now: Time) -> ConnId {
        self.advance(now);
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.links.insert(conn, Link::new(self.now));
        conn
    }

    /// Bytes came in, split in any way.
    pub fn receive(&mut self, conn: ConnId, bytes: &[u8], now: Time) {
        self.advance(now);
        self.take_bytes(conn, bytes);
        self.settle();
    }

    /// The connection is gone: its device is offline from now on.
    pub fn closed(&mut self, conn: ConnId, now: Time) {
        self.advance(now);
        self.forget(conn);
        self.settle();
    }

    /// Time passed: expires refs, handshakes and silent connections.
    pub fn tick(&mut self, now: Time) {
        self.advance(now);
        let ticked = self.ticked.replace(self.now) == Some(self.now);
        if ticked && self.config.auto_pair.is_none() {
            // Every other deadline lies ahead of the moment at which it is set.
            return self.settle();
        }
        self.expire_links();
        self.expire_refs();
        self.resume_stalled_backlogs();
        self.audit_unclosed();
        self.seen.purge(self.now);
        self.settle();
    }

    /// The next thing to do, or `None`.
    pub fn poll(&mut self) -> Option<ServerOutput> {
        self.outputs.pop_front()
    }

    /// When [`tick`](Self::tick) has something to do, if ever.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let links = self.links.values().filter_map(|link| link.deadline(&self.directory)).min();
        let refs = self.refs.values().filter_map(QrRef::deadline).min();
        links.into_iter().chain(refs).min()
    }

    /// How many stanzas it has taken and given out.
    #[must_use]
    pub const fn stanzas(&self) -> u64 {
        self.stanzas
    }

    /// What clients did wrong so far, oldest first.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        self.audit.violations()
    }

    /// Drops every connection without a word and forgets what was in flight, as a crash of the server would;
    /// accounts, keys and queues stay.
    pub fn restart(&mut self, now: Time) {
        self.advance(now);
        self.outputs.clear();
        self.phone_inbox.clear();
        for conn in self.links.keys().copied().collect::<Vec<_>>() {
            self.forget(conn);
            self.outputs.push_back(ServerOutput::Close { conn });
        }
        self.refs.clear();
    }

    /// Goes down in good order: every client is told 503, then closed. Accounts and queues stay.
    pub fn shut_down(&mut self, now: Time) {
        self.advance(now);
        for conn in self.links.keys().copied().collect::<Vec<_>>() {
            self.stream_error(conn, Node::new("stream:error").attr("code", "503"));
        }
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Lets the phones handle what the last verb left for them.
    pub(crate) fn settle(&mut self) {
        while let Some((account, node)) = self.phone_inbox.pop_front() {
            self.phone_takes(account, &node);
        }
    }

    /// A stanza id that the server has not used before.
    pub(crate) fn fresh_id(&mut self) -> String {
        self.next_id += 1;
        format!("{}.{}-{}", self.next_id / 65_536, 4096 + self.next_id % 65_536, self.next_id)
    }

    /// Server time for a message: seconds, never smaller than the last one given out.
    pub(crate) fn stanza_time(&mut self) -> u64 {
        self.last_stanza_time = self.last_stanza_time.max(self.now.seconds());
        self.last_stanza_time
    }

    /// Encodes, seals and queues one node for a connection in transport mode.
    pub(crate) fn send(&mut self, conn: ConnId, node: &Node<'_>) {
        let cut = self.faults.cut_frame(self.link_device(conn));
        let Some(link) = self.links.get_mut(&conn) else { return };
        let Some(frame) = link.seal(node) else { return };
        self.stanzas += 1;
        let Some(keep) = cut else {
            self.outputs.push_back(ServerOutput::Send { conn, bytes: frame });
            return;
        };
        let bytes = frame.slice(..keep.min(frame.len().saturating_sub(1)));
        self.outputs.push_back(ServerOutput::Send { conn, bytes });
        self.drop_link(conn);
    }

    /// Closes a connection after what was sent before.
    pub(crate) fn drop_link(&mut self, conn: ConnId) {
        if self.links.contains_key(&conn) {
            self.forget(conn);
            self.outputs.push_back(ServerOutput::Close { conn });
        }
    }

    /// The device that is logged in on a connection.
    pub(crate) fn link_device(&self, conn: ConnId) -> Option<DeviceRef> {
        self.links.get(&conn).and_then(Link::device)
    }

    /// Answers an iq.
    pub(crate) fn result(&mut self, conn: ConnId, iq: &Node<'_>, child: Option<Stanza>) {
        let mut answer = Node::new("iq").attr("from", Self::answered_as(iq)).attr("type", "result");
        answer = answer.attr("id", iq.get("id").unwrap_or_default().into_owned());
        if let Some(child) = child {
            answer = answer.child(child);
        }
        self.send(conn, &answer);
    }

    /// Refuses an iq. Reference 01 §11.
    pub(crate) fn refuse(&mut self, conn: ConnId, iq: &Node<'_>, code: u64, text: &str) {
        let error = Node::new("error").attr("code", code).attr("text", text.to_owned());
        let answer = Node::new("iq")
            .attr("from", Self::answered_as(iq))
            .attr("type", "error")
            .attr("id", iq.get("id").unwrap_or_default().into_owned())
            .child(error);
        self.send(conn, &answer);
    }

    /// The `from` of an answer: the request's `to`, always as a JID.
    fn answered_as(iq: &Node<'_>) -> Jid<'static> {
        iq.get_jid("to").map_or(Jid::SERVER, Jid::into_owned)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("now", &self.now)
            .field("links", &self.links.len())
            .field("accounts", &self.directory.accounts().count())
            .finish_non_exhaustive()
    }
}
