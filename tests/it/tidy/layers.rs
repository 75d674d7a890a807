//! Layers: each path to another part of the core is on the list of those that the part may use.

use super::assert_none;
use super::source::{Source, closing, is_word, line_of, sources, word_positions};
use std::collections::BTreeMap;

/// What every part may use, except those that stand below: time, bounds, and the words of the interface.
const COMMON: &[&str] = &["now", "limits", "redact", "timer", "entropy", "error", "config", "event"];

/// A part of the core and what it may use besides itself and, if `common`, the common parts. The row with the
/// longest matching name counts, so `engine::run` is not `engine`. `*` is everything but `client`.
struct Row {
    part: &'static str,
    common: bool,
    /// Knows more than its neighbours, who therefore may not use it unless their row says so.
    guarded: bool,
    uses: &'static [&'static str],
}

const fn row(part: &'static str, uses: &'static [&'static str]) -> Row {
    Row { part, common: true, guarded: false, uses }
}

const fn floor(part: &'static str, uses: &'static [&'static str]) -> Row {
    Row { part, common: false, guarded: false, uses }
}

const fn guarded(part: &'static str, uses: &'static [&'static str]) -> Row {
    Row { part, common: true, guarded: true, uses }
}

/// A part that is in no row fails: a new one must be put into the table first.
const ROWS: &[Row] = &[
    // The floor: nothing of ours, or next to nothing.
    floor("crypto", &[]),
    floor("now", &[]),
    floor("limits", &[]),
    floor("redact", &[]),
    floor("entropy", &["crypto", "limits"]),
    floor("timer", &["now", "limits", "engine::request"]),
    // Two neighbours over `crypto` that know nothing of each other.
    floor("wire", &["crypto", "limits", "redact"]),
    floor("signal", &["crypto", "limits", "redact"]),
    floor("records", &["signal", "crypto", "limits", "redact", "output", "wire::jid"]),
    // The interface: plain data.
    floor("config", &["now", "limits", "redact", "wire", "crypto", "error", "output", "link::payload"]),
    floor("error", &["now", "limits", "redact", "wire", "signal", "records"]),
    floor(
        "event",
        &["now", "limits", "redact", "wire", "error", "records", "ops", "content", "groups::model"],
    ),
    row("input", &["records", "wire", "ops"]),
    row("output", &["records", "wire", "ops"]),
    // Turns know records and stanzas, but no domain, so that every domain may use them; the loop around them
    // knows the two tables.
    row("engine", &["records", "wire", "signal", "crypto", "input", "output", "ops", "stanza::reject"]),
    // What is remembered of a pairing under way is plain data as well.
    row("engine::memory", &["records", "wire", "ops", "link::pairing"]),
    guarded("engine::run", LOOP),
    guarded("engine::commit", LOOP),
    guarded("stanza::route", &["*"]),
    row("ops::registry", &["*"]),
    row("ops", &["engine", "records", "wire", "stanza", "ops::registry"]),
    row("stanza", &["engine", "records", "wire", "signal"]),
    row("stanza::reaction", &["engine", "records", "wire", "signal", "stanza", "link"]),
    row("directory", &["engine", "records", "wire", "signal", "stanza", "crypto", "ops"]),
    // Content and stores.
    row("content", CONTENT),
    row("media", CONTENT),
    row("appstate", CONTENT),
    row("history", CONTENT),
    row("messaging", MESSAGING),
    // The other domains: never each other's internals.
    row("account", DOMAIN),
    row("bots", DOMAIN),
    row("business", DOMAIN),
    row("calls", DOMAIN),
    row("contacts", DOMAIN),
    row("groups", GROUPS),
    row("newsletters", DOMAIN),
    row("privacy", DOMAIN),
    row("status", DOMAIN),
    row("link", &["engine", "records", "wire", "signal", "directory", "crypto", "stanza", "ops", "output"]),
    row("replay", &["input", "output", "records", "wire", "client", "ops", "crypto"]),
    // The top: nobody else uses it.
    guarded("client", &["engine", "engine::run", "link", "input", "output", "records", "ops", "wire"]),
];

const LOOP: &[&str] = &[
    "engine",
    "engine::run",
    "records",
    "wire",
    "signal",
    "crypto",
    "input",
    "output",
    "ops",
    "stanza",
    "stanza::route",
    "link",
];
const CONTENT: &[&str] = &[
    "crypto",
    "wire::jid",
    "wire::Jid",
    "wire::OwnedJid",
    "engine",
    "records",
    "stanza",
    "directory",
    "ops",
];
const MESSAGING: &[&str] = &[
    "crypto",
    "wire",
    "engine",
    "records",
    "stanza",
    "directory",
    "ops",
    "content",
    "groups::cache",
    "history::bootstrap",
    "signal",
];
const DOMAIN: &[&str] = &[
    "crypto",
    "wire",
    "engine",
    "records",
    "stanza",
    "directory",
    "ops",
    "content",
    "messaging::send",
    "messaging::inbox",
    "messaging::source",
];

const GROUPS: &[&str] = &[
    "crypto",
    "wire",
    "engine",
    "records",
    "stanza",
    "directory",
    "ops",
    "messaging::inbox",
    "messaging::shown",
];

/// Does `path` lie in `part`, at a `::` border?
fn within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn row_of(module: &str) -> Option<&'static Row> {
    ROWS.iter().filter(|row| within(module, row.part)).max_by_key(|row| row.part.len())
}

/// Why may this module not use that path? None if it may.
fn objection(module: &str, path: &str) -> Option<String> {
    let Some(row) = row_of(module) else {
        return Some(format!("`{module}` is in no row of the table in tests/it/tidy/layers.rs"));
    };
    let target = row_of(path);
    let by_name = |part: &&str| {
        within(path, part) && target.is_none_or(|target| !target.guarded || target.part == *part)
    };
    let everything = row.uses.contains(&"*") && !within(path, "client");
    let own = by_name(&row.part);
    let listed = row.uses.iter().any(by_name);
    let common = row.common && COMMON.iter().any(|part| within(path, part));
    if everything || own || listed || common {
        return None;
    }
    Some(format!("`{}` may not use `crate::{path}` (it may use: {})", row.part, row.uses.join(", ")))
}

/// What `mod.rs` files and `lib.rs` hand on under a shorter name: `engine::Turn` is `engine::turn::Turn`.
fn re_exports(sources: &[Source]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for source in
        sources.iter().filter(|source| source.path == "src/lib.rs" || source.path.ends_with("/mod.rs"))
    {
        let Some(module) = module_of(&source.path) else { continue };
        for at in word_positions(&source.masked, "use") {
            if !source.masked[..at].trim_end().ends_with([')', 'b']) {
                continue;
            }
            let path = source.masked[at + 3..].trim_start();
            let (prefix, path) = match path.strip_prefix("crate::") {
                Some(path) => ("", path),
                None => (module.as_str(), path.strip_prefix("self::").unwrap_or(path)),
            };
            let mut paths = Vec::new();
            expand(prefix, path, &mut paths);
            for path in paths {
                let name = path.rsplit("::").next().unwrap_or_default();
                let short = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
                names.insert(short, path);
            }
        }
    }
    names
}

/// Follows re-exports to where the thing is.
fn resolve(path: &str, names: &BTreeMap<String, String>) -> String {
    let mut path = path.to_owned();
    for _ in 0..4 {
        let Some((short, long)) =
            names.iter().find(|(short, long)| within(&path, short) && !within(&path, long))
        else {
            break;
        };
        path = format!("{long}{}", &path[short.len()..]);
    }
    path
}

/// Module path of a file below `src/`: `src/wire/node.rs` is `wire::node`, `src/wire/mod.rs` is `wire`.
fn module_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    Some(if inner == "lib" { String::new() } else { inner.replace('/', "::") })
}

/// Absolute paths, without `crate::`, that the masked text names, with their lines.
fn named_paths(module: &str, text: &str) -> Vec<(String, usize)> {
    let mut named = Vec::new();
    for at in word_positions(text, "crate::") {
        let mut paths = Vec::new();
        expand("", &text[at + "crate::".len()..], &mut paths);
        named.extend(paths.into_iter().map(|path| (path, line_of(text, at))));
    }
    for at in word_positions(text, "super::") {
        if text[..at].ends_with("super::") {
            continue;
        }
        let mut parents: Vec<&str> = module.split("::").collect();
        let mut rest = &text[at..];
        while let Some(after) = rest.strip_prefix("super::") {
            parents.pop();
            rest = after;
        }
        let mut paths = Vec::new();
        expand(&parents.join("::"), rest, &mut paths);
        named.extend(paths.into_iter().map(|path| (path, line_of(text, at))));
    }
    named
}

/// Reads `a::{b, c::d}` at the start of the text as paths below `prefix`.
fn expand(prefix: &str, text: &str, paths: &mut Vec<String>) {
    let word: String = text.chars().take_while(|c| is_word(*c)).collect();
    let joined = if prefix.is_empty() || word.is_empty() {
        format!("{prefix}{word}")
    } else {
        format!("{prefix}::{word}")
    };
    let rest = &text[word.len()..];
    if let Some(rest) = rest.strip_prefix("::") {
        if word.is_empty() {
            return;
        }
        return expand(&joined, rest, paths);
    }
    if word.is_empty() && rest.starts_with('{') {
        let inside = closing(rest, 0).map_or("", |close| &rest[1..close]);
        for item in split_list(inside) {
            expand(prefix, item.trim(), paths);
        }
        return;
    }
    if !joined.is_empty() {
        paths.push(joined);
    }
}

/// Splits at the commas that stand outside of braces.
fn split_list(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                items.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

fn breaches_of(source: &Source, names: &BTreeMap<String, String>) -> Vec<String> {
    let Some(module) = module_of(&source.path) else { return Vec::new() };
    if module.is_empty() || source.is_test() {
        return Vec::new();
    }
    let judge = |(path, line): (String, usize)| {
        let path = resolve(&path, names);
        objection(&module, &path).map(|why| format!("{}:{line}: {why}", source.path))
    };
    named_paths(&module, &source.production()).into_iter().filter_map(judge).collect()
}

#[test]
fn parts_use_only_what_lies_below_them() {
    let sources = sources();
    let names = re_exports(&sources);
    let breaches: Vec<String> = sources.iter().flat_map(|source| breaches_of(source, &names)).collect();
    assert_none(&breaches);
}

/// What the rules say to a file with this text.
fn planted(path: &str, text: &str) -> Vec<String> {
    let front = Source::new(
        "src/engine/mod.rs".to_owned(),
        "pub(crate) use turn::{Stop, Turn};\nuse run::Engine;".to_owned(),
    );
    breaches_of(&Source::new(path.to_owned(), text.to_owned()), &re_exports(&[front]))
}

#[test]
fn forbidden_edges_are_seen_in_every_spelling() {
    let caught = |path: &str, text: &str| !planted(path, text).is_empty();
    assert!(caught("src/wire/node.rs", "use crate::signal::Session;"));
    assert!(caught("src/wire/node.rs", "use crate::{crypto::mac, signal::{session::Session, x3dh}};"));
    assert!(caught("src/wire/node.rs", "fn a() { crate::records::load() }"));
    assert!(caught("src/wire/node.rs", "use super::super::signal::Session;"));
    assert!(caught("src/wire/node.rs", "use crate::engine::Turn;"));
    assert!(caught("src/crypto/mac.rs", "use crate::limits::FRAME;"));
    assert!(caught("src/groups/create.rs", "use crate::newsletters::model::Newsletter;"));
    assert!(caught("src/engine/turn.rs", "use crate::messaging::send::Send;"));
    assert!(caught("src/engine/turn.rs", "use super::run::Engine;"));
    assert!(caught("src/stanza/ack.rs", "use crate::stanza::route;"));
    assert!(caught("src/link/login.rs", "use crate::client::Client;"));
    assert!(caught("src/novelty.rs", "use crate::wire::Node;"));
}

#[test]
fn allowed_edges_pass() {
    let passes = |path: &str, text: &str| assert_none(&planted(path, text));
    passes(
        "src/wire/node.rs",
        "use super::attrs::Attrs; use crate::{crypto::mac, limits, wire::{jid::Jid}};",
    );
    passes("src/messaging/receive.rs", "use crate::engine::Turn; use crate::signal::cipher;");
    passes("src/stanza/route.rs", "use crate::groups; use crate::messaging::receive;");
    passes("src/engine/run.rs", "use crate::stanza::route; use super::turn::Turn;");
    passes("src/wire/node.rs", "#[cfg(test)]\nmod tests { use crate::signal::Session; }");
}
