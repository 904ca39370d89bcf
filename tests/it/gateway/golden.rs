//! Tables of what the gateway sends, recorded in files beside the tests.
//!
//! A section has its cases as headings. Below are the requests that have the same outcome, and that outcome: in full, or
//! as the lines that the first outcome of the section has in addition (`-`) or lacks (`+`).
//!
//! `SNAPSHOTS=overwrite cargo test --test it gateway::golden` rewrites these files; `git diff` then shows what has changed
//! for clients and upstreams.

mod pages;
mod requests;
mod responses;

use std::path::Path;

use sha2::{Digest, Sha256};
use snapbox::{Assert, Data};

use crate::support::http::Response;

/// The longest text that a table shows in full, in bytes.
const MAX_SHOWN: usize = 600;

/// Compares a table with the recorded one.
#[track_caller]
fn assert_recorded(name: &str, table: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gateway/golden").join(name);
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(table).raw(), Data::read_from(&path, None).raw());
}

/// What was seen, and the labels of the cases in which it was seen, in their order.
#[derive(Default)]
struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    fn add(&mut self, label: &str, seen: String) {
        match self.0.iter_mut().find(|(other, _)| *other == seen) {
            Some((_, labels)) => labels.push(label.to_owned()),
            None => self.0.push((seen, vec![label.to_owned()])),
        }
    }

    /// Lists the labels of each group and what was seen: of the first group in full, of another one as the difference from
    /// the first if that is shorter.
    fn block(&self) -> String {
        let first = self.0.first().map_or("", |(seen, _)| seen);
        let group = |(number, (seen, labels)): (usize, &(String, Vec<String>))| {
            let changes = changes(first, seen);
            let in_full = number == 0 || changes.len() >= seen.lines().count();
            let lines =
                if in_full { seen.lines().map(|line| format!("  {line}")).collect() } else { changes };
            format!("{}:\n  {}\n", labels.join("; "), lines.join("\n  "))
        };
        self.0.iter().enumerate().map(group).collect()
    }

    /// Writes what was seen once, under all its labels.
    fn table(&self) -> String {
        let heading = |label: &String| format!("## {label}\n");
        let section = |(seen, labels): &(String, Vec<String>)| {
            labels.iter().map(heading).chain([seen.clone()]).collect::<String>()
        };
        self.0.iter().map(section).collect::<Vec<_>>().join("\n")
    }
}

/// Returns the lines that only `before` has, and those that only `after` has.
fn changes(before: &str, after: &str) -> Vec<String> {
    let lines = |text: &str, other: &str, mark| {
        let missing = text.lines().filter(|line| !other.lines().any(|other| other == *line));
        missing.map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
    };
    [lines(before, after, '-'), lines(after, before, '+')].concat()
}

/// Returns true for the gateway's own Via and X-Request-Id, which `http1::via` and `gateway::request_id` test.
fn is_own(line: &str) -> bool {
    line.starts_with("via: ") && line.contains(" downtime-") || line.starts_with("x-request-id: ")
}

/// Describes a response: its status, its version unless that is HTTP/1.1, its sorted fields without the gateway's own date
/// and Via, its body and its trailers.
fn described(response: &Response) -> String {
    let (version, status) = response.status_line.split_once(' ').expect("a status");
    let own = |(name, value): &(String, String)| name == "date" && httpdate::parse_http_date(value).is_ok();
    let fields = response.fields.iter().filter(|field| !own(field));
    let fields = fields.map(|(name, value)| format!("{name}: {value}"));
    let mut fields: Vec<String> = fields.filter(|line| !is_own(line)).collect();
    fields.sort();
    let version = (version != "HTTP/1.1").then(|| format!("in {version}"));
    let body = (!response.body.is_empty()).then(|| format!("body: {}", shown(&response.body)));
    let trailers = response.trailers.iter().map(|line| format!("trailer: {line}"));
    let lines = version.into_iter().chain(counted(&fields)).chain(body).chain(trailers);
    let first = std::iter::once(status.trim_end().to_owned());
    let interim = response.interim.iter().map(|head| format!("interim: {}", described(head)));
    let interim = interim.collect::<Vec<_>>().concat();
    interim + &first.chain(lines).map(|line| line + "\n").collect::<String>()
}

/// Replaces equal lines in a row by one with their number, and shortens long lines.
fn counted(lines: &[String]) -> Vec<String> {
    let equal = lines.chunk_by(|a, b| a == b);
    equal
        .map(|lines| match (shown(lines[0].as_bytes()), lines.len()) {
            (line, 1) => line.trim_end().to_owned(),
            (line, count) => format!("{line} ({count} times)"),
        })
        .collect()
}

/// Shows bytes on one line. Of a long text, shows both ends, the length and the hash.
fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(nothing)".to_owned();
    }
    if bytes.len() <= MAX_SHOWN {
        return escaped(bytes);
    }
    let (start, end) = (escaped(&bytes[..40]), escaped(&bytes[bytes.len() - 10..]));
    let hash = downtime::hex::encode(Sha256::digest(bytes).iter().take(8));
    format!("{start}…{end} ({} bytes, SHA-256 {hash}…)", bytes.len())
}

/// Escapes control characters.
fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}
