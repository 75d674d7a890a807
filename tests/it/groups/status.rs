//! Statuses and channels: other ways of reaching many.

use core::time::Duration;

use sanswire::content::{Content, Edit, Key, Reaction, Revoke, Text};
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

#[test]
fn posts_of_a_channel_are_changed_under_their_own_id_and_reacted_to_by_number() {
    let mut world = World::new(11);
    let [alice, bob] = ["Alice", "Bob"].map(|name| world.paired(name));
    let (owner, follower) = (account(&world, alice), account(&world, bob));
    let channel = world.server.create_newsletter(owner, &[owner, follower]);
    let mut send = |content: Content| {
        let call = world.call(alice, SendMessage::new(channel.clone(), content));
        world.run_for(Duration::from_secs(20));
        match world.reply(alice, call) {
            Some(Ok(Answer::SendMessage(sent))) => sent.clone(),
            other => panic!("{other:?}"),
        }
    };
    let text = |body: &str| Content::Text(Text { body: body.to_owned(), ..Text::default() });
    let post = send(text("news"));
    let edit = Edit { of: Key::own(&post.id), content: Box::new(text("better news")), ..Edit::default() };
    let edited = send(Content::Edit(edit));
    assert_eq!(edited.server_id, post.server_id);
    assert_ne!(edited.id, post.id);
    let number = post.server_id.unwrap().to_string();
    let reaction = Reaction { to: Key::of(number, None), emoji: "👍".to_owned(), ..Reaction::default() };
    assert_eq!(send(Content::Reaction(reaction)).server_id, post.server_id);
    assert_eq!(send(Content::Revoke(Revoke { of: Key::own(&post.id) })).server_id, post.server_id);
    assert_clean(&world);
}

#[test]
fn a_reaction_to_a_status_goes_to_its_author_alone() {
    let mut world = World::new(12);
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.paired(name));
    let users = vec![world.number(bob), world.number(carol)];
    let audience = Audience { users, kind: AudienceKind::Contacts };
    let post = SendMessage::text(Jid::STATUS, "sunset").with_id("SUNSET").with_audience(audience);
    world.call(alice, post);
    world.run_for(Duration::from_secs(20));
    let author = world.addresses(alice).1.bare().into_owned();
    let audience = Audience { users: vec![author.clone()], kind: AudienceKind::Contacts };
    let reaction =
        Reaction { to: Key::of("SUNSET", Some(author)), emoji: "🌅".to_owned(), ..Reaction::default() };
    let call =
        world.call(bob, SendMessage::new(Jid::STATUS, Content::Reaction(reaction)).with_audience(audience));
    world.run_for(Duration::from_secs(20));
    assert!(matches!(world.reply(bob, call), Some(Ok(_))), "{:?}", world.reply(bob, call));
    let reacted = |who| {
        let of = |received: &&sanswire::event::Received| matches!(received.content, Content::Reaction(_));
        world[who].received().into_iter().filter(of).count()
    };
    assert_eq!((reacted(alice), reacted(carol)), (1, 0));
    assert_clean(&world);
}
