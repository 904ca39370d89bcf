//! The wording of the repository's texts is plain, and what its documents say of the source exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Phrases that make a text hard to read, and what to write instead.
const PHRASES: [(&str, &str); 12] = [
    ("is no", "is not a, invalid, does not"),
    ("anew", "again"),
    ("whom", "the person or program itself"),
    ("whoever", "the person or program itself"),
    ("stands", "is"),
    ("what no", "another sentence"),
    ("by half", "what is missing"),
    ("mend", "fix"),
    ("in vain", "what failed"),
    ("of late", "recently"),
    ("so many", "the number"),
    ("goes on", "continues"),
];
/// Phrases that contain a forbidden one and are plain English.
const PLAIN: [&str; 3] = ["there is no", "is no longer", "stands for"];
/// Files that need the phrases, and why.
const ALLOWED: [(&str, &str); 4] = [
    ("tests/it/prose.rs", "lists the phrases"),
    ("LICENSE", "the words of the licence"),
    ("packaging/debian/copyright", "the words of the licence"),
    ("packaging/licenses", "the words of a licence"),
];
/// Files that tools write, and files that are not ours.
const SKIPPED: [&str; 7] = [
    "Cargo.lock",
    "fuzz/Cargo.lock",
    "fuzz/artifacts",
    "fuzz/corpus",
    "fuzz/coverage",
    "fuzz/target",
    "target",
];
/// Hidden files and directories that are ours.
const HIDDEN: [&str; 7] =
    [".cargo", ".ci", ".clippy.toml", ".justfile", ".rustfmt.toml", ".schema", ".tarpaulin.toml"];

#[test]
fn no_text_has_a_forbidden_phrase() {
    let mut files = Vec::new();
    list(Path::new(""), &mut files);
    assert!(files.len() > 100, "too few files were found");
    let mut hits = Vec::new();
    for file in files.iter().filter(|file| !is_allowed(file)) {
        let Ok(text) = fs::read_to_string(root().join(file)) else { continue };
        for (line, (phrase, instead)) in phrases(&text) {
            hits.push(format!("{}:{line}: \"{phrase}\" (write: {instead})", file.display()));
        }
    }
    assert!(hits.is_empty(), "{} phrases:\n{}", hits.len(), hits.join("\n"));
}

#[test]
fn each_exception_is_needed() {
    for (file, reason) in ALLOWED {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(!phrases(&text).is_empty(), "{file}: {reason}");
    }
}

#[test]
fn phrases_are_found_at_word_boundaries_in_any_case_and_across_lines() {
    for (text, expected) in [
        ("`x` is no host", &[(1, "is no")][..]),
        ("This Is No host", &[(1, "is no")]),
        ("// This is\n    // no host", &[(1, "is no")]),
        ("\"this is \\\n   no host\"", &[(1, "is no")]),
        ("fn what_is_no_host() {}", &[(1, "is no")]),
        ("there is no host; it is no longer there; it stands for none; it is none", &[]),
        ("The answer is no, and it stays that.", &[]),
        ("a\nIt stands.\nThen mend it anew", &[(2, "stands"), (3, "anew"), (3, "mend")]),
        ("standstill, understands, amend, recommend, whomever's canew", &[]),
    ] {
        let found: Vec<_> = phrases(text).into_iter().map(|(line, (phrase, _))| (line, phrase)).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn each_file_and_item_that_the_documents_name_exists() {
    let mut files = Vec::new();
    list(Path::new("docs"), &mut files);
    let (mut count, mut missing) = (0, Vec::new());
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for (path, items) in named(&text) {
            count += 1;
            let place = format!("{}: {path}", file.display());
            if !root().join(path).exists() {
                missing.push(format!("{place} does not exist"));
            } else if !items.is_empty() {
                let source = fs::read_to_string(root().join(path)).unwrap();
                let absent = items.iter().filter(|item| !words(&source).any(|word| word == **item));
                missing.extend(absent.map(|item| format!("{place} has no `{item}`")));
            }
        }
    }
    assert!(count > 20, "too few names were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lists the files below a directory, relative to the root of the repository.
fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let entry = entry.unwrap();
        let path = directory.join(entry.file_name());
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if SKIPPED.iter().any(|skipped| path == Path::new(skipped))
            || is_hidden && !HIDDEN.iter().any(|hidden| path == Path::new(hidden))
        {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn is_allowed(file: &Path) -> bool {
    ALLOWED.iter().any(|(allowed, _)| file == Path::new(allowed))
}

/// Finds the phrases of a text, each with the number of the line on which it begins.
fn phrases(text: &str) -> Vec<(usize, (&'static str, &'static str))> {
    let (flat, starts) = flatten(text);
    let mut found = Vec::new();
    for (phrase, instead) in PHRASES {
        for (at, _) in flat.match_indices(phrase) {
            let is_phrase = is_whole(&flat, at, phrase) && !is_plain(&flat, at, phrase);
            // The answer "no" is a word of its own.
            let is_followed = phrase != "is no" || flat[at + phrase.len()..].starts_with(' ');
            if is_phrase && is_followed {
                found.push((starts.partition_point(|start| *start <= at), (phrase, instead)));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Returns the text in lower case as one line, without what marks comments and continues lines, and where each line
/// starts in it. An underscore counts as a space, so that names are read too.
fn flatten(text: &str) -> (String, Vec<usize>) {
    let mut flat = String::new();
    let mut starts = Vec::new();
    for line in text.lines() {
        starts.push(flat.len());
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "/!#*>|".contains(c));
        let line = line.trim_end_matches(|c: char| c.is_whitespace() || c == '\\');
        for word in line.replace('_', " ").split_whitespace() {
            flat.push_str(&word.to_lowercase());
            flat.push(' ');
        }
    }
    (flat, starts)
}

fn is_whole(text: &str, at: usize, phrase: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !is_part(text[..at].chars().next_back()) && !is_part(text[at + phrase.len()..].chars().next())
}

fn is_plain(text: &str, at: usize, phrase: &str) -> bool {
    PLAIN.iter().any(|plain| {
        plain
            .find(phrase)
            .and_then(|offset| at.checked_sub(offset))
            .is_some_and(|start| text[start..].starts_with(plain) && is_whole(text, start, plain))
    })
}

/// Finds the paths of the repository that a document names as code, each with the items in the parentheses behind it.
fn named(document: &str) -> Vec<(&str, Vec<&str>)> {
    let mut named = Vec::new();
    // The odd parts are code.
    let parts: Vec<_> = document.split('`').collect();
    for (at, path) in parts.iter().enumerate().skip(1).step_by(2) {
        if !is_path(path) {
            continue;
        }
        let mut items = Vec::new();
        let mut next = at + 1;
        let mut before = "(";
        while parts.get(next).is_some_and(|between| between.trim() == before) && next + 1 < parts.len() {
            items.push(parts[next + 1]);
            next += 2;
            before = ",";
        }
        named.push((*path, items));
    }
    named
}

/// Returns true if it is a path below one of our directories.
fn is_path(code: &str) -> bool {
    const DIRECTORIES: [&str; 8] =
        ["src/", "tests/", "benches/", "fuzz/", "systemd/", "templates/", ".cargo/", ".ci/"];
    DIRECTORIES.iter().any(|directory| code.starts_with(directory)) && !code.contains([' ', '*', '\n'])
}

/// Returns the words of a source file, as identifiers are.
fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split(|c: char| !c.is_alphanumeric() && c != '_')
}
