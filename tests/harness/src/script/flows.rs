//! What an honest server and phone would say, step by step, for tests that begin further on.

use sanswire::Config;
use sanswire::event::LinkEvent;
use sanswire::wire::{Jid, Node, OwnedJid};

use super::Script;
use super::peer::Peer;
use crate::phone::{Companion, Phone, QrCode};

/// The user of the account's number.
pub const OWN_NUMBER: &str = "15550000001";
/// The user of the account's LID.
pub const OWN_LID: &str = "100000000000001";

/// The client's device under the account's number.
#[must_use]
pub fn own_number() -> OwnedJid {
    Jid::pn(OWN_NUMBER, OWN_DEVICE).into_owned()
}

/// The client's device under the account's LID.
#[must_use]
pub fn own_lid() -> OwnedJid {
    Jid::lid(OWN_LID, OWN_DEVICE).into_owned()
}

impl Script {
    /// A client that is paired and ready, and of which nothing is due.
    #[must_use]
    pub fn ready(seed: u64) -> Self {
        Self::ready_with(seed, |_| ())
    }

    /// The same with another configuration.
    pub fn ready_with(seed: u64, change: impl FnOnce(&mut Config)) -> Self {
        let mut script = Self::configured(seed, change);
        script.pair();
        script.log_in();
        script.sent();
        script
    }

    /// Pairs the client; it is connected again afterwards, and waits for the answer to its login.
    pub fn pair(&mut self) {
        self.run();
        self.send(&pair_device(1));
        let success = self.pair_success();
        self.send(&success);
        self.send(&Node::new("stream:error").attr("code", "515"));
    }

    /// Accepts the login of a paired client that has prekeys enough, and activates it; nothing waits for it.
    ///
    /// # Panics
    /// When the client does not become ready.
    pub fn log_in(&mut self) {
        self.run();
        self.send(&Node::new("success").attr("t", self.seconds()).attr("lid", own_lid()));
        let count = self.asked("encrypt");
        self.answer(&count, Some(Node::new("count").attr("value", "812")));
        let active = self.asked("passive");
        self.answer(&active, None);
        self.send(&Node::new("ib").child(Node::new("offline").attr("count", "0")));
        assert!(self.is_ready(), "not ready: {:?}", self.link_events());
    }

