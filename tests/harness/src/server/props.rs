//! A/B props, privacy settings, the block list. Reference 12 §7-8, §12, 14 §6.2.

use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::directory::{Account, Form};
use super::{DeviceRef, Server, Stanza};

impl Server {
    /// The full set of props, whatever hash the client has.
    pub(crate) fn take_props(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let special = self.scenarios.get(&at.account).into_iter().flat_map(|scenario| scenario.props());
        let props = PROPS
            .iter()
            .copied()
            .chain(special)
            .map(|(code, value)| Node::new("prop").attr("config_code", code).attr("config_value", value));
        let answer = Node::new("props")
            .attr("protocol", "1")
            .attr("ab_key", "sim")
            .attr("hash", "sim1")
            .attr("refresh", "86400")
            .attr("refresh_id", "1")
            .attr("delta_update", "false")
            .children(props.collect::<Vec<_>>());
        self.result(conn, iq, Some(answer));
    }

    /// All privacy categories with name and value.
    pub(crate) fn take_privacy(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let answer = self.directory.account(at.account).map(privacy_settings);
        self.result(conn, iq, answer);
    }

    /// Sets one category and tells the account's other devices.
    pub(crate) fn take_privacy_change(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let changes: Vec<(String, String)> = iq
            .find("privacy")
            .into_iter()
            .flat_map(Node::nodes)
            .filter_map(|c| Some((c.get("name")?.into_owned(), c.get("value")?.into_owned())))
            .collect();
        if changes.is_empty() {
            self.violation(Some(at), iq, "a privacy change needs name and value", "12 §7");
            return self.refuse(conn, iq, 400, "bad-request");
        }
        let Some(account) = self.directory.account_mut(at.account) else { return };
        let mut body = Node::new("privacy");
        for (name, value) in changes {
            body = body.child(Node::new("category").attr("name", name.clone()).attr("value", value.clone()));
            account.privacy.insert(name, value);
        }
        self.result(conn, iq, Some(body.clone()));
        self.sync_account(at, body);
    }

    /// The block list, hidden ids only.
    pub(crate) fn take_blocklist(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let list = self.blocklist(at, Node::new("list"));
        self.result(conn, iq, Some(list));
    }

    /// Blocks or unblocks one contact by its hidden id.
    pub(crate) fn take_block(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let item = iq.find("item");
        let jid = item.and_then(|item| item.get_jid("jid")).filter(Jid::is_lid);
        let whom = jid.as_ref().and_then(|jid| self.directory.resolve(jid));
        let block = match item.and_then(|item| item.get("action")).as_deref() {
            Some("block") => Some(true),
            Some("unblock") => Some(false),
            _ => None,
        };
        let (Some(whom), Some(block)) = (whom, block) else {
            self.violation(Some(at), iq, "a block needs action and the contact's hidden id", "12 §8");
            return self.refuse(conn, iq, 400, "bad-request");
        };
        if let Some(account) = self.directory.account_mut(at.account) {
            if block {
                account.blocked.insert(whom)
            } else {
                account.blocked.remove(&whom)
            };
        }
        let list = self.blocklist(at, Node::new("list"));
        self.result(conn, iq, Some(list));
        let action = if block { "block" } else { "unblock" };
        let changed = jid.map(|jid| Node::new("item").attr("jid", jid.into_owned()).attr("action", action));
        let body = Node::new("blocklist").attr("action", "modify").children(changed);
        self.sync_account(at, body);
    }

    fn blocklist(&self, at: DeviceRef, list: Stanza) -> Stanza {
        let blocked =
            self.directory.account(at.account).map(|account| account.blocked.clone()).unwrap_or_default();
        let hash = format!("{}", blocked.iter().map(|id| u64::from(id.0)).sum::<u64>());
        let items = blocked.iter().filter_map(|id| self.directory.account(*id));
        list.attr("dhash", hash).children(items.map(|a| Node::new("item").attr("jid", a.bare(Form::Lid))))
    }

    /// The account's default timer for disappearing messages.
    pub(crate) fn take_disappearing(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let Some(duration) = iq.find("disappearing_mode").and_then(|mode| mode.get_u64("duration")) else {
            return self.refuse(conn, iq, 400, "bad-request");
        };
        let t = self.now.seconds();
        if let Some(account) = self.directory.account_mut(at.account) {
            account.disappearing = (duration, t);
        }
        self.result(conn, iq, None);
        self.sync_account(at, Node::new("disappearing_mode").attr("duration", duration).attr("t", t));
    }

    /// `account_sync` to the account's other companions.
    fn sync_account(&mut self, at: DeviceRef, body: Stanza) {
        let Some(account) = self.directory.account(at.account) else { return };
        let from = account.bare(Form::Pn);
        let notification = Node::new("notification")
            .attr("from", from)
            .attr("type", "account_sync")
            .attr("id", self.fresh_id())
            .attr("t", self.now.seconds())
            .child(body);
        self.notify_companions(at.account, Some(at.device), &notification);
    }
}

fn privacy_settings(account: &Account) -> Stanza {
    let categories = PRIVACY.iter().map(|(name, default)| {
        let value = account.privacy.get(*name).map_or_else(|| (*default).to_owned(), Clone::clone);
        Node::new("category").attr("name", *name).attr("value", value)
    });
    Node::new("privacy").children(categories)
}

/// Privacy categories and what a new account has.
const PRIVACY: &[(&str, &str)] = &[
    ("last", "all"),
    ("online", "all"),
    ("profile", "all"),
    ("status", "all"),
    ("groupadd", "all"),
    ("readreceipts", "all"),
    ("calladd", "all"),
    ("messages", "all"),
    ("defense", "off"),
    ("stickers", "contacts"),
];

/// Props that every account gets: tokens on 1:1 messages and pictures, issued to hidden ids. Reference 14 §6.2.
const PROPS: &[(&str, &str)] = &[("10518", "1"), ("9666", "1"), ("14303", "1")];
