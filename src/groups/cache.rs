//! What is known of groups, as records; the query for what is not. Reference 11 §2, §4, §14.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use sanswire_proto::records::GroupRecord;

use super::model::{GroupMetadata, Member};
use super::parse;
use crate::directory::lid;
use crate::engine::{Continuation, Outcome, Stop, Turn, Work};
use crate::error::OpError;
use crate::limits::GROUPS_PER_SWEEP;
use crate::ops::{Answer, CallId};
use crate::records::{Record, Table};
use crate::stanza::parse as attrs;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

impl Record for GroupRecord {
    const TABLE: Table = Table::Group;
}

/// What a message to the group needs of a [`GroupRecord`] that may have a thousand members: read in its place,
/// never written.
#[derive(Clone, PartialEq, prost::Message)]
struct Audience {
    #[prost(uint32, optional, tag = "1")]
    epoch: Option<u32>,
    #[prost(bool, optional, tag = "3")]
    lid_addressed: Option<bool>,
    #[prost(message, repeated, tag = "4")]
    members: Vec<MemberName>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MemberName {
    #[prost(string, optional, tag = "1")]
    user: Option<String>,
}

/// The same without members.
#[derive(Clone, PartialEq, prost::Message)]
struct Head {
    #[prost(uint32, optional, tag = "1")]
    epoch: Option<u32>,
    #[prost(bool, optional, tag = "3")]
    lid_addressed: Option<bool>,
}

impl Record for Audience {
    const TABLE: Table = Table::Group;
}

impl Record for Head {
    const TABLE: Table = Table::Group;
}

/// To whom a message to a group goes.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    /// Whether they are named by LID.
    pub(crate) lid: bool,
    /// The members, without device, each once.
    pub(crate) users: Vec<OwnedJid>,
}

/// The members of a group, or `None` when the server has to be asked.
pub(crate) fn members(cx: &mut Turn<'_>, group: &Jid<'_>) -> Result<Option<Members>, Stop> {
    let Some(record) = part::<Audience>(cx, group, Audience::epoch)? else { return Ok(None) };
    let lid = record.lid_addressed();
    let users = record.members.into_iter().filter_map(|member| parse::address(member.user?, lid));
    Ok(Some(Members { lid, users: users.collect() }))
}

/// Whether members are named by their numbers, as in old groups; not, as far as nothing is known.
pub(crate) fn is_by_number(cx: &mut Turn<'_>, group: &Jid<'_>) -> Result<bool, Stop> {
    let head = part::<Head>(cx, group, Head::epoch)?;
    Ok(head.is_some_and(|head| !head.lid_addressed()))
}

/// Whether a user, by either address, is a member; `None` when that is not known.
pub(crate) fn is_member(cx: &mut Turn<'_>, group: &Jid<'_>, user: &Jid<'_>) -> Result<Option<bool>, Stop> {
    let other = lid::other_name(cx, user)?;
    let same = |member: &OwnedJid| {
        member.same_user(user) || other.as_ref().is_some_and(|other| member.same_user(other))
    };
    Ok(members(cx, group)?.map(|members| members.users.iter().any(same)))
}

/// What the server said about a group, unless an older copy of the storage was put back since.
pub(super) fn known(cx: &mut Turn<'_>, group: &Jid<'_>) -> Result<Option<GroupRecord>, Stop> {
    part(cx, group, GroupRecord::epoch)
}

