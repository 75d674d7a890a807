//! The rules of the house as tests: what no compiler and no linter checks, checked file by file.
//!
//! Each test prints every breach as `file:line: what is wrong`. The rules and their reasons stand in
//! ARCHITECTURE.md; the layers are a table in `layers.rs`.

mod citations;
mod layers;
mod source;

use core::fmt::Write as _;
use source::{Source, repository_files, root, sources};
use std::path::Path;

/// Longest file of the core, the adapters and the harness, in lines.
const SOURCE_LINES_MAX: usize = 500;
/// Longest test file, in lines.
const TEST_LINES_MAX: usize = 600;
/// Longest function, in lines from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Longest arm of a function that is nothing but one `match`: those are tables and may be long.
const TABLE_ARM_LINES_MAX: usize = 12;
/// Most lines of code in a fuzz target: its body belongs into a crate.
const FUZZ_TARGET_LINES_MAX: usize = 15;
/// Largest file outside `fixtures/` and `docs/`, in bytes.
const FILE_BYTES_MAX: u64 = 300_000;

/// What the core cannot have: the system, time, threads, randomness, unordered maps, floats.
const CORE_BANNED: [&str; 10] =
    ["std::", "HashMap", "HashSet", "f32", "f64", "Instant", "SystemTime", "thread", "OsRng", "getrandom"];

/// Where positions and speeds are carried from the wire to the application: nothing is computed with them.
const CARRIES_FLOATS: &str = "src/content/number.rs";

/// Folders of the core whose files state protocol and therefore cite the reference.
const PROTOCOL_FOLDERS: [&str; 18] = [
    "account",
    "appstate",
    "bots",
    "calls",
    "contacts",
    "content",
    "directory",
    "groups",
    "history",
    "link",
    "media",
    "messaging",
    "newsletters",
    "privacy",
    "signal",
    "stanza",
    "status",
    "wire",
];

/// Files of those folders that state no protocol of their own.
const NOT_PROTOCOL: [&str; 2] = ["src/stanza/parse.rs", "src/wire/text.rs"];

/// Names of machines and people have no place in the repository (split, so that this file passes).
const PRIVATE_PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("arti", "factory"),
];

/// Marks of unfinished work (split, so that this file passes).
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
];

/// Fails with one line per breach.
fn assert_none(breaches: &[String]) {
    let mut list = String::new();
    for breach in breaches {
        let _ = writeln!(list, "  {breach}");
    }
    assert!(breaches.is_empty(), "{} breaches of the house rules:\n{list}", breaches.len());
}

#[test]
fn files_stay_short() {
    let mut breaches = Vec::new();
    for source in sources() {
        let max = if source.is_test() || source.path.starts_with("tests/bench/") {
            TEST_LINES_MAX
        } else {
            SOURCE_LINES_MAX
        };
        let lines = source.text.lines().count();
        if lines > max {
            breaches.push(format!("{}:{lines}: {lines} lines, at most {max}", source.path));
        }
    }
    assert_none(&breaches);
}

