//! Adding up: votes of a poll, answers to an event, reactions, receipts, and which messages to mark as read together.
//! Reference 06 §4.4, §11.
//!
//! All of it is plain computation over what an application kept. Whoever is counted is given as any ordered value,
//! so that an application decides which addresses are one person.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calendar::{Answer, EventResponse};
use super::key::Key;
use super::poll::{Poll, PollVote, option_hash};
use super::reaction::Reaction;
use crate::wire::OwnedJid;

/// Votes for one option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes<P> {
    /// The option's name; `Unknown` for votes of options that the poll does not have.
    pub option: String,
    /// Who voted for it, in the order of their votes.
    pub voters: Vec<P>,
}

/// Keeps each person's last vote: drops the earlier one, and adds the new one unless it is empty. Votes come in any
/// order; of two, the one with the later time counts, and of the same time the one that came later.
pub fn cast<P: PartialEq>(votes: &mut Vec<(P, PollVote)>, voter: P, vote: PollVote) {
    latest(votes, voter, vote, |vote| vote.sent_ms);
}

/// What a poll comes to. Options of the same name are one. An option that votes name but the poll does not have is
/// last, as `Unknown`.
#[must_use]
pub fn poll_result<P: Clone>(poll: &Poll, votes: &[(P, PollVote)]) -> Vec<Votes<P>> {
    let mut result: Vec<([u8; 32], Votes<P>)> = Vec::new();
    for name in &poll.options {
        let hash = option_hash(name);
        if !result.iter().any(|(listed, _)| *listed == hash) {
            result.push((hash, Votes { option: name.clone(), voters: Vec::new() }));
        }
    }
    let mut unknown = Vec::new();
    for (voter, vote) in votes {
        let named = vote.options.iter().map(|name| option_hash(name));
        let hashed = vote.hashes.iter().map(|hash| <[u8; 32]>::try_from(&**hash).unwrap_or_default());
        for hash in named.chain(hashed) {
            match result.iter_mut().find(|(listed, _)| *listed == hash) {
                Some((_, votes)) => votes.voters.push(voter.clone()),
                None => unknown.push(voter.clone()),
            }
        }
    }
    let mut result: Vec<_> = result.into_iter().map(|(_, votes)| votes).collect();
    if !unknown.is_empty() {
        result.push(Votes { option: UNKNOWN.to_string(), voters: unknown });
    }
    result
}

/// Keeps each person's last answer to an event, as [`cast`] does for votes.
pub fn answer<P: PartialEq>(answers: &mut Vec<(P, EventResponse)>, who: P, response: EventResponse) {
    latest(answers, who, response, |response| response.sent_ms);
}

/// Who comes to an event, who does not, who may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance<P> {
    /// Come.
    pub going: Vec<P>,
    /// Do not come.
    pub not_going: Vec<P>,
    /// May come.
    pub maybe: Vec<P>,
    /// How many others come along with those who come.
    pub guests: u32,
}

/// What the answers to an event come to.
#[must_use]
pub fn attendance<P: Clone>(answers: &[(P, EventResponse)]) -> Attendance<P> {
    let who = |answer| {
        let these = answers.iter().filter(move |(_, response)| response.answer == answer);
        these.map(|(who, _)| who.clone()).collect()
    };
    let going = answers.iter().filter(|(_, response)| response.answer == Answer::Going);
    Attendance {
        going: who(Answer::Going),
        not_going: who(Answer::NotGoing),
        maybe: who(Answer::Maybe),
        guests: going.fold(0, |sum, (_, response)| sum.saturating_add(response.guests.unwrap_or(0))),
    }
}

/// Keeps each person's last reaction to a message, as [`cast`] does for votes. One that was taken back stays, with
/// an empty emoji, so that an older one that comes late does not come back.
pub fn react<P: PartialEq>(reactions: &mut Vec<(P, Reaction)>, who: P, reaction: Reaction) {
    latest(reactions, who, reaction, |reaction| reaction.sent_ms);
}

/// Each emoji with who reacted with it, those of the first reaction first.
#[must_use]
pub fn reactions<P: Clone>(reactions: &[(P, Reaction)]) -> Vec<(String, Vec<P>)> {
    let mut result: Vec<(String, Vec<P>)> = Vec::new();
    for (who, reaction) in reactions.iter().filter(|(_, reaction)| !reaction.emoji.is_empty()) {
        match result.iter_mut().find(|(emoji, _)| *emoji == reaction.emoji) {
            Some((_, people)) => people.push(who.clone()),
            None => result.push((reaction.emoji.clone(), [who.clone()].into())),
        }
    }
    result
}

/// How far one person's devices are with a message, seconds since 1970 each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub played: Option<u64>,
}

/// Adds a receipt to those of a message: one for each person, where what a later one says goes over the earlier.
pub fn receive<P: PartialEq>(receipts: &mut Vec<(P, Receipt)>, who: P, receipt: Receipt) {
    match receipts.iter_mut().find(|(listed, _)| *listed == who) {
        Some((_, old)) => {
            old.received = receipt.received.or(old.received);
            old.read = receipt.read.or(old.read);
            old.played = receipt.played.or(old.played);
        }
        None => receipts.push((who, receipt)),
    }
}

/// Messages that one receipt can name: of one conversation and one sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// The conversation.
    pub chat: OwnedJid,
    /// Who wrote them, in groups.
    pub sender: Option<OwnedJid>,
    /// Their ids.
    pub ids: Vec<String>,
}

/// Sorts messages into those that one receipt can name. The account's own, and those without a conversation, are
/// left out; everything else keeps its order.
#[must_use]
pub fn by_sender(keys: &[Key]) -> Vec<Together> {
    let mut result: Vec<Together> = Vec::new();
    for key in keys.iter().filter(|key| !key.from_me) {
        let Some(chat) = &key.chat else { continue };
        match result.iter_mut().find(|group| group.chat == *chat && group.sender == key.sender) {
            Some(group) => group.ids.push(key.id.clone()),
            None => result.push(Together {
                chat: chat.clone(),
                sender: key.sender.clone(),
                ids: [key.id.clone()].into(),
            }),
        }
    }
    result
}

/// One entry for each person, the latest, at the place of its arrival.
fn latest<P: PartialEq, T>(list: &mut Vec<(P, T)>, who: P, new: T, time: impl Fn(&T) -> Option<u64>) {
    if let Some(at) = list.iter().position(|(listed, _)| *listed == who) {
        let newer = list.get(at).is_some_and(|(_, old)| time(old) > time(&new) && time(&new).is_some());
        if newer {
            return;
        }
        list.remove(at);
    }
    list.push((who, new));
}

const UNKNOWN: &str = "Unknown";
