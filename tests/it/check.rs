//! The checkers are checked: each broken client is caught by the rules that it breaks and by no other, and the
//! honest one goes through the same story unnoticed.

mod between;
mod broken;

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use sanswire::content::Content;
use sanswire::event::{Envelope, Event};
use sanswire::limits::{PLACEHOLDER_AFTER_RETRY_S, PLACEHOLDER_WAIT_S};
use sanswire::link::SetAvailable;
use sanswire::ops::Operation;
use sanswire::{Mono, Output, Table, Write};
use sanswire_sim::check::{self, Broken};
use sanswire_sim::server::{Fault, Target};
use sanswire_sim::world::{Maker, Who, World};

use broken::{Calls, Events, Forgets, Hoards, NeverAnswers, Rewrites, SpeaksOfLoads, StoresLast, Waits};
use broken::{ForgetsStanzas, honest, moody, swaps, twisted, writes_to};

type Story = fn(&mut World, Who, Who);

/// Alice is honest, Bob is of the given make; both are paired, then the story is told.
fn told(bob: &Maker, story: Story) -> World {
    let mut world = World::new(11);
    // Her phone would make up for what he does.
    let alice = world.client_made("Alice", honest(), |config| config.ask_phone = false);
    let bob = world.client_made("Bob", Arc::clone(bob), |_| {});
    for who in [alice, bob] {
        world.pair(who);
    }
    story(&mut world, alice, bob);
    world
}

/// The rules that were broken.
fn rules(broken: &[Broken]) -> BTreeSet<&'static str> {
    broken.iter().map(|broken| broken.rule).collect()
}

