//! `<group>` and `<participant>` as records, and records as what applications read. Reference 11 §4.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sanswire_proto::records::{GroupMember, GroupRecord};

use super::model::{Addressing, GroupMetadata, Member, Role};
use crate::limits::{GROUP_MEMBERS, GROUP_TEXT_BYTES};
use crate::stanza::StanzaError;
use crate::wire::{Jid, NodeRef, OwnedJid, Server};

/// The group that a `<group>` names: `id` without server, or `id` or `jid` with one.
pub(super) fn group_jid(node: NodeRef<'_>) -> Option<OwnedJid> {
    let name = node.get("id").or_else(|| node.get("jid"))?;
    if !name.contains('@') {
        return Some(Jid::group(name.into_owned())).filter(|group| !group.user().is_empty());
    }
    Jid::parse(&name).ok().filter(|jid| jid.is_group() && !jid.user().is_empty()).map(Jid::into_owned)
}

/// Reads a `<group>`; what is optional and unreadable counts as absent.
pub(super) fn group(node: NodeRef<'_>) -> Result<(OwnedJid, GroupRecord), StanzaError> {
    let name = group_jid(node).ok_or(StanzaError::MissingAttr { tag: "group", attr: "id" })?;
    let lid = node.get("addressing_mode").as_deref() == Some("lid");
    let text = |key| node.get(key).map(|text| clipped(&text));
    let number = |key| node.get_u64(key);
    let user = |key| node.get_jid(key).map(|jid| jid.bare().to_string());
    let has = |tag| node.find(tag).is_some().then_some(true);
    let mut record = GroupRecord {
        lid_addressed: lid.then_some(true),
        members_version: text("p_v_id"),
        announce_version: text("a_v_id"),
        subject: text("subject"),
        subject_by: user("s_o"),
        subject_unix_s: number("s_t"),
        creator: user("creator"),
        created_unix_s: number("creation"),
        announce: has("announcement"),
        locked: has("locked"),
        community: has("parent"),
        default_sub_group: has("default_sub_group"),
        general_chat: has("general_chat"),
        suspended: has("suspended"),
        incognito: has("incognito"),
        no_frequently_forwarded: has("no_frequently_forwarded"),
        all_add: (word(node, "member_add_mode").as_deref() == Some("all_member_add")).then_some(true),
        all_link: (word(node, "member_link_mode").as_deref() == Some("all_member_link")).then_some(true),
        approval: node.find("membership_approval_mode").is_some_and(approval_is_on).then_some(true),
        parent: node.find("linked_parent").and_then(|it| it.get_jid("jid")).map(|jid| jid.to_string()),
        size: number("size").and_then(|size| u32::try_from(size).ok()),
        growth_locked_until_s: node.find("growth_locked").and_then(|it| it.get_u64("expiration")),
        ..GroupRecord::default()
    };
    if let Some(ephemeral) = node.find("ephemeral") {
        record.ephemeral_s = narrow(ephemeral, "expiration");
        record.ephemeral_trigger = narrow(ephemeral, "trigger");
    }
    if let Some(description) = node.find("description") {
        record.description_id = description.get("id").map(|id| clipped(&id));
        record.description_unix_s = description.get_u64("t");
        record.description_by = description.get_jid("participant").map(|jid| jid.bare().to_string());
        record.description = word(description, "body").map(|body| clipped(&body));
    }
    record.members = members(node).iter().map(|member| to_record(member, lid)).collect();
    Ok((name, record))
}

/// The members that children `<participant>` name; those that could not be added, and those without address, are
/// left out.
pub(super) fn members(node: NodeRef<'_>) -> Vec<Member> {
    named(node, "participant")
}

/// The users that children of a tag name, each once.
pub(super) fn named(node: NodeRef<'_>, tag: &str) -> Vec<Member> {
    let listed = node.find_all(tag).filter(|child| !child.has("error")).filter_map(member);
    let mut members: Vec<Member> = listed.take(GROUP_MEMBERS).collect();
    let mut seen = alloc::collections::BTreeSet::new();
    members.retain(|member| seen.insert(member.jid.clone()));
    members
}

fn member(node: NodeRef<'_>) -> Option<Member> {
    let named = node.get_jid("jid").filter(|jid| !jid.user().is_empty() && (jid.is_pn() || jid.is_lid()))?;
    let jid = named.bare().into_owned();
    let alt = match jid.is_lid() {
        true => node.get_jid("phone_number").filter(Jid::is_pn),
        false => node.get_jid("lid").filter(Jid::is_lid),
    };
    let role = match node.get("type").as_deref() {
        Some("superadmin") => Role::SuperAdmin,
        Some("admin") => Role::Admin,
        _ => Role::Member,
    };
    Some(Member {
        alt: alt.map(|alt| alt.bare().into_owned()),
        role,
        display_name: node.get("display_name").map(|name| clipped(&name)),
        username: node.get("participant_username").or_else(|| node.get("username")).map(|it| clipped(&it)),
        jid,
    })
}

