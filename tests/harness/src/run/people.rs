//! What people do: write, read, link and unlink devices, get new phones, lose what they stored.

use sanswire::Table;
use sanswire::event::Event;
use sanswire::link::Logout;
use sanswire::messaging::MarkRead;
use sanswire::wire::{Jid, OwnedJid};

use super::stage::{Later, Stage};
use super::workload::{Act, Deed};
use crate::server::AdminRequest;
use crate::world::Who;

impl Stage<'_> {
    /// Carries one deed out; does nothing when whoever it takes is not there.
    pub(super) fn act(&mut self, deed: Deed) {
        let Deed { act, account, device, dice, .. } = deed;
        match act {
            Act::Text => self.write(account, device, dice),
            Act::PhoneText => self.write_by_phone(account, dice),
            Act::Read => self.read(account, device),
            Act::Join => self.join(account),
            Act::Leave => self.leave(account, device, dice),
            Act::LoseSessions => self.lose_sessions(account, device),
            Act::ExhaustPrekeys => {
                if let Some(jid) = self.device(account, device).map(|who| self.world.addresses(who).0) {
                    self.world.admin(AdminRequest::DropPrekeys { jid: jid.to_string() });
                }
            }
            Act::NewPhone => self.new_phone(account, dice),
            Act::GroupText => self.write_to_group(account, device, dice),
            Act::GroupPhoneText => self.write_to_group_by_phone(account, dice),
            Act::ChangeGroup => self.change_group(account, dice),
            Act::MoveToLid => self.people[account as usize].moved = true,
        }
    }

    /// Carries out what follows from something earlier.
    pub(super) fn follow_up(&mut self, later: Later) {
        match later {
            Later::Scan { account, who, tries } => self.scan(account, who, tries),
            Later::Reply { account, to, device } => {
                if let Some(who) = self.device(account, device) {
                    self.text(who, to);
                }
            }
            Later::StopTwin { who } => {
                self.world.stop_twin(who);
                if self.is_here(who) {
                    self.world.restart(who);
                }
            }
            Later::PutBack { who, copy } => {
                if self.is_here(who) {
                    self.world.put_back(who, *copy);
                }
            }
        }
    }

    /// Whether a client's device is linked, as far as its people know.
    fn is_here(&self, who: Who) -> bool {
        self.people.iter().any(|person| person.devices.contains(&who))
    }

    /// One text or a burst, and perhaps an answer.
    fn write(&mut self, account: u32, device: u32, dice: u32) {
        let Some(who) = self.device(account, device) else { return };
        let to = self.partner(account, dice);
        let burst = if dice.is_multiple_of(7) { 2 + dice / 7 % 7 } else { 1 };
        for _ in 0..burst {
            self.text(who, to);
        }
        if dice.is_multiple_of(3) {
            let wait = 500 + u64::from(dice % 9973);
            self.after(wait, Later::Reply { account: to, to: account, device: dice / 3 });
        }
    }

    fn text(&mut self, who: Who, to: u32) {
        if !self.world[who].is_running() {
            return;
        }
        let (address, text) = (self.address(to), self.next_text());
        self.world.send_to(who, address, &text);
    }

    fn write_by_phone(&mut self, account: u32, dice: u32) {
        let to = self.people[self.partner(account, dice) as usize].number.clone();
        let from = self.people[account as usize].number.clone();
        let text = self.next_text();
        self.world.admin(AdminRequest::Send { from, to, text });
    }

    /// Marks what came last as read.
    fn read(&mut self, account: u32, device: u32) {
        let Some(who) = self.device(account, device) else { return };
        let last = self.world[who].events.iter().rev().find_map(|envelope| match &envelope.event {
            Event::Message(received) if !received.from_me => {
                Some((received.chat.clone(), received.id.clone()))
            }
            _ => None,
        });
        if let Some((chat, id)) = last {
            self.world.call(who, MarkRead { chat, ids: vec![id], sender: None });
        }
    }

    fn join(&mut self, account: u32) {
        if self.people[account as usize].devices.len() >= DEVICES_MAX {
            return;
        }
        let who = self.add_client(account);
        self.people[account as usize].devices.push(who);
        self.after(1000, Later::Scan { account, who, tries: 0 });
    }

    /// The phone scans the code as soon as there is one that it takes.
    fn scan(&mut self, account: u32, who: Who, tries: u32) {
        if self.world.device(who).is_some() || !self.is_here(who) {
            return;
        }
        if let Some(code) = self.world[who].qr_code().map(ToString::to_string) {
            self.world.admin(AdminRequest::ScanQr(code));
        }
        if tries < SCANS_MAX {
            self.after(5000, Later::Scan { account, who, tries: tries + 1 });
        }
    }

    /// The phone unlinks a device, or the device logs out; somebody stays behind.
    fn leave(&mut self, account: u32, device: u32, dice: u32) {
        if self.people[account as usize].devices.len() < 2 {
            return;
        }
        let Some(who) = self.device(account, device) else { return };
        if dice.is_multiple_of(2) {
            let jid = self.world.addresses(who).0.to_string();
            self.world.admin(AdminRequest::Unlink { jid });
        } else {
            self.world.call(who, Logout {});
        }
        self.forget(account, who);
    }

    fn forget(&mut self, account: u32, who: Who) {
        self.people[account as usize].devices.retain(|other| *other != who);
        self.world.actor(who).put_out_fuse();
    }

    /// A damaged disk: the process stops, its sessions are gone, it starts again.
    fn lose_sessions(&mut self, account: u32, device: u32) {
        let Some(who) = self.device(account, device) else { return };
        self.world.crash(who);
        self.world.actor(who).storage.wipe(Table::Session);
        self.world.restart(who);
    }

    fn new_phone(&mut self, account: u32, dice: u32) {
        let number = self.people[account as usize].number.clone();
        self.world.admin(AdminRequest::ReplacePhone { account: number });
        for who in self.people[account as usize].devices.clone() {
            self.forget(account, who);
        }
        for _ in 0..=dice % 2 {
            self.join(account);
        }
    }

    /// Somebody else to write to; an account that is alone writes to itself.
    fn partner(&self, account: u32, dice: u32) -> u32 {
        let all = u32::try_from(self.people.len()).unwrap_or(1);
        if all < 2 { account } else { (account + 1 + dice / 11 % (all - 1)) % all }
    }

    fn address(&self, account: u32) -> OwnedJid {
        let person = &self.people[account as usize];
        if person.moved { Jid::lid(person.lid.clone(), 0) } else { Jid::pn(person.number.clone(), 0) }
    }

    pub(super) fn next_text(&mut self) -> String {
        self.texts += 1;
        format!("text {}", self.texts)
    }
}

/// Most companions of one account.
const DEVICES_MAX: usize = 4;
/// Times that a phone looks for a code.
const SCANS_MAX: u32 = 60;