    /// What a phone that scanned the code on show makes the server say.
    ///
    /// # Panics
    /// When no code is on show.
    pub fn pair_success(&mut self) -> Node<'static> {
        let code = self.link_events().into_iter().rev().find_map(|event| match event {
            LinkEvent::QrCode { text, .. } => QrCode::parse(text).ok(),
            _ => None,
        });
        let Some(code) = code else { panic!("no code on show: {:?}", self.link_events()) };
        let companion =
            Companion { identity: code.identity, secret: code.secret, bad_hmac: false, bad_signature: false };
        let mut phone = Phone::new(self.seed.fork(), self.now);
        let signed = phone.sign_companion(&companion, self.now);
        let success = Node::new("pair-success")
            .child(Node::new("device-identity").bytes(signed.container))
            .child(Node::new("device").attr("jid", own_number()).attr("lid", own_lid()))
            .child(Node::new("platform").attr("name", "android"));
        set("pair-success-1", success)
    }

    /// Takes the oldest iq of this namespace out of what the client has sent.
    ///
    /// # Panics
    /// When it has sent none.
    pub fn asked(&mut self, xmlns: &str) -> Node<'static> {
        let at = self.sent.iter().position(|node| node.get("xmlns").as_deref() == Some(xmlns));
        match at {
            Some(at) => self.sent.remove(at),
            None => panic!("no iq of {xmlns} in {:?}", self.sent),
        }
    }

    /// Answers an iq with a result.
    pub fn answer(&mut self, iq: &Node<'_>, child: Option<Node<'_>>) {
        let answer = Node::new("iq").attr("from", Jid::SERVER).attr("type", "result");
        self.send(&answer.attr_opt("id", iq.get("id")).children(child));
    }

    /// Acks a message of the client.
    pub fn ack(&mut self, id: &str) {
        let ack = Node::new("ack").attr("class", "message").attr("id", id.to_string());
        self.send(&ack.attr("t", self.seconds()));
    }

    /// Answers every question for devices and bundles that the client has asked, from what these devices are;
    /// its own account has no other device.
    pub fn answer_directory(&mut self, peers: &[&Peer]) {
        while let Some(at) = self.sent.iter().position(is_directory_query) {
            let iq = self.sent.remove(at);
            let answer = match iq.find("usync").and_then(|usync| usync.find("list")) {
                Some(list) => {
                    let users = list.nodes().iter().filter_map(|user| user.get_jid("jid"));
                    device_lists(users.map(|user| (user.clone().into_owned(), devices_of(&user, peers))))
                }
                None => {
                    let asked = iq.find("key").map(Node::nodes).unwrap_or_default();
                    let asked = asked.iter().filter_map(|user| user.get_jid("jid"));
                    let bundles = asked.filter_map(|jid| peers.iter().find(|peer| peer.jid == jid));
                    Node::new("list").children(bundles.map(|peer| peer.bundle()))
                }
            };
            self.answer(&iq, Some(answer));
        }
    }

    /// A device of another user that knows the client's keys and begins a session with it.
    ///
    /// # Panics
    /// When the client has not registered over this script.
    pub fn peer(&mut self, jid: OwnedJid) -> Peer {
        let registration =
            self.registration.as_ref().and_then(|payload| payload.device_pairing_data.as_ref());
        let Some(registration) = registration else { panic!("the client has not registered") };
        Peer::new(jid, registration, self.seed.fork())
    }

    /// Whether the client's last word about its connection is that it is up.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let last = self.link_events().into_iter().rev();
        let mut last = last.filter(|event| matches!(event, LinkEvent::Ready | LinkEvent::Down { .. }));
        matches!(last.next(), Some(LinkEvent::Ready))
    }

    /// Whether the client still takes stanzas and answers: it is asked with a ping.
    pub fn is_alive(&mut self) -> bool {
        let before = self.sent();
        self.send(
            &Node::new("iq")
                .attr("from", Jid::SERVER)
                .attr("id", "alive")
                .attr("type", "get")
                .attr("xmlns", "urn:xmpp:ping"),
        );
        let answered = self.sent().iter().any(|node| node.get("id").as_deref() == Some("alive"));
        self.sent = before;
        answered
    }
}

/// `<pair-device>` with this many references.
#[must_use]
pub fn pair_device(references: usize) -> Node<'static> {
    let reference = |n| Node::new("ref").bytes(format!("2@reference-{n}").into_bytes());
    set("pair-device-1", Node::new("pair-device").children((0..references).map(reference)))
}

/// The answer to a question for devices: each user with the numbers of its devices.
pub fn device_lists(users: impl IntoIterator<Item = (OwnedJid, Vec<u16>)>) -> Node<'static> {
    let device = |id: u16| {
        let index = (id != 0).then(|| u64::from(id));
        Node::new("device").attr("id", u64::from(id)).attr_opt("key-index", index)
    };
    let user = |(jid, ids): (OwnedJid, Vec<u16>)| {
        let list = Node::new("device-list").children(ids.into_iter().map(device));
        Node::new("user").attr("jid", jid).child(Node::new("devices").child(list))
    };
    Node::new("usync").child(Node::new("list").children(users.into_iter().map(user)))
}

fn set(id: &'static str, child: Node<'static>) -> Node<'static> {
    Node::new("iq").attr("from", Jid::SERVER).attr("id", id).attr("type", "set").child(child)
}

fn is_directory_query(node: &Node<'_>) -> bool {
    node.find("usync").is_some() || node.find("key").is_some()
}

fn devices_of(user: &Jid<'_>, peers: &[&Peer]) -> Vec<u16> {
    if [OWN_NUMBER, OWN_LID].contains(&user.user()) {
        return vec![OWN_DEVICE];
    }
    peers.iter().filter(|peer| peer.jid.same_user(user)).map(|peer| peer.jid.device()).collect()
}

const OWN_DEVICE: u16 = 7;
