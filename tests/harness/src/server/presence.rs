//! Presence and chat states. Reference 14 §11, 12 §4.

use sanswire::wire::{Jid, Node};

use super::directory::{AccountId, Form};
use super::{DeviceRef, Server, Stanza};

impl Server {
    /// Availability, name, subscriptions; a presence without any of them is ignored.
    pub(crate) fn take_presence(&mut self, at: DeviceRef, node: &Node<'_>) {
        if let Some(name) = node.get("name").filter(|name| !name.is_empty()).map(|name| name.into_owned())
            && let Some(account) = self.directory.account_mut(at.account)
        {
            account.name = name;
        }
        match node.get("type").as_deref() {
            Some("available") => self.set_available(at, true),
            Some("unavailable") => self.set_available(at, false),
            Some("subscribe") => self.subscribe(at, node),
            Some("unsubscribe") => {
                let whom = node.get_jid("to").and_then(|to| self.directory.resolve(&to));
                if let (Some(whom), Some(device)) = (whom, self.directory.device_mut(at)) {
                    device.subscriptions.remove(&whom);
                }
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, at: DeviceRef, node: &Node<'_>) {
        let Some(to) = node.get_jid("to") else {
            self.violation(Some(at), node, "a subscription needs to", "12 §4");
            return;
        };
        let (Some(whom), form) = (self.directory.resolve(&to), Form::of(&to)) else { return };
        if whom != at.account && !self.shows_token(at.account, whom, node) {
            // Whoever may not see it gets neither a state nor an error. Reference 14 §11.1.
            return;
        }
        if let Some(device) = self.directory.device_mut(at) {
            device.subscriptions.insert(whom, form);
        }
        self.show_presence(at, whom, form);
    }

    fn set_available(&mut self, at: DeviceRef, available: bool) {
        let now = self.now;
        let Some(account) = self.directory.account_mut(at.account) else { return };
        let before = account.available();
        if let Some(device) = account.devices.get_mut(&at.device) {
            device.available = available;
        }
        if before == account.available() {
            return;
        }
        if before {
            account.last_seen = Some(now);
        }
        for (watcher, form) in self.watchers(at.account) {
            self.show_presence(watcher, at.account, form);
        }
    }

    /// Connected devices that asked for an account's presence.
    fn watchers(&self, of: AccountId) -> Vec<(DeviceRef, Form)> {
        let devices = self.directory.accounts().flat_map(|account| {
            account
                .companions()
                .map(move |(device, record)| (DeviceRef { account: account.id, device }, record))
        });
        devices
            .filter(|(_, record)| record.conn.is_some())
            .filter_map(|(at, record)| record.subscriptions.get(&of).map(|form| (at, *form)))
            .collect()
    }

    /// Sends the present state of an account to one device. Never queued.
    fn show_presence(&mut self, to: DeviceRef, of: AccountId, form: Form) {
        let Some(account) = self.directory.account(of) else { return };
        let mut presence = Node::new("presence").attr("from", account.bare(form));
        if !account.available() {
            let last = account.last_seen.map(|at| at.seconds());
            presence = presence.attr("type", "unavailable").attr_opt("last", last);
        }
        self.send_now(to, &presence);
    }

    /// A device's connection ended: it is unavailable at once, and its subscriptions end.
    pub(crate) fn went_offline(&mut self, at: DeviceRef) {
        self.set_available(at, false);
        if let Some(device) = self.directory.device_mut(at) {
            device.subscriptions.clear();
        }
    }

    /// Forwards a chat state; for devices that are away the last one per sender is kept for a while.
    pub(crate) fn take_chat_state(&mut self, at: DeviceRef, node: &Node<'_>) {
        let Some(to) = node.get_jid("to").map(Jid::into_owned) else {
            self.violation(Some(at), node, "a chat state needs to", "12 §4");
            return;
        };
        let Some(sender) = self.directory.account(at.account) else { return };
        let mut state = Node::new("chatstate");
        let recipients: Vec<AccountId> = if to.is_group() {
            let Some(group) = self.groups.get(to.user()).filter(|group| group.has(at.account)) else {
                return;
            };
            state = state.attr("from", to.clone());
            state = state.attr("participant", sender.bare(group.addressing().form()));
            group.members().filter(|member| *member != at.account).collect()
        } else {
            state = state.attr("from", sender.bare(Form::of(&to)));
            self.directory.resolve(&to).filter(|id| *id != at.account).into_iter().collect()
        };
        let state =
            state.children(node.nodes().iter().map(|child| child.clone().into_owned()).collect::<Vec<_>>());
        for recipient in recipients {
            self.show_chat_state(at.account, recipient, &to.to_string(), &state);
        }
    }

    fn show_chat_state(&mut self, from: AccountId, to: AccountId, chat: &str, state: &Stanza) {
        let now = self.now;
        let Some(account) = self.directory.account_mut(to) else { return };
        let mut present = Vec::new();
        for (&device, record) in &mut account.devices {
            if record.conn.is_some() {
                present.push(DeviceRef { account: to, device });
            } else if record.noise.is_some() {
                record.chat_states.insert((from, chat.to_owned()), (now, state.clone()));
            }
        }
        for device in present {
            self.send_now(device, state);
        }
    }

    /// Hands out the chat states that came while the device was away and are still fresh.
    pub(crate) fn show_chat_states(&mut self, at: DeviceRef) {
        let (now, ttl) = (self.now, self.config.chat_state_ttl);
        let Some(device) = self.directory.device_mut(at) else { return };
        let kept = core::mem::take(&mut device.chat_states);
        for (came, state) in kept.into_values() {
            if now.since(came) < ttl {
                self.send_now(at, &state);
            }
        }
    }

    /// Sends to a device only if it is connected.
    fn send_now(&mut self, to: DeviceRef, node: &Stanza) {
        if let Some(conn) = self.directory.device(to).and_then(|device| device.conn) {
            self.send(conn, node);
        }
    }
}
