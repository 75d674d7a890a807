//! One child of a group's notification: what it says, and what it makes of the stored group.
//! Reference 08 §5, 11 §13, §14.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::{GroupMember, GroupRecord};

use super::model::{GroupChange, JoinMethod, LinkKind, LinkedGroup, Member, Role};
use super::parse;
use crate::limits::{GROUP_CHANGES, GROUP_LINKS, GROUP_MEMBERS};
use crate::wire::{NodeRef, OwnedJid};

/// A child, read.
pub(super) struct Parsed {
    pub(super) change: GroupChange,
    /// The whole group, when the child holds it.
    pub(super) whole: Option<GroupRecord>,
    /// The version of the list of members that this change makes, and the one that it changes.
    versions: (Option<String>, Option<String>),
}

/// Reads the children of a notification, at most [`GROUP_CHANGES`] of them.
pub(super) fn read_all(node: NodeRef<'_>, actor: Option<&Member>) -> Vec<Parsed> {
    node.nodes().take(GROUP_CHANGES).filter_map(|child| read(child, actor)).collect()
}

/// Reads a child; `None` for one that says nothing. `actor` did it.
pub(super) fn read(node: NodeRef<'_>, actor: Option<&Member>) -> Option<Parsed> {
    if node.is("missing_participant_identification") {
        return None;
    }
    let text = |key| node.get(key).map(|text| parse::clipped(&text));
    let mut whole = None;
    let change = match node.tag().as_ref() {
        "create" => match node.find("group").map(parse::group) {
            Some(Ok((group, record))) => {
                let metadata = Box::new(parse::metadata(&group, &record));
                whole = Some(record);
                GroupChange::Created { metadata, key: text("key"), reason: text("reason") }
            }
            _ => unknown(node),
        },
        "add" | "remove" | "leave" | "promote" | "demote" | "modify" => members_change(node, actor),
        "subject" => GroupChange::Subject { subject: text("subject").unwrap_or_default() },
        "description" => GroupChange::Description {
            id: text("id"),
            text: parse::word(node, "body").filter(|_| node.find("delete").is_none()),
        },
        "announcement" => GroupChange::Announce { on: true },
        "not_announcement" => GroupChange::Announce { on: false },
        "locked" => GroupChange::Locked { on: true },
        "unlocked" => GroupChange::Locked { on: false },
        "ephemeral" => GroupChange::Ephemeral {
            seconds: parse::narrow(node, "expiration").unwrap_or(0),
            trigger: parse::narrow(node, "trigger"),
        },
        "not_ephemeral" => GroupChange::Ephemeral { seconds: 0, trigger: None },
        "invite" => GroupChange::InviteCode { code: text("code").unwrap_or_default() },
        "revoke" => GroupChange::InvitesRevoked { members: parse::members(node) },
        "member_add_mode" => {
            GroupChange::MemberAddMode { all: parse::text_of(node).as_deref() == Some("all_member_add") }
        }
        "membership_approval_mode" => GroupChange::ApprovalMode { on: parse::approval_is_on(node) },
        "membership_approval_request" => {
            GroupChange::JoinRequested { method: method(node), parent: parent(node) }
        }
        "created_membership_requests" => GroupChange::JoinRequestsCreated {
            members: parse::named(node, "requested_user"),
            method: method(node),
            parent: parent(node),
        },
        "revoked_membership_requests" => {
            let members = parse::members(node);
            let own = |member: &Member| actor.is_some_and(|actor| same(actor, member));
            GroupChange::JoinRequestsRevoked { by_requester: members.iter().all(own), members }
        }
        "link" => GroupChange::Linked { kind: link_kind(node, "link_type"), groups: linked(node) },
        "unlink" => GroupChange::Unlinked {
            kind: link_kind(node, "unlink_type"),
            reason: text("unlink_reason"),
            groups: linked(node),
        },
        "delete" => GroupChange::Deleted { reason: text("reason") },
        "suspended" => GroupChange::Suspended { on: true },
        "unsuspended" => GroupChange::Suspended { on: false },
        "growth_locked" => GroupChange::GrowthLocked { on: true, until: node.get_u64("expiration") },
        "growth_unlocked" => GroupChange::GrowthLocked { on: false, until: None },
        "no_frequently_forwarded" => GroupChange::FrequentlyForwarded { allowed: false },
        "frequently_forwarded_ok" => GroupChange::FrequentlyForwarded { allowed: true },
        _ => unknown(node),
    };
    Some(Parsed { change, whole, versions: (text("v_id"), text("prev_v_id")) })
}

