//! Explains TOML syntax errors, and suggests what to write instead.
//!
//! The parser continues after a mistake and often finds others that follow from it. So only one error per line is
//! reported, and none after a list that is not closed.

mod duplicate;
mod line;
mod value;

use std::ops::Range;

use self::line::BrokenLine;
use super::keys;
use super::report::Report;
use super::suggestion::{parses, suggest};
use crate::invalid_value::InvalidValue;

/// Adds the errors of the TOML parser to the report.
pub fn report(errors: &[toml::de::Error], report: &Report) {
    let mut found: Vec<_> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    found.sort_by_key(|(span, _)| span.start);
    // An explanation may try other forms of the value: in a trial, that would have no end.
    if let Some((span, message)) = found.first().filter(|_| report.is_trial()) {
        return report.error(span.clone(), *message, "");
    }
    if report.text().trim_start().starts_with('{') {
        let at = report.text().len() - report.text().trim_start().len();
        let help = "write `[site]` on a line of its own, and `key = value` below";
        return report.error(at..at + 1, "this looks like JSON, but the file is TOML", help);
    }
    if !report.text().is_empty() && report.text().bytes().all(|byte| byte == 0) {
        let message = "this file has nothing but NUL, which a crash or a full disk may leave";
        return report.error(0..1, message, "restore it from a backup");
    }
    let mut reader =
        SyntaxReader { report, done: 0, follows: Follows::Nothing, conflict: false, yaml: false };
    for (span, message) in found {
        if reader.report(span, message).is_none() {
            return;
        }
    }
}

/// Reads the errors in order, and decides which ones to report.
struct SyntaxReader<'r> {
    report: &'r Report,
    /// The last line that was reported or skipped, from 1.
    done: usize,
    /// The errors on the next line that follow from the one on that line.
    follows: Follows,
    /// True once a merge conflict was reported.
    conflict: bool,
    /// True once YAML was reported.
    yaml: bool,
}

/// The errors on the line after a mistake that are only a consequence of it.
#[derive(Clone, Copy)]
enum Follows {
    /// Nothing.
    Nothing,
    /// Any: a string was not closed, so it may continue.
    String,
    /// A missing comma: an item of a list was invalid.
    Comma,
}

impl SyntaxReader<'_> {
    /// Reports an error unless it follows from an earlier one. Returns `None` if all later errors follow from this one.
    fn report(&mut self, span: Range<usize>, message: &str) -> Option<()> {
        let number = self.report.line(&span);
        if number <= self.done {
            return Some(());
        }
        let follows = match self.follows {
            _ if number != self.done + 1 => false,
            Follows::Nothing => false,
            Follows::String => true,
            Follows::Comma => message.starts_with("missing comma"),
        };
        self.done = number;
        if follows {
            return Some(());
        }
        let line = BrokenLine::new(self.report, span, message);
        self.follows = if line.invisible().is_some() {
            Follows::Nothing
        } else if is_open_string(message) {
            Follows::String
        } else if line.is_within_list() && !message.starts_with("missing comma") {
            Follows::Comma
        } else {
            Follows::Nothing
        };
        if line.is_conflict() {
            if !std::mem::replace(&mut self.conflict, true) {
                let help =
                    "keep one of the two versions, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`";
                self.report.error(line.whole(), "unresolved merge conflict", help);
            }
            return Some(());
        }
        if line.yaml().is_some() && std::mem::replace(&mut self.yaml, true) {
            return Some(());
        }
        if let Some(start) = line.open_list() {
            let help = "write `]` after its last item";
            self.report.error(start..start + 1, "this list is not closed", help);
            return None;
        }
        self.report.error_with(line.place(), || explain(&line));
        Some(())
    }
}

fn is_open_string(message: &str) -> bool {
    message.starts_with("invalid basic string") || message.starts_with("invalid literal string")
}

