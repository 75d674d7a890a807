//! What a hostile server says: well-formed stanzas of every kind, with anything in them.

use arbitrary::{Result, Unstructured};
use sanswire::wire::{Jid, Node};
use sanswire_sim::script::{Peer, own_lid, own_number, pair_device};

use super::bob;

/// Where words and ids come from.
pub(super) struct Source<'a> {
    pub(super) flight: &'a [Node<'static>],
    pub(super) peers: &'a mut [Peer],
}

impl Source<'_> {
    /// Any stanza: one of the shapes that handlers look for, with anything changed, or any tree.
    pub(super) fn stanza(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let node = match u.int_in_range(0..=11)? {
            0..=3 => return self.tree(u, 0),
            4 => self.message(u)?,
            5 => self.retry(u)?,
            6 => self.notification(u)?,
            7 => self.answer(u)?,
            8 => self.receipt(u)?,
            9 => Node::new("ib").child(self.tree(u, 2)?),
            10 => self.ack(u)?,
            _ => self.link(u)?,
        };
        if u.ratio(1, 3)? { self.spoiled(u, node) } else { Ok(node) }
    }

    fn message(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let mut node = Node::new("message");
        for key in ["id", "from", "type", "t"] {
            node = self.with(u, node, key)?;
        }
        for _ in 0..u.int_in_range(0..=3)? {
            let enc =
                Node::new("enc").attr("v", "2").attr("type", *u.choose(&["msg", "pkmsg", "skmsg", "msmsg"])?);
            let bytes = blob(u)?;
            node = node.child(if u.ratio(1, 4)? {
                enc.attr("count", "2").bytes(bytes)
            } else {
                enc.bytes(bytes)
            });
        }
        Ok(node)
    }

    /// Somebody could not read what we sent, as far as it says.
    fn retry(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let count = u.int_in_range(0..=6_u32)?;
        let id = self.word(u)?;
        let peer = u.choose_index(self.peers.len())?;
        let retry = Node::new("retry").attr("count", u64::from(count)).attr("id", id.clone()).attr("v", "1");
        let mut node = Node::new("receipt")
            .attr("id", if u.ratio(1, 2)? { "mine".to_string() } else { id })
            .attr("from", self.peers[peer].jid.clone())
            .attr("type", "retry")
            .child(retry.attr("t", "1700000000"))
            .child(Node::new("registration").bytes(u.arbitrary::<[u8; 4]>()?.to_vec()));
        if u.ratio(1, 2)? {
            let [_, kind, identity, skey] = self.peers[peer].keys();
            let key = Node::new("key")
                .child(Node::new("id").bytes(vec![0, 0, 9]))
                .child(Node::new("value").bytes(vec![9; 32]));
            node = node.child(Node::new("keys").children([kind, identity, key, skey]));
        }
        Ok(node)
    }

    fn notification(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let kind =
            *u.choose(&["devices", "account_sync", "encrypt", "companion_reg_refresh", "w:gp2", "server"])?;
        let mut node = Node::new("notification").attr("type", kind);
        for key in ["id", "from", "t"] {
            node = self.with(u, node, key)?;
        }
        let device = Node::new("device").attr("jid", bob(u.int_in_range(0..=99)?)).attr("key-index", "1");
        let list = Node::new("key-index-list").attr("ts", "1700000000").bytes(blob(u)?);
        Ok(node.child(match u.int_in_range(0..=6)? {
            0 => Node::new("count").attr("value", u.int_in_range(0..=9_u64)?),
            1 => Node::new("identity"),
            2 => Node::new("add").children([device, list]),
            3 => Node::new("remove").children([device, list]),
            4 => Node::new("update").attr("hash", self.word(u)?).child(device),
            5 => Node::new("devices").attr("dhash", self.word(u)?).children([device, list]),
            _ => self.tree(u, 2)?,
        }))
    }

    /// Answers one of the client's own questions, in its own way.
    fn answer(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let asked: Vec<_> = self.flight.iter().filter(|node| node.tag == "iq").collect();
        if asked.is_empty() {
            return self.tree(u, 0);
        }
        let asked = asked[u.choose_index(asked.len())?];
        let node = Node::new("iq")
            .attr("from", Jid::SERVER)
            .attr_opt("id", asked.get("id").map(|id| id.to_string()));
        let users: Vec<_> = [bob(0), bob(9), own_number(), own_lid()].into_iter().collect();
        Ok(match u.int_in_range(0..=4)? {
            0 => {
                let code = *u.choose(&["0", "400", "401", "404", "406", "429", "500", "503", "x", ""])?;
                let error = Node::new("error").attr("code", code).attr("text", self.word(u)?);
                node.attr("type", "error").child(if u.ratio(1, 3)? {
                    error.attr("backoff", "5")
                } else {
                    error
                })
            }
            1 => {
                let mut lists = Vec::new();
                for user in users {
                    let count = u.int_in_range(0..=4)?;
                    let ids = (0..count).map(|_| u.int_in_range(0..=300)).collect::<Result<Vec<_>>>()?;
                    lists.push((user.bare().into_owned(), ids));
                }
                node.attr("type", "result").child(sanswire_sim::script::device_lists(lists))
            }
            2 => {
                let bundles = self.peers.iter().map(Peer::bundle).collect::<Vec<_>>();
                let mut list = Node::new("list").children(bundles);
                if u.ratio(1, 2)? {
                    list = self.spoiled(u, list)?;
                }
                node.attr("type", "result").child(list)
            }
            3 => node.attr("type", "result").child(Node::new("count").attr("value", self.word(u)?)),
            _ => node.attr("type", "result").child(self.tree(u, 1)?),
        })
    }

    fn receipt(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let kind =
            *u.choose(&["read", "played", "sender", "delivery", "inactive", "peer_msg", "server-error"])?;
        let mut node = Node::new("receipt").attr("type", kind);
        for key in ["id", "from", "t"] {
            node = self.with(u, node, key)?;
        }
        let mut items = Vec::new();
        for _ in 0..u.int_in_range(0..=4)? {
            items.push(Node::new("item").attr("id", self.word(u)?));
        }
        Ok(node.child(Node::new("list").children(items)))
    }

    fn ack(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        let class = *u.choose(&["message", "receipt", "notification", "x"])?;
        let node = Node::new("ack").attr("class", class).attr("id", self.id(u)?);
        Ok(match u.int_in_range(0..=3)? {
            0 => {
                node.attr("error", *u.choose(&["400", "401", "406", "421", "463", "475", "479", "500", "x"])?)
            }
            1 => node.attr("phash", "2:abcdefgh"),
            2 => node.attr("t", self.word(u)?),
            _ => node.attr("t", "1700000000"),
        })
    }

    /// What is said about the connection and the pairing; most of it ends one or the other.
    fn link(&mut self, u: &mut Unstructured<'_>) -> Result<Node<'static>> {
        Ok(match u.int_in_range(0..=7)? {
            0 => Node::new("success").attr("t", self.word(u)?).attr("lid", own_lid()),
            1 => pair_device(u.int_in_range(0..=20)?),
            2 => Node::new("ib")
                .child(Node::new("edge_routing").child(Node::new("routing_info").bytes(blob(u)?))),
            3 => Node::new("ib").child(Node::new("offline_preview").attr("count", self.word(u)?)),
            4 => Node::new("stream:error").attr("code", *u.choose(&["515", "503", "500", "429", "x"])?),
            5 => Node::new("stream:error").child(self.tree(u, 2)?),
            6 => Node::new("failure").attr("reason", *u.choose(&["500", "503", "401", "402", "405", "x"])?),
            _ => Node::new("xmlstreamend"),
        })
    }

    fn tree(&mut self, u: &mut Unstructured<'_>, depth: usize) -> Result<Node<'static>> {
        let mut node = Node::new(if depth == 0 { *u.choose(TAGS)? } else { *u.choose(CHILDREN)? });
        for _ in 0..u.int_in_range(0..=5)? {
            let key = *u.choose(KEYS)?;
            node = self.with(u, node, key)?;
        }
        Ok(match u.int_in_range(0..=4)? {
            0 => node.bytes(blob(u)?),
            1 => node.text(self.word(u)?),
            2 => node,
            _ if depth < 3 => {
                let count = u.int_in_range(0..=4)?;
                let children = (0..count).map(|_| self.tree(u, depth + 1)).collect::<Result<Vec<_>>>()?;
                node.children(children)
            }
            _ => node,
        })
    }

    /// The node with an attribute more, fewer or other, and perhaps a child.
    fn spoiled(&mut self, u: &mut Unstructured<'_>, mut node: Node<'static>) -> Result<Node<'static>> {
        let key = *u.choose(KEYS)?;
        if u.ratio(1, 2)? {
            node.attrs.remove(key);
        } else {
            node = self.with(u, node, key)?;
        }
        if u.ratio(1, 3)? && node.content_bytes().is_none() {
            node = node.child(self.tree(u, 2)?);
        }
        Ok(node)
    }

    fn with(
        &mut self,
        u: &mut Unstructured<'_>,
        node: Node<'static>,
        key: &'static str,
    ) -> Result<Node<'static>> {
        Ok(match key {
            "from" | "to" | "participant" | "recipient" | "jid" | "lid" | "sender_lid"
                if u.ratio(3, 4)? =>
            {
                node.attr(key, person(u)?)
            }
            "id" => node.attr(key, self.id(u)?),
            "t" if u.ratio(3, 4)? => node.attr(key, "1700000000"),
            _ => node.attr(key, self.word(u)?),
        })
    }

    /// An id: one of the client's own, or one of few.
    fn id(&mut self, u: &mut Unstructured<'_>) -> Result<String> {
        let own: Vec<_> = self.flight.iter().filter_map(|node| node.get("id")).collect();
        if !own.is_empty() && u.ratio(1, 2)? {
            return Ok(own[u.choose_index(own.len())?].to_string());
        }
        Ok((*u.choose(&["A", "B", "mine", "hello", "text-0", "text-1"])?).to_string())
    }

    fn word(&mut self, u: &mut Unstructured<'_>) -> Result<String> {
        Ok(match u.int_in_range(0..=9)? {
            0 => self.id(u)?,
            1 => u.arbitrary::<u64>()?.to_string(),
            2 => u.arbitrary::<i8>()?.to_string(),
            3 => {
                let length = u.int_in_range(0..=12)?;
                String::from_utf8_lossy(u.bytes(length)?).into_owned()
            }
            _ => (*u.choose(WORDS)?).to_string(),
        })
    }
}

