//! Statuses and channels: other ways of reaching many.

use core::time::Duration;

use sanswire::content::{
    Content, Context, Draft, Edit, Image, Key, MediaFile, Quote, Reaction, Revoke, Text,
};
use sanswire::event::SendState;
use sanswire::messaging::{Audience, AudienceKind, MarkRead, SendMessage};
use sanswire::newsletters::MarkViewed;

use sanswire::OpError;
use sanswire::limits::RECEIPT_IDS;
use sanswire::ops::Answer;
use sanswire::wire::Jid;
use sanswire_sim::world::{Who, World};

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
fn a_channel_takes_plain_posts_numbers_them_and_counts_who_saw_them() {
    let mut world = World::new(9);
    let [alice, bob] = ["Alice", "Bob"].map(|name| world.paired(name));
    let (owner, follower) = (account(&world, alice), account(&world, bob));
    let channel = world.server.create_newsletter(owner, &[follower]);
    let call = world.call(alice, SendMessage::text(channel.clone(), "news"));
    world.run_for(Duration::from_secs(20));
    let Some(Ok(Answer::SendMessage(sent))) = world.reply(alice, call) else {
        panic!("{:?}", world.reply(alice, call))
    };
    let number = sent.server_id.unwrap();
    let seen = MarkViewed { newsletter: channel.clone(), posts: vec![number] };
    for _ in 0..2 {
        world.call(bob, seen.clone());
    }
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.server.post_views(&channel, number), 1, "by Bob");
    for wrong in [
        MarkViewed { newsletter: world.number(alice), ..seen.clone() },
        MarkViewed { posts: Vec::new(), ..seen.clone() },
        MarkViewed { posts: vec![number; RECEIPT_IDS + 1], ..seen },
    ] {
        let call = world.call(bob, wrong);
        world.run();
        assert!(matches!(world.reply(bob, call), Some(Err(OpError::Argument(_)))));
    }
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

/// Alice posts for Bob and Carol, under this id.
fn posted(world: &mut World, alice: Who, others: [Who; 2], id: &str, content: Content) {
    let users = others.iter().map(|who| world.number(*who)).collect();
    let audience = Audience { users, kind: AudienceKind::AllowList };
    let call = world.call(alice, SendMessage::new(Jid::STATUS, content).with_id(id).with_audience(audience));
    world.run_for(Duration::from_secs(20));
    assert!(matches!(world.reply(alice, call), Some(Ok(_))), "{:?}", world.reply(alice, call));
}

#[test]
fn a_status_is_taken_back_by_its_author_for_everybody_who_saw_it() {
    let mut world = World::new(13);
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.paired(name));
    let laptop = world.paired("Alice");
    let others = [bob, carol];
    posted(&mut world, alice, others, "SUNSET", Content::Text(Text::new("sunset")));
    let revoke = Content::Revoke(Revoke { of: Key::own("SUNSET") });
    posted(&mut world, alice, others, "REVOKE", revoke);
    let author = world.addresses(alice).1.bare().into_owned();
    for (who, mine) in [(bob, false), (carol, false), (laptop, true)] {
        let received = world[who].received().into_iter().find(|received| received.id == "REVOKE").unwrap();
        assert_eq!((&received.chat, received.from_me), (&Jid::STATUS, mine));
        assert_eq!(received.details.edit.as_deref(), Some("7"));
        let Content::Revoke(Revoke { of }) = &received.content else { panic!("{:?}", received.content) };
        assert_eq!((of.id.as_str(), of.from_me), ("SUNSET", mine));
        let named = of.sender.clone().unwrap_or_else(|| received.sender.bare().into_owned());
        assert_eq!(named, author);
    }
    assert_clean(&world);
}

#[test]
fn a_picture_is_a_status_as_well() {
    let mut world = World::new(14);
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.paired(name));
    let file = MediaFile {
        direct_path: "/v/sunset".to_owned(),
        media_key: Some(vec![1; 32].into()),
        sha256: vec![2; 32].into(),
        enc_sha256: Some(vec![3; 32].into()),
        length: 4_000,
        mimetype: Some("image/jpeg".to_owned()),
        ..MediaFile::default()
    };
    let image = Image { file, caption: Some("sunset".to_owned()), ..Image::default() };
    posted(&mut world, alice, [bob, carol], "PICTURE", Content::Image(image.clone()));
    for who in [bob, carol] {
        let received = world[who].received().into_iter().find(|received| received.id == "PICTURE").unwrap();
        let Content::Image(shown) = &received.content else { panic!("{:?}", received.content) };
        assert_eq!((&shown.caption, &shown.file.media_key), (&image.caption, &image.file.media_key));
    }
    assert_clean(&world);
}

#[test]
fn a_status_is_marked_as_seen_and_answered_in_the_conversation_with_its_author() {
    let mut world = World::new(15);
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.paired(name));
    posted(&mut world, alice, [bob, carol], "SUNSET", Content::Text(Text::new("sunset")));
    let seen = world[bob].received().into_iter().find(|received| received.id == "SUNSET").unwrap().clone();
    let calls = MarkRead::all([&seen]);
    assert_eq!(calls.len(), 1);
    world.call(bob, calls[0].clone());
    let author = seen.sender.bare().into_owned();
    let quote = Quote {
        id: seen.id.clone(),
        sender: Some(author.clone()),
        chat: Some(Jid::STATUS),
        content: Some(Box::new(seen.content)),
        ..Quote::default()
    };
    let context = Context { quote: Some(Box::new(quote)), ..Context::default() };
    let answer = Draft { content: Content::Text(Text::new("where is that?")), context };
    world.call(bob, SendMessage::new(author, answer));
    world.run_for(Duration::from_secs(20));
    let by: Vec<_> = world[alice]
        .progress()
        .into_iter()
        .filter_map(|progress| match &progress.state {
            SendState::Read { by, .. } if progress.id == "SUNSET" => Some(by.user().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(by, [world.addresses(bob).1.user()]);
    let answered = world[alice].received().into_iter().next_back().unwrap();
    let quote = answered.context.quote.as_ref().unwrap();
    assert_eq!((quote.id.as_str(), quote.chat.as_ref()), ("SUNSET", Some(&Jid::STATUS)));
    assert!(!answered.chat.is_status());
    assert!(world.texts(carol).iter().all(|text| text != "where is that?"));
    assert_clean(&world);
}
