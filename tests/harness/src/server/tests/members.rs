//! What the scripted client needs as a member of groups.

use sanswire::signal::{self, SenderKeyDistribution};
use sanswire::wire::{Jid, Node, OwnedJid, participant_hash};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::SenderKeyDistributionMessage;

use prost::Message as _;

use super::client::{Drawn, TestClient};
use super::*;
use crate::server::{AccountId, Addressing};

impl TestClient {
    pub(super) fn open_shared(&mut self, chat: &Jid<'_>, from: &Jid<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
        let record = self.sender_keys.get_mut(&(chat.to_string(), from.to_string()))?;
        let padded = signal::group_decrypt(record, bytes).ok()?;
        Some(signal::unpad(&padded).unwrap().to_vec())
    }

    pub(super) fn learn(&mut self, chat: &Jid<'_>, from: &Jid<'_>, bytes: &[u8]) {
        let key = SenderKeyDistribution::parse(bytes).unwrap();
        self.sender_keys.entry((chat.to_string(), from.to_string())).or_default().process(&key);
    }

    pub(super) fn lid(&self) -> OwnedJid {
        Jid::lid(self.lid_user.clone(), self.pn().device())
    }

    /// A text for a group: its key for `targets` (name on the wire, name of the session), then the text.
    pub(super) fn group_message(
        &mut self,
        group: &OwnedJid,
        targets: &[(OwnedJid, OwnedJid)],
        text: &str,
    ) -> Stanza {
        let own = (group.to_string(), self.lid().to_string());
        let mut record = self.sender_keys.remove(&own).unwrap_or_default();
        if record.states().is_empty() {
            record.create(&mut Drawn(&mut self.seed));
        }
        let key = SenderKeyDistributionMessage {
            group_id: Some(group.to_string()),
            axolotl_sender_key_distribution_message: Some(record.distribution().unwrap().encode().into()),
        };
        let key = Message { sender_key_distribution_message: Some(key.into()), ..Message::default() };
        let mut padded =
            Message { conversation: Some(text.to_owned()), ..Message::default() }.encode_to_vec();
        signal::pad(&mut padded, self.seed.bytes::<1>()[0]);
        let sealed = signal::group_encrypt(&mut record, &padded, &mut Drawn(&mut self.seed)).unwrap();
        self.sender_keys.insert(own, record);
        let mut participants = Node::new("participants");
        for (name, lid) in targets {
            let enc = self.seal_for(lid, key.encode_to_vec());
            participants = participants.child(Node::new("to").attr("jid", name.clone()).child(enc));
        }
        self.next_id += 1;
        let identity = self.identity.as_ref().unwrap().encode_to_vec();
        Node::new("message")
            .attr("id", format!("3EB0{:018X}", self.next_id))
            .attr("to", group.clone())
            .attr("type", "text")
            .child(participants)
            .child(Node::new("device-identity").bytes(identity))
            .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(sealed))
    }
}

impl Bench {
    pub(super) fn account(&mut self, name: &'static str) -> AccountId {
        let pn = self.client(name).pn().to_string();
        self.server.find_device(&pn).unwrap().account
    }

    /// A group of the accounts of these clients, the first its creator.
    pub(super) fn group(&mut self, names: &[&'static str], addressing: Addressing) -> OwnedJid {
        let members: Vec<AccountId> = names.iter().map(|name| self.account(name)).collect();
        let group = self.server.create_group("friends", &members, addressing);
        self.flow();
        group
    }

    /// Sessions with every other device of a group; (name in the group, name of the session) of each.
    pub(super) fn meet(&mut self, from: &'static str, group: &OwnedJid) -> Vec<(OwnedJid, OwnedJid)> {
        let query = Node::new("query").attr("request", "interactive");
        let answer = self.ask(from, |client| client.group_iq("get", group, query));
        let described = answer.find("group").unwrap();
        let lid = described.get("addressing_mode").unwrap() == "lid";
        let name = if lid { "phone_number" } else { "jid" };
        let pns: Vec<OwnedJid> = described
            .find_all("participant")
            .map(|member| member.get_jid(name).unwrap().into_owned())
            .collect();
        let list = self.ask(from, |client| client.usync(&pns));
        let targets = self.client(from).fan_out(&list);
        let missing = self.client(from).without_session(&targets);
        if !missing.is_empty() {
            let bundles = self.ask(from, |client| client.fetch(&missing));
            self.client(from).install(&bundles);
        }
        targets.into_iter().map(|(pn, session)| (if lid { session.clone() } else { pn }, session)).collect()
    }

    /// A text to a group with the sender's key for everybody.
    pub(super) fn group_text(&mut self, from: &'static str, group: &OwnedJid, text: &str) -> String {
        let targets = self.meet(from, group);
        let stanza = self.client(from).group_message(group, &targets, text);
        let mut devices: Vec<OwnedJid> = targets.into_iter().map(|(name, _)| name).collect();
        let lid = devices.first().is_none_or(Jid::is_lid);
        devices.push(if lid { self.client(from).lid() } else { self.client(from).pn() });
        let stanza = stanza
            .attr("addressing_mode", if lid { "lid" } else { "pn" })
            .attr("phash", participant_hash(&devices));
        let id = stanza.get("id").unwrap().into_owned();
        self.send(from, &stanza);
        id
    }
}

impl TestClient {
    pub(super) fn group_iq(&mut self, kind: &'static str, to: &OwnedJid, child: Stanza) -> Stanza {
        self.next_id += 1;
        let iq = Node::new("iq").attr("id", format!("g-{}", self.next_id)).attr("to", to.clone());
        iq.attr("type", kind).attr("xmlns", "w:g2").child(child)
    }
}
