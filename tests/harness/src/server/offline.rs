//! What waits for a device: queued until closed, handed out again with `offline`. Reference 14 §7.2, §9.3.

use core::time::Duration;
use std::collections::VecDeque;

use sanswire::wire::{Jid, Node};

use super::accept::ConnId;
use super::{DeviceRef, OfflineMode, Server, Stanza};
use crate::clock::Time;

/// Stanzas for one device, oldest first, and how far the current connection has got with them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    phase: Phase,
    next: u64,
    /// A stanza held back by the reorder fault until the next one was sent.
    held: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    node: Stanza,
    /// When it went out on the current connection.
    sent: Option<Time>,
    /// The wait for its ack was reported.
    reported: bool,
}

#[derive(Debug, Default)]
enum Phase {
    /// Nobody is connected.
    #[default]
    Away,
    /// Logged in, but still passive.
    Waiting,
    /// The backlog is on its way.
    Backlog(Backlog),
    /// Everything goes out at once.
    Live,
}

#[derive(Debug)]
struct Backlog {
    /// Entries up to this number belong to it.
    last: u64,
    total: u64,
    given: u64,
    /// How many more may go out before the next request; `None`: all.
    allowance: Option<u64>,
    /// When to stop waiting for a request.
    give_up: Option<Time>,
}

impl Queue {
    /// How many stanzas wait to be closed.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When a stalled backlog goes on by itself.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Backlog(backlog) => backlog.give_up,
            _ => None,
        }
    }

    fn push(&mut self, node: Stanza) -> u64 {
        if self.entries.len() >= MAX_QUEUED {
            let expendable = self.entries.iter().position(|entry| entry.node.tag != "message").unwrap_or(0);
            self.entries.remove(expendable);
        }
        self.next += 1;
        self.entries.push_back(Entry { number: self.next, node, sent: None, reported: false });
        self.next
    }

    fn disconnect(&mut self) {
        self.phase = Phase::Away;
        self.held = None;
        for entry in &mut self.entries {
            entry.sent = None;
            entry.reported = false;
        }
    }

    /// Removes the entry that a closing frame names; true if there was one.
    fn close(&mut self, class: &str, id: &str, to: Option<&Jid<'_>>) -> bool {
        let matches = |entry: &Entry| entry.node.tag == class && entry.node.get("id").as_deref() == Some(id);
        let from = |entry: &Entry| entry.node.get_jid("from").map(Jid::into_owned);
        // Receipts of several devices carry one id: the closest fit that this connection has seen is meant.
        let fit = |entry: &Entry| {
            let closeness = match (to, from(entry)) {
                (Some(to), Some(from)) if *to == from => 0,
                (Some(to), Some(from)) if to.user() == from.user() => 1,
                (None, _) | (_, None) => 1,
                _ => 2,
            };
            (entry.sent.is_none() || entry.reported, closeness)
        };
        let known = self.entries.iter().enumerate().filter(|(_, entry)| matches(entry));
        let Some((at, _)) = known.min_by_key(|(_, entry)| fit(entry)) else { return false };
        self.entries.remove(at).is_some()
    }
}

impl Server {
    /// Queues a stanza for a device and sends it if the device is listening. Phones take theirs at once.
    pub(crate) fn deliver(&mut self, to: DeviceRef, node: Stanza) {
        let Some(account) = self.directory.account(to.account) else { return };
        if account.is_phone(to.device) {
            self.phone_inbox.push_back((to.account, node));
            return;
        }
        let Some(device) = self.directory.device_mut(to) else { return };
        let number = device.queue.push(node);
        if matches!(device.queue.phase, Phase::Live) {
            self.transmit(to, number, None);
        }
    }

    /// Queues a stanza and sends it before the backlog: for what the phone says at a first login.
    pub(crate) fn deliver_first(&mut self, to: DeviceRef, node: Stanza) {
        let Some(device) = self.directory.device_mut(to) else { return };
        let number = device.queue.push(node);
        if !matches!(device.queue.phase, Phase::Away) {
            self.transmit(to, number, None);
        }
    }

    /// A device logged in on `conn`: the queue starts over.
    pub(crate) fn open_queue(&mut self, at: DeviceRef, conn: ConnId) {
        let Some(device) = self.directory.device_mut(at) else { return };
        device.conn = Some(conn);
        device.queue.disconnect();
        device.queue.phase = Phase::Waiting;
    }

    /// The device is no longer connected: everything unclosed will be sent again.
    pub(crate) fn shut_queue(&mut self, at: DeviceRef) {
        if let Some(device) = self.directory.device_mut(at) {
            device.conn = None;
            device.queue.disconnect();
        }
    }

    /// Announces the backlog and begins to send it; does nothing when that already happened.
    pub(crate) fn start_backlog(&mut self, at: DeviceRef) {
        let pull = self.config.offline == OfflineMode::Pull;
        let give_up = pull.then(|| self.now.after(PULL_PATIENCE));
        let Some(device) = self.directory.device_mut(at) else { return };
        let (Phase::Waiting, Some(conn)) = (&device.queue.phase, device.conn) else { return };
        let waiting = || device.queue.entries.iter().filter(|entry| entry.sent.is_none());
        let total = waiting().count() as u64;
        let count = |tag: &str| waiting().filter(|entry| entry.node.tag == tag).count() as u64;
        let preview = Node::new("offline_preview")
            .attr("count", total)
            .attr("message", count("message"))
            .attr("receipt", count("receipt"))
            .attr("notification", count("notification"))
            .attr("appdata", total - count("message") - count("receipt") - count("notification"));
        let allowance = pull.then_some(PULL_FIRST);
        device.queue.phase =
            Phase::Backlog(Backlog { last: device.queue.next, total, given: 0, allowance, give_up });
        if total > 0 {
            self.send(conn, &Node::new("ib").attr("from", Jid::SERVER).child(preview));
        }
        self.pump(at);
    }

