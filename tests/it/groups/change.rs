//! What is known of groups: asked for once, then kept up to date.

use core::time::Duration;

use sanswire::event::{Event, SendState};
use sanswire::groups::{GroupChange, GroupInfo, GroupMetadata};
use sanswire::limits::GROUPS_PER_SWEEP;
use sanswire::ops::Answer;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire::{OpError, Table};
use sanswire_proto::records::GroupRecord;
use sanswire_sim::server::{Addressing, Fault, GroupChange as Change, Target};
use sanswire_sim::world::{Who, World};

use super::{account, assert_clean, changes, group, is_sent, say};

fn info(world: &mut World, who: Who, group: &OwnedJid, fresh: bool) -> Result<GroupMetadata, OpError> {
    let call = world.call(who, GroupInfo { group: group.clone(), fresh });
    world.run();
    match world.reply(who, call).unwrap().clone()? {
        Answer::GroupInfo(metadata) => Ok(*metadata),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_is_told_with_its_members_when_it_is_made() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    for who in &people {
        let told = changes(&world, *who);
        let [event] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(event.group, group);
        let GroupChange::Created { metadata, .. } = &event.change else { panic!("{event:?}") };
        assert_eq!((metadata.subject.as_str(), metadata.members.len()), ("hikers", 2));
    }
    let number = world.number(people[1]);
    let metadata = info(&mut world, people[0], &group, false).unwrap();
    assert!(metadata.members.iter().any(|member| member.alt.as_ref() == Some(&number)));
}

#[test]
fn each_change_is_one_event_and_what_is_known_follows() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let carol = world.paired("Carol");
    let carols = account(&world, carol);
    let bobs = account(&world, people[1]);
    let made = [
        Change::Subject("runners".to_owned()),
        Change::Description("fast".to_owned()),
        Change::Announcement(true),
        Change::Locked(true),
        Change::Ephemeral(86_400),
        Change::Approval(true),
        Change::Add(carols),
        Change::Promote(bobs),
        Change::Demote(bobs),
        Change::Leave(carols),
    ];
    let before = changes(&world, people[0]).len();
    for change in made {
        assert!(world.server.change_group(&group, change));
        world.run();
    }
    let told: Vec<_> =
        changes(&world, people[0])[before..].iter().map(|event| event.change.clone()).collect();
    assert_eq!(told[0], GroupChange::Subject { subject: "runners".to_owned() });
    assert!(matches!(&told[1], GroupChange::Description { text: Some(text), .. } if text == "fast"));
    assert_eq!(
        told[2..5],
        [
            GroupChange::Announce { on: true },
            GroupChange::Locked { on: true },
            GroupChange::Ephemeral { seconds: 86_400, trigger: None },
        ]
    );
    assert_eq!(told[5], GroupChange::ApprovalMode { on: true });
    assert!(matches!(&told[6], GroupChange::Added { members, .. } if members.len() == 1));
    assert!(
        matches!(told[7], GroupChange::Promoted { .. }) && matches!(told[8], GroupChange::Demoted { .. })
    );
    assert!(matches!(told[9], GroupChange::Left { .. }), "{:?}", told[9]);
    let known = info(&mut world, people[0], &group, false).unwrap();
    let asked = info(&mut world, people[0], &group, true).unwrap();
    assert_eq!(known.subject, "runners");
    assert!(known.announce && known.locked && known.approval);
    assert_eq!((known.ephemeral_s, known.description.as_deref()), (86_400, Some("fast")));
    assert_eq!((known.members.len(), &known.members), (2, &asked.members));
    assert_clean(&world);
}

#[test]
fn a_group_is_asked_for_once_and_not_for_each_message() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    world.actor(people[0]).storage.wipe(Table::Group);
    world.crash(people[0]);
    world.restart(people[0]);
    world.run_for(Duration::from_secs(60));
    for n in 0..5 {
        world.send_to(people[0], group.clone(), &format!("{n}"));
    }
    world.run();
    // A second question would be refused, and fail what waits for it.
    let alice = Target::Device(world.device(people[0]).unwrap());
    world.server.arm(Fault::RefuseIq("w:g2".to_owned(), 500), alice, 1);
    let call = say(&mut world, people[0], &group, "5");
    assert!(is_sent(&world, people[0], call));
    assert_eq!(world.texts(people[1]), ["0", "1", "2", "3", "4", "5"]);
    assert!(info(&mut world, people[0], &group, true).is_err(), "the refusal was still there");
}

