//! Groups and statuses between simulated accounts: who reads what, under which key, whatever happens between.

mod change;
mod keys;
mod large;
mod retry;
mod status;

use core::time::Duration;

use prost::Message as _;
use sanswire::Table;
use sanswire::directory::holders::Holders;
use sanswire::event::{Event, SendState};
use sanswire::groups::GroupEvent;
use sanswire::messaging::SendMessage;
use sanswire::ops::{Answer, CallId};
use sanswire::wire::OwnedJid;
use sanswire_proto::records::SharedKey;
use sanswire_sim::server::{AccountId, Addressing, AdminRequest};
use sanswire_sim::world::{Who, World};

/// A world with clients of these people, one each, all in one group that the first one made.
fn group(names: &[&str], addressing: Addressing) -> (World, Vec<Who>, OwnedJid) {
    let mut world = World::new(3);
    let people: Vec<Who> = names.iter().map(|name| world.paired(name)).collect();
    let group = make(&mut world, &people, addressing);
    (world, people, group)
}

fn make(world: &mut World, people: &[Who], addressing: Addressing) -> OwnedJid {
    let accounts: Vec<AccountId> = people.iter().map(|who| account(world, *who)).collect();
    let group = world.server.create_group("hikers", &accounts, addressing);
    world.run();
    group
}

fn account(world: &World, who: Who) -> AccountId {
    world.device(who).unwrap().account
}

fn say(world: &mut World, who: Who, group: &OwnedJid, text: &str) -> CallId {
    let call = world.send_to(who, group.clone(), text);
    world.run_for(Duration::from_secs(20));
    call
}

fn assert_clean(world: &World) {
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}

fn is_sent(world: &World, who: Who, call: CallId) -> bool {
    matches!(world.reply(who, call), Some(Ok(Answer::SendMessage(_))))
}

fn changes(world: &World, who: Who) -> Vec<&GroupEvent> {
    world[who].select(|event| if let Event::Group(event) = event { Some(event) } else { None })
}

/// The id of a client's sender key of a group, and who has it.
fn shared(world: &World, who: Who, group: &OwnedJid) -> (Option<u32>, Holders) {
    let rows = world[who].storage.rows();
    let row =
        rows.iter().find(|row| row.table == Table::SharedKey && row.key == group.to_string().as_bytes());
    let record = row.map(|row| SharedKey::decode(&row.value[1..]).unwrap()).unwrap_or_default();
    let holders = Holders::decode(record.holders.as_deref().unwrap_or_default()).unwrap();
    (record.key_id, holders)
}

/// Everybody but the first says something, then the first: each hears each other once.
fn conversation(addressing: Addressing) {
    let (mut world, people, group) = group(&["Alice", "Bob", "Carol"], addressing);
    for (round, who) in people.iter().cycle().take(9).enumerate() {
        say(&mut world, *who, &group, &format!("message {round}"));
    }
    for (place, who) in people.iter().enumerate() {
        let heard: Vec<_> =
            (0..9).filter(|round| round % 3 != place).map(|round| format!("message {round}")).collect();
        assert_eq!(world.texts(*who), heard);
        assert!(
            world[*who]
                .received()
                .iter()
                .filter(|it| !it.from_me)
                .all(|it| it.chat == group || !it.chat.is_group())
        );
        let (key, holders) = shared(&world, *who, &group);
        assert!(key.is_some());
        // Two others with a phone and a client each, and the own phone.
        assert_eq!(holders.len(), 5);
    }
    assert_clean(&world);
}

#[test]
fn members_named_by_lid_talk() {
    conversation(Addressing::Lid);
}

#[test]
fn members_named_by_number_talk() {
    conversation(Addressing::Pn);
}

#[test]
fn messages_of_one_member_keep_their_order_though_the_key_goes_out_with_the_first() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    for n in 0..20 {
        world.send_to(people[0], group.clone(), &format!("message {n}"));
    }
    world.run();
    let expected: Vec<_> = (0..20).map(|n| format!("message {n}")).collect();
    assert_eq!(world.texts(people[1]), expected);
    assert_clean(&world);
}

#[test]
fn own_other_devices_read_along_and_what_the_phone_says_is_read() {
    let mut world = World::new(4);
    let (alice, laptop, bob) = (world.paired("Alice"), world.paired("Alice"), world.paired("Bob"));
    let group = make(&mut world, &[alice, bob], Addressing::Lid);
    say(&mut world, alice, &group, "from my client");
    assert_eq!(world.texts(laptop), ["from my client"]);
    assert!(world[laptop].received().iter().any(|received| received.from_me && received.chat == group));
    let request =
        AdminRequest::Send { from: "Bob".to_owned(), to: group.to_string(), text: "from a phone".to_owned() };
    assert_eq!(world.admin(request).status, 200);
    world.run();
    assert_eq!(world.texts(alice), ["from a phone"]);
    assert_eq!(world.texts(laptop), ["from my client", "from a phone"]);
    assert_clean(&world);
}

#[test]
fn who_is_no_member_is_refused_and_told_why() {
    let (mut world, people, group) = group(&["Alice", "Bob"], Addressing::Lid);
    let mallory = world.paired("Mallory");
    let call = say(&mut world, mallory, &group, "let me in");
    let refused = world.reply(mallory, call).unwrap().as_ref().unwrap_err();
    assert!(matches!(refused, sanswire::OpError::Refused { code: 403, .. }), "{refused}");
    let progress = world[mallory].progress();
    assert!(matches!(progress.last().unwrap().state, SendState::Failed { .. }));
    assert!(people.iter().all(|who| world.texts(*who).is_empty()));
}

#[test]
fn what_cannot_be_sent_to_is_refused_at_once() {
    let mut world = World::new(5);
    let alice = world.paired("Alice");
    for to in
        ["15550001111-1600000000@broadcast", "status@broadcast", "@g.us", "15550001111:3@s.whatsapp.net"]
    {
        let to = sanswire::wire::Jid::parse(to).unwrap().into_owned();
        let call = world.call(alice, SendMessage::text(to.clone(), "hello?"));
        world.run();
        let reply = world.reply(alice, call).unwrap();
        assert!(matches!(reply, Err(sanswire::OpError::Argument(_))), "{to}: {reply:?}");
    }
}
