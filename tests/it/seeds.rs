//! Seeds of the fuzz targets: taken from vectors and recordings, so that fuzzing starts from what real clients
//! send. They,
//! and whatever failed once (`fixtures/crashes/`), go through the targets' checks with every test run.
//!
//! `SANSWIRE_WRITE_SEEDS=1 cargo test -p sanswire --test it seeds` writes `fuzz/seeds/` anew; without that the
//! test says whether what is committed is what it would write.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "public to the fuzz targets")]
#[allow(dead_code, reason = "some of it is for seeds, some for targets")]
mod targets;

use prost::Message as _;
use sanswire::event::EventId;
use sanswire::messaging::SendMessage;
use sanswire::replay::Recorder;
use sanswire::wire::{Jid, encode};
use sanswire::{Config, Found, Input, Mono, Now, Output, Table, UnixMs};
use sanswire_proto::records::PreKey;
use sanswire_proto::whatsapp::{AdvDeviceIdentity, AdvKeyIndexList, Message, PrimaryEphemeralIdentity};
use sanswire_sim::script::{Script, pair_device};
use sanswire_sim::seed::Seed;
use sanswire_sim::world::Storage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use targets::pieces::join;

/// Files of one target by name.
type Seeds = BTreeMap<String, Vec<u8>>;

/// Most seeds per target, and most bytes in one.
const SEEDS_MAX: usize = 40;
const SEED_BYTES_MAX: usize = 2_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join("fixtures/vectors").join(file)).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    file["cases"].take().as_array().unwrap().clone()
}

/// Bytes that a field holds as hex; none if it is absent or empty.
fn hex(field: &Value) -> Option<Vec<u8>> {
    let text = field.as_str().filter(|text| !text.is_empty())?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// At most [`SEEDS_MAX`] of the entries, evenly picked, each under a name that is fit for a file.
fn pick(all: Vec<(String, Vec<u8>)>) -> Seeds {
    let small: Vec<_> = all.into_iter().filter(|(_, bytes)| bytes.len() <= SEED_BYTES_MAX).collect();
    let step = small.len().div_ceil(SEEDS_MAX).max(1);
    let slug = |name: String| {
        let mapped: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        mapped.to_lowercase()
    };
    small.into_iter().step_by(step).map(|(name, bytes)| (slug(name), bytes)).collect()
}

fn name_of(case: &Value) -> String {
    case["name"].as_str().unwrap().to_owned()
}

fn node_decode() -> Seeds {
    let frame = |case: &Value| hex(&case["input"]["bytes"]).or_else(|| hex(&case["expected"]["bytes"]));
    pick(cases("nodes.json").iter().filter_map(|case| Some((name_of(case), frame(case)?))).collect())
}

fn frames_handshake() -> Seeds {
    let framed = |body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[7, length[1], length[2], length[3]], body].concat()
    };
    let mut all = Vec::new();
    for case in cases("noise.json") {
        for (role, field) in
            [("hello", "client_hello"), ("answer", "server_hello"), ("finish", "client_finish")]
        {
            let body = hex(&case["input"][field]).or_else(|| hex(&case["expected"][field]));
            all.extend(body.map(|body| (format!("{} {role}", name_of(&case)), framed(&body))));
        }
    }
    pick(all)
}

fn signal_message() -> Seeds {
    let mut all = Vec::new();
    for case in cases("signal.json").iter().filter(|case| case["kind"] == "conversation") {
        let results = case["expected"]["results"].as_array().unwrap();
        for (index, result) in results.iter().enumerate() {
            all.extend(hex(&result["ciphertext"]).map(|bytes| (format!("{} {index}", name_of(case)), bytes)));
        }
    }
    pick(all)
}