#[test]
fn functions_fit_a_screen() {
    let mut breaches = Vec::new();
    for source in sources() {
        for function in source.functions() {
            if function.lines() > FUNCTION_LINES_MAX && !function.is_table(TABLE_ARM_LINES_MAX) {
                breaches.push(format!(
                    "{}:{}: fn {} has {} lines, at most {FUNCTION_LINES_MAX} (one match with short arms may be longer)",
                    source.path,
                    function.line,
                    function.name,
                    function.lines()
                ));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn each_file_says_what_it_is_in_its_first_line() {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    let breaches: Vec<_> = sources()
        .iter()
        .filter(|source| silent(source))
        .map(|source| format!("{}:1: the first line is not `//! …`", source.path))
        .collect();
    assert_none(&breaches);
}

#[test]
fn core_names_nothing_impure() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test()) {
        for word in CORE_BANNED {
            if matches!(word, "f32" | "f64") && source.path == CARRIES_FLOATS {
                continue;
            }
            for line in source.lines_with_word(word) {
                breaches.push(format!("{}:{line}: `{word}` in the core", source.path));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn protocol_files_cite_the_reference() {
    let mut breaches = Vec::new();
    for source in sources() {
        let mut parts = source.path.split('/');
        let protocol = parts.next() == Some("src")
            && parts.next().is_some_and(|folder| PROTOCOL_FOLDERS.contains(&folder));
        let front_page = source.path.ends_with("/mod.rs") || NOT_PROTOCOL.contains(&source.path.as_str());
        if protocol && !front_page && !source.is_test() && citations::in_text(&source.text).is_empty() {
            breaches.push(format!("{}:1: cites no chapter (`Reference NN §N`)", source.path));
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut breaches = Vec::new();
    for (path, text) in text_files(&["rs", "mjs", "sh", "proto", "toml", "run"]) {
        for word in UNFINISHED {
            for line in source::lines_with_word(&text, word) {
                breaches.push(format!("{path}:{line}: `{word}`"));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_names_a_machine() {
    let mut breaches = Vec::new();
    for (path, text) in
        text_files(&["rs", "mjs", "sh", "proto", "toml", "run", "md", "json", "txt", "lock", "yml"])
    {
        for (index, line) in text.lines().enumerate() {
            for private in PRIVATE_PATHS.iter().filter(|private| line.contains(**private)) {
                breaches.push(format!("{path}:{}: names `{private}`", index + 1));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn lockfiles_name_no_registry_host() {
    let mut breaches = Vec::new();
    for (path, text) in text_files(&["json"]) {
        if !path.ends_with("package-lock.json") {
            continue;
        }
        for (index, _) in text.lines().enumerate().filter(|(_, line)| line.contains("\"resolved\"")) {
            breaches.push(format!("{path}:{}: `resolved` (see tests/interop/baileys/.npmrc)", index + 1));
        }
    }
    assert_none(&breaches);
}

#[test]
fn no_file_is_large() {
    let mut breaches = Vec::new();
    for path in repository_files() {
        let bytes = std::fs::metadata(root().join(&path)).map_or(0, |meta| meta.len());
        if bytes > FILE_BYTES_MAX && !path.starts_with("fixtures/") && !path.starts_with("docs/") {
            breaches.push(format!("{path}:1: {bytes} bytes, at most {FILE_BYTES_MAX}"));
        }
    }
    assert_none(&breaches);
}

#[test]
fn every_limit_is_named_by_a_test() {
    let Ok(limits) = std::fs::read_to_string(root().join("src/limits.rs")) else { return };
    let tests: Vec<String> = sources().iter().map(Source::test_text).collect();
    let mut breaches = Vec::new();
    for (index, line) in limits.lines().enumerate() {
        let Some(name) = constant_name(line) else { continue };
        if !tests.iter().any(|text| !source::lines_with_word(text, name).is_empty()) {
            breaches.push(format!("src/limits.rs:{}: no test names {name}", index + 1));
        }
    }
    assert_none(&breaches);
}

#[test]
fn every_fuzz_target_is_in_the_list_that_ci_runs() {
    let folder = root().join("fuzz");
    let Ok(list) = std::fs::read_to_string(folder.join("targets.txt")) else { return };
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let listed: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    let mut breaches = Vec::new();
    for target in &listed {
        if !manifest.contains(&format!("name = \"{target}\"")) {
            breaches.push(format!("fuzz/Cargo.toml:1: no [[bin]] for {target}"));
        }
        if !holds_files(&folder.join("seeds").join(target)) {
            breaches.push(format!("fuzz/targets.txt:1: no seeds in fuzz/seeds/{target}/"));
        }
    }
    let built = manifest.lines().filter(|line| line.trim() == "[[bin]]").count();
    if built != listed.len() {
        breaches
            .push(format!("fuzz/Cargo.toml:1: {built} targets, but fuzz/targets.txt lists {}", listed.len()));
    }
    for source in sources().iter().filter(|source| source.path.starts_with("fuzz/fuzz_targets/")) {
        let name = Path::new(&source.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !listed.contains(&name) {
            breaches.push(format!("{}:1: not in fuzz/targets.txt", source.path));
        }
        let code = source.masked.lines().filter(|line| !line.trim().is_empty()).count();
        if code > FUZZ_TARGET_LINES_MAX {
            breaches
                .push(format!("{}:1: {code} lines of code, at most {FUZZ_TARGET_LINES_MAX}", source.path));
        }
    }
    assert_none(&breaches);
}

/// Name of the constant that this line of `limits.rs` declares.
fn constant_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub "))?;
    let (name, _) = line.strip_prefix("const ")?.split_once(':')?;
    Some(name.trim())
}

fn holds_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Path and text of each file of the repository with one of these endings.
fn text_files(endings: &[&str]) -> Vec<(String, String)> {
    let ending = |path: &str| path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
    let wanted = |path: &String| endings.contains(&ending(path).as_str());
    let read = |path: String| std::fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    repository_files().into_iter().filter(wanted).filter_map(read).collect()
}