    /// `<offline_batch count/>`: the client asks for more.
    pub(crate) fn offline_batch(&mut self, at: DeviceRef, count: u64) {
        if let Some(device) = self.directory.device_mut(at)
            && let Phase::Backlog(backlog) = &mut device.queue.phase
        {
            backlog.allowance = backlog.allowance.map(|_| count.max(1));
            backlog.give_up = None;
            self.pump(at);
        }
    }

    /// Goes on with backlogs whose client never asked for a batch.
    pub(crate) fn resume_stalled_backlogs(&mut self) {
        let now = self.now;
        let stalled: Vec<DeviceRef> = self
            .directory
            .accounts()
            .flat_map(|account| {
                account.companions().map(|(device, d)| (DeviceRef { account: account.id, device }, d))
            })
            .filter(|(_, device)| device.queue.deadline().is_some_and(|at| at <= now))
            .map(|(at, _)| at)
            .collect();
        for at in stalled {
            if let Some(device) = self.directory.device_mut(at)
                && let Phase::Backlog(backlog) = &mut device.queue.phase
            {
                backlog.allowance = None;
                backlog.give_up = None;
            }
            self.pump(at);
        }
    }

    /// Sends what the backlog allows, then its end marker, then whatever came meanwhile.
    fn pump(&mut self, at: DeviceRef) {
        loop {
            let Some(device) = self.directory.device_mut(at) else { return };
            let Phase::Backlog(backlog) = &mut device.queue.phase else { break };
            let next = device.queue.entries.iter().find(|e| e.sent.is_none() && e.number <= backlog.last);
            let Some(number) = next.map(|entry| entry.number) else {
                let (total, conn) = (backlog.total, device.conn);
                device.queue.phase = Phase::Live;
                if let Some(conn) = conn {
                    let end = Node::new("offline").attr("count", total);
                    self.send(conn, &Node::new("ib").attr("from", Jid::SERVER).child(end));
                }
                self.send_first_history(at);
                break;
            };
            if backlog.allowance == Some(0) {
                return;
            }
            backlog.allowance = backlog.allowance.map(|left| left - 1);
            backlog.given += 1;
            let place = backlog.given;
            self.transmit(at, number, Some(place));
        }
        let Some(device) = self.directory.device(at) else { return };
        if matches!(device.queue.phase, Phase::Live) {
            let late: Vec<u64> =
                device.queue.entries.iter().filter(|e| e.sent.is_none()).map(|e| e.number).collect();
            for number in late {
                self.transmit(at, number, None);
            }
        }
    }

    /// Puts one queued stanza on the wire, with whatever faults are armed for the device.
    fn transmit(&mut self, at: DeviceRef, number: u64, place: Option<u64>) {
        let now = self.now;
        let hold = place.is_none() && self.faults.reorder(at);
        let Some(device) = self.directory.device_mut(at) else { return };
        let Some(conn) = device.conn else { return };
        let Some(entry) = device.queue.entries.iter_mut().find(|entry| entry.number == number) else {
            return;
        };
        entry.sent = Some(now);
        if hold && device.queue.held.is_none() {
            device.queue.held = Some(number);
            return;
        }
        if self.faults.withhold_stanza(at, &entry.node) {
            // It stays queued for the next connection, and nobody is to blame.
            entry.reported = true;
            return;
        }
        self.faults.empty(at, &mut entry.node);
        let mut node = entry.node.clone();
        let held = device.queue.held.take().filter(|held| *held != number);
        if let Some(place) = place {
            node = node.attr("offline", place);
        }
        self.faults.spoil(at, &mut node);
        self.send(conn, &node);
        if self.faults.duplicate(at) {
            self.send(conn, &node);
        }
        if let Some(held) = held {
            self.transmit(at, held, None);
        }
    }

    /// Closes queued stanzas by an `<ack>` or, for messages, a receipt. Reference 14 §9.3.
    pub(crate) fn close_entry(&mut self, at: DeviceRef, class: &str, id: &str, to: Option<&Jid<'_>>) -> bool {
        self.directory.device_mut(at).is_some_and(|device| device.queue.close(class, id, to))
    }

    /// `<ack class id to/>` from a client.
    pub(crate) fn take_ack(&mut self, at: DeviceRef, ack: &Node<'_>) {
        let (Some(class), Some(id)) = (ack.get("class"), ack.get("id")) else {
            self.violation(Some(at), ack, "an ack needs class and id", "07 §6.2");
            return;
        };
        self.close_entry(at, &class, &id, ack.get_jid("to").as_ref());
    }

    /// Complains about stanzas that a connected client has left unclosed for too long.
    pub(crate) fn audit_unclosed(&mut self) {
        let (now, patience) = (self.now, self.config.ack_patience);
        let mut late = Vec::new();
        for account in self.directory.accounts_mut() {
            for (&device, record) in &mut account.devices {
                for entry in &mut record.queue.entries {
                    if !entry.reported && entry.sent.is_some_and(|sent| now.since(sent) >= patience) {
                        entry.reported = true;
                        late.push((DeviceRef { account: account.id, device }, entry.node.clone()));
                    }
                }
            }
        }
        for (at, node) in late {
            self.violation(Some(at), &node, "no ack or receipt came for this stanza", "07 §6.1");
        }
    }
}

/// Most stanzas kept for one device.
const MAX_QUEUED: usize = 10_000;
/// Stanzas sent in pull mode before the first request.
const PULL_FIRST: u64 = 5;
/// How long pull mode waits for a request before it pushes.
const PULL_PATIENCE: Duration = Duration::from_millis(300);
