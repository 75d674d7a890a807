//! Recordings: they change nothing, replay to the byte, survive being cut, and say what differs.

mod committed;
mod rebuild;

use core::time::Duration;
use std::sync::OnceLock;

use proptest::prelude::*;
use sanswire::replay::{Divergence, OutputKind, ReplayError, Replayer, Step, Summary, What};
use sanswire_sim::tape::Tape;
use sanswire_sim::world::{Who, World};

use rebuild::{Raw, entries, file};

/// Two paired accounts that have talked; the first one's recording from a start over its storage.
fn conversation() -> &'static [u8] {
    static RECORDING: OnceLock<Vec<u8>> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let (mut world, tape) = (World::new(21), Tape::new());
        let alice = world.client_made("Alice", tape.maker(), |_| {});
        world.pair(alice);
        world.crash(alice);
        tape.storage_is(&world[alice].storage);
        world.restart(alice);
        talk(&mut world, alice);
        tape.recordings().remove(1)
    })
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

fn divergence(recording: &[u8]) -> Divergence {
    match replay(recording) {
        Err(ReplayError::Diverged(divergence)) => *divergence,
        other => panic!("{other:?}"),
    }
}

/// The index of the first entry of a kind that holds these bytes.
fn find(entries: &[Raw], kind: u8, part: &[u8]) -> usize {
    let holds = |raw: &Raw| raw.kind == kind && raw.payload.windows(part.len()).any(|window| window == part);
    entries.iter().position(holds).unwrap()
}

#[test]
fn a_recorded_client_replays_to_the_byte() {
    let summary = replay(conversation()).unwrap();
    assert!(!summary.cut && summary.inputs > 30 && summary.stanzas > 30, "{summary:?}");
    let steps = steps(conversation());
    let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|step| wanted(step)).count() as u64;
    let received = count(|step| matches!(step.what, What::Received(_)));
    let sent = count(|step| matches!(&step.what, What::Output(out) if out.to_string().starts_with('<')));
    assert_eq!(sent + received, summary.stanzas, "each stanza is a step");
    let outputs = count(|step| matches!(step.what, What::Output(_)));
    assert_eq!(outputs, summary.outputs, "each output is a step");
}

#[test]
fn pairing_replays_to_the_byte() {
    let (mut world, tape) = (World::new(23), Tape::new());
    let alice = world.client_made("Alice", tape.maker(), |_| {});
    world.pair(alice);
    let recording = tape.recordings().remove(0);
    assert!(!replay(&recording).unwrap().cut);
    assert!(steps(&recording).iter().any(|step| step.to_string().contains("<pair-device-sign>")));
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

#[test]
fn a_timeline_shows_stanzas_and_events_and_no_value_of_a_record() {
    let lines: Vec<String> = steps(conversation()).iter().map(ToString::to_string).collect();
    let shows = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(shows("<-         <message ") && shows("->         <message ") && shows("to Alice 2"));
    assert!(shows("store ") && shows(" session +1") && shows("call 1 {\"name\":\"message.send\""));
    let json: Vec<serde_json::Value> = steps(conversation()).iter().map(Step::json).collect();
    let store = json.iter().find(|step| step["step"] == "store").unwrap();
    assert!(store["writes"][0]["bytes"].is_u64() && store["writes"][0]["table"].is_string());

    // The seed and the private identity key are in the recording, but not in what people see of it.
    let begin = &entries(conversation())[0].payload;
    let seed: String = begin[6..38].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!lines.join("\n").contains(&seed) && !format!("{json:?}").contains(&seed));
}

#[test]
fn the_records_at_any_input_can_be_listed() {
    let mut replayer = Replayer::new(conversation().to_vec()).unwrap();
    let sessions = |replayer: &Replayer| {
        replayer.records().filter(|place| place.to_string().starts_with("session ")).count()
    };
    let mut before = None;
    while let Some(step) = replayer.step().unwrap() {
        if before.is_none() && matches!(step.what, What::Output(_)) {
            before = Some((replayer.records().count(), sessions(&replayer)));
        }
    }
    assert!(replayer.knows_records());
    assert!(matches!(before, Some((all, 0..=2)) if all > 812), "{before:?}");
    assert!(sessions(&replayer) > before.unwrap().1);
}

#[test]
fn a_changed_stanza_shows_both_sides_and_where_it_was() {
    let entries = entries(conversation());
    let at = entries.iter().rposition(|raw| raw.kind == 0x21).unwrap();
    let outputs = entries[..=at].iter().filter(|raw| raw.kind & 0xf0 == 0x20).count() as u64;
    let inputs = entries[..=at].iter().filter(|raw| raw.kind & 0xf0 == 0x10).count() as u64;
    // Some byte whose change leaves a stanza that can be read: part of an id, say.
    let changes = (11..entries[at].payload.len()).rev().map(|byte| {
        let mut entries = entries.clone();
        entries[at].payload[byte] ^= 1;
        divergence(&file(&entries))
    });
    let readable = |found: &Divergence| !found.recorded.to_string().contains("no stanza");
    let found = changes.into_iter().find(readable).unwrap();
    assert_eq!((found.output, found.input), (outputs, inputs));
    let (recorded, replayed) = (format!("{:#}", found.recorded), format!("{:#}", found.replayed));
    assert!(recorded.starts_with("send\n") && recorded.contains("\n<") && replayed.contains("\n<"));
    assert_ne!(found.recorded.to_string(), found.replayed.to_string());
    let report = found.to_string();
    assert!(report.contains(&format!("output {outputs} differs. It follows input {inputs}: ")), "{report}");
    assert!(report.contains(&recorded) && report.contains(&replayed), "{report}");
}

