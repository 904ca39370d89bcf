//! The samples of commands and their output in the documents are what the commands print.
//!
//! A block is run if the line above it is a marker:
//!
//! - `<!-- sample: NAME -->`: each line that begins with `$ ` is run in a directory whose `downtime.toml` is
//!   `tests/it/documents/NAME.toml` (`shipped`: the one at the root), and prints what follows it. Blocks of one document with
//!   the same name share the directory, and the gateway that one of them starts.
//! - `<!-- live sample: NAME -->`: the same for commands that depend on the clock. Times, lengths of time and hashes in the
//!   output and in the document are replaced by placeholders before they are compared.
//! - `<!-- live sample with a gateway: NAME -->`: the same beside a running gateway.
//! - `<!-- log: NAME -->`: the next lines of the gateway's log, as many as the block has.
//! - `<!-- not run: REASON -->`: not run.
//!
//! A line `…` matches any number of lines.
//!
//! `SNAPSHOTS=overwrite cargo test --test it documents` writes the actual output into the documents.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::document::{Block, MarkdownDocument, is_overwriting};
use super::session::Session;
use super::{downtime, text};

#[test]
fn each_sample_is_what_the_commands_print() {
    let mut count = 0;
    let mut failures = Vec::new();
    for mut document in MarkdownDocument::all() {
        let mut lines: Vec<String> = document.text.lines().map(str::to_owned).collect();
        let mut sessions = HashMap::new();
        // From the last block to the first, so that line numbers stay valid.
        let blocks: Vec<_> =
            document.blocks().into_iter().filter_map(|block| Some((kind(&block)?, block))).collect();
        let actual: Vec<_> = blocks.iter().map(|(kind, block)| kind.run(block, &mut sessions)).collect();
        count += blocks.len();
        for ((kind, block), actual) in blocks.iter().zip(actual).rev() {
            if kind.comparable(&block.lines) != kind.comparable(&actual) {
                failures.push(difference(&document, block, &actual));
                lines.splice(block.first..block.first + block.lines.len(), actual);
            }
        }
        if is_overwriting() && lines.join("\n") + "\n" != document.text {
            document.text = lines.join("\n") + "\n";
            document.write();
        }
    }
    assert!(count >= 10, "too few were found");
    assert!(is_overwriting() || failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn each_block_with_a_command_is_run_or_marked_as_not_run() {
    for document in MarkdownDocument::all() {
        for block in document.blocks() {
            let has_command = block.lines.iter().any(|line| line.starts_with("$ downtime"));
            let is_marked = kind(&block).is_some() || block.marker.starts_with("not run: ");
            assert!(is_marked || !has_command, "{}:{}", document.path.display(), block.first);
        }
    }
}

/// How a block is run, and in which session.
enum SampleKind {
    Commands { session: String, is_live: bool, needs_gateway: bool },
    Log { session: String },
}

fn kind(block: &Block) -> Option<SampleKind> {
    let (kind, session) = block.marker.split_once(": ")?;
    let session = session.to_owned();
    match kind {
        "sample" => Some(SampleKind::Commands { session, is_live: false, needs_gateway: false }),
        "live sample" => Some(SampleKind::Commands { session, is_live: true, needs_gateway: false }),
        "live sample with a gateway" => {
            Some(SampleKind::Commands { session, is_live: true, needs_gateway: true })
        }
        "log" => Some(SampleKind::Log { session }),
        _ => None,
    }
}

impl SampleKind {
    /// Returns the lines that the block should have.
    fn run(&self, block: &Block, sessions: &mut HashMap<String, Session>) -> Vec<String> {
        let (Self::Commands { session, .. } | Self::Log { session }) = self;
        let session = sessions.entry(session.clone()).or_insert_with(|| Session::new(session));
        if matches!(self, Self::Log { .. }) {
            return session.log(block.lines.len());
        }
        if matches!(self, Self::Commands { needs_gateway: true, .. }) {
            session.serve();
        }
        let mut lines = Vec::new();
        for part in parts(&block.lines) {
            let (command, shown) = part.split_first().expect("a part begins with its command");
            lines.push(command.clone());
            let printed = session.run(command.trim_start_matches("$ "), shown.len());
            lines.extend(elided(printed, shown));
        }
        lines
    }

    /// Returns the lines as they are compared.
    fn comparable(&self, lines: &[String]) -> Vec<String> {
        if matches!(self, Self::Commands { is_live: false, .. }) {
            return lines.to_vec();
        }
        lines.iter().map(|line| placeholders(line)).collect()
    }
}

/// Splits a block into commands, each with the lines that it prints.
fn parts(lines: &[String]) -> Vec<&[String]> {
    let starts: Vec<_> = (0..lines.len()).filter(|at| lines[*at].starts_with("$ ")).collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts.iter().zip(ends).map(|(start, end)| &lines[*start..end]).collect()
}

/// Replaces the lines that the document leaves out by its `…`.
fn elided(mut printed: Vec<String>, shown: &[String]) -> Vec<String> {
    let Some(before) = shown.iter().position(|line| line.trim() == "…") else { return printed };
    let after = shown.len() - before - 1;
    if printed.len() > before + after {
        printed.splice(before..printed.len() - after, [shown[before].clone()]);
    }
    printed
}

/// Replaces the parts that depend on the clock.
fn placeholders(line: &str) -> String {
    const REPLACED: [(&str, &str); 9] = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC| [+-]\d\d:\d\d)?", "TIME"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
        (r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", "TIME"),
        (r#"(HTTP/1\.1" \d{3}) \d+ (.*) \d\.\d{6} "#, "$1 BYTES $2 SECONDS "),
        (r#""[0-9a-f]{32}""#, "ID"),
        (r"\d+ (d|h|min|s|ms)\b( \d+ (d|h|min|s|ms)\b)*", "LENGTH"),
        (r"--sha256 [0-9a-f]+", "--sha256 HASH"),
        (r"now, just started|less than 1 s", "LENGTH"),
        (r#"(?i)(retry-after: |"retry_after":|timestamp_seconds )\d+"#, "${1}SECONDS"),
    ];
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        REPLACED.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect()
    });
    PATTERNS
        .iter()
        .fold(line.to_owned(), |line, (pattern, with)| pattern.replace_all(&line, *with).into_owned())
}

fn difference(document: &MarkdownDocument, block: &Block, actual: &[String]) -> String {
    let shown = block.lines.join("\n");
    let place = format!("{}:{}", document.path.display(), block.first + 1);
    format!("{place}\n--- shown\n{shown}\n--- actual\n{}", actual.join("\n"))
}

#[test]
fn the_help_of_each_command_is_shown() {
    let help = text(&downtime(&["--help"]).stdout);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names = commands.lines().map_while(|line| line.split_whitespace().next());
    let documents = MarkdownDocument::all();
    for name in names.filter(|name| !["serve", "schema", "help"].contains(name)) {
        let command = format!("$ downtime {name} --help");
        let blocks = documents.iter().flat_map(MarkdownDocument::blocks);
        assert!(blocks.map(|block| block.lines).any(|lines| lines.contains(&command)), "{command}");
    }
}
