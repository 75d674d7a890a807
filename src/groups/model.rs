//! What an application reads about groups. Reference 11 §4, §13, 08 §5.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::wire::OwnedJid;

/// A group as the server describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GroupMetadata {
    /// The group.
    pub group: Option<OwnedJid>,
    /// By which of their addresses members are named.
    pub addressing: Addressing,
    /// Its name.
    pub subject: String,
    /// Who set the name.
    pub subject_by: Option<OwnedJid>,
    /// When, in seconds since 1970.
    pub subject_at: Option<u64>,
    /// Its description.
    pub description: Option<String>,
    /// The description's id.
    pub description_id: Option<String>,
    /// Who set the description.
    pub description_by: Option<OwnedJid>,
    /// When, in seconds since 1970.
    pub description_at: Option<u64>,
    /// Who made the group.
    pub creator: Option<OwnedJid>,
    /// When, in seconds since 1970.
    pub created_at: Option<u64>,
    /// Only admins write.
    pub announce: bool,
    /// Only admins change name, picture and description.
    pub locked: bool,
    /// Messages disappear after so many seconds; 0: never.
    pub ephemeral_s: u32,
    /// Every member may add members.
    pub all_may_add: bool,
    /// Every member may share the invite link.
    pub all_may_link: bool,
    /// Who joins needs an admin's approval.
    pub approval: bool,
    /// The community that it belongs to.
    pub parent: Option<OwnedJid>,
    /// It is a community.
    pub community: bool,
    /// It is the announcement group of its community.
    pub default_sub_group: bool,
    /// It is the general chat of its community.
    pub general_chat: bool,
    /// The server has suspended it.
    pub suspended: bool,
    /// Members do not see each other.
    pub incognito: bool,
    /// Messages that were forwarded often are not taken.
    pub no_frequently_forwarded: bool,
    /// Number of members: as the server counts, or else as listed.
    pub size: u32,
    /// Version of the list of members, as the server names it.
    pub members_version: Option<String>,
    /// The members.
    pub members: Vec<Member>,
}

/// By which address the members of a group are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// By phone number.
    #[default]
    Pn,
    /// By LID.
    Lid,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member, without device, in the group's addressing.
    pub jid: OwnedJid,
    /// The member's other address, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<OwnedJid>,
    /// What the member may do.
    #[serde(default)]
    pub role: Role,
    /// What is shown of a hidden number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The member's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Write, unless only admins do.
    #[default]
    Member,
    /// Change settings and members.
    Admin,
    /// As an admin, and cannot be removed by one.
    SuperAdmin,
}

/// Somebody changed a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEvent {
    /// The group.
    pub group: OwnedJid,
    /// The notification's id; several changes may come with one.
    pub id: String,
    /// Who did it, without device, when somebody did.
    pub actor: Option<OwnedJid>,
    /// The actor's other address, when known.
    pub actor_alt: Option<OwnedJid>,
    /// The actor's name for itself.
    pub notify: Option<String>,
    /// When, in seconds since 1970.
    pub timestamp: u64,
    /// It waited in the offline queue.
    pub offline: bool,
    /// What changed.
    pub change: GroupChange,
}

/// What changed in a group. Reference 08 §5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupChange {
    /// The group was made, or this account joined it: everything about it.
    Created {
        /// The group.
        metadata: Box<GroupMetadata>,
        /// The id that its maker chose, to be matched with the maker's request.
        key: Option<String>,
        /// How this account came in, `invite` for a link.
        reason: Option<String>,
    },
    /// Members came.
    Added {
        /// Who.
        members: Vec<Member>,
        /// How: `invite`, `linked_group_join`, or not said.
        reason: Option<String>,
    },
    /// Members were removed.
    Removed {
        /// Who.
        members: Vec<Member>,
        /// Why, when said.
        reason: Option<String>,
    },
    /// Members left by themselves.
    Left {
        /// Who; the actor when the notification names nobody.
        members: Vec<Member>,
    },
    /// Members became admins.
    Promoted {
        /// Who.
        members: Vec<Member>,
    },
    /// Admins became members.
    Demoted {
        /// Who.
        members: Vec<Member>,
    },
    /// Members changed their number.
    NumberChanged {
        /// Their new addresses.
        members: Vec<Member>,
    },
    /// The name changed.
    Subject {
        /// The new name.
        subject: String,
    },
    /// The description changed.
    Description {
        /// Its id.
        id: Option<String>,
        /// The new text; none: deleted.
        text: Option<String>,
    },
    /// Whether only admins write.
    Announce {
        /// Now.
        on: bool,
    },
    /// Whether only admins change name, picture and description.
    Locked {
        /// Now.
        on: bool,
    },
    /// Messages disappear after another time.
    Ephemeral {
        /// Seconds; 0: they stay.
        seconds: u32,
        /// Why, as the server numbers it.
        trigger: Option<u32>,
    },
    /// There is a new invite link.
    InviteCode {
        /// Its code.
        code: String,
    },
    /// Invitations to users were taken back.
    InvitesRevoked {
        /// The users.
        members: Vec<Member>,
    },
    /// Whether every member may add members.
    MemberAddMode {
        /// Now.
        all: bool,
    },
    /// Whether who joins needs an admin's approval.
    ApprovalMode {
        /// Now.
        on: bool,
    },
    /// The actor asks to join.
    JoinRequested {
        /// How.
        method: JoinMethod,
        /// The community through which.
        parent: Option<OwnedJid>,
    },
    /// Users ask to join, or were proposed.
    JoinRequestsCreated {
        /// Who.
        members: Vec<Member>,
        /// How.
        method: JoinMethod,
        /// The community through which.
        parent: Option<OwnedJid>,
    },
    /// Requests to join ended without joining.
    JoinRequestsRevoked {
        /// Whose.
        members: Vec<Member>,
        /// They took it back themselves; else an admin rejected it.
        by_requester: bool,
    },
    /// Groups were linked to each other.
    Linked {
        /// What the others are to this group.
        kind: LinkKind,
        /// The others.
        groups: Vec<LinkedGroup>,
    },
    /// Groups are not linked any more.
    Unlinked {
        /// What the others were to this group.
        kind: LinkKind,
        /// Why: `unlink_group`, `delete_parent`.
        reason: Option<String>,
        /// The others.
        groups: Vec<LinkedGroup>,
    },
    /// The group is gone.
    Deleted {
        /// Why.
        reason: Option<String>,
    },
    /// Whether the server has suspended the group.
    Suspended {
        /// Now.
        on: bool,
    },
    /// Invite links were switched off by the server, or on again.
    GrowthLocked {
        /// Now.
        on: bool,
        /// Until when, in seconds since 1970.
        until: Option<u64>,
    },
    /// Whether messages that were forwarded often are taken.
    FrequentlyForwarded {
        /// Now.
        allowed: bool,
    },
    /// Something that this version has no name for.
    Unknown {
        /// The child's tag.
        tag: String,
        /// The child as XML-like text.
        raw: String,
    },
}

/// How somebody asks to join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JoinMethod {
    /// By the invite link.
    #[default]
    InviteLink,
    /// As a member of the community.
    LinkedGroupJoin,
    /// Proposed by a member who is no admin.
    NonAdminAdd,
}

/// What a linked group is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkKind {
    /// The community.
    Parent,
    /// A group of this community.
    Sub,
    /// Another group of the same community.
    Sibling,
    /// Another word of the server.
    Other(String),
}

/// A group at the other end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedGroup {
    /// The group.
    pub group: OwnedJid,
    /// Its name.
    pub subject: Option<String>,
    /// It is the community's announcement group.
    pub default_sub_group: bool,
}
