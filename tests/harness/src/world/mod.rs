//! Clients and one server on one virtual clock, without sockets: the language that behaviour tests are
//! written in.
//!
//! Everything happens at once until nobody has anything to say; then time moves to the next deadline. The
//! same seed gives the same world.
//!
//! | File | What it holds |
//! |---|---|
//! | `actor`, `process` | a client and its surroundings; one running life of it |
//! | `storage` | what survives a crash |
//! | `network` | when bytes arrive, and what happens to them on the way |
//! | `clockwork` | who acts when |
//! | `trouble` | everything that can go wrong |
//! | `journal` | everything that happened |

mod actor;
mod clockwork;
mod journal;
mod network;
mod process;
mod storage;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;

use sanswire::event::LinkEvent;
use sanswire::messaging::SendMessage;
use sanswire::ops::{Answer, CallId, Operation};
use sanswire::wire::OwnedJid;
use sanswire::{Client, Config as ClientConfig, Machine, Now, OpError};

pub use actor::Actor;
pub use journal::{Entry, Fact, Journal};
pub use storage::Storage;

use network::Network;

use crate::clock::Time;
use crate::seed::Seed;
use crate::server::{
    AccountId, Addressing, AdminRequest, AdminResponse, Config, DeviceRef, GroupChange, Server,
};

/// Names a client of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who(usize);

/// Makes the client of an actor, at its first start and at every later one: a recorder around a client, or a
/// client that is broken on purpose, comes into a world this way.
pub type Maker = Arc<dyn Fn(ClientConfig, [u8; 32], Now) -> Box<dyn Machine> + Send + Sync>;

/// Everybody and the time.
#[derive(Debug)]
pub struct World {
    /// The server; tests arm its faults and read its violations.
    pub server: Server,
    now: Time,
    seed: Seed,
    actors: Vec<Actor>,
    journal: Journal,
    network: Network,
    /// Clients that may have something to do now.
    ready: BTreeSet<Who>,
    /// When clients have something to do next.
    alarms: BTreeSet<(Time, Who)>,
    alarm_of: Vec<Option<Time>>,
}

