//! Groups as the server describes and changes them, without a server.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use sanswire_proto::records::GroupRecord;

use super::change::{self, Parsed};
use super::model::{Addressing, GroupChange, JoinMethod, LinkKind, Member, Role};
use super::parse;
use crate::limits::{GROUP_CHANGES, GROUP_LINKS, GROUP_MEMBERS, GROUP_TEXT_BYTES};
use crate::wire::{Jid, Node};

fn lid(n: u64) -> Jid<'static> {
    Jid::lid((100_000_000_000_000 + n).to_string(), 0)
}

fn pn(n: u64) -> Jid<'static> {
    Jid::pn((15_550_000_000 + n).to_string(), 0)
}

fn participant(n: u64) -> Node<'static> {
    Node::new("participant").attr("jid", lid(n)).attr("phone_number", pn(n))
}

fn group(members: u64) -> Node<'static> {
    Node::new("group")
        .attr("id", "120363000000000001")
        .attr("subject", "hikers")
        .attr("s_t", 100_u64)
        .attr("s_o", pn(1))
        .attr("creation", "never")
        .attr("addressing_mode", "lid")
        .attr("p_v_id", "7")
        .children((0..members).map(participant))
        .child(Node::new("announcement"))
        .child(Node::new("ephemeral").attr("expiration", 86_400_u64))
        .child(Node::new("member_add_mode").bytes(b"all_member_add".to_vec()))
        .child(Node::new("membership_approval_mode"))
        .child(Node::new("description").attr("id", "d").child(Node::new("body").text("walks")))
}

fn record(members: u64) -> GroupRecord {
    parse::group(group(members).view()).unwrap().1
}

fn read(node: &Node<'_>) -> Parsed {
    change::read(node.view(), Some(&member(1))).unwrap()
}

fn member(n: u64) -> Member {
    Member { jid: lid(n), alt: Some(pn(n)), role: Role::Member, display_name: None, username: None }
}

/// The members of a record by LID, sorted.
fn users(record: &GroupRecord) -> Vec<String> {
    let jid = Jid::group("120363000000000001");
    let mut users: Vec<_> =
        parse::metadata(&jid, record).members.iter().map(|member| member.jid.to_string()).collect();
    users.sort();
    users
}

#[test]
fn a_group_is_read_with_all_that_the_server_says() {
    let (jid, record) = parse::group(group(3).view()).unwrap();
    let metadata = parse::metadata(&jid, &record);
    assert_eq!(jid.to_string(), "120363000000000001@g.us");
    assert_eq!((metadata.subject.as_str(), metadata.subject_at), ("hikers", Some(100)));
    assert_eq!((metadata.subject_by, metadata.created_at), (Some(pn(1)), None), "a bad number is none");
    assert_eq!((metadata.addressing, metadata.size), (Addressing::Lid, 3));
    assert_eq!((metadata.announce, metadata.locked, metadata.all_may_add), (true, false, true));
    assert!(!metadata.approval, "the child alone does not switch approval on");
    assert_eq!((metadata.ephemeral_s, metadata.description.as_deref()), (86_400, Some("walks")));
    assert_eq!(metadata.members[2].alt, Some(pn(2)));
    assert!(parse::group(Node::new("group").view()).is_err());
}

#[test]
fn members_without_address_or_with_an_error_and_members_named_twice_are_left_out() {
    let odd = [
        Node::new("participant"),
        Node::new("participant").attr("jid", lid(5)).attr("error", "403"),
        Node::new("participant").attr("jid", Jid::group("1")),
        participant(0),
    ];
    let (_, record) = parse::group(group(2).children(odd).view()).unwrap();
    assert_eq!(record.members.len(), 2);
}

#[test]
fn a_member_of_the_other_kind_keeps_its_address() {
    let number = Node::new("participant").attr("jid", pn(9)).attr("lid", lid(9)).attr("type", "admin");
    let (jid, record) = parse::group(group(0).child(number).view()).unwrap();
    let members = parse::metadata(&jid, &record).members;
    assert_eq!((&members[0].jid, &members[0].alt, members[0].role), (&pn(9), &Some(lid(9)), Role::Admin));
}

#[test]
fn changes_of_members_are_made_once_however_often_they_are_told() {
    let mut record = record(3);
    let tag = |tag: &'static str| Node::new(tag);
    for _ in 0..2 {
        assert!(change::apply(&mut record, &read(&tag("add").child(participant(7)))));
        assert!(change::apply(&mut record, &read(&tag("remove").child(participant(2)))));
        assert!(change::apply(&mut record, &read(&tag("promote").child(participant(7)))));
    }
    assert_eq!(users(&record), [lid(0), lid(1), lid(7)].map(|jid| jid.to_string()));
    assert_eq!(record.members[2].role, Some(1));
    assert!(change::apply(&mut record, &read(&tag("demote").child(participant(7)))));
    assert_eq!(record.members[2].role, None);
}

#[test]
fn a_member_is_found_by_either_address() {
    let mut record = record(3);
    let by_number = Node::new("remove").child(Node::new("participant").attr("jid", pn(2)));
    assert!(change::apply(&mut record, &read(&by_number)));
    assert_eq!(record.members.len(), 2);
}

