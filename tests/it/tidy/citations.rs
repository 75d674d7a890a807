//! Citations: each `Reference NN §N` in a Rust source names a heading of `docs/protocol/`.

use super::assert_none;
use super::source::{is_word, line_of, root, sources};
use std::collections::{BTreeMap, BTreeSet};

/// A chapter and, if named, a section, with its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Citation {
    chapter: String,
    section: Option<String>,
    line: usize,
}

/// All citations in the text: `Reference 07`, and each `04 §5` with or without that word. One mention may list
/// several sections: `Reference 03 §4.1, §5 and §6`.
pub(super) fn in_text(text: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for (at, _) in text.char_indices() {
        let Some(chapter) = text.get(at..at + 2).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        let named = text[..at].ends_with("Reference ");
        let rest = &text[at + 2..];
        if text[..at].ends_with(is_word) || rest.starts_with(is_word) || !(named || rest.starts_with(" §")) {
            continue;
        }
        let (chapter, line) = (chapter.to_owned(), line_of(text, at));
        let mut rest = skip_breaks(rest);
        let before = found.len();
        while let Some(after) = rest.strip_prefix('§') {
            let section: String =
                after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
            rest = skip_breaks(&after[section.len()..]);
            let section = section.trim_end_matches('.').to_owned();
            found.push(Citation { chapter: chapter.clone(), section: Some(section), line });
        }
        if found.len() == before {
            found.push(Citation { chapter, section: None, line });
        }
    }
    found
}

/// Skips what may stand between two sections of a list, also where a doc comment breaks the line.
fn skip_breaks(mut rest: &str) -> &str {
    loop {
        let before = rest.len();
        rest = rest.trim_start();
        for between in ["///", "//!", "//", ",", ";", "and ", "to ", "–", "-", "`", "("] {
            rest = rest.strip_prefix(between).unwrap_or(rest);
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// Numbers of the headings of each chapter.
fn chapters() -> BTreeMap<String, BTreeSet<String>> {
    let mut chapters = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("docs/protocol")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = name.get(..2).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#')).filter_map(heading_number).collect();
        chapters.insert(number.to_owned(), headings);
    }
    chapters
}

/// `## 5. Keys`, `### 5.1 Curves` and `## A1. Media` begin with a number.
fn heading_number(line: &str) -> Option<String> {
    let word = line.trim_start_matches('#').split_whitespace().next()?.trim_end_matches('.');
    let mut digits = word.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(word).split('.');
    let numbered = digits.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    numbered.then(|| word.to_owned())
}

#[test]
fn every_citation_names_a_heading_of_the_reference() {
    let chapters = chapters();
    let mut breaches = Vec::new();
    for source in sources() {
        if source.path.starts_with("tests/it/tidy") {
            continue;
        }
        for Citation { chapter, section, line } in in_text(&source.text) {
            let path = &source.path;
            match (chapters.get(&chapter), section) {
                (None, _) => breaches.push(format!("{path}:{line}: there is no chapter {chapter}")),
                (Some(headings), Some(section)) if !headings.contains(&section) => {
                    breaches.push(format!("{path}:{line}: chapter {chapter} has no heading §{section}"));
                }
                (Some(_), _) => {}
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn citations_are_read_with_lists_and_line_breaks() {
    let text = "//! One. Reference 04 §4, §5.1 and §A1.\n/// Reference 03\n/// §2, 05 §9. See Reference 07\nrow(\"a\", \"08 §3\"); // RFC 1951 §3";
    let cite = |chapter: &str, section: Option<&str>, line| Citation {
        chapter: chapter.to_owned(),
        section: section.map(str::to_owned),
        line,
    };
    let expected = [
        cite("04", Some("4"), 1),
        cite("04", Some("5.1"), 1),
        cite("04", Some("A1"), 1),
        cite("03", Some("2"), 2),
        cite("05", Some("9"), 3),
        cite("07", None, 3),
        cite("08", Some("3"), 4),
    ];
    assert_eq!(in_text(text), expected);
}

#[test]
fn headings_have_numbers_of_three_shapes() {
    assert_eq!(heading_number("## 5. Keys").as_deref(), Some("5"));
    assert_eq!(heading_number("### 5.1 Curves").as_deref(), Some("5.1"));
    assert_eq!(heading_number("## A1. Media").as_deref(), Some("A1"));
    assert_eq!(heading_number("### Attributes"), None);
}