#[test]
fn a_changed_input_shows_what_came_of_it() {
    let mut entries = entries(conversation());
    // The last bytes that the server sent: their authentication fails now.
    let at = entries.iter().rposition(|raw| raw.kind == 0x11).unwrap();
    *entries[at].payload.last_mut().unwrap() ^= 1;
    let inputs = entries[..=at].iter().filter(|raw| raw.kind & 0xf0 == 0x10).count() as u64;
    let found = divergence(&file(&entries));
    assert_eq!(found.input, inputs);
    assert!(found.cause.starts_with("received "), "{}", found.cause);
    assert_ne!(found.recorded, found.replayed);
}

#[test]
fn another_seed_differs_at_the_first_thing_that_is_random() {
    let mut entries = entries(conversation());
    entries[0].payload[6] ^= 1;
    let found = divergence(&file(&entries));
    assert_eq!(found.recorded.kind, OutputKind::Send);
    assert!(found.to_string().contains("bytes on the wire, digest "), "{found}");
}

#[test]
fn an_older_release_replays_unless_it_behaved_differently() {
    let mut entries = entries(conversation());
    let release = env!("CARGO_PKG_VERSION").as_bytes();
    assert_eq!(&entries[0].payload[1..=release.len()], release);
    entries[0].payload[1..=release.len()].fill(b'0');
    assert_eq!(replay(&file(&entries)).unwrap().release, "0".repeat(release.len()));

    // Its events did not have every field yet.
    let at = find(&entries, 0x24, b"\"push_name\"");
    let json = String::from_utf8(entries[at].payload.clone()).unwrap();
    let (before, after) = json.split_once("\"push_name\"").unwrap();
    let after = after.split_once(',').unwrap().1;
    entries[at].payload = format!("{before}{after}").into_bytes();
    let older = file(&entries);
    assert!(!replay(&older).unwrap().cut);

    // Said differently is not said more.
    entries[at].payload = json.replace("to Alice", "to Carol").into_bytes();
    let report = divergence(&file(&entries)).to_string();
    assert!(report.contains("recorded by release 0"), "{report}");

    // In a recording of this release, less is different as well.
    let mut entries = rebuild::entries(&older);
    entries[0].payload[1..=release.len()].copy_from_slice(release);
    assert!(!divergence(&file(&entries)).to_string().contains("by release"));
}

#[test]
fn a_storage_that_answers_something_else_is_named() {
    let mut entries = entries(conversation());
    let at = entries.iter().position(|raw| raw.kind == 0x14).unwrap();
    *entries[at].payload.last_mut().unwrap() ^= 1;
    let error = replay(&file(&entries)).unwrap_err();
    assert!(matches!(error, ReplayError::Storage { input: 1, .. }), "{error}");
    assert!(error.to_string().contains("storage had something else in table "), "{error}");
}

#[test]
fn outputs_or_inputs_that_were_taken_out_are_noticed() {
    let whole = entries(conversation());
    for kind in [0x11, 0x15, 0x21, 0x22, 0x24, 0x2f, 0x01] {
        let mut entries = whole.clone();
        entries.remove(entries.iter().position(|raw| raw.kind == kind).unwrap());
        replay(&file(&entries)).unwrap_err();
    }
    let mut entries = whole;
    let last = entries.iter().rposition(|raw| raw.kind == 0x2f).unwrap();
    *entries[last].payload.last_mut().unwrap() ^= 1;
    let error = replay(&rebuild::file_as_it_is(&entries)).unwrap_err();
    assert!(matches!(error, ReplayError::Digest { .. }), "{error}");
}

#[test]
fn damage_in_the_middle_says_where() {
    let mut recording = conversation().to_vec();
    let middle = recording.len() / 2;
    recording[middle] ^= 1;
    let error = replay(&recording).unwrap_err().to_string();
    assert!(error.contains("the recording is damaged at byte "), "{error}");
}

/// A turn that lacks a record runs again from its start: each load after decrypting would decrypt once more.
#[test]
fn a_message_over_a_known_session_takes_one_load() {
    let steps = steps(conversation());
    let shown =
        |step: &Step| matches!(&step.what, What::Received(_)) && step.to_string().contains("<message ");
    let last = steps.iter().rposition(shown).unwrap();
    let kind = |step: &Step| match &step.what {
        What::Output(output) => Some(output.kind),
        _ => None,
    };
    let until_stored = steps[last..].iter().filter_map(kind).take_while(|kind| *kind != OutputKind::Store);
    assert_eq!(until_stored.filter(|kind| *kind == OutputKind::Load).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_recording_cut_anywhere_replays_up_to_there(cut in any::<prop::sample::Index>()) {
        let whole = replay(conversation()).unwrap();
        let end = cut.index(conversation().len() - 1) + 1;
        let part = replay(&conversation()[..end]).unwrap();
        prop_assert!(part.inputs <= whole.inputs && part.outputs <= whole.outputs);
        let complete = entries(&conversation()[..end]);
        let drained = complete.last().is_some_and(|raw| raw.kind == 0x2f);
        let at_border = rebuild::file_as_it_is(&complete).len() == end;
        prop_assert_eq!(part.cut, !(drained && at_border));
    }
}
