//! Rust sources seen just closely enough: comments and literals blanked, functions and test parts found.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One Rust file of the repository.
pub(super) struct Source {
    /// Path from the root of the repository, with `/`.
    pub(super) path: String,
    /// The file as it stands.
    pub(super) text: String,
    /// The same, byte for byte as long, with comments and the insides of literals blanked.
    pub(super) masked: String,
}

/// A function with a body.
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// Line of its `fn`, from 1.
    pub(super) line: usize,
    /// Masked text from `fn` to the closing brace.
    text: String,
}

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Paths of all files of the repository: those that git knows or would add, without git all but build output.
pub(super) fn repository_files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success() && !output.stdout.is_empty())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let mut files: Vec<String> = match listed {
        Some(list) => list.lines().map(str::to_owned).collect(),
        None => walk(root()),
    };
    files.retain(|path| root().join(path).is_file());
    files.sort();
    files
}

/// All Rust files of the repository.
pub(super) fn sources() -> Vec<Source> {
    let rust = repository_files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.filter_map(|path| {
        let text = std::fs::read_to_string(root().join(&path)).ok()?;
        Some(Source::new(path, text))
    })
    .collect()
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Self {
        let masked = mask(&text);
        Self { path, text, masked }
    }

    /// Is the whole file a test?
    pub(super) fn is_test(&self) -> bool {
        let below_tests = self.path.starts_with("tests/it/") || self.path.contains("/tests/");
        below_tests || self.path.ends_with("/tests.rs")
    }

    /// Masked text without the parts under `#[cfg(test)]`.
    pub(super) fn production(&self) -> String {
        let mut text = self.masked.clone().into_bytes();
        for (start, end) in test_parts(&self.masked) {
            blank(&mut text, start, end);
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// The text that only exists in tests.
    pub(super) fn test_text(&self) -> String {
        if self.is_test() {
            return self.masked.clone();
        }
        test_parts(&self.masked).into_iter().filter_map(|(start, end)| self.masked.get(start..end)).collect()
    }

    /// Lines of production code, from 1, that hold this word.
    pub(super) fn lines_with_word(&self, word: &str) -> Vec<usize> {
        lines_with_word(&self.production(), word)
    }

    /// All functions with a body, nested ones included.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in word_positions(&self.masked, "fn") {
            let rest = &self.masked[at..];
            let name: String = rest[2..].trim_start().chars().take_while(|c| is_word(*c)).collect();
            if name.is_empty() {
                continue;
            }
            let Some(open) = body_start(rest) else { continue };
            let Some(close) = closing(rest, open) else { continue };
            let line = line_of(&self.masked, at);
            functions.push(Function { name, line, text: rest[..=close].to_owned() });
        }
        functions
    }
}

impl Function {
    /// Lines from `fn` to the closing brace.
    pub(super) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Is the body one `match` whose arms each take at most so many lines?
    pub(super) fn is_table(&self, arm_lines_max: usize) -> bool {
        let Some(open) = body_start(&self.text) else { return false };
        let body = self.text[open + 1..self.text.len() - 1].trim();
        if !(body.starts_with("match ") && body.ends_with('}')) {
            return false;
        }
        let Some(arms) = body.find('{') else { return false };
        if closing(body, arms) != Some(body.len() - 1) {
            return false;
        }
        let inside = &body[arms + 1..body.len() - 1];
        let mut at = 0;
        while let Some(open) = inside[at..].find('{').map(|found| at + found) {
            let Some(close) = closing(inside, open) else { return false };
            if inside[open..close].lines().count() > arm_lines_max {
                return false;
            }
            at = close + 1;
        }
        true
    }
}

/// Lines of the text, from 1, that hold the word with no word character on either side.
pub(super) fn lines_with_word(text: &str, word: &str) -> Vec<usize> {
    word_positions(text, word).into_iter().map(|at| line_of(text, at)).collect()
}

/// Where the word stands in the text, in bytes.
pub(super) fn word_positions(text: &str, word: &str) -> Vec<usize> {
    let open_ended = !word.ends_with(is_word);
    text.match_indices(word)
        .filter(|(at, _)| !text[..*at].ends_with(is_word))
        .filter(|(at, _)| open_ended || !text[at + word.len()..].starts_with(is_word))
        .map(|(at, _)| at)
        .collect()
}