fn person(u: &mut Unstructured<'_>) -> Result<Jid<'static>> {
    Ok(match u.int_in_range(0..=9)? {
        0..=2 => bob(0),
        3 => bob(9),
        4 => bob(u.int_in_range(0..=99)?),
        5 => own_number().bare().into_owned(),
        6 => own_number(),
        7 => own_lid(),
        8 => Jid::group("120363000000000001"),
        _ => Jid::SERVER,
    })
}

/// Bytes of a length that somebody looks for.
pub(super) fn blob(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = match u.int_in_range(0..=7)? {
        0 => 0,
        1 => 3,
        2 => 4,
        3 => 32,
        4 => 33,
        5 => 64,
        _ => u.int_in_range(0..=150)?,
    };
    let length = length.min(u.len());
    Ok(u.bytes(length)?.to_vec())
}

const TAGS: &[&str] = &[
    "message",
    "receipt",
    "ack",
    "notification",
    "iq",
    "ib",
    "call",
    "success",
    "presence",
    "chatstate",
    "x",
    "stream:features",
];
const CHILDREN: &[&str] = &[
    "enc",
    "participants",
    "retry",
    "keys",
    "registration",
    "identity",
    "skey",
    "key",
    "id",
    "value",
    "signature",
    "list",
    "item",
    "device-identity",
    "unavailable",
    "plaintext",
    "count",
    "digest",
    "devices",
    "device",
    "usync",
    "user",
    "offline_preview",
    "offline",
    "edge_routing",
    "routing_info",
    "dirty",
    "pair-device",
    "pair-success",
    "pair-device-rotate-qr",
    "conflict",
    "ack",
    "ping",
    "context",
    "key-index-list",
    "device-list",
    "to",
    "error",
    "thread_metadata",
    "xml-not-well-formed",
];
const KEYS: &[&str] = &[
    "id",
    "from",
    "to",
    "type",
    "participant",
    "recipient",
    "t",
    "offline",
    "count",
    "error",
    "class",
    "lid",
    "sender_lid",
    "sender_pn",
    "participant_pn",
    "participant_lid",
    "peer_recipient_pn",
    "notify",
    "xmlns",
    "jid",
    "category",
    "code",
    "reason",
    "v",
    "key-index",
    "is_hosted",
    "value",
    "hash",
];
const WORDS: &[&str] = &[
    "",
    "A",
    "retry",
    "read",
    "msg",
    "pkmsg",
    "skmsg",
    "get",
    "set",
    "result",
    "error",
    "encrypt",
    "devices",
    "account_sync",
    "message",
    "0",
    "1",
    "5",
    "100",
    "99999999999",
    "4294967296",
    "-1",
    "peer",
    "true",
    "false",
    "device_removed",
    "replaced",
    "urn:xmpp:ping",
    "w:p",
    "md",
    "x@g.us",
    "15550000002:300@s.whatsapp.net",
    "@",
    "status@broadcast",
    "15550000002@s.whatsapp.net",
    "100000000000002@lid",
    "text",
    "media",
];
