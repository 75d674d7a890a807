//! Layers: each path to another part of the core is on the list of those that the part may use.

use super::assert_none;
use super::source::{Source, closing, is_word, line_of, sources, word_positions};

/// What every part may use, except those that stand below: time, bounds, and the words of the interface.
const COMMON: &[&str] = &["now", "limits", "redact", "timer", "entropy", "error", "config", "event"];

/// A part of the core and what it may use besides itself and, if `common`, the common parts. The row with the
/// longest matching name counts, so `engine::turn` is not `engine`. `*` is everything but `client`.
struct Row {
    part: &'static str,
    common: bool,
    uses: &'static [&'static str],
}

const fn row(part: &'static str, uses: &'static [&'static str]) -> Row {
    Row { part, common: true, uses }
}

const fn floor(part: &'static str, uses: &'static [&'static str]) -> Row {
    Row { part, common: false, uses }
}

/// Files that are in no row: a new part must be put into the table first.
const ROWS: &[Row] = &[
    // The floor: nothing of ours, or next to nothing.
    floor("crypto", &[]),
    floor("now", &[]),
    floor("limits", &[]),
    floor("redact", &[]),
    floor("entropy", &["crypto", "limits"]),
    floor("timer", &["now", "limits"]),
    // Two neighbours over `crypto` that know nothing of each other.
    floor("wire", &["crypto", "limits", "redact"]),
    floor("signal", &["crypto", "limits", "redact"]),
    floor("records", &["signal", "crypto", "limits", "redact"]),
    // The interface: plain data.
    floor("config", &["now", "limits", "redact", "wire", "crypto"]),
    floor("error", &["now", "limits", "redact", "wire", "signal", "records"]),
    floor("event", &["now", "limits", "redact", "wire", "error", "records"]),
    row("input", &["records", "wire", "ops"]),
    row("output", &["records", "wire", "ops"]),
    // One transaction: it knows records and stanzas, but no domain, so that every domain may use it.
    row(
        "engine::turn",
        &["engine::outputs", "engine::requests", "records", "wire", "signal", "crypto", "output"],
    ),
    row("engine", &["records", "wire", "crypto", "input", "output", "stanza::route", "ops", "link"]),
    // The two files that know all domains.
    row("stanza::route", &["*"]),
    row("ops::registry", &["*"]),
    row("ops", &["engine::turn", "records", "wire", "stanza"]),
    row("stanza", &["engine::turn", "records", "wire", "signal"]),
    row("directory", &["engine::turn", "records", "wire", "signal", "stanza", "crypto", "ops"]),
    // Content and stores.
    row("content", CONTENT),
    row("media", CONTENT),
    row("appstate", CONTENT),
    row("history", CONTENT),
    row("messaging", MESSAGING),
    // The other domains: never each other's internals.
    row("account", DOMAIN),
    row("bots", DOMAIN),
    row("calls", DOMAIN),
    row("contacts", DOMAIN),
    row("groups", DOMAIN),
    row("newsletters", DOMAIN),
    row("privacy", DOMAIN),
    row("status", DOMAIN),
    row("link", &["engine::turn", "records", "wire", "signal", "directory", "crypto", "stanza", "ops"]),
    row("replay", &["input", "output", "records", "wire", "client"]),
    // The top: nobody uses it.
    row("client", &["engine", "link", "input", "output", "records", "ops", "wire"]),
];

const CONTENT: &[&str] = &[
    "crypto",
    "wire::jid",
    "wire::Jid",
    "wire::OwnedJid",
    "engine::turn",
    "records",
    "stanza",
    "directory",
    "ops",
];
const MESSAGING: &[&str] = &[
    "crypto",
    "wire",
    "engine::turn",
    "records",
    "stanza",
    "directory",
    "ops",
    "content",
    "groups::cache",
    "signal",
];
const DOMAIN: &[&str] = &[
    "crypto",
    "wire",
    "engine::turn",
    "records",
    "stanza",
    "directory",
    "ops",
    "content",
    "messaging::send",
];

/// Does `path` lie in `part`, at a `::` border?
fn within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn row_of(module: &str) -> Option<&'static Row> {
    ROWS.iter().filter(|row| within(module, row.part)).max_by_key(|row| row.part.len())
}

/// Is this one of the two files that know all domains? Then even its neighbours must not ask it.
fn knows_all(path: &str) -> bool {
    ROWS.iter().any(|row| row.uses.contains(&"*") && within(path, row.part))
}

/// Why may this module not use that path? None if it may.
fn objection(module: &str, path: &str) -> Option<String> {
    let Some(row) = row_of(module) else {
        return Some(format!("`{module}` is in no row of the table in tests/it/tidy/layers.rs"));
    };
    let everything = row.uses.contains(&"*") && !within(path, "client");
    let own = within(path, row.part) && !knows_all(path);
    let listed = row.uses.iter().any(|part| within(path, part));
    let common = row.common && COMMON.iter().any(|part| within(path, part));
    if everything || own || listed || common {
        return None;
    }
    Some(format!("`{}` may not use `crate::{path}` (it may use: {})", row.part, row.uses.join(", ")))
}

/// Module path of a file below `src/`: `src/wire/node.rs` is `wire::node`, `src/wire/mod.rs` is `wire`.
fn module_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    Some(inner.replace('/', "::"))
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

fn breaches_of(source: &Source) -> Vec<String> {
    let Some(module) = module_of(&source.path) else { return Vec::new() };
    if module == "lib" || source.is_test() {
        return Vec::new();
    }
    let paths = named_paths(&module, &source.production());
    let judge = |(path, line): (String, usize)| {
        objection(&module, &path).map(|why| format!("{}:{line}: {why}", source.path))
    };
    paths.into_iter().filter_map(judge).collect()
}

#[test]
fn parts_use_only_what_lies_below_them() {
    let breaches: Vec<String> = sources().iter().flat_map(breaches_of).collect();
    assert_none(&breaches);
}

#[test]
fn forbidden_edges_are_seen_in_every_spelling() {
    let planted =
        |path: &str, text: &str| !breaches_of(&Source::new(path.to_owned(), text.to_owned())).is_empty();
    assert!(planted("src/wire/node.rs", "use crate::signal::Session;"));
    assert!(planted("src/wire/node.rs", "use crate::{crypto::mac, signal::{session::Session, x3dh}};"));
    assert!(planted("src/wire/node.rs", "fn a() { crate::records::load() }"));
    assert!(planted("src/wire/node.rs", "use super::super::signal::Session;"));
    assert!(planted("src/crypto/mac.rs", "use crate::limits::FRAME;"));
    assert!(planted("src/groups/create.rs", "use crate::newsletters::model::Newsletter;"));
    assert!(planted("src/engine/turn.rs", "use crate::messaging::send::Send;"));
    assert!(planted("src/stanza/ack.rs", "use crate::stanza::route;"));
    assert!(planted("src/link/login.rs", "use crate::client::Client;"));
    assert!(planted("src/novelty.rs", "use crate::wire::Node;"));
}

#[test]
fn allowed_edges_pass() {
    let passes =
        |path: &str, text: &str| breaches_of(&Source::new(path.to_owned(), text.to_owned())).is_empty();
    assert!(passes(
        "src/wire/node.rs",
        "use super::attrs::Attrs; use crate::{crypto::mac, limits, wire::{jid::Jid}};"
    ));
    assert!(passes("src/messaging/receive.rs", "use crate::engine::turn::Turn; use crate::signal::cipher;"));
    assert!(passes("src/stanza/route.rs", "use crate::groups; use crate::messaging::receive;"));
    assert!(passes("src/engine/queue.rs", "use crate::stanza::route; use super::turn::Turn;"));
    assert!(passes("src/wire/node.rs", "#[cfg(test)]\nmod tests { use crate::signal::Session; }"));
}
