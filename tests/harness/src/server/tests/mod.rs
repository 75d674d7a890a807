//! The server driven end to end by a scripted client made of our own wire and Signal modules.
#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod gates;
mod groups;
mod link;
mod members;
mod messages;
mod newsletters;
mod queries;

use core::time::Duration;
use std::collections::BTreeMap;

use sanswire::crypto::mac::sha256;

use client::TestClient;

use super::{AdminRequest, Config, ConnId, Server, ServerOutput, Stanza};
use crate::clock::Time;
use crate::seed::Seed;

/// A server, some clients, and the time.
struct Bench {
    server: Server,
    now: Time,
    clients: BTreeMap<&'static str, TestClient>,
    /// Hash of everything the server sent.
    digest: [u8; 32],
}

impl Bench {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let now = Time(1_700_000_000_000);
        Self {
            server: Server::new(config, Seed::new([3; 32]), now),
            now,
            clients: BTreeMap::new(),
            digest: [0; 32],
        }
    }

    /// Registers a client under a push name and has its code scanned; it ends up logged in and live.
    fn pair(&mut self, name: &'static str, push_name: &str) {
        self.clients.insert(name, TestClient::new(name, push_name));
        self.connect(name);
        let qr = self.client(name).qr();
        let answer = self.server.admin(AdminRequest::ScanQr(qr), self.now);
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.flow();
        assert!(self.client(name).is_closed(), "515 closes the connection");
        self.client(name).inbox.clear();
        self.log_in(name);
    }

    /// Logs in, uploads keys when there are none, leaves passive mode.
    fn log_in(&mut self, name: &'static str) {
        self.connect(name);
        let count = self.ask(name, |client| client.iq("get", "encrypt", Stanza::new("count")));
        if count.find("count").unwrap().get_u64("value") == Some(0) {
            let uploaded = self.ask(name, TestClient::upload);
            assert_eq!(uploaded.get("type").unwrap(), "result");
        }
        self.ask(name, |client| client.iq("set", "passive", Stanza::new("active")));
    }

    /// Opens a connection and goes through the handshake.
    fn connect(&mut self, name: &'static str) -> ConnId {
        let conn = self.server.connect(self.now);
        let root = self.server.cert_root();
        let hello = self.clients.get_mut(name).unwrap().connect(conn, root, self.now);
        self.server.receive(conn, &hello, self.now);
        self.flow();
        conn
    }

    /// The client's connection drops without a word.
    fn cut(&mut self, name: &'static str) {
        let conn = self.clients.get_mut(name).unwrap().cut();
        self.server.closed(conn, self.now);
        self.flow();
    }

    /// Sends a stanza and carries everything that follows from it.
    fn send(&mut self, name: &'static str, stanza: &Stanza) {
        let (conn, bytes) = self.clients.get_mut(name).unwrap().seal(stanza);
        self.server.receive(conn, &bytes, self.now);
        self.flow();
    }

    /// Sends what the client builds and gives the iq answer.
    fn ask(&mut self, name: &'static str, build: impl FnOnce(&mut TestClient) -> Stanza) -> Stanza {
        let stanza = build(self.clients.get_mut(name).unwrap());
        self.send(name, &stanza);
        let id = stanza.get("id").unwrap().into_owned();
        self.client(name).take(|node| node.tag == "iq" && node.get("id").as_deref() == Some(&id)).unwrap()
    }

    /// Fetches what is needed and sends a text from one client to an account, fanned out by usync.
    fn text(&mut self, from: &'static str, to: &'static str, text: &str) -> String {
        let (own, peer) =
            (self.client(from).pn().bare().into_owned(), self.client(to).pn().bare().into_owned());
        let list = self.ask(from, |client| client.usync(&[own, peer.clone()]));
        let targets = self.client(from).fan_out(&list);
        let missing = self.client(from).without_session(&targets);
        if !missing.is_empty() {
            let bundles = self.ask(from, |client| client.fetch(&missing));
            self.client(from).install(&bundles);
        }
        let stanza = self.client(from).message(&peer, &targets, text);
        let id = stanza.get("id").unwrap().into_owned();
        self.send(from, &stanza);
        id
    }

    fn client(&mut self, name: &'static str) -> &mut TestClient {
        self.clients.get_mut(name).unwrap()
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.server.tick(self.now);
        self.flow();
    }

    /// Carries outputs to clients and their automatic answers back until nothing moves.
    fn flow(&mut self) {
        loop {
            while let Some(output) = self.server.poll() {
                let (conn, bytes) = match &output {
                    ServerOutput::Send { conn, bytes } => (*conn, bytes.as_ref()),
                    ServerOutput::Close { conn } => (*conn, &[][..]),
                };
                self.digest = sha256(&[&self.digest, &conn.0.to_be_bytes(), bytes]);
                let Some(client) = self.clients.values_mut().find(|client| client.conn() == Some(conn))
                else {
                    continue;
                };
                match output {
                    ServerOutput::Send { bytes, .. } => client.receive(&bytes),
                    ServerOutput::Close { .. } => client.on_close(),
                }
            }
            let mut moved = false;
            for client in self.clients.values_mut() {
                while let Some((conn, bytes)) = client.next_frame() {
                    moved = true;
                    self.server.receive(conn, &bytes, self.now);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn no_violations(&self) {
        assert_eq!(self.server.violations(), []);
    }

    fn rules(&self) -> Vec<&str> {
        self.server.violations().iter().map(|violation| violation.rule.as_str()).collect()
    }
}
