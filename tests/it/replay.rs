//! Recordings: they change nothing, replay to the byte, survive being cut, and say what differs.

use core::time::Duration;

use sanswire::replay::{ReplayError, Replayer, Step, Summary, What};
use sanswire_sim::tape::Tape;
use sanswire_sim::world::{Who, World};

/// Two paired accounts that have talked; the first one's recording.
fn conversation() -> Vec<u8> {
    let (mut world, tape) = (World::new(21), Tape::new());
    let alice = world.client_made("Alice", tape.maker(), |_| {});
    world.pair(alice);
    talk(&mut world, alice);
    tape.recordings().remove(0)
}

fn talk(world: &mut World, alice: Who) {
    let bob = world.paired("Bob");
    for n in 0..3 {
        world.send(alice, bob, &format!("to Bob {n}"));
        world.run_for(Duration::from_secs(5));
        world.send(bob, alice, &format!("to Alice {n}"));
        world.run_for(Duration::from_secs(5));
    }
    assert_eq!(world.texts(alice).len(), 3);
}

fn replay(recording: &[u8]) -> Result<Summary, ReplayError> {
    Replayer::new(recording.to_vec())?.run()
}

fn steps(recording: &[u8]) -> Vec<Step> {
    let mut replayer = Replayer::new(recording.to_vec()).unwrap();
    core::iter::from_fn(|| replayer.step().unwrap()).collect()
}

#[test]
fn a_recorded_client_replays_to_the_byte() {
    let recording = conversation();
    let summary = replay(&recording).unwrap();
    assert!(!summary.cut && summary.inputs > 30 && summary.stanzas > 30, "{summary:?}");
    let steps = steps(&recording);
    let (mut sent, mut received) = (0, 0);
    for step in &steps {
        match &step.what {
            What::Received(_) => received += 1,
            What::Output(output) if format!("{output}").starts_with('<') => sent += 1,
            _ => {}
        }
    }
    assert_eq!(sent + received, summary.stanzas, "each stanza is a step");
    assert!(steps.iter().any(|step| step.to_string().contains("<message ")));
}

#[test]
fn recording_changes_nothing_that_the_client_does() {
    let run = |tape: Option<&Tape>| {
        let mut world = World::new(22);
        let alice = match tape {
            Some(tape) => world.client_made("Alice", tape.maker(), |_| {}),
            None => world.client("Alice"),
        };
        world.pair(alice);
        talk(&mut world, alice);
        (format!("{:?}", world[alice].events), world[alice].storage.rows())
    };
    assert_eq!(run(None), run(Some(&Tape::new())));
}