impl World {
    /// A world with a server and nobody else.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Config::default())
    }

    /// A world whose server has these settings.
    #[must_use]
    pub fn with(seed: u64, config: Config) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let mut seed = Seed::new(key);
        let mut server = Server::new(config, seed.fork(), BEGINNING);
        server.keep_log();
        let network = Network::new(seed.fork());
        Self {
            server,
            now: BEGINNING,
            seed,
            actors: Vec::new(),
            journal: Journal::default(),
            network,
            ready: BTreeSet::new(),
            alarms: BTreeSet::new(),
            alarm_of: Vec::new(),
        }
    }

    /// A client that trusts the server's root, started and not paired.
    pub fn client(&mut self, name: &str) -> Who {
        self.client_with(name, |_| {})
    }

    /// A client whose configuration was changed.
    pub fn client_with(&mut self, name: &str, change: impl FnOnce(&mut ClientConfig)) -> Who {
        self.client_made(name, honest(), change)
    }

    /// A client of another make.
    pub fn client_made(&mut self, name: &str, maker: Maker, change: impl FnOnce(&mut ClientConfig)) -> Who {
        let mut config = ClientConfig::default();
        config.trust.root = sanswire::crypto::PublicKey::new(self.server.cert_root());
        config.profile.push_name = Some(name.to_string());
        change(&mut config);
        let who = Who(self.actors.len());
        self.actors.push(Actor::new(who, name, maker, config, self.seed.fork()));
        self.alarm_of.push(None);
        self.restart(who);
        who
    }

    /// A client that is paired and ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn paired(&mut self, name: &str) -> Who {
        let who = self.client(name);
        self.pair(who);
        who
    }

    /// Lets a phone scan the client's QR code and waits until the client is ready.
    ///
    /// # Panics
    /// When there is no code, the phone refuses it, or the client does not come up.
    #[expect(clippy::panic, reason = "a test without its client has nothing to go on with")]
    pub fn pair(&mut self, who: Who) {
        self.run();
        let code = self[who].qr_code().map(ToString::to_string);
        let code = code.unwrap_or_else(|| panic!("no code: {:?}", self[who].events));
        let scanned = self.admin(AdminRequest::ScanQr(code));
        assert_eq!(scanned.status, 200, "{}", scanned.body);
        self.run();
        assert!(self.is_ready(who), "not ready: {:?}", self[who].events);
    }

    /// Whether the client's last word about its connection is that it is up.
    #[must_use]
    pub fn is_ready(&self, who: Who) -> bool {
        let events = self[who].link_events();
        let last =
            events.into_iter().rev().find(|event| matches!(event, LinkEvent::Ready | LinkEvent::Down { .. }));
        matches!(last, Some(LinkEvent::Ready))
    }

    /// Own addresses of a paired client: number and LID, with device.
    ///
    /// # Panics
    /// When it is not paired.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its client has nothing to go on with")]
    pub fn addresses(&self, who: Who) -> (OwnedJid, OwnedJid) {
        let paired = self[who].link_events().into_iter().rev().find_map(|event| match event {
            LinkEvent::Paired { pn, lid, .. } => Some((pn.clone(), lid.clone())),
            _ => None,
        });
        paired.unwrap_or_else(|| panic!("{} is not paired", self[who].name))
    }

    /// The number of a paired client's account.
    #[must_use]
    pub fn number(&self, who: Who) -> OwnedJid {
        self.addresses(who).0.bare().into_owned()
    }

    /// One client writes to another's number. Nothing moves before [`Self::run`].
    pub fn send(&mut self, from: Who, to: Who, text: &str) -> CallId {
        let to = self.number(to);
        self.send_to(from, to, text)
    }

    /// One client writes to an address.
    pub fn send_to(&mut self, from: Who, to: OwnedJid, text: &str) -> CallId {
        self.call(from, SendMessage::text(to, text))
    }

    /// Calls any operation.
    pub fn call(&mut self, who: Who, operation: impl Into<Operation>) -> CallId {
        self.actor(who).call(operation.into())
    }

    /// The answer of a call, once there is one.
    #[must_use]
    pub fn reply(&self, who: Who, call: CallId) -> Option<&Result<Answer, OpError>> {
        self[who].replies.iter().find(|(id, _)| *id == call).map(|(_, result)| result)
    }

    /// The texts that a client was handed, in order.
    #[must_use]
    pub fn texts(&self, who: Who) -> Vec<String> {
        let text = |received: &sanswire::event::Received| match &received.content {
            sanswire::content::Content::Text(text) => Some(text.body.clone()),
            _ => None,
        };
        self[who].received().into_iter().filter_map(text).collect()
    }

    /// Asks something of the server behind the wire.
    pub fn admin(&mut self, request: AdminRequest) -> AdminResponse {
        self.server.admin(request, self.now)
    }

    /// A group of these clients' accounts; the first one makes it.
    pub fn group(&mut self, members: &[Who], addressing: Addressing) -> OwnedJid {
        let accounts: Vec<AccountId> =
            members.iter().filter_map(|who| Some(self.device(*who)?.account)).collect();
        self.server.tick(self.now);
        self.server.create_group("a group", &accounts, addressing)
    }

    /// Changes a group behind the wire; false when there was nothing to change.
    pub fn change_group(&mut self, group: &OwnedJid, change: GroupChange) -> bool {
        self.server.tick(self.now);
        self.server.change_group(group, change)
    }

    /// The account of a paired client.
    #[must_use]
    pub fn account(&self, who: Who) -> Option<AccountId> {
        self.device(who).map(|device| device.account)
    }

    /// Everything that happened so far.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, to close it.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// All clients, in the order in which they came into the world.
    pub fn everybody(&self) -> impl Iterator<Item = Who> + use<> {
        (0..self.actors.len()).map(Who)
    }

    /// The device that a client was paired as last; it may have been unlinked since.
    #[must_use]
    pub fn device(&self, who: Who) -> Option<DeviceRef> {
        let paired = self[who].link_events().into_iter().rev().find_map(|event| match event {
            LinkEvent::Paired { pn, .. } => Some(pn.clone()),
            _ => None,
        })?;
        self.server.device_named(&paired)
    }

    /// The time in this world.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// A client, to change it.
    pub fn actor(&mut self, who: Who) -> &mut Actor {
        self.ready.insert(who);
        &mut self.actors[who.0]
    }
}

impl core::ops::Index<Who> for World {
    type Output = Actor;

    fn index(&self, who: Who) -> &Actor {
        &self.actors[who.0]
    }
}

/// The client itself.
#[expect(
    clippy::panic,
    reason = "a world or script whose configuration is refused has nothing to go on with"
)]
pub(crate) fn honest() -> Maker {
    Arc::new(|config, seed, now| match Client::new(config, seed, now) {
        Ok(client) => Box::new(client),
        Err(misuse) => panic!("the configuration is valid: {misuse}"),
    })
}

/// When worlds begin: late in 2023.
const BEGINNING: Time = Time(1_700_000_000_000);