/// The whole record, or a part of it that is cheaper to read.
fn part<R: Record>(cx: &mut Turn<'_>, group: &Jid<'_>, epoch: fn(&R) -> u32) -> Result<Option<R>, Stop> {
    match cx.get::<R>(&key(group)) {
        Ok(record) => Ok(record.filter(|record| epoch(record) >= cx.memory.epoch)),
        // As good as none: the server is asked.
        Err(Stop::Record(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// Stores what is known now.
pub(super) fn store(cx: &mut Turn<'_>, group: &Jid<'_>, record: GroupRecord) {
    let epoch = Some(cx.memory.epoch).filter(|epoch| *epoch > 0);
    cx.put(&key(group), &GroupRecord { epoch, ..record });
}

/// Drops what is known of a group: it is asked for again before the next send.
pub(crate) fn forget(cx: &mut Turn<'_>, group: &Jid<'_>) {
    cx.delete(Table::Group, &key(group));
}

/// Drops what is known of all groups, a run at a time; then the server is told that this was done.
/// Reference 12 §12.
pub(crate) fn forget_all(cx: &mut Turn<'_>, from: &[u8]) -> Result<(), Stop> {
    let rows = cx.scan(Table::Group, from, GROUPS_PER_SWEEP)?;
    let next = rows.last().filter(|_| rows.len() >= GROUPS_PER_SWEEP as usize);
    let next = next.map(|(key, _)| [key.as_slice(), &[0]].concat());
    for (key, _) in rows {
        cx.delete(Table::Group, &key);
    }
    match next {
        Some(next) => cx.schedule(Work::ForgetGroups(next)),
        None if cx.memory.phase.is_logged_in() => {
            let iq = Node::new("iq")
                .attr("to", Jid::SERVER)
                .attr("type", "set")
                .attr("xmlns", "urn:xmpp:whatsapp:dirty")
                .child(Node::new("clean").attr("type", "groups"));
            cx.ask(iq, cx.config.timing.query(), Arc::new(Cleaned));
        }
        None => {}
    }
    Ok(())
}

/// The server heard that nothing is out of date any more; if it did not, it says so again.
#[derive(Debug)]
struct Cleaned;

impl Continuation for Cleaned {
    fn answer(&self, _: &mut Turn<'_>, _: &Outcome) -> Result<(), Stop> {
        Ok(())
    }
}

/// Asks for a group, unless that is being done already; the outbox goes on with the answer.
pub(crate) fn ask(cx: &mut Turn<'_>, group: &Jid<'_>) {
    let group = group.bare().into_owned();
    if cx.memory.asking_groups.contains(&group) {
        return;
    }
    let marked = group.clone();
    cx.remember(move |memory| {
        memory.asking_groups.insert(marked);
    });
    let iq = Node::new("iq")
        .attr("to", group.clone())
        .attr("type", "get")
        .attr("xmlns", "w:g2")
        .child(Node::new("query").attr("request", "interactive"));
    cx.ask(iq, cx.config.timing.query(), Arc::new(Answered { group }));
}

/// Answers a call with the group once it is here.
pub(super) fn answer_later(cx: &mut Turn<'_>, group: &OwnedJid, call: CallId) {
    let waiting = (group.clone(), call);
    cx.remember(move |memory| memory.group_calls.push(waiting));
    ask(cx, group);
}

#[derive(Debug)]
struct Answered {
    group: OwnedJid,
}

impl Continuation for Answered {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let result = match outcome.result() {
            Some(iq) => Ok(self.take(cx, iq)?),
            None => Err(outcome.error()),
        };
        let group = self.group.clone();
        let waiting = |(of, call): &(OwnedJid, CallId)| (*of == group).then_some(*call);
        for call in cx.memory.group_calls.iter().filter_map(waiting).collect::<Vec<_>>() {
            cx.reply(call, result.clone().map(|metadata| Answer::GroupInfo(Box::new(metadata))));
        }
        let group = self.group.clone();
        cx.remember(move |memory| {
            memory.asking_groups.remove(&group);
            memory.group_calls.retain(|(of, _)| *of != group);
        });
        match result {
            Ok(_) => cx.schedule(Work::Wake),
            // The outbox looks again on the next connection.
            Err(OpError::Disconnected) => {}
            Err(error) => cx.schedule(Work::FailSends(alloc::vec![self.group.clone()], error)),
        }
        Ok(())
    }
}

impl Answered {
    fn take(&self, cx: &mut Turn<'_>, iq: NodeRef<'_>) -> Result<GroupMetadata, Stop> {
        let (_, mut record) = parse::group(attrs::child(iq, "iq", "group")?)?;
        record.fetched_unix_s = Some(cx.now.unix.seconds());
        let metadata = parse::metadata(&self.group, &record);
        learn(cx, &metadata.members)?;
        store(cx, &self.group, record);
        Ok(metadata)
    }
}

/// Remembers both addresses of everybody named, before anything that relies on it.
pub(super) fn learn(cx: &mut Turn<'_>, members: &[Member]) -> Result<(), Stop> {
    let pairs = || members.iter().filter_map(|member| Some((&member.jid, member.alt.as_ref()?)));
    let numbers = pairs().map(|(jid, alt)| lid::record_key(if jid.is_pn() { jid } else { alt }));
    cx.prefetch(&numbers.collect::<Vec<_>>())?;
    for (jid, alt) in pairs() {
        lid::learn(cx, jid, alt)?;
    }
    Ok(())
}

/// Where a group is stored.
pub(super) fn record_key(group: &Jid<'_>) -> (Table, Vec<u8>) {
    (Table::Group, key(group))
}

fn key(group: &Jid<'_>) -> Vec<u8> {
    group.bare().to_string().into_bytes()
}