/// Explains the mistake in a line.
fn explain(line: &BrokenLine<'_>) -> InvalidValue {
    if let Some((character, name)) = line.invisible() {
        let is_wide = matches!(character, '\u{a0}' | '\u{202f}' | '\u{3000}');
        let help = if is_wide { "write a plain space instead" } else { "remove it" };
        let code = u32::from(character);
        return InvalidValue::new(format!("invisible character: {name} (U+{code:04X})"), help);
    }
    if line.message.contains("duplicate") {
        return duplicate::explain(line);
    }
    if let Some(fault) = yaml(line) {
        return fault;
    }
    if let Some(comment) = line.foreign_comment() {
        return InvalidValue::new("invalid comment: comments begin with `#`", format!("write `# {comment}`"));
    }
    if line.is_header() {
        return header(line);
    }
    if let Some(fault) = assignment(line) {
        return fault;
    }
    value::explain(line)
}

fn yaml(line: &BrokenLine<'_>) -> Option<InvalidValue> {
    let (key, value) = line.yaml()?;
    let message = "this looks like YAML, but the file is TOML";
    let help = match (keys::section(key), value) {
        (Some(title), "") => format!("write `{title}` on a line of its own, and `key = value` below"),
        (_, "") => "write `[site]` on a line of its own, and `key = value` below".to_owned(),
        _ => suggest(line.section(), key, value)
            .unwrap_or_else(|| "write `key = value`, with strings in quotes".to_owned()),
    };
    Some(InvalidValue::new(message, help))
}

fn header(line: &BrokenLine<'_>) -> InvalidValue {
    let text = line.text.trim();
    let (open, close) = if text.starts_with("[[") { ("[[", "]]") } else { ("[", "]") };
    let is_name = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = text.trim_start_matches(['[', ' ']).chars().take_while(is_name).collect();
    let fixed = format!("{open}{name}{close}");
    let message = match text.strip_prefix(&fixed) {
        Some(_) => "unexpected text after the name of this section",
        None => "the name of this section is not closed",
    };
    let own = keys::section(&name).filter(|title| *title != fixed);
    let help = match parses(&fixed) {
        _ if own.is_some() => format!("write `{}` on a line of its own", own.unwrap_or_default()),
        true if text.starts_with(&fixed) => format!("write `{fixed}` on a line of its own"),
        true => format!("write `{fixed}`"),
        false => "for example `[site]`".to_owned(),
    };
    InvalidValue::new(message, help)
}

/// Explains a line whose `=` or key is the mistake.
fn assignment(line: &BrokenLine<'_>) -> Option<InvalidValue> {
    let text = line.text.trim();
    for sign in [":=", "==", "=>", "=:", "="] {
        let Some((key, value)) = text.split_once(sign) else { continue };
        let (key, value) = (key.trim(), value.trim());
        if sign != "=" && line::is_key(key) {
            let help =
                suggest(line.section(), key, value).unwrap_or_else(|| "write `key = value`".to_owned());
            return Some(InvalidValue::new(
                format!("unexpected `{sign}`: keys and values are separated by `=`"),
                help,
            ));
        }
        if sign == "=" {
            return key_fault(key, value);
        }
    }
    let is_known =
        ["key with no value", "invalid unquoted key"].iter().any(|known| line.message.contains(known));
    is_known.then(|| without_equals_sign(line, text))
}