fn members_change(node: NodeRef<'_>, actor: Option<&Member>) -> GroupChange {
    let mut members = parse::members(node);
    let reason = node.get("reason").map(|reason| parse::clipped(&reason));
    let by_self = match (members.as_slice(), actor) {
        ([only], Some(actor)) => same(actor, only),
        ([], _) => true,
        _ => false,
    };
    match node.tag().as_ref() {
        "add" => GroupChange::Added { members, reason },
        "remove" if !by_self => GroupChange::Removed { members, reason },
        "promote" => GroupChange::Promoted { members },
        "demote" => GroupChange::Demoted { members },
        "modify" => GroupChange::NumberChanged { members },
        _ => {
            if members.is_empty() {
                members.extend(actor.cloned());
            }
            GroupChange::Left { members }
        }
    }
}

/// Whether a change takes members away, so that a new sender key is due.
pub(super) const fn takes_away(change: &GroupChange) -> bool {
    matches!(
        change,
        GroupChange::Removed { .. }
            | GroupChange::Left { .. }
            | GroupChange::NumberChanged { .. }
            | GroupChange::Deleted { .. }
    )
}

/// Who a change names, for their two addresses.
pub(super) fn named(change: &GroupChange) -> &[Member] {
    match change {
        GroupChange::Created { metadata, .. } => &metadata.members,
        GroupChange::Added { members, .. }
        | GroupChange::Removed { members, .. }
        | GroupChange::Left { members }
        | GroupChange::Promoted { members }
        | GroupChange::Demoted { members }
        | GroupChange::NumberChanged { members }
        | GroupChange::InvitesRevoked { members }
        | GroupChange::JoinRequestsCreated { members, .. }
        | GroupChange::JoinRequestsRevoked { members, .. } => members,
        _ => &[],
    }
}

/// Makes the change in the stored group. Doing it twice does nothing more, as the answer to a request and the
/// notification about it come in any order. False when what is stored can no longer be right: the server is asked
/// again before the next send.
pub(super) fn apply(record: &mut GroupRecord, parsed: &Parsed) -> bool {
    let lid = record.lid_addressed();
    match &parsed.change {
        GroupChange::Added { members, .. } => {
            return follows(record, parsed) && add(&mut record.members, members, lid);
        }
        GroupChange::Removed { members, .. } | GroupChange::Left { members } => {
            let fits = follows(record, parsed);
            record.members.retain(|known| !members.iter().any(|member| is(known, member, lid)));
            record.size = None;
            return fits;
        }
        GroupChange::Promoted { members } => return set_role(record, parsed, members, Role::Admin),
        GroupChange::Demoted { members } => return set_role(record, parsed, members, Role::Member),
        GroupChange::Subject { subject } => record.subject = Some(subject.clone()),
        GroupChange::Description { id, text } => {
            (record.description_id, record.description) = (id.clone(), text.clone());
        }
        GroupChange::Announce { on } => record.announce = Some(*on),
        GroupChange::Locked { on } => record.locked = Some(*on),
        GroupChange::Ephemeral { seconds, trigger } => {
            (record.ephemeral_s, record.ephemeral_trigger) = (Some(*seconds), *trigger);
        }
        GroupChange::InviteCode { code } => record.invite_code = Some(code.clone()),
        GroupChange::MemberAddMode { all } => record.all_add = Some(*all),
        GroupChange::ApprovalMode { on } => record.approval = Some(*on),
        GroupChange::Suspended { on } => record.suspended = Some(*on),
        GroupChange::GrowthLocked { until, .. } => record.growth_locked_until_s = *until,
        GroupChange::FrequentlyForwarded { allowed } => record.no_frequently_forwarded = Some(!allowed),
        // New addresses without the old ones, and links that may change what the group is.
        GroupChange::NumberChanged { .. }
        | GroupChange::Linked { .. }
        | GroupChange::Unlinked { .. }
        | GroupChange::Deleted { .. } => return false,
        _ => {}
    }
    true
}