fn sender_key_message() -> Seeds {
    use targets::groups::{DISTRIBUTION, MESSAGE, PLAINTEXT, SIGNED};
    let mut all = Vec::new();
    for case in cases("senderkeys.json") {
        if let Some(wire) = hex(&case["input"]["bytes"]) {
            all.push((name_of(&case), join([(DISTRIBUTION, wire.as_slice())])));
        }
        let piece = |op: &Value| {
            let message = hex(&op["ciphertext"]).map(|bytes| (MESSAGE, bytes));
            message.or_else(|| hex(&op["bytes"]).map(|bytes| (DISTRIBUTION, bytes)))
        };
        // A whole script is too long: a part of it, from each of its beginnings on.
        let ops: Vec<_> = case["input"]["ops"].as_array().into_iter().flatten().filter_map(piece).collect();
        for (at, part) in ops.chunks(6).enumerate() {
            let first = ops.iter().find(|(kind, _)| *kind == DISTRIBUTION).into_iter();
            let pieces = first.chain(part).map(|(kind, bytes)| (*kind, bytes.as_slice()));
            all.push((format!("{} {at}", name_of(&case)), join(pieces)));
        }
    }
    let fields = [8, 1, 16, 0, 26, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let ahead = [8, 1, 16, 9, 26, 0];
    all.push(("signed".into(), join([(SIGNED, &fields[..]), (SIGNED, &ahead[..])])));
    all.push(("own".into(), join([(PLAINTEXT, &b"hello"[..]), (PLAINTEXT, b"again"), (PLAINTEXT, b"")])));
    pick(all)
}

/// One record of each table and shape that a talking client leaves; sessions with some numbers.
fn records() -> Seeds {
    let mut by_shape = BTreeMap::new();
    for row in storage().rows() {
        let key = u8::from(row.table == Table::Meta && row.key != b"store");
        let seed = [&[row.table.number(), key], row.value.as_ref()].concat();
        by_shape.entry((row.table, row.value.len() / 32)).or_insert(seed);
    }
    let mut all: Vec<_> =
        by_shape.into_iter().map(|((table, size), seed)| (format!("{table:?} {size}"), seed)).collect();
    let prekey =
        PreKey { id: Some(7), private: Some(vec![9; 32].into()), uploaded: Some(true), ..PreKey::default() };
    all.push((
        "prekey".into(),
        [&[Table::PreKey.number(), 0, 1], prekey.encode_to_vec().as_slice()].concat(),
    ));
    let beyond = u8::try_from(Table::ALL.len()).unwrap();
    all.extend(
        drawn(3, 8).into_iter().map(|(name, bytes)| (name, [&[beyond, 0], bytes.as_slice()].concat())),
    );
    pick(all)
}

/// What a talking client has stored.
fn storage() -> Storage {
    let mut script = Script::ready(1);
    let mut peer = script.peer(Jid::pn("15550000002", 0).into_owned());
    script.confirms = false;
    let text = peer.text("theirs", "text");
    script.send(&text);
    script.call(SendMessage::text(peer.jid.clone(), "text").with_id("ours"));
    script.answer_directory(&[&peer]);
    script.answer_directory(&[&peer]);
    script.storage
}

/// Short recordings: a client that never got far, and the beginning of one that talks.
fn recording() -> Seeds {
    let now = |ms| Now { mono: Mono(ms), unix: UnixMs(1_700_000_000_000 + ms) };
    let drain = |recorder: &mut Recorder| while !matches!(recorder.poll(), Output::Wait(_)) {};
    let mut recorder = Recorder::new(Config::default(), [7; 32], now(0)).unwrap();
    recorder.records(&[], true);
    drain(&mut recorder);
    let mut all = vec![("empty".to_owned(), recorder.take())];
    let inputs = [
        Input::Loaded(vec![Found::Value(None); 2]),
        Input::Connected,
        Input::Received(vec![0, 0, 2, 1, 2].into()),
        Input::Tick,
        Input::Seen(EventId(1)),
        Input::Closed,
        Input::Shutdown,
    ];
    let mut so_far = all[0].1.clone();
    for (at, input) in inputs.into_iter().enumerate() {
        let _ = recorder.handle(input, now(at as u64 * 900));
        drain(&mut recorder);
        so_far.extend(recorder.take());
        all.push((format!("begun {at}"), so_far.clone()));
    }
    all.push(("cut".to_owned(), so_far[..so_far.len() - 3].to_vec()));
    pick(all)
}

fn pairing() -> Seeds {
    use targets::pairing::{
        CODE_HELLO, CONTAINER, DETAILS, KEY_INDEXES, PASSKEY, PROOF, PROTOBUF, STANZA, TEXT,
    };
    let mut all = Vec::new();
    let mut add = |name: &str, kind: u8, bytes: &[u8]| all.push((name.to_owned(), [&[kind], bytes].concat()));
    for case in cases("pairing.json") {
        let (name, input) = (name_of(&case), &case["input"]);
        let text = |key: &str| input[key].as_str().unwrap_or_default().as_bytes();
        match input["kind"].as_str().unwrap() {
            "pair_success" => add(&name, CONTAINER, &identity_in(&input["stanza"]).unwrap_or_default()),
            "adv_verify" => add(&name, PROOF, &hex(&input["device_identity"]).unwrap()),
            "key_index_list" => add(&name, PROOF, &hex(&input["bytes"]).unwrap()),
            "link_code_unwrap" => add(&name, CODE_HELLO, &hex(&input["wrapped"]).unwrap()),
            "link_code_validate" => add(&name, TEXT, text("code")),
            "qr_parse" => add(&name, TEXT, text("text")),
            _ => {}
        }
    }
    let mut all = pick(all);
    let mut add = |name: &str, kind: u8, bytes: &[u8]| all.insert(name.to_owned(), [&[kind], bytes].concat());
    let mut script = Script::new(2);
    script.run();
    script.send(&pair_device(2));
    add("pair-device", STANZA, &encode(&pair_device(6)).unwrap());
    add("pair-success", STANZA, &encode(&script.pair_success()).unwrap());
    add("hello", CODE_HELLO, &[&b"salt"[..], &[7; 108]].concat());
    add("number", TEXT, b"+1 555 000-0001");
    add("display", TEXT, b"Chrome (Linux)");
    let details = AdvDeviceIdentity { key_index: Some(5), ..AdvDeviceIdentity::default() };
    add("details", DETAILS, &details.encode_to_vec());
    let list = AdvKeyIndexList {
        raw_id: Some(1),
        timestamp: Some(2),
        valid_indexes: vec![0, 3],
        ..AdvKeyIndexList::default()
    };
    add("indexes", KEY_INDEXES, &list.encode_to_vec());
    let identity =
        PrimaryEphemeralIdentity { public_key: Some(vec![9; 32].into()), nonce: Some(vec![8; 32].into()) };
    add("passkey", PASSKEY, &identity.encode_to_vec());
    let text = Message { conversation: Some("text".into()), ..Message::default() };
    add("message", PROTOBUF, &[&[0], text.encode_to_vec().as_slice()].concat());
    all
}

/// What a `<device-identity>` somewhere in a stanza holds.
fn identity_in(node: &Value) -> Option<Vec<u8>> {
    if node["tag"] == "device-identity" {
        return hex(&node["content"]["bytes"]);
    }
    node["content"].as_array().into_iter().flatten().find_map(identity_in)
}

/// Messages that clients built, and some that nobody builds.
fn content() -> Seeds {
    let built = cases("content.json").into_iter().filter_map(|case| {
        let message = hex(&case["expected"]["message"]).or_else(|| hex(&case["input"]["message"]))?;
        Some((name_of(&case), message))
    });
    let reported = cases("sending.json").into_iter().filter(|case| case["kind"] == "reporting");
    let reported = reported.filter_map(|case| Some((name_of(&case), hex(&case["input"]["message"])?)));
    pick(built.chain(reported).collect())
}

fn client() -> Seeds {
    drawn(1, 24).into_iter().collect()
}

/// Strings of random bytes, short and long: each is a sequence of decisions.
fn drawn(stream: u8, count: usize) -> Vec<(String, Vec<u8>)> {
    let mut seed = Seed::new([stream; 32]);
    let bytes = |at: usize| (0..=at).flat_map(|_| seed.bytes::<48>()).collect();
    (0..count).map(bytes).enumerate().map(|(at, bytes)| (format!("drawn-{at:02}"), bytes)).collect()
}

/// Each target: its name, its check, its seeds.
type Target = (&'static str, fn(&[u8]), fn() -> Seeds);

const TARGETS: [Target; 9] = [
    ("node_decode", targets::node_decode, node_decode),
    ("frames_handshake", targets::frames_handshake, frames_handshake),
    ("signal_message", targets::signal_message, signal_message),
    ("sender_key_message", targets::sender_key_message, sender_key_message),
    ("records", targets::records, records),
    ("recording", targets::recording, recording),
    ("pairing", targets::pairing, pairing),
    ("content", targets::content, content),
    ("client", targets::client, client),
];

#[test]
fn fuzz_seeds_are_those_that_the_vectors_give() {
    for (target, _, seeds) in TARGETS {
        let (folder, seeds) = (root().join("fuzz/seeds").join(target), seeds());
        assert!(!seeds.is_empty(), "no seeds for {target}");
        if std::env::var_os("SANSWIRE_WRITE_SEEDS").is_some() {
            write(&folder, &seeds);
        }
        let committed = read(&folder);
        // What a client does changes from release to release, and recordings with it: old ones are seeds as good.
        let stale = match target {
            "recording" => committed.keys().ne(seeds.keys()),
            _ => committed != seeds,
        };
        assert!(!stale, "fuzz/seeds/{target} is stale: run with SANSWIRE_WRITE_SEEDS=1");
    }
}

#[test]
fn fuzz_seeds_and_old_crashes_pass_their_targets() {
    for (target, check, _) in TARGETS {
        for folder in ["fuzz/seeds", "fixtures/crashes"] {
            for (name, bytes) in read(&root().join(folder).join(target)) {
                // Shown when the check fails.
                println!("{folder}/{target}/{name}");
                check(&bytes);
            }
        }
    }
}

#[test]
fn every_fuzz_target_is_replayed() {
    let listed = fs::read_to_string(root().join("fuzz/targets.txt")).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), TARGETS.map(|(name, ..)| name));
}

fn write(folder: &PathBuf, seeds: &Seeds) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn read(folder: &PathBuf) -> Seeds {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}