/// The broken make breaks exactly these rules in the story, and the honest one none.
fn caught(bob: &Maker, story: Story, expected: &[&'static str]) {
    let innocent = check::check(&told(&honest(), story));
    assert!(innocent.is_empty(), "the honest client: {innocent:#?}");
    let broken = check::check(&told(bob, story));
    assert_eq!(rules(&broken), expected.iter().copied().collect(), "{broken:#?}");
}

/// As [`caught`], with Bob's process dying at each output in turn; what any of the runs breaks counts. The sweeps
/// show that the honest client breaks nothing there.
fn caught_dying(maker: &Maker, story: Story, expected: &[&'static str]) {
    let mut broken = Vec::new();
    for point in 0..POINTS_MAX {
        let mut world = World::new(11);
        let alice = world.paired("Alice");
        let bob = world.client_made("Bob", Arc::clone(maker), |_| {});
        world.pair(bob);
        world.actor(bob).light_fuse(point);
        story(&mut world, alice, bob);
        if !world[bob].has_burned() {
            break;
        }
        broken.extend(check::check(&world));
    }
    assert_eq!(rules(&broken), expected.iter().copied().collect(), "{broken:#?}");
}

/// More outputs than any story here has.
const POINTS_MAX: u32 = 300;

fn rest(world: &mut World) {
    world.run_for(Duration::from_secs(20));
}

/// Texts in both directions.
fn conversation(world: &mut World, alice: Who, bob: Who) {
    for n in 0..3 {
        world.send(alice, bob, &format!("question {n}"));
        rest(world);
        world.send(bob, alice, &format!("answer {n}"));
        rest(world);
    }
}

/// Bob is only written to, twice at a time.
fn letters(world: &mut World, alice: Who, bob: Who) {
    for n in 0..2 {
        world.send(alice, bob, &format!("letter {n}"));
        world.send(alice, bob, &format!("postscript {n}"));
        rest(world);
    }
}

/// Bob's process dies between two messages that he writes.
fn two_lives(world: &mut World, alice: Who, bob: Who) {
    world.send(alice, bob, "hello");
    rest(world);
    world.send(bob, alice, "hello yourself");
    rest(world);
    world.send(bob, alice, "as I was saying");
    rest(world);
    world.crash(bob);
    world.restart(bob);
    rest(world);
    world.send(bob, alice, "where was I?");
    rest(world);
}

/// Bob writes while he is away, and dies before he is back.
fn away(world: &mut World, alice: Who, bob: Who) {
    world.send(bob, alice, "on my way");
    rest(world);
    world.unplug(bob);
    world.send(bob, alice, "in a tunnel");
    world.run();
    world.crash(bob);
    world.plug_in(bob);
    world.restart(bob);
    world.run_for(Duration::from_secs(120));
}

/// The server's ack for a message of Bob is lost, and the connection after it.
fn lost_ack(world: &mut World, alice: Who, bob: Who) {
    world.send(bob, alice, "first");
    rest(world);
    world.server.arm(Fault::LoseAck, Target::Anyone, 1);
    world.send(bob, alice, "second");
    rest(world);
    world.cut(bob);
    world.run_for(Duration::from_secs(120));
}

/// Nothing is said for longer than the server waits for an ack.
fn silence(world: &mut World, alice: Who, bob: Who) {
    world.send(alice, bob, "are you there?");
    world.run_for(Duration::from_secs(90));
}

/// Whether this is the nth time that it is asked.
fn nth(n: u32) -> impl Fn() -> bool + Clone + Send + Sync {
    let asked = Arc::new(AtomicU32::new(0));
    move || asked.fetch_add(1, Ordering::Relaxed) + 1 == n
}

#[test]
fn a_client_that_sends_before_it_stores_is_caught() {
    let story: Story = |world, alice, bob| {
        world.send(bob, alice, "one");
        rest(world);
        world.send(bob, alice, "two");
        rest(world);
    };
    let sends_first = twisted(StoresLast::default);
    caught_dying(&sends_first, story, &["keys_once", "lawful", "no_stuck_send", "sessions_equal"]);
}

#[test]
fn a_client_that_forgets_its_inbox_is_caught() {
    let forgets = twisted(|| {
        Forgets(|writes: &mut Vec<Write>| {
            writes.retain(|write| write.table != Table::Inbox || write.value.is_none());
        })
    });
    caught_dying(&forgets, letters, &["delivered_once"]);
}

#[test]
fn a_client_that_forgets_its_outbox_is_caught() {
    let forgets = twisted(|| {
        Forgets(|writes: &mut Vec<Write>| {
            writes.retain(|write| write.table != Table::Outbox || write.value.is_none());
        })
    });
    caught(&forgets, away, &["no_stuck_send"]);
}

#[test]
fn a_client_that_reuses_a_key_is_caught() {
    let second = nth(2);
    let rolls_back = twisted(move || {
        let second = second.clone();
        // The second message leaves the sessions that it was made of as they were.
        Forgets(move |writes: &mut Vec<Write>| {
            if writes_to(writes, Table::Outbox) && writes_to(writes, Table::Session) && second() {
                writes.retain(|write| write.table != Table::Session);
            }
        })
    });
    caught(&rolls_back, two_lives, &["delivered_once", "keys_once"]);
}

#[test]
fn a_client_that_drops_an_event_is_caught() {
    let second = nth(2);
    let drops = twisted(move || {
        let second = second.clone();
        Events(move |envelope: Box<Envelope>, out: &mut VecDeque<Output>| {
            if !second() {
                out.push_back(Output::Event(envelope));
            }
        })
    });
    caught(&drops, letters, &["delivered_once"]);
}

#[test]
fn a_client_that_shows_an_event_twice_is_caught() {
    let second = nth(2);
    let shows_twice = twisted(move || {
        let second = second.clone();
        Events(move |envelope: Box<Envelope>, out: &mut VecDeque<Output>| {
            if second() {
                out.push_back(Output::Event(envelope.clone()));
            }
            out.push_back(Output::Event(envelope));
        })
    });
    caught(&shows_twice, letters, &["delivered_once"]);
}

#[test]
fn a_client_that_shows_an_event_again_after_its_confirmation_is_caught() {
    let forgets = twisted(|| {
        Forgets(|writes: &mut Vec<Write>| {
            writes.retain(|write| write.table != Table::Inbox || write.value.is_some());
        })
    });
    let story: Story = |world, alice, bob| {
        world.send(alice, bob, "once");
        rest(world);
        world.crash(bob);
        world.restart(bob);
        rest(world);
    };
    caught(&forgets, story, &["delivered_once"]);
}

#[test]
fn a_client_that_swaps_two_events_is_caught() {
    caught(&twisted(swaps), letters, &["order"]);
}

#[test]
fn a_client_that_never_answers_a_call_is_caught() {
    caught(&twisted(NeverAnswers::default), conversation, &["no_stuck_send"]);
}

#[test]
fn a_client_that_waits_without_a_timer_is_caught() {
    let waits = |deadline: fn(Option<Mono>) -> Option<Mono>| twisted(move || Waits(deadline));
    let story: Story = |world, alice, bob| {
        world.send(alice, bob, "quick");
        world.run();
    };
    caught(&waits(|_| None), story, &["timers"]);
    let tomorrow = |deadline: Option<Mono>| deadline.map(|at| at.after(Duration::from_secs(24 * 3600)));
    caught(&waits(tomorrow), story, &["timers"]);
}

#[test]
fn a_client_that_floods_the_server_is_caught() {
    let floods = twisted(|| {
        let set = Operation::SetAvailable(SetAvailable { available: true });
        Calls::new(move |_: &Operation| vec![set.clone(); 1000])
    });
    caught(&floods, conversation, &["frames_bounded"]);
}

#[test]
fn a_client_that_sends_more_than_it_was_asked_to_is_caught() {
    let repeats = twisted(|| Calls::new(|asked: &Operation| vec![asked.clone()]));
    // The application is not told how the message ended that it knows nothing of.
    caught(&repeats, conversation, &["delivered_once", "no_stuck_send"]);
}

#[test]
fn a_client_that_changes_what_was_written_is_caught() {
    let shouts = twisted(|| {
        Rewrites(|operation: &mut Operation| {
            if let Operation::SendMessage(message) = operation
                && let Content::Text(text) = &mut message.draft.content
            {
                text.body = text.body.to_uppercase();
            }
        })
    });
    caught(&shouts, conversation, &["delivered_once"]);
}

#[test]
fn a_client_that_never_acks_is_caught() {
    let silent = between::between(|node| match node.tag.as_ref() {
        "receipt" | "ack" => Vec::new(),
        _ => vec![node],
    });
    caught(&silent, silence, &["lawful"]);
    let passes_on = between::between(|node| vec![node]);
    caught(&passes_on, conversation, &[]);
}

#[test]
fn a_client_that_encrypts_again_what_it_sends_again_is_caught() {
    let story: Story = lost_ack;
    let bob = |maker: Maker| {
        let mut world = World::new(11);
        let alice = world.paired("Alice");
        let bob = world.client_made("Bob", maker, |config| config.cache_bytes = 0);
        world.pair(bob);
        story(&mut world, alice, bob);
        check::check(&world)
    };
    assert_eq!(bob(honest()), []);
    assert_eq!(rules(&bob(twisted(|| ForgetsStanzas))), BTreeSet::from(["lawful"]));
}

#[test]
fn a_client_that_loses_a_session_is_caught() {
    let forgets = twisted(|| {
        Forgets(|writes: &mut Vec<Write>| {
            if writes_to(writes, Table::PreKey) {
                writes.retain(|write| write.table != Table::Session);
            }
        })
    });
    let story: Story = |world, alice, bob| {
        world.send(alice, bob, "the first of all");
        rest(world);
    };
    caught(&forgets, story, &["sessions_equal"]);
}

#[test]
fn a_client_that_hoards_bytes_is_caught() {
    let hoards = |maker: Maker| {
        let mut world = World::new(11);
        let alice = world.paired("Alice");
        let bob = world.client_made("Bob", maker, |config| config.cache_bytes = 16 << 10);
        world.pair(bob);
        for n in 0..4 {
            world.send(alice, bob, &"x".repeat(8_000 + n));
            rest(&mut world);
        }
        check::check(&world)
    };
    assert_eq!(hoards(honest()), []);
    assert_eq!(rules(&hoards(twisted(Hoards::default))), BTreeSet::from(["memory_bounded"]));
}

#[test]
fn a_client_that_is_not_a_function_of_its_seed_is_caught() {
    let run = |maker: Maker| check::same_seed(move || told(&maker, conversation));
    assert_eq!(run(honest()), []);
    assert_eq!(rules(&run(moody())), BTreeSet::from(["same_seed"]));
}

#[test]
fn a_client_whose_outputs_depend_on_its_cache_is_caught() {
    let run = |maker: Maker| {
        check::cache_blind(&[0, 3_000, usize::MAX], move |budget| {
            let mut world = World::new(11);
            let alice = world.paired("Alice");
            let bob = world.client_made("Bob", Arc::clone(&maker), |config| config.cache_bytes = budget);
            world.pair(bob);
            conversation(&mut world, alice, bob);
            world
        })
    };
    assert_eq!(run(honest()), []);
    assert_eq!(rules(&run(twisted(|| SpeaksOfLoads))), BTreeSet::from(["cache_blind"]));
}

/// Alice cannot read what Bob wrote while she was away, as her sessions are gone, and he is put back to a copy of his
/// storage that was made before he wrote, or after.
fn both_lose(bob: &Maker, knows: bool) -> Vec<Broken> {
    let world = told(bob, if knows { lose_but_know } else { lose_and_forget });
    check::delivered_once(&world)
}

fn lose_and_forget(world: &mut World, alice: Who, bob: Who) {
    lose(world, alice, bob, false);
}

fn lose_but_know(world: &mut World, alice: Who, bob: Who) {
    lose(world, alice, bob, true);
}

fn lose(world: &mut World, alice: Who, bob: Who, knows: bool) {
    begin_to_lose(world, alice, bob, knows);
    world.run_for(Duration::from_secs(120));
}

fn begin_to_lose(world: &mut World, alice: Who, bob: Who, knows: bool) {
    conversation(world, alice, bob);
    world.unplug(alice);
    let before = world[bob].storage.clone();
    world.send(bob, alice, "can you read this?");
    rest(world);
    let after = world[bob].storage.clone();
    world.put_back(bob, if knows { after } else { before });
    rest(world);
    world.crash(alice);
    world.actor(alice).storage.wipe(Table::Session);
    world.plug_in(alice);
    world.restart(alice);
}

#[test]
fn nobody_can_send_again_what_its_author_lost_with_its_storage() {
    let world = told(&honest(), lose_and_forget);
    let alice = world.everybody().next().unwrap();
    let unread = world[alice].select(|event| matches!(event, Event::Undecryptable(_)).then_some(()));
    assert_eq!(unread.len(), 1, "she could not read it");
    assert!(!world.texts(alice).iter().any(|text| text == "can you read this?"), "nor did she get it again");
    assert_eq!(both_lose(&honest(), false), []);
}

#[test]
fn an_author_whose_storage_was_put_back_has_to_send_again_what_it_still_knows() {
    assert_eq!(both_lose(&honest(), true), []);
    let forgets =
        twisted(|| Forgets(|writes: &mut Vec<Write>| writes.retain(|write| write.table != Table::SentId)));
    assert_eq!(rules(&both_lose(&forgets, true)), BTreeSet::from(["delivered_once"]));
}

/// The phone's answer does not name the device that wrote, and what Alice knew of it is gone.
#[test]
fn what_only_the_phone_still_has_counts_by_its_author() {
    let mut world = World::new(11);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    lose(&mut world, alice, bob, false);
    assert!(world.texts(alice).iter().any(|text| text == "can you read this?"));
    assert_eq!(check::delivered_once(&world), []);

    let mut world = World::new(12);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    begin_to_lose(&mut world, alice, bob, false);
    world.set_latency(Duration::from_millis(50), Duration::from_millis(50));
    while world[alice].storage.count(Table::Placeholder) == 0 {
        world.run_for(Duration::from_millis(10));
    }
    // Her phone's keys are asked for first. Then the question is at the server, and the answer on its way.
    let asked = Duration::from_secs(PLACEHOLDER_AFTER_RETRY_S + PLACEHOLDER_WAIT_S);
    world.run_for(asked + Duration::from_millis(65));
    world.unplug(alice);
    world.crash(alice);
    world.actor(alice).storage.wipe(Table::Placeholder);
    world.plug_in(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.texts(alice).iter().filter(|text| *text == "can you read this?").count(), 1);
    assert_eq!(check::delivered_once(&world), []);
}

#[test]
fn a_message_that_could_be_read_is_not_excused_by_its_authors_storage() {
    let deaf = twisted(|| {
        Events(|envelope: Box<Envelope>, out: &mut VecDeque<Output>| {
            if !matches!(envelope.event, Event::Message(_)) {
                out.push_back(Output::Event(envelope));
            }
        })
    });
    let story: Story = |world, alice, bob| {
        let before = world[alice].storage.clone();
        world.send(alice, bob, "did you see?");
        rest(world);
        world.put_back(alice, before);
        rest(world);
    };
    let broken = check::delivered_once(&told(&deaf, story));
    assert_eq!(rules(&broken), BTreeSet::from(["delivered_once"]), "{broken:#?}");
    assert_eq!(check::delivered_once(&told(&honest(), story)), []);
}