/// Whether the list that is stored is the one that a change builds on, or already the one that it makes; moves the
/// version on.
fn follows(record: &mut GroupRecord, parsed: &Parsed) -> bool {
    let (makes, builds_on) = &parsed.versions;
    let fits = match (&record.members_version, builds_on) {
        (Some(stored), Some(before)) => stored == before || Some(stored) == makes.as_ref(),
        _ => true,
    };
    if makes.is_some() {
        record.members_version.clone_from(makes);
    }
    fits
}

fn add(known: &mut Vec<GroupMember>, members: &[Member], lid: bool) -> bool {
    for member in members {
        known.retain(|known| !is(known, member, lid));
        if known.len() >= GROUP_MEMBERS {
            return false;
        }
        known.push(parse::to_record(member, lid));
    }
    true
}

fn set_role(record: &mut GroupRecord, parsed: &Parsed, members: &[Member], role: Role) -> bool {
    let lid = record.lid_addressed();
    let fits = follows(record, parsed);
    for known in &mut record.members {
        if members.iter().any(|member| is(known, member, lid)) {
            known.role = (role == Role::Admin).then_some(1);
        }
    }
    fits
}

/// Whether a stored member is this one, by either address.
fn is(known: &GroupMember, member: &Member, lid: bool) -> bool {
    let address = |text: &Option<String>, lid| text.clone().and_then(|text| parse::address(text, lid));
    let (jid, other) = (address(&known.user, lid), address(&known.other, !lid));
    let names = [Some(&member.jid), member.alt.as_ref()];
    names.into_iter().flatten().any(|name| jid.as_ref() == Some(name) || other.as_ref() == Some(name))
}

/// Whether two are the same user, by either address.
fn same(one: &Member, other: &Member) -> bool {
    let names = |member: &Member| [Some(member.jid.clone()), member.alt.clone()];
    let others: Vec<OwnedJid> = names(other).into_iter().flatten().collect();
    names(one).into_iter().flatten().any(|name| others.contains(&name))
}

fn method(node: NodeRef<'_>) -> JoinMethod {
    match node.get("request_method").as_deref() {
        Some("linked_group_join") => JoinMethod::LinkedGroupJoin,
        Some("non_admin_add") => JoinMethod::NonAdminAdd,
        _ => JoinMethod::InviteLink,
    }
}

fn parent(node: NodeRef<'_>) -> Option<OwnedJid> {
    node.get_jid("parent_group_jid").map(|jid| jid.into_owned())
}

fn link_kind(node: NodeRef<'_>, key: &str) -> LinkKind {
    match node.get(key).as_deref() {
        Some("parent_group") => LinkKind::Parent,
        Some("sub_group") => LinkKind::Sub,
        Some("sibling_group") => LinkKind::Sibling,
        other => LinkKind::Other(parse::clipped(other.unwrap_or_default())),
    }
}

fn linked(node: NodeRef<'_>) -> Vec<LinkedGroup> {
    let group = |child: NodeRef<'_>| {
        Some(LinkedGroup {
            group: parse::group_jid(child)?,
            subject: child.get("subject").map(|subject| parse::clipped(&subject)),
            default_sub_group: child.find("default_sub_group").is_some(),
        })
    };
    node.find_all("group").filter_map(group).take(GROUP_LINKS).collect()
}

fn unknown(node: NodeRef<'_>) -> GroupChange {
    GroupChange::Unknown { tag: parse::clipped(&node.tag()), raw: node.to_string() }
}
