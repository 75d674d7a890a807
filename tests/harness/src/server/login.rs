//! The client payload: registration or login, and what follows success. Reference 01 §7-8, 14 §7.

use prost::Message as _;
use sanswire::wire::{Jid, Node};
use sanswire_proto::whatsapp::ClientPayload;

use super::accept::ConnId;
use super::directory::Form;
use super::{DeviceRef, Server};

impl Server {
    /// The handshake is done: the payload decides what the connection becomes.
    pub(crate) fn take_payload(&mut self, conn: ConnId, noise: [u8; 32], payload: &[u8]) {
        let Ok(payload) = ClientPayload::decode(payload) else { return self.drop_link(conn) };
        if let Some(data) = &payload.device_pairing_data {
            self.register(conn, noise, &payload, data);
        } else if let Some(username) = payload.username {
            self.log_in(conn, noise, username, &payload);
        } else {
            self.fail(conn, 400);
        }
    }

    /// `<failure reason/>`, then close.
    pub(crate) fn fail(&mut self, conn: ConnId, reason: u64) {
        self.send(conn, &Node::new("failure").attr("reason", reason).attr("location", LOCATION));
        self.drop_link(conn);
    }

    fn log_in(&mut self, conn: ConnId, noise: [u8; 32], username: u64, payload: &ClientPayload) {
        let device = payload.device.and_then(|device| u16::try_from(device).ok()).unwrap_or(0);
        let at = self.directory.resolve_device(&Jid::pn(username.to_string(), device));
        if let Some(reason) = self.faults.login_failure(at) {
            return self.fail(conn, reason);
        }
        let known = at.filter(|at| self.directory.device(*at).is_some_and(|d| d.noise == Some(noise)));
        let Some(at) = known else { return self.fail(conn, 401) };
        if let Some(old) = self.directory.device(at).and_then(|device| device.conn) {
            let conflict = Node::new("conflict").attr("type", "replaced");
            self.stream_error(old, Node::new("stream:error").child(conflict));
        }
        if let Some(link) = self.links.get_mut(&conn) {
            link.set_online(at);
        }
        self.greet(conn, at);
        self.open_queue(at, conn);
        self.welcome(at);
        self.show_chat_states(at);
        if !payload.passive.unwrap_or(false) {
            self.start_backlog(at);
        }
    }

    /// `<success>` and the routing info for the next connection.
    fn greet(&mut self, conn: ConnId, at: DeviceRef) {
        let Some(account) = self.directory.account(at.account) else { return };
        let success = Node::new("success")
            .attr("t", self.now.seconds())
            .attr("lid", account.jid(at.device, Form::Lid))
            .attr("creation", account.created.seconds())
            .attr("location", LOCATION);
        let info = Node::new("routing_info").bytes([ROUTING_PREFIX, account.pn.as_bytes()].concat());
        let routing = Node::new("ib").attr("from", Jid::SERVER).child(Node::new("edge_routing").child(info));
        self.send(conn, &success);
        self.send(conn, &routing);
    }

    /// Unlinks a companion: stream error if it is online, a signed list without it, and word to everybody.
    /// Reference 02 §8.
    pub(crate) fn unlink(&mut self, at: DeviceRef) -> bool {
        let Some(account) = self.directory.account(at.account) else { return false };
        if account.is_phone(at.device) {
            return false;
        }
        let Some(device) = account.devices.get(&at.device) else { return false };
        let (conn, key_index, keys) =
            (device.conn, device.key_index, [device.noise, Some(device.keys.identity)]);
        self.directory.retire_keys(keys.into_iter().flatten());
        if let Some(conn) = conn {
            let conflict = Node::new("conflict").attr("type", "device_removed");
            self.stream_error(conn, Node::new("stream:error").attr("code", "401").child(conflict));
        }
        if let Some(account) = self.directory.account_mut(at.account) {
            account.devices.remove(&at.device);
        }
        let now = self.now;
        if let Some(phone) = self.phones.get_mut(&at.account) {
            phone.forget_companion(at, key_index, now);
        }
        self.announce_removed(at);
        true
    }

    /// `<remove-companion-device jid reason/>`: a companion logs out, or unlinks another of its account.
    pub(crate) fn take_unlink(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let named = iq.find("remove-companion-device").and_then(|child| child.get_jid("jid"));
        let target = named.and_then(|jid| self.directory.resolve_device(&jid));
        match target.filter(|target| target.account == at.account) {
            Some(target) => {
                self.result(conn, iq, None);
                self.unlink(target);
            }
            None => {
                self.violation(Some(at), iq, "the jid to remove is no device of this account", "01 §15");
                self.refuse(conn, iq, 404, "item-not-found");
            }
        }
    }
}

/// Where this server claims to stand.
const LOCATION: &str = "sim";
/// Start of the opaque routing info.
const ROUTING_PREFIX: &[u8] = &[0x08, 0x0d];
