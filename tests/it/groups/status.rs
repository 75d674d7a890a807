//! Statuses and channels: other ways of reaching many.

use core::time::Duration;

use sanswire::messaging::{Audience, AudienceKind, SendMessage};
use sanswire::ops::Answer;
use sanswire::wire::Jid;
use sanswire_sim::world::World;

use super::{account, assert_clean, shared};

#[test]
fn a_status_is_read_by_its_audience_and_nobody_else() {
    let mut world = World::new(6);
    let people = ["Alice", "Bob", "Carol", "Dave"].map(|name| world.paired(name));
    let [alice, bob, carol, dave] = people;
    let users = vec![world.number(bob), world.addresses(carol).1.bare().into_owned()];
    let audience = Audience { users, kind: AudienceKind::AllowList };
    for text in ["first", "second"] {
        let post = SendMessage::text(Jid::STATUS, text).with_audience(audience.clone());
        let call = world.call(alice, post);
        world.run_for(Duration::from_secs(20));
        assert!(matches!(world.reply(alice, call), Some(Ok(_))), "{:?}", world.reply(alice, call));
    }
    assert_eq!(world.texts(bob), ["first", "second"]);
    assert_eq!(world.texts(carol), ["first", "second"]);
    assert!(world.texts(dave).is_empty());
    assert_eq!(shared(&world, alice, &Jid::STATUS).1.len(), 5);
    assert_clean(&world);
}

#[test]
fn who_is_left_out_of_the_next_status_does_not_get_its_key() {
    let mut world = World::new(7);
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.paired(name));
    let post = |world: &mut World, text: &str, to: &[sanswire_sim::world::Who]| {
        let users = to.iter().map(|who| world.number(*who)).collect();
        let audience = Audience { users, kind: AudienceKind::DenyList };
        world.call(alice, SendMessage::text(Jid::STATUS, text).with_audience(audience));
        world.run_for(Duration::from_secs(20));
        shared(world, alice, &Jid::STATUS).0
    };
    let first = post(&mut world, "for both", &[bob, carol]);
    let second = post(&mut world, "for Bob", &[bob]);
    assert_ne!(first, second);
    assert_eq!(world.texts(carol), ["for both"]);
    assert_eq!(world.texts(bob), ["for both", "for Bob"]);
    assert_clean(&world);
}

#[test]
fn a_channel_takes_plain_posts_and_numbers_them() {
    let mut world = World::new(9);
    let [alice, bob] = ["Alice", "Bob"].map(|name| world.paired(name));
    let (owner, follower) = (account(&world, alice), account(&world, bob));
    let channel = world.server.create_newsletter(owner, &[follower]);
    let call = world.call(alice, SendMessage::text(channel.clone(), "news"));
    world.run_for(Duration::from_secs(20));
    let Some(Ok(Answer::SendMessage(sent))) = world.reply(alice, call) else {
        panic!("{:?}", world.reply(alice, call))
    };
    assert!(sent.server_id.is_some());
    assert_clean(&world);
}