#[test]
fn a_change_of_another_list_than_the_stored_one_makes_it_worthless() {
    let change = |from: &'static str, to: &'static str| {
        read(&Node::new("add").attr("prev_v_id", from).attr("v_id", to).child(participant(7)))
    };
    assert!(change::apply(&mut record(3), &change("7", "8")));
    assert!(!change::apply(&mut record(3), &change("6", "8")));
    let mut told_twice = record(3);
    assert!(change::apply(&mut told_twice, &change("7", "8")));
    assert!(change::apply(&mut told_twice, &change("7", "8")));
}

#[test]
fn who_goes_alone_by_their_own_hand_left_and_others_were_removed() {
    let removed = |who: u64| read(&Node::new("remove").child(participant(who))).change;
    assert!(matches!(removed(1), GroupChange::Left { .. }));
    assert!(matches!(removed(2), GroupChange::Removed { .. }));
    let left = read(&Node::new("leave")).change;
    assert_eq!(left, GroupChange::Left { members: alloc::vec![member(1)] });
    assert!(change::takes_away(&left) && !change::takes_away(&GroupChange::Announce { on: true }));
}

#[test]
fn every_child_of_the_table_is_told_by_its_own_name() {
    let word = |tag: &'static str, text: &'static str| read(&Node::new(tag).text(text)).change;
    let plain = |tag: &'static str| read(&Node::new(tag)).change;
    assert_eq!(word("member_add_mode", "admin_add"), GroupChange::MemberAddMode { all: false });
    assert_eq!(plain("unlocked"), GroupChange::Locked { on: false });
    assert_eq!(plain("not_ephemeral"), GroupChange::Ephemeral { seconds: 0, trigger: None });
    assert_eq!(plain("growth_unlocked"), GroupChange::GrowthLocked { on: false, until: None });
    assert_eq!(plain("no_frequently_forwarded"), GroupChange::FrequentlyForwarded { allowed: false });
    let subject = read(&Node::new("subject").attr("subject", "runners")).change;
    assert_eq!(subject, GroupChange::Subject { subject: "runners".to_string() });
    let deleted = Node::new("description").attr("id", "x").child(Node::new("delete"));
    assert_eq!(read(&deleted).change, GroupChange::Description { id: Some("x".to_string()), text: None });
    let asked = Node::new("created_membership_requests")
        .attr("request_method", "non_admin_add")
        .child(Node::new("requested_user").attr("jid", lid(4)).attr("phone_number", pn(4)));
    let expected = GroupChange::JoinRequestsCreated {
        members: alloc::vec![member(4)],
        method: JoinMethod::NonAdminAdd,
        parent: None,
    };
    assert_eq!(read(&asked).change, expected);
    let cancelled = |who: u64| read(&Node::new("revoked_membership_requests").child(participant(who))).change;
    let by_requester =
        |change: &GroupChange| matches!(change, GroupChange::JoinRequestsRevoked { by_requester: true, .. });
    assert!(by_requester(&cancelled(1)) && !by_requester(&cancelled(2)));
    let linked = Node::new("link").attr("link_type", "sub_group").child(group(0));
    assert!(
        matches!(read(&linked).change, GroupChange::Linked { kind: LinkKind::Sub, groups } if groups.len() == 1)
    );
    let news = read(&Node::new("rocket").attr("fuel", "3")).change;
    assert!(matches!(&news, GroupChange::Unknown { tag, raw } if tag == "rocket" && raw.contains("fuel")));
    assert!(change::read(Node::new("missing_participant_identification").view(), None).is_none());
}

#[test]
fn what_is_kept_of_a_group_is_bounded() {
    let many = group(0).children((0..GROUP_MEMBERS as u64 + 9).map(participant));
    let (_, mut full) = parse::group(many.view()).unwrap();
    assert_eq!(full.members.len(), GROUP_MEMBERS);
    let one_more = Node::new("add").child(participant(GROUP_MEMBERS as u64 + 50));
    assert!(!change::apply(&mut full, &read(&one_more)), "who has no room makes the list worthless");
    let long = Node::new("subject").attr("subject", "ü".repeat(GROUP_TEXT_BYTES));
    let GroupChange::Subject { subject } = read(&long).change else { panic!() };
    assert_eq!(subject.len(), GROUP_TEXT_BYTES);
    let changes = (0..GROUP_CHANGES + 2).map(|_| Node::new("locked"));
    let notification = Node::new("notification").children(changes);
    assert_eq!(change::read_all(notification.view(), None).len(), GROUP_CHANGES);
    let links = (0..GROUP_LINKS + 3).map(|n| Node::new("group").attr("id", format!("{}", n + 1)));
    let linked = read(&Node::new("link").attr("link_type", "sibling_group").children(links)).change;
    assert!(matches!(linked, GroupChange::Linked { groups, .. } if groups.len() == GROUP_LINKS));
}

proptest! {
    /// A list that follows any changes is the list that the same changes make of a set.
    #[test]
    fn any_changes_make_of_a_list_what_they_make_of_a_set(changes in prop::collection::vec((any::<bool>(), 0_u64..12), 0..40)) {
        let mut record = record(4);
        let mut set: alloc::collections::BTreeSet<u64> = (0..4).collect();
        for (comes, who) in changes {
            let tag = if comes { set.insert(who); "add" } else { set.remove(&who); "remove" };
            let node = Node::new(tag).child(participant(who));
            prop_assert!(change::apply(&mut record, &change::read(node.view(), None).unwrap()));
        }
        let expected: Vec<String> = set.into_iter().map(|who| lid(who).to_string()).collect();
        prop_assert_eq!(users(&record), expected);
    }
}
