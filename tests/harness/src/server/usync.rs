//! Who has which devices, ids and state: the `usync` query. Reference 12 §1-2, 14 §12.2.

use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::directory::{AccountId, Form};
use super::{DeviceRef, Server, Stanza};

impl Server {
    /// Answers one usync query: one `<user>` per requested user, in the form it was asked in.
    pub(crate) fn take_usync(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let Some((usync, query, list)) =
            iq.find("usync").and_then(|usync| Some((usync, usync.find("query")?, usync.find("list")?)))
        else {
            self.violation(Some(at), iq, "usync needs query and list", "12 §1");
            self.refuse(conn, iq, 400, "bad-request");
            return;
        };
        for needed in ["sid", "mode", "context"] {
            if usync.get(needed).is_none() {
                self.violation(Some(at), iq, format!("usync without {needed}"), "12 §1");
            }
        }
        let protocols: Vec<String> = query.nodes().iter().map(|node| node.tag.to_string()).collect();
        let mut users = Node::new("list");
        for user in list.find_all("user") {
            if user.get_jid("jid").is_some_and(|jid| jid.device() != 0) {
                self.violation(Some(at), iq, "a usync user must not have a device part", "12 §1");
            }
            users = users.child(self.usync_user(user, &protocols));
        }
        let result = Node::new("result").children(protocols.iter().map(|name| Node::new(name.clone())));
        let mut answer = Node::new("usync");
        for name in ["sid", "mode", "context", "last", "index"] {
            answer = answer.attr_opt(name, usync.get(name).map(|value| value.into_owned()));
        }
        self.result(conn, iq, Some(answer.child(result).child(users)));
    }

    fn usync_user(&self, user: &Node<'_>, protocols: &[String]) -> Stanza {
        let contact = user.find("contact").and_then(Node::content_text).map(|text| text.into_owned());
        let asked = user.get_jid("jid").map(|jid| jid.into_owned().bare().into_owned());
        let by_phone = || {
            let text = contact.as_deref()?;
            let digits: String = text.split('@').next()?.chars().filter(char::is_ascii_digit).collect();
            Some(Jid::pn(digits, 0))
        };
        let Some(jid) = asked.or_else(by_phone) else { return Node::new("user") };
        let account = self.directory.resolve(&jid);
        let mut answer = Node::new("user").attr("jid", jid.clone());
        if account.is_none() {
            let unknown = Node::new("contact").attr("type", "out");
            answer = answer.child(match &contact {
                Some(text) => unknown.text(text.clone()),
                None => unknown,
            });
        }
        for protocol in protocols {
            let child = match account {
                Some(account) => self.usync_answer(account, &jid, protocol, contact.as_deref()),
                None if protocol == "devices" => Some(Node::new("devices").child(Node::new("device-list"))),
                None => None,
            };
            if let Some(child) = child {
                answer = answer.child(child);
            }
        }
        answer
    }

    fn usync_answer(
        &self,
        account: AccountId,
        jid: &Jid<'_>,
        protocol: &str,
        asked: Option<&str>,
    ) -> Option<Stanza> {
        let record = self.directory.account(account)?;
        match protocol {
            "devices" => self.usync_devices(account, Form::of(jid)),
            "lid" => Some(Node::new("lid").attr("val", record.bare(Form::Lid))),
            "contact" => {
                let contact = Node::new("contact").attr("type", "in");
                Some(match asked {
                    Some(text) => contact.text(text.to_owned()),
                    None => contact,
                })
            }
            "status" => Some(Node::new("status")),
            "disappearing_mode" => {
                let (duration, t) = record.disappearing;
                Some(Node::new("disappearing_mode").attr("duration", duration).attr("t", t))
            }
            // Their mere presence would claim a picture, a business or a username that nobody has.
            _ => None,
        }
    }

    /// The device list of one account with its signed key-index list.
    fn usync_devices(&self, account: AccountId, form: Form) -> Option<Stanza> {
        let record = self.directory.account(account)?;
        let devices = record.devices.iter().map(|(id, device)| {
            let node = Node::new("device").attr("id", u64::from(*id));
            if *id == 0 { node } else { node.attr("key-index", u64::from(device.key_index)) }
        });
        let list = Node::new("device-list").attr("hash", self.device_hash(account, form)).children(devices);
        let node = Node::new("devices").child(list);
        Some(match self.key_index_list(account) {
            Some(signed) => node.child(signed),
            None => node,
        })
    }
}
