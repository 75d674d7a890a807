//! The reader of the reference's vectors: one file, many named cases, each with an input and what to expect.
//!
//! `SANSWIRE_VECTORS` names another folder of files in the same format.

use std::path::PathBuf;

use serde_json::Value;

/// One case of a vector file.
pub(crate) struct Case {
    pub(crate) name: String,
    /// What the case does, in files that say so beside the input, as `kind` or `fn`.
    pub(crate) kind: Option<String>,
    pub(crate) input: Value,
    pub(crate) expected: Value,
}

impl Case {
    /// What the case does: its `op`, or its `kind`.
    pub(crate) fn op(&self) -> &str {
        let inside = || self.input.get("op").or_else(|| self.input.get("kind")).and_then(Value::as_str);
        self.kind.as_deref().or_else(inside).unwrap_or("")
    }

    /// A text of the input.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.input.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{}: no text {key}", self.name))
    }

    /// Bytes of the input, which are hex.
    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        hex(self.text(key))
    }

    /// The error class that is expected, if one is.
    pub(crate) fn error(&self) -> Option<&str> {
        self.expected.get("error").and_then(Value::as_str)
    }
}

/// Runs every case of a file and prints one line for each. Fails with the names and reasons of all that failed.
pub(crate) fn check(file: &str, run: impl Fn(&Case) -> Result<(), String>) {
    let cases = load(file);
    let mut failures = Vec::new();
    for case in &cases {
        match run(case) {
            Ok(()) => println!("{file}: {}: ok", case.name),
            Err(reason) => {
                println!("{file}: {}: FAILED: {reason}", case.name);
                failures.push(format!("{}: {reason}", case.name));
            }
        }
    }
    assert!(!cases.is_empty(), "{file} has no cases");
    assert!(
        failures.is_empty(),
        "{} of {} cases of {file} failed:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

/// All cases of a file.
pub(crate) fn load(file: &str) -> Vec<Case> {
    let folder = std::env::var_os("SANSWIRE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join("vectors"),
        PathBuf::from,
    );
    let path = folder.join(file);
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let mut json: Value = serde_json::from_str(&text).expect("vector files are JSON");
    let Some(Value::Array(cases)) = json.get_mut("cases").map(Value::take) else {
        panic!("{file} has no list of cases")
    };
    cases
        .into_iter()
        .map(|mut case| Case {
            name: case["name"].as_str().expect("cases have names").to_owned(),
            kind: case["kind"].as_str().or_else(|| case["fn"].as_str()).map(str::to_owned),
            input: case["input"].take(),
            expected: case["expected"].take(),
        })
        .collect()
}

/// Compares what came out with what is expected.
pub(crate) fn same<T: PartialEq + core::fmt::Debug>(
    what: &str,
    actual: &T,
    expected: &T,
) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, expected {expected:?}")) }
}

/// The bytes of a hex text.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "odd hex {text:?}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("vectors hold hex"))
        .collect()
}

/// The hex text of bytes.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
