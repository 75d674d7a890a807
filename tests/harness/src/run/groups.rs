//! What people do in groups: write, come and go.

use sanswire::wire::OwnedJid;

use super::stage::Stage;
use crate::server::{AccountId, Addressing, AdminRequest, GroupChange};
use crate::world::Who;

impl Stage<'_> {
    /// Two groups that everybody is in, one with hidden ids and one with numbers, each made by another account.
    pub(super) fn make_groups(&mut self) {
        let all: Vec<Who> = self.people.iter().filter_map(|person| person.devices.first().copied()).collect();
        let mut other = all.clone();
        other.reverse();
        for (members, addressing) in [(all, Addressing::Lid), (other, Addressing::Pn)] {
            let group = self.world.group(&members, addressing);
            self.groups.push(group);
        }
        self.world.run();
    }

    pub(super) fn write_to_group(&mut self, account: u32, device: u32, dice: u32) {
        let (Some(who), Some(group)) = (self.device(account, device), self.group_of(account, dice)) else {
            return;
        };
        let burst = if dice.is_multiple_of(7) { 2 + dice / 7 % 7 } else { 1 };
        for _ in 0..burst {
            if self.world[who].is_running() {
                let text = self.next_text();
                self.world.send_to(who, group.clone(), &text);
            }
        }
    }

    pub(super) fn write_to_group_by_phone(&mut self, account: u32, dice: u32) {
        let Some(group) = self.group_of(account, dice) else { return };
        let from = self.people[account as usize].number.clone();
        let text = self.next_text();
        self.world.admin(AdminRequest::Send { from, to: group.to_string(), text });
    }

    /// Who is out comes in; who is in leaves, or is put out.
    pub(super) fn change_group(&mut self, account: u32, dice: u32) {
        let Some(group) = self.groups.get(dice as usize % self.groups.len().max(1)).cloned() else { return };
        let Some(id) = self.account_id(account) else { return };
        let members = self.world.server.group_members(&group);
        let change = match members.contains(&id) {
            false => GroupChange::Add(id),
            true if members.len() < 2 => return,
            true if (dice / 2).is_multiple_of(2) => GroupChange::Leave(id),
            true => GroupChange::Remove(id),
        };
        self.world.change_group(&group, change);
    }

    /// A group that an account is in.
    fn group_of(&self, account: u32, dice: u32) -> Option<OwnedJid> {
        let id = self.account_id(account)?;
        let inside = |group: &&OwnedJid| self.world.server.group_members(group).contains(&id);
        let all: Vec<&OwnedJid> = self.groups.iter().filter(inside).collect();
        all.get(dice as usize / 5 % all.len().max(1)).map(|group| (*group).clone())
    }

    fn account_id(&self, account: u32) -> Option<AccountId> {
        let number = &self.people.get(account as usize)?.number;
        let jid = sanswire::wire::Jid::pn(number.clone(), 0);
        self.world.server.device_named(&jid).map(|device| device.account)
    }
}
