//! A group of a thousand members: bounded work, few questions, small records.

use core::time::Duration;

use sanswire::Table;
use sanswire::limits::{GROUP_MEMBERS, HOLDERS_MAX, SHARES_PER_MESSAGE, USERS_PER_QUERY};
use sanswire_sim::server::{AccountId, Addressing, AdminRequest};
use sanswire_sim::world::World;

use super::{account, assert_clean, is_sent, say, shared};

const MEMBERS: usize = 1_024;

#[test]
fn a_thousand_members_get_the_key_once_and_are_asked_for_in_a_few_queries() {
    let mut world = World::new(10);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    let mut members: Vec<AccountId> = [alice, bob].map(|who| account(&world, who)).to_vec();
    for n in 2..MEMBERS {
        let made = world.admin(AdminRequest::CreateAccount { name: format!("Member {n}") });
        let phone = made.body["devices"][0]["jid"].as_str().unwrap().to_owned();
        members.push(world.server.find_device(&phone).unwrap().account);
    }
    assert!(
        MEMBERS > USERS_PER_QUERY
            && MEMBERS <= GROUP_MEMBERS
            && MEMBERS <= SHARES_PER_MESSAGE.min(HOLDERS_MAX)
    );
    let group = world.server.create_group("everybody", &members, Addressing::Lid);
    world.run();
    let first = say(&mut world, alice, &group, "first");
    assert!(is_sent(&world, alice, first), "{:?}", world.reply(alice, first));
    let (key, holders) = shared(&world, alice, &group);
    // A phone each, Bob's client, and not this one.
    assert_eq!(holders.len(), MEMBERS + 1);
    let second = say(&mut world, alice, &group, "second");
    assert!(is_sent(&world, alice, second));
    assert_eq!(shared(&world, alice, &group), (key, holders));
    assert_eq!(world.texts(bob), ["first", "second"]);
    let rows = world[alice].storage.rows();
    let size = |table| rows.iter().filter(|row| row.table == table).map(|row| row.value.len()).sum::<usize>();
    assert!(size(Table::SharedKey) < 12 * MEMBERS, "{}", size(Table::SharedKey));
    assert!(size(Table::Group) < 64 * MEMBERS, "{}", size(Table::Group));
    world.run_for(Duration::from_secs(5));
    assert_clean(&world);
}
