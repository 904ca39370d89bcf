//! downtime.toml(5): the reference of the file's keys.

use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::SOURCE;
use crate::cli::DEFAULT_PATHS;
use crate::config::reference::{KeyReference, SectionReference, reference};

/// What a period looks like.
const EXAMPLE: &str = "\
[site]
upstream = \"http://127.0.0.1:8000\"

[exempt]
paths = [\"/admin/**\", \"/static/**\"]

[[period]]
name = \"db-upgrade\"
start = 2026-12-01T22:00:00+01:00
for = \"4h\"
message = \"We are moving to a faster database.\"";

/// Returns the page for man(7).
pub(super) fn render() -> String {
    let mut roff = Roff::new();
    roff.control("TH", ["downtime.toml", "5", "", SOURCE]);
    roff.control("SH", ["NAME"]).text([roman("downtime.toml - configuration of the downtime gateway")]);
    roff.control("SH", ["DESCRIPTION"]);
    paragraphs(
        &mut roff,
        "PP",
        "The gateway `downtime` is configured in one file in TOML. A running gateway applies an edit within half a second; an \
         invalid edit changes nothing. `downtime --check` checks the file.\n\n\
         Every section and every key is optional, except that a period needs `start` or `cron`. Unknown keys are errors. Paths \
         in the file are relative to the file. Durations are strings such as \"90s\" or \"1h 30m\".",
    );
    for section in reference() {
        render_section(&mut roff, &section);
    }
    roff.control("SH", ["EXAMPLE"]).control("EX", []);
    for line in EXAMPLE.lines() {
        roff.text([roman(line)]);
    }
    roff.control("EE", []);
    roff.control("SH", ["FILES"]);
    for path in DEFAULT_PATHS {
        roff.control("TP", [])
            .text([bold(path)])
            .text([roman("Read if neither --config nor DOWNTIME_CONFIG names a file.")]);
    }
    roff.control("SH", ["SEE ALSO"]).text([roman("downtime(1)")]);
    roff.render()
}

fn render_section(roff: &mut Roff, section: &SectionReference) {
    if section.header.is_empty() {
        roff.control("SH", ["KEYS BEFORE THE FIRST SECTION"]);
    } else {
        roff.control("SH", [section.header.as_str()]);
        paragraphs(roff, "PP", &section.description);
    }
    for key in &section.keys {
        render_key(roff, key);
    }
}

fn render_key(roff: &mut Roff, key: &KeyReference) {
    let default = key.default.as_ref().map(|default| format!("; default `{default}`")).unwrap_or_default();
    roff.control("TP", []).text([bold(key.name.as_str())]);
    let examples: Vec<_> = key.examples.iter().map(|example| format!("`{} = {example}`", key.name)).collect();
    let example =
        if examples.is_empty() { String::new() } else { format!("\n\nExample: {}", examples.join(" or ")) };
    paragraphs(roff, "IP", &format!("{}{default}\n\n{}{example}", key.kind, key.description));
}

/// Appends paragraphs of Markdown; `request` begins each but the first.
fn paragraphs(roff: &mut Roff, request: &'static str, text: &str) {
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            roff.control(request, []);
        }
        roff.text(inlines(paragraph));
    }
}

/// Converts Markdown, of which the reference only uses code in backticks, which becomes bold.
fn inlines(paragraph: &str) -> Vec<Inline> {
    let parts = paragraph.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(index, part)| if index % 2 == 0 { roman(part) } else { bold(part) }).collect()
}