/// The stored form of a member of a group with this addressing.
pub(super) fn to_record(member: &Member, lid: bool) -> GroupMember {
    let plain = |jid: &OwnedJid, lid: bool| match (lid, jid.is_lid(), jid.is_pn()) {
        (true, true, _) | (false, _, true) => jid.user().to_string(),
        _ => jid.to_string(),
    };
    GroupMember {
        user: Some(plain(&member.jid, lid)),
        other: member.alt.as_ref().map(|alt| plain(alt, !lid)),
        role: match member.role {
            Role::Member => None,
            Role::Admin => Some(1),
            Role::SuperAdmin => Some(2),
        },
        display_name: member.display_name.clone(),
        username: member.username.clone(),
    }
}

/// The address of a member in a group with this addressing.
pub(super) fn address(text: String, lid: bool) -> Option<OwnedJid> {
    if text.contains('@') {
        return Jid::parse(&text).ok().map(|jid| jid.bare().into_owned());
    }
    let server = if lid { Server::Lid } else { Server::Pn };
    Some(Jid::new(text, server, 0))
}

fn from_record(member: &GroupMember, lid: bool) -> Option<Member> {
    Some(Member {
        jid: address(member.user.clone()?, lid)?,
        alt: member.other.clone().and_then(|other| address(other, !lid)),
        role: match member.role {
            Some(2) => Role::SuperAdmin,
            Some(1) => Role::Admin,
            _ => Role::Member,
        },
        display_name: member.display_name.clone(),
        username: member.username.clone(),
    })
}

/// What an application reads of a record.
pub(super) fn metadata(group: &OwnedJid, record: &GroupRecord) -> GroupMetadata {
    let lid = record.lid_addressed();
    let jid =
        |text: &Option<String>| text.as_deref().and_then(|text| Jid::parse(text).ok()).map(Jid::into_owned);
    let members: Vec<Member> = record.members.iter().filter_map(|member| from_record(member, lid)).collect();
    GroupMetadata {
        group: Some(group.clone()),
        addressing: if lid { Addressing::Lid } else { Addressing::Pn },
        subject: record.subject.clone().unwrap_or_default(),
        subject_by: jid(&record.subject_by),
        subject_at: record.subject_unix_s,
        description: record.description.clone(),
        description_id: record.description_id.clone(),
        description_by: jid(&record.description_by),
        description_at: record.description_unix_s,
        creator: jid(&record.creator),
        created_at: record.created_unix_s,
        announce: record.announce(),
        locked: record.locked(),
        ephemeral_s: record.ephemeral_s(),
        all_may_add: record.all_add(),
        all_may_link: record.all_link(),
        approval: record.approval(),
        parent: jid(&record.parent),
        community: record.community(),
        default_sub_group: record.default_sub_group(),
        general_chat: record.general_chat(),
        suspended: record.suspended(),
        incognito: record.incognito(),
        no_frequently_forwarded: record.no_frequently_forwarded(),
        size: record.size.unwrap_or_else(|| u32::try_from(members.len()).unwrap_or(u32::MAX)),
        members_version: record.members_version.clone(),
        members,
    }
}

/// `<membership_approval_mode><group_join state=on/>`: the child alone does not mean on.
pub(super) fn approval_is_on(node: NodeRef<'_>) -> bool {
    node.find("group_join").is_some_and(|join| join.get("state").as_deref() == Some("on"))
}

/// The text of a child; clients write such words as text or as bytes.
pub(super) fn word(node: NodeRef<'_>, tag: &str) -> Option<String> {
    node.find(tag).and_then(text_of)
}

/// The text of a node.
pub(super) fn text_of(node: NodeRef<'_>) -> Option<String> {
    node.content_text().map(|text| text.into_owned())
}

/// A number that fits 32 bits; anything else counts as absent.
pub(super) fn narrow(node: NodeRef<'_>, key: &str) -> Option<u32> {
    node.get_u64(key).and_then(|number| u32::try_from(number).ok())
}

/// At most [`GROUP_TEXT_BYTES`] of a text.
pub(super) fn clipped(text: &str) -> String {
    let mut end = text.len().min(GROUP_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_string()
}