#[test]
fn a_group_that_cannot_be_asked_for_fails_what_waits_for_it() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    world.actor(people[0]).storage.wipe(Table::Group);
    world.crash(people[0]);
    world.restart(people[0]);
    world.run_for(Duration::from_secs(60));
    let alice = Target::Device(world.device(people[0]).unwrap());
    world.server.arm(Fault::RefuseIq("w:g2".to_owned(), 404), alice, 1);
    let call = say(&mut world, people[0], &group, "anybody?");
    let reply = world.reply(people[0], call).unwrap();
    assert!(matches!(reply, Err(OpError::Refused { code: 404, .. })), "{reply:?}");
}

#[test]
fn addresses_that_are_out_of_date_are_asked_for_and_the_message_goes_once_more() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "by LID");
    assert!(world.server.change_group(&group, Change::Addressing(Addressing::Pn)));
    let call = say(&mut world, people[0], &group, "by number");
    assert!(is_sent(&world, people[0], call));
    assert_eq!(world.texts(people[1]), ["by LID", "by number"]);
    assert_clean(&world);
}

#[test]
fn a_message_is_readdressed_only_once() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let alice = Target::Device(world.device(people[0]).unwrap());
    world.server.arm(Fault::RefuseMessage(421), alice, 2);
    let call = say(&mut world, people[0], &group, "where are you?");
    let reply = world.reply(people[0], call).unwrap();
    assert!(matches!(reply, Err(OpError::Refused { code: 421, .. })), "{reply:?}");
    let failed = |event: &Event| match event {
        Event::Send(progress) => matches!(progress.state, SendState::Failed { .. }).then_some(()),
        _ => None,
    };
    assert_eq!(world[people[0]].select(failed).len(), 1);
    assert!(world.texts(people[1]).is_empty());
    let next = say(&mut world, people[0], &group, "there you are");
    assert!(is_sent(&world, people[0], next));
    assert_clean(&world);
}

#[test]
fn devices_that_the_server_knows_better_are_asked_for_before_the_next_message() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    say(&mut world, people[0], &group, "before");
    // Alice does not hear of the new device, but the hash in the ack tells.
    let alice = Target::Device(world.device(people[0]).unwrap());
    world.server.arm(Fault::WithholdStanza("notification".to_owned()), alice, 1);
    let laptop = world.paired("Bob");
    say(&mut world, people[0], &group, "unheard");
    say(&mut world, people[0], &group, "after");
    assert!(world.texts(laptop).contains(&"after".to_owned()), "{:?}", world.texts(laptop));
    assert_eq!(world.texts(people[1]), ["before", "unheard", "after"]);
}

#[test]
fn when_something_was_not_told_every_group_is_asked_for_again() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    for n in 0..GROUPS_PER_SWEEP + 10 {
        let other = Jid::group(format!("1203630000{n:08}")).to_string();
        world.actor(people[0]).storage.plant(Table::Group, other.as_bytes(), &GroupRecord::default());
    }
    let dirty = Node::new("dirty").attr("type", "groups").attr("timestamp", 1_700_000_000_u64);
    let alice = world.device(people[0]).unwrap();
    world.server.inject(alice, Node::new("ib").child(dirty));
    world.run();
    assert_eq!(world[people[0]].storage.count(Table::Group), 0);
    let call = say(&mut world, people[0], &group, "still there?");
    assert!(is_sent(&world, people[0], call));
    assert_eq!(world[people[0]].storage.count(Table::Group), 1);
    assert_eq!(world.texts(people[1]), ["still there?"]);
}

#[test]
fn a_notification_that_comes_twice_is_told_once() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let before = changes(&world, people[0]).len();
    let alice = world.device(people[0]).unwrap();
    let notification = Node::new("notification")
        .attr("id", "1234567")
        .attr("type", "w:gp2")
        .attr("from", group.clone())
        .attr("t", 1_700_000_000_u64)
        .child(Node::new("locked"))
        .child(Node::new("subject").attr("subject", "twice"));
    for _ in 0..2 {
        world.server.inject(alice, notification.clone());
        world.run();
    }
    assert_eq!(changes(&world, people[0]).len(), before + 2, "one event for each child");
    assert_eq!(info(&mut world, people[0], &group, false).unwrap().subject, "twice");
}