/// Line of a position, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Position of the bracket that closes the one at `open`, in masked text.
pub(super) fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Is this a character of identifiers?
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Position of the brace that opens the body of the function at the start of the text.
fn body_start(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' if depth == 0 => return Some(at),
            b';' | b'}' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Ranges of the items under `#[cfg(test)]`.
fn test_parts(masked: &str) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    for (start, attribute) in masked.match_indices("#[cfg(test)]") {
        let after = start + attribute.len();
        let Some(stop) = masked[after..].find(['{', ';']).map(|found| after + found) else { continue };
        let end = if masked[stop..].starts_with('{') { closing(masked, stop) } else { Some(stop) };
        parts.push((start, end.unwrap_or(masked.len() - 1) + 1));
    }
    parts
}

/// Blanks comments and the insides of string and character literals; keeps length and lines.
fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let end = match rest {
            [b'/', b'/', ..] => at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => at + block_comment_length(rest),
            [b'"', ..] => at + string_length(rest),
            [b'r', ..] if !preceded_by_word(bytes, at) => match raw_string_length(rest) {
                Some(length) => at + length,
                None => {
                    at += 1;
                    continue;
                }
            },
            [b'\'', ..] => match character_length(rest) {
                Some(length) => at + length,
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        blank(&mut masked, at, end);
        at = end;
    }
    String::from_utf8(masked).unwrap_or_default()
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    for byte in &mut bytes[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Does a word character stand before? Then an `r` here ends a name; `br"…"` starts a literal all the same.
fn preceded_by_word(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).is_some_and(|index| is_word(char::from(bytes[index])));
    before(1) && (bytes[at - 1] != b'b' || before(2))
}

fn block_comment_length(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => depth += 1,
            [b'*', b'/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_string_length(bytes: &[u8]) -> Option<usize> {
    let hashes = bytes[1..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = core::iter::once(b'"').chain(core::iter::repeat_n(b'#', hashes)).collect();
    let inside = &bytes[2 + hashes..];
    let length = inside.windows(close.len()).position(|window| window == close)?;
    Some(2 + hashes + length + close.len())
}

/// Length of a character literal; none for a lifetime.
fn character_length(bytes: &[u8]) -> Option<usize> {
    let text = core::str::from_utf8(bytes).ok()?;
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let close = text[3..].find('\'')?;
        return Some(3 + close + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 1)
}

/// All files below, without build output: for trees that are not a git clone.
fn walk(folder: &Path) -> Vec<String> {
    const SKIPPED: [&str; 5] = [".git", "target", "node_modules", "corpus", "artifacts"];
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !SKIPPED.iter().any(|skipped| *skipped == name) {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root()) {
                files.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn source(text: &str) -> Source {
        Source::new("src/wire/node.rs".to_owned(), text.to_owned())
    }

    #[test]
    fn masking_blanks_comments_and_literals_only() {
        let text = "let a = \"HashMap \\\" f64\"; // thread\nlet b = 'x'; let c: &'a str = r#\"std::\"#; /* f32 */ OsRng";
        let masked = source(text).masked;
        assert_eq!(masked.len(), text.len());
        for gone in ["HashMap", "f64", "thread", "'x'", "std::", "f32"] {
            assert!(!masked.contains(gone), "{gone} is still there");
        }
        assert!(masked.contains("&'a str") && masked.contains("OsRng"));
    }

    #[test]
    fn words_are_found_whole_and_outside_tests() {
        let text = "use threads; fn a() { thread() }\n#[cfg(test)]\nmod tests { fn b() { thread() } }\n";
        assert_eq!(source(text).lines_with_word("thread"), [1]);
        assert!(source(text).test_text().contains("fn b"));
    }

    #[test]
    fn long_functions_are_found_and_tables_excused() {
        let arms = "    1 => 2,\n".repeat(80);
        let table = format!("fn table(x: u8) -> u8 {{\n  match x {{\n{arms}  }}\n}}\n");
        let long = format!("fn long<const N: usize>(x: [u8; 3]) {{\n{}}}\n", "  step();\n".repeat(80));
        let both = source(&format!("{table}{long}trait T {{ fn none(&self); }}\n"));
        let functions = both.functions();
        assert_eq!(functions.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["table", "long"]);
        assert!(functions[0].lines() > 70 && functions[0].is_table(12));
        assert!(functions[1].lines() == 82 && !functions[1].is_table(12));
        assert_eq!(functions[1].line, 85);
    }
}
