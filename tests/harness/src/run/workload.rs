//! What people do during a run, drawn before it begins.

use super::Plan;
use super::schedule::{Rate, stream, times};

/// How often people do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Somebody writes from a companion device: one text or a burst, with replies.
    pub texts: Rate,
    /// Somebody writes from the phone.
    pub phone_texts: Rate,
    /// Somebody reads what came.
    pub reads: Rate,
    /// A new device is linked.
    pub joins: Rate,
    /// A device is unlinked by the phone, or logs out.
    pub leaves: Rate,
    /// A device's session records are lost.
    pub lost_sessions: Rate,
    /// The server has no one-time prekeys of a device any more.
    pub exhausted_prekeys: Rate,
    /// An account gets a new phone, and with it a new identity; its companions are linked anew.
    pub new_phones: Rate,
    /// From now on people write to an account's hidden id.
    pub lid_moves: Rate,
    /// Somebody writes to a group: one text or a burst.
    pub group_texts: Rate,
    /// Somebody writes to a group from the phone.
    pub group_phone_texts: Rate,
    /// Somebody comes into a group, or goes: by themselves, or as the one who made it wants it.
    pub group_changes: Rate,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            texts: Rate(1200),
            phone_texts: Rate(240),
            reads: Rate(240),
            joins: Rate(24),
            leaves: Rate(18),
            lost_sessions: Rate(24),
            exhausted_prekeys: Rate(24),
            new_phones: Rate(6),
            lid_moves: Rate(8),
            group_texts: Rate(600),
            group_phone_texts: Rate(60),
            group_changes: Rate(60),
        }
    }
}

impl Workload {
    /// Texts between companion devices and nothing else.
    #[must_use]
    pub fn texts_only(texts: Rate) -> Self {
        Self {
            texts,
            phone_texts: Rate(0),
            reads: Rate(0),
            joins: Rate(0),
            leaves: Rate(0),
            lost_sessions: Rate(0),
            exhausted_prekeys: Rate(0),
            new_phones: Rate(0),
            lid_moves: Rate(0),
            group_texts: Rate(0),
            group_phone_texts: Rate(0),
            group_changes: Rate(0),
        }
    }

    /// Whether anybody does anything in groups.
    pub(super) fn has_groups(&self) -> bool {
        [self.group_texts, self.group_phone_texts, self.group_changes].iter().any(|rate| rate.0 > 0)
    }
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    /// When, in milliseconds since the beginning.
    pub(super) at_ms: u64,
    pub(super) act: Act,
    pub(super) account: u32,
    /// Modulo how many there are.
    pub(super) device: u32,
    pub(super) dice: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Text,
    PhoneText,
    Read,
    Join,
    Leave,
    LoseSessions,
    ExhaustPrekeys,
    NewPhone,
    MoveToLid,
    GroupText,
    GroupPhoneText,
    ChangeGroup,
}

/// Draws what people do, in the order of time.
pub(super) fn draw(plan: &Plan) -> Vec<Deed> {
    let mut seed = stream(plan, b"workload");
    let load = &plan.workload;
    let rates = [
        (Act::Text, load.texts),
        (Act::PhoneText, load.phone_texts),
        (Act::Read, load.reads),
        (Act::Join, load.joins),
        (Act::Leave, load.leaves),
        (Act::LoseSessions, load.lost_sessions),
        (Act::ExhaustPrekeys, load.exhausted_prekeys),
        (Act::NewPhone, load.new_phones),
        (Act::MoveToLid, load.lid_moves),
        (Act::GroupText, load.group_texts),
        (Act::GroupPhoneText, load.group_phone_texts),
        (Act::ChangeGroup, load.group_changes),
    ];
    let mut deeds = Vec::new();
    for (act, rate) in rates {
        for at_ms in times(plan, rate, &mut seed) {
            let [account, device, dice] = [seed.below(plan.accounts), seed.number(), seed.number()];
            deeds.push(Deed { at_ms, act, account, device, dice });
        }
    }
    deeds.sort_by_key(|deed| deed.at_ms);
    deeds
}
