//! The recordings in `fixtures/recordings/`: each replays, and its events are in a snapshot for people to review.
//!
//! `cargo test -p sanswire --test it replay::committed -- --ignored` records those of the simulated world anew
//! (fixtures/README.md).

use core::fmt::Write as _;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};

use sanswire::Table;
use sanswire::content::{Content, Draft, Edit, Key, Poll, PollVote, Reaction, Revoke, Text};
use sanswire::event::LinkEvent;
use sanswire::link::Logout;
use sanswire::messaging::SendMessage;
use sanswire::replay::{MAGIC, OutputKind, Replayer, VERSION, What};
use sanswire_sim::server::{Addressing, AdminRequest, GroupChange};
use sanswire_sim::tape::Tape;
use sanswire_sim::world::{Who, World};

/// Largest recording that is committed, in bytes: the prekeys of one device take half of it.
const COMMITTED_BYTES_MAX: u64 = 300_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings").join(VERSION.to_string())
}

#[test]
fn every_committed_recording_replays() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let recordings = files.iter().filter(|file| file.extension().is_some_and(|end| end == "swrec"));
    let mut count = 0;
    for path in recordings {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let recording = fs::read(path).unwrap();
        assert!(recording.starts_with(MAGIC) && recording.len() as u64 <= COMMITTED_BYTES_MAX, "{name}");
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots/recordings" }, {
            insta::assert_snapshot!(name, events(name, recording));
        });
        count += 1;
    }
    assert!(count >= 9, "{count} recordings");
}

/// What the application got to see, one event a line, behind the time since the start.
fn events(name: &str, recording: Vec<u8>) -> String {
    let mut replayer = Replayer::new(recording).unwrap();
    let mut text = String::new();
    loop {
        match replayer.step() {
            Ok(None) => break,
            Err(error) => panic!("{name}: {error}"),
            Ok(Some(step)) => {
                let What::Output(output) = &step.what else { continue };
                if matches!(output.kind, OutputKind::Event | OutputKind::Reply) {
                    let (seconds, millis) = (step.after.as_secs(), step.after.subsec_millis());
                    writeln!(text, "{seconds}.{millis:03} {} {output}", output.kind.name()).unwrap();
                }
            }
        }
    }
    text
}

/// A client that is recorded from its second life on, and one to talk to.
fn stage(seed: u64) -> (World, Tape, Who, Who) {
    let (mut world, tape) = (World::new(seed), Tape::new());
    let alice = world.client_made("Alice", tape.maker(), |_| {});
    world.pair(alice);
    let bob = world.paired("Bob");
    world.crash(alice);
    (world, tape, alice, bob)
}

/// Starts the client again over its storage.
fn start(world: &mut World, tape: &Tape, who: Who) {
    tape.storage_is(&world[who].storage);
    world.restart(who);
    world.run_for(Duration::from_secs(5));
}

fn say(world: &mut World, from: Who, to: Who, text: &str) {
    world.send(from, to, text);
    world.run_for(Duration::from_secs(5));
}

fn save(name: &str, tape: &Tape) {
    fs::create_dir_all(folder()).unwrap();
    let recording = tape.recordings().pop().unwrap();
    fs::write(folder().join(format!("{name}.swrec")), recording).unwrap();
}

#[test]
#[ignore = "writes fixtures/recordings"]
fn record_anew() {
    pairing();
    login();
    conversation();
    offline();
    retry();
    reconnect();
    conflict();
    logout();
    group();
    mixed();
}

fn pairing() {
    let (mut world, tape) = (World::new(100), Tape::new());
    let alice = world.client_made("Alice", tape.maker(), |_| {});
    world.run_for(Duration::from_secs(70));
    world.pair(alice);
    save("pairing", &tape);
}

fn login() {
    let (mut world, tape, alice, _) = stage(101);
    start(&mut world, &tape, alice);
    assert!(world.is_ready(alice));
    save("login", &tape);
}

fn conversation() {
    let (mut world, tape, alice, bob) = stage(102);
    start(&mut world, &tape, alice);
    for n in 1..=5 {
        say(&mut world, alice, bob, &format!("question {n}"));
        say(&mut world, bob, alice, &format!("answer {n}"));
    }
    assert_eq!(world.texts(alice).len(), 5);
    save("conversation", &tape);
}

fn offline() {
    let (mut world, tape, alice, bob) = stage(103);
    for n in 1..=8 {
        say(&mut world, bob, alice, &format!("while you were away {n}"));
    }
    start(&mut world, &tape, alice);
    assert_eq!(world.texts(alice).len(), 8);
    save("offline", &tape);
}

/// The other side's session is of no use to a client that lost its own.
fn retry() {
    let (mut world, tape, alice, bob) = stage(104);
    start(&mut world, &tape, alice);
    say(&mut world, bob, alice, "makes a session");
    say(&mut world, alice, bob, "and answers");
    world.crash(alice);
    world.actor(alice).storage.wipe(Table::Session);
    start(&mut world, &tape, alice);
    say(&mut world, bob, alice, "cannot be read at first");
    say(&mut world, alice, bob, "I can read you again");
    assert!(world.texts(alice).contains(&"cannot be read at first".to_string()));
    save("retry", &tape);
}

fn reconnect() {
    let (mut world, tape, alice, bob) = stage(105);
    start(&mut world, &tape, alice);
    world.cut(alice);
    world.send(alice, bob, "written while the connection was down");
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.admin(AdminRequest::Restart).status, 200);
    say(&mut world, bob, alice, "after a restart of the server");
    world.run_for(Duration::from_secs(30));
    world.unplug(alice);
    world.run_for(Duration::from_secs(120));
    world.plug_in(alice);
    world.run_for(Duration::from_secs(120));
    assert!(world.is_ready(alice) && world.texts(bob).len() == 1 && world.texts(alice).len() == 1);
    save("reconnect", &tape);
}

