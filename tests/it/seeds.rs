//! Seeds of the fuzz targets: taken from the vectors, so that fuzzing starts from what real clients send. They,
//! and whatever failed once (`fixtures/crashes/`), go through the targets' checks with every test run.
//!
//! `SANSWIRE_WRITE_SEEDS=1 cargo test -p sanswire --test it seeds` writes `fuzz/seeds/` anew; without that the
//! test says whether what is committed is what it would write.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "public to the fuzz targets")]
mod targets;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

/// Each target: its name, its check, its seeds.
type Target = (&'static str, fn(&[u8]), fn() -> Seeds);

const TARGETS: [Target; 3] = [
    ("node_decode", targets::node_decode, node_decode),
    ("frames_handshake", targets::frames_handshake, frames_handshake),
    ("signal_message", targets::signal_message, signal_message),
];

#[test]
fn fuzz_seeds_are_those_that_the_vectors_give() {
    for (target, _, seeds) in TARGETS {
        let (folder, seeds) = (root().join("fuzz/seeds").join(target), seeds());
        assert!(!seeds.is_empty(), "no seeds for {target}");
        if std::env::var_os("SANSWIRE_WRITE_SEEDS").is_some() {
            write(&folder, &seeds);
        }
        let stale = read(&folder) != seeds;
        assert!(!stale, "fuzz/seeds/{target} is stale: run with SANSWIRE_WRITE_SEEDS=1");
    }
}

#[test]
fn fuzz_seeds_and_old_crashes_pass_their_targets() {
    for (target, check, _) in TARGETS {
        for folder in ["fuzz/seeds", "fixtures/crashes"] {
            read(&root().join(folder).join(target)).values().for_each(|bytes| check(bytes));
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
