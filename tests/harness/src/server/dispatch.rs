//! Which file a client's stanza goes to. Reference 14 §7.

use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::{DeviceRef, Server};

impl Server {
    /// Handles one stanza of a client; nothing a client sends stays without its answer.
    pub(crate) fn dispatch(&mut self, conn: ConnId, node: &Node<'_>) {
        self.stanzas += 1;
        let Some(at) = self.link_device(conn) else { return self.take_unlinked(conn, node) };
        match node.tag.as_ref() {
            "iq" => self.take_iq(conn, at, node),
            "message" => self.take_message(conn, at, node),
            "receipt" => self.take_receipt(at, node),
            "ack" => self.take_ack(at, node),
            "presence" => self.take_presence(at, node),
            "call" => self.take_call(conn, at, node),
            "chatstate" => self.take_chat_state(at, node),
            "ib" => self.take_ib(at, node),
            "xmlstreamend" => self.drop_link(conn),
            other => {
                let rule = format!("the server knows no <{other}>");
                self.violation(Some(at), node, rule, "14 §22");
            }
        }
    }

    fn take_iq(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let kind = iq.get("type").unwrap_or_default().into_owned();
        if !matches!(kind.as_str(), "get" | "set") {
            return;
        }
        if iq.get("id").is_none_or(|id| id.is_empty()) {
            self.violation(Some(at), iq, "an iq needs an id", "01 §11");
            return;
        }
        if self.faults.withhold(Some(at), iq) {
            return;
        }
        if let Some(code) = self.faults.refuse_iq(Some(at), iq) {
            return self.refuse(conn, iq, code, "refused by a fault");
        }
        let xmlns = iq.get("xmlns").unwrap_or_default().into_owned();
        let child = iq.nodes().first().map_or(String::new(), |child| child.tag.to_string());
        match (xmlns.as_str(), kind.as_str(), child.as_str()) {
            ("w:p", "get", _) => self.pong(conn, iq),
            ("encrypt", "get", _) => self.take_key_query(conn, at, iq),
            ("encrypt", "set", _) => self.take_key_change(conn, at, iq),
            ("passive", "set", "active") => {
                self.result(conn, iq, None);
                self.start_backlog(at);
            }
            ("passive", "set", "passive") => self.result(conn, iq, None),
            ("newsletter", _, _) => self.take_newsletter_iq(conn, at, iq),
            ("w:g2", _, _) => self.take_group_iq(conn, at, iq),
            ("usync", "get", "usync") => self.take_usync(conn, at, iq),
            ("abt", "get", "props") => self.take_props(conn, at, iq),
            ("blocklist", "get", _) => self.take_blocklist(conn, at, iq),
            ("blocklist", "set", "item") => self.take_block(conn, at, iq),
            ("status", "get", "privacy") => self.take_status_privacy(conn, iq),
            ("privacy", "get", "privacy") => self.take_privacy(conn, at, iq),
            ("privacy", "set", "privacy") => self.take_privacy_change(conn, at, iq),
            ("privacy", "set", "tokens") => self.take_tokens(conn, at, iq),
            ("disappearing_mode", "set", "disappearing_mode") => self.take_disappearing(conn, at, iq),
            ("w:sync:app:state", "set", "sync") => self.take_app_state(conn, at, iq),
            ("urn:xmpp:whatsapp:dirty", "set", "clean") => self.result(conn, iq, None),
            ("md", "set", "remove-companion-device") => self.take_unlink(conn, at, iq),
            _ => self.refuse(conn, iq, 501, "feature-not-implemented"),
        }
    }

    fn take_ib(&mut self, at: DeviceRef, ib: &Node<'_>) {
        for child in ib.nodes() {
            match child.tag.as_ref() {
                "offline_batch" => self.offline_batch(at, child.get_u64("count").unwrap_or(0)),
                "unified_session" if child.get_u64("id").is_none() => {
                    self.violation(Some(at), ib, "unified_session needs a decimal id", "01 §9.5");
                }
                _ => {}
            }
        }
    }

    /// The answer to a ping carries the time. Reference 01 §12.
    pub(crate) fn pong(&mut self, conn: ConnId, iq: &Node<'_>) {
        let answer = Node::new("iq")
            .attr("from", Jid::SERVER)
            .attr("type", "result")
            .attr("id", iq.get("id").unwrap_or_default().into_owned())
            .attr("t", self.now.seconds());
        self.send(conn, &answer);
    }
}