fn conflict() {
    let (mut world, tape, alice, _) = stage(106);
    start(&mut world, &tape, alice);
    let jid = world.addresses(alice).0.to_string();
    let kick = AdminRequest::Kick { jid, code: None, conflict: Some("replaced".to_string()) };
    assert_eq!(world.admin(kick).status, 200);
    world.run_for(Duration::from_secs(60));
    assert!(!world.is_ready(alice));
    save("conflict", &tape);
}

fn logout() {
    let (mut world, tape, alice, _) = stage(107);
    start(&mut world, &tape, alice);
    let call = world.call(alice, Logout {});
    world.run_for(Duration::from_secs(30));
    assert!(matches!(world.reply(alice, call), Some(Ok(_))));
    save("logout", &tape);
}

/// Three people who react, correct themselves, vote and take back; one leaves and returns; a sender key is lost.
fn group() {
    let (mut world, tape, alice, bob) = stage(110);
    start(&mut world, &tape, alice);
    let carol = world.paired("Carol");
    let group = world.group(&[alice, bob, carol], Addressing::Lid);
    let lid = |world: &World, who: Who| world.addresses(who).1;
    let tell = |world: &mut World, from: Who, id: &str, content: Content| {
        let call = world.call(from, SendMessage::new(group.clone(), Draft::new(content)).with_id(id));
        world.run_for(Duration::from_secs(5));
        assert!(matches!(world.reply(from, call), Some(Ok(_))), "{id}: {:?}", world.reply(from, call));
    };
    let text = |body: &str| Content::Text(Text::new(body));
    let of_alice = Key::of("ASKS", Some(lid(&world, alice)));
    tell(&mut world, alice, "ASKS", text("who walks on Sunday?"));
    tell(&mut world, bob, "NODS", Content::Reaction(Reaction::new(of_alice, "👍")));
    tell(&mut world, carol, "DOUBTS", text("it may rain"));
    let edit = Edit { of: Key::own("ASKS"), content: Box::new(text("who walks on Monday?")), sent_ms: None };
    tell(&mut world, alice, "EDITS", Content::Edit(edit));
    tell(&mut world, bob, "POLL", Content::Poll(Poll::new("how far?", ["10 km", "20 km"])));
    let poll = Key::of("POLL", Some(lid(&world, bob)));
    let vote = PollVote { poll, options: vec!["10 km".into()], ..PollVote::default() };
    tell(&mut world, alice, "VOTES", Content::PollVote(vote));
    tell(&mut world, carol, "REVOKES", Content::Revoke(Revoke { of: Key::own("DOUBTS") }));
    let account = world.account(carol).unwrap();
    assert!(world.change_group(&group, GroupChange::Leave(account)));
    tell(&mut world, alice, "ALONE", text("Carol has left"));
    assert!(world.change_group(&group, GroupChange::Add(account)));
    tell(&mut world, alice, "BACK", text("Carol is back"));
    assert_eq!(world.texts(alice), ["it may rain"]);
    assert!(!world.texts(carol).contains(&"Carol has left".to_string()));
    assert!(world.texts(carol).contains(&"Carol is back".to_string()));
    save("group", &tape);
    world.crash(alice);
    world.actor(alice).storage.wipe(Table::SenderKey);
    start(&mut world, &tape, alice);
    tell(&mut world, bob, "LOST", text("cannot be read at first"));
    world.run_for(Duration::from_secs(60));
    assert!(world.texts(alice).contains(&"cannot be read at first".to_string()));
    save("group-retry", &tape);
}

/// A day of it: two peers, a second device of one of them, silence, cuts, a night offline.
fn mixed() {
    let (mut world, tape, alice, bob) = stage(108);
    start(&mut world, &tape, alice);
    let carol = world.paired("Carol");
    for n in 1..=4 {
        say(&mut world, alice, bob, &format!("to Bob {n}"));
        say(&mut world, carol, alice, &format!("from Carol {n}"));
        say(&mut world, bob, alice, &format!("from Bob {n}"));
        world.cut(if n % 2 == 0 { alice } else { bob });
        world.run_for(Duration::from_secs(60));
    }
    let laptop = world.paired("Bob");
    say(&mut world, alice, bob, "to all of Bob's devices");
    world.unplug(alice);
    for n in 1..=3 {
        say(&mut world, carol, alice, &format!("good night {n}"));
    }
    world.run_for(Duration::from_secs(3_600));
    world.plug_in(alice);
    world.run_for(Duration::from_secs(1_800));
    world.send_to(alice, sanswire::wire::Jid::pn("15559999999", 0).into_owned(), "is anybody there?");
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.texts(laptop).len(), 1);
    assert_eq!(world.texts(alice).len(), 11);
    let ready = |event: &&LinkEvent| matches!(event, LinkEvent::Ready);
    assert!(world[alice].link_events().into_iter().filter(ready).count() > 3);
    save("mixed", &tape);
}

/// Thousands of messages between two accounts, for `sanswire replay --speed`.
#[test]
#[ignore = "writes target/tmp/long.swrec"]
fn record_a_long_conversation() {
    let (mut world, tape, alice, bob) = stage(109);
    start(&mut world, &tape, alice);
    for n in 0..2_500 {
        let (from, to) = if n / 5 % 2 == 0 { (alice, bob) } else { (bob, alice) };
        world.send(from, to, &format!("message {n}, about as long as messages are: see you at seven?"));
        world.run_for(Duration::from_secs(2));
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("long.swrec");
    fs::write(&path, tape.recordings().pop().unwrap()).unwrap();
    println!("{}", path.display());
}