/// Explains a line without `=`: a directive as other programs write it, or a single word.
fn without_equals_sign(line: &BrokenLine<'_>, text: &str) -> InvalidValue {
    let (key, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let section = line.section();
    let key = key.trim_end_matches([';', ':']);
    if let Some(kind) = keys::kind(section, key).filter(|kind| *kind != keys::ValueKind::Section) {
        let help = suggest(section, key, value.trim()).filter(|_| !value.trim().is_empty());
        let help = help.unwrap_or_else(|| match kind {
            keys::ValueKind::List => format!("write `{key} = […]`, with each item in quotes"),
            _ => format!("write `{key} = …`"),
        });
        return InvalidValue::new(format!("missing `=` after `{key}`"), help);
    }
    let help = match keys::section(key) {
        Some(title) => format!("write `{title}` on a line of its own"),
        None => "write `key = value` or `[section]`; a comment begins with `#`".to_owned(),
    };
    InvalidValue::new(format!("`{key}` is neither a key with a value nor a section"), help)
}

/// Explains a key that would need quotes.
fn key_fault(key: &str, value: &str) -> Option<InvalidValue> {
    if key.is_empty() {
        return Some(InvalidValue::new("missing key before the `=`", "write `key = value`"));
    }
    if parses(&format!("{key} = 0")) {
        return None;
    }
    let joined = key.split_whitespace().collect::<Vec<_>>().join("_");
    let help = if parses(&format!("{joined} = 0")) && parses(&format!("{joined} = {value}")) {
        format!("did you mean `{joined} = {value}`?")
    } else {
        "keys have only letters, digits, `_` and `-`: write `key = value`".to_owned()
    };
    Some(InvalidValue::new(format!("invalid key `{key}`"), help))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::Config;
    use super::super::diagnostic::{Severity, render_all};

    /// Fragments of text that is almost TOML.
    const PARTS: &[&str] = &[
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ":",
        ":=",
        "==",
        ",",
        ";",
        "#",
        "//",
        "---",
        "- ",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "\\",
        "“",
        "”",
        "‘",
        "’",
        "`",
        "\u{a0}",
        "\u{200b}",
        "\u{feff}",
        "\0",
        "é",
        "server",
        "listen",
        "site",
        "upstream",
        "exempt",
        "paths",
        "networks",
        "response",
        "message",
        "retry_after",
        "redirect",
        "period",
        "periods",
        "start",
        "end",
        "for",
        "cron",
        "except",
        "hosts",
        "methods",
        "timezone",
        "from",
        "until",
        "true",
        "yes",
        "null",
        "never",
        "now",
        "80",
        "-1h",
        "2",
        "2h",
        "2026-12-01",
        "22:00",
        "01.12.2026 22:00",
        "12/01/2026 10:00 PM",
        "2026-12-01T24:00:00Z",
        "/x",
        "/**",
        "*",
        "^/a$",
        "{a,b}",
        "10.0.0",
        "1-2",
        "::1",
        "http://",
        "unix:",
        "bücher.example",
        "PST",
        "GMT+2",
        "<<<<<<<",
        "=======",
    ];

    fn key_value() -> impl Strategy<Value = String> {
        let part = || proptest::sample::select(PARTS);
        (part(), prop_oneof!["=", " = ", ": ", " "], proptest::collection::vec(part(), 0..5))
            .prop_map(|(key, sign, value)| format!("{key}{sign}{}\n", value.concat()))
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_an_invalid_one_has_an_error(
            lines in proptest::collection::vec(
                prop_oneof![
                    key_value(),
                    proptest::sample::select(PARTS).prop_map(|part| format!("[{part}]\n")),
                    proptest::sample::select(PARTS).prop_map(|part| format!("[[{part}]]\n")),
                    proptest::collection::vec(proptest::sample::select(PARTS), 0..8).prop_map(|parts| parts.concat()),
                ],
                0..8,
            ),
        ) {
            let text = lines.concat();
            let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let read = |_: &Path| Ok(Vec::new());
            let reading = Config::parse("downtime.toml", &text, Path::new("/"), &read);
            let errors = reading.diagnostics.iter().filter(|found| found.severity == Severity::Error);
            prop_assert_eq!(reading.config.is_none(), errors.count() > 0);
            for found in &reading.diagnostics {
                prop_assert!(found.message.trim() == found.message || found.message.contains('`'), "{}", found.message);
                let span = found.place.as_ref().map(|place| place.span.clone());
                let inside = span.is_none_or(|span| body.get(span).is_some());
                prop_assert!(inside, "{:?}", found);
            }
            prop_assert!(render_all(&reading.diagnostics, true).len() < 200_000);
        }
    }
}
