//! A value that is not TOML: what was probably meant, as TOML.

use super::super::keys::{self, ValueKind};
use super::super::remedy::{assign, in_quotes, is_typographic, parses, plain_quotes, quoted, tried};
use super::super::time::{self, TimeError};
use super::line::BrokenLine;
use crate::invalid_value::InvalidValue;

/// What is wrong with the value of a line.
pub(super) fn explain(line: &BrokenLine<'_>) -> InvalidValue {
    match line.assignment() {
        Some((key, value)) if line.ahead().contains('=') || line.rest().contains('=') => {
            of_key(line, key, value)
        }
        _ => of_item(line),
    }
}

/// An item of a list that is on a line of its own.
fn of_item(line: &BrokenLine<'_>) -> InvalidValue {
    let item = line.text.trim().trim_end_matches(',').trim();
    if line.message.starts_with("missing comma") {
        let help = "write a comma after the item before this one";
        return InvalidValue::new("a comma is missing between two items", help);
    }
    let begins = line.rest().trim_start();
    if let Some(mark) = ["//", "/*", "--", ";"].iter().find(|mark| begins.starts_with(**mark))
        && parses(&format!("key = [{}]", line.ahead().trim().trim_end_matches(',')))
    {
        let comment = begins.trim_start_matches(mark).trim_end_matches("*/").trim();
        return InvalidValue::new(
            "a comment begins with `#`",
            format!("write `{} # {comment}`", line.ahead().trim()),
        );
    }
    match quoted(item).filter(|_| line.is_within_list()) {
        Some(quoted) => InvalidValue::new("this text needs quotes", format!("write `{quoted}`")),
        None => plain(line),
    }
}

fn of_key(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let section = line.section();
    let kind = keys::kind(section, key);
    if value.is_empty() || value.starts_with('#') {
        return InvalidValue::new(
            format!("`{key}` has no value"),
            "write one after the `=`, or remove the line",
        );
    }
    if let Some(fault) = null(section, key, value) {
        return fault;
    }
    if let Some(commented) = with_comment(key, value) {
        let help = tried(section, key, &commented).unwrap_or_else(|| "write `#` instead".to_owned());
        return InvalidValue::new("a comment begins with `#`", help);
    }
    if value.len() < 1000 && value.contains(is_typographic) && !value.starts_with(['"', '\'']) {
        let plain = plain_quotes(value);
        let help = tried(section, key, &plain).unwrap_or_else(|| "write plain quotes: \"…\"".to_owned());
        return InvalidValue::new("these are typographic quotes", help);
    }
    if line.message.starts_with("unexpected key or value")
        && (line.rest().contains('=') || line.rest().starts_with('['))
        && parses(line.ahead())
    {
        let help = if line.rest().starts_with('[') {
            "write each section on a line of its own"
        } else {
            "write each key on a line of its own"
        };
        return InvalidValue::new("nothing but a comment may follow a value", help);
    }
    if matches!(kind, Some(ValueKind::Section)) {
        let title = keys::section(key).unwrap_or("[site]");
        let help = format!("write `{title}` on a line of its own, and its keys below");
        return InvalidValue::new(format!("`{key}` cannot be read"), help);
    }
    if matches!(kind, Some(ValueKind::DateTime)) {
        return date_time(line, key, value);
    }
    if line.message.contains("escape") || line.message.contains("unicode value digits") {
        return escape(line, key, value);
    }
    if line.message.starts_with("invalid basic string") || line.message.starts_with("invalid literal string")
    {
        return open_text(line, section, key, value);
    }
    match assign(section, key, value) {
        Some(help) => InvalidValue::new(fault_of(value, kind, line), help),
        None => in_quotes(section, key, value).unwrap_or_else(|| plain(line)),
    }
}

/// A value and the comment behind it, which begins as in another language, with `#`.
fn with_comment(key: &str, value: &str) -> Option<String> {
    ["//", "/*", "--", ";"].iter().find_map(|mark| {
        let (value, comment) = value.split_once(&format!(" {mark}"))?;
        let comment = comment.trim_end_matches("*/").trim();
        (!comment.is_empty() && parses(&format!("{key} = {value}"))).then(|| format!("{value} # {comment}"))
    })
}

/// The fault of a value that only needs to be written otherwise.
fn fault_of(value: &str, kind: Option<ValueKind>, line: &BrokenLine<'_>) -> String {
    let ends = |quote| value.starts_with(quote) && value.ends_with(quote) && value.len() > 1;
    let whole = value.trim_end_matches([',', ';']).trim();
    if whole.len() < value.len() && parses(&format!("key = {whole}")) {
        "nothing but a comment may follow a value".to_owned()
    } else if matches!(kind, Some(ValueKind::List | ValueKind::Dates)) && !value.starts_with('[') {
        "a list is written in brackets".to_owned()
    } else if value.contains(';')
        && !value.contains(',')
        && matches!(kind, Some(ValueKind::List | ValueKind::Dates))
    {
        "the items of a list have commas between them".to_owned()
    } else if line.message.starts_with("missing comma") || matches!(kind, Some(ValueKind::Dates)) {
        "a comma is missing between two items".to_owned()
    } else if ends('\'') {
        "this text ends at its second `'`".to_owned()
    } else if ends('"') {
        "this text ends at its second `\"`".to_owned()
    } else if matches!(kind, Some(ValueKind::Flag)) {
        format!("`{whole}` is neither `true` nor `false`")
    } else if matches!(value.to_lowercase().as_str(), "true" | "false") {
        format!("`{value}` is not in lower case")
    } else if matches!(kind, Some(ValueKind::Number)) {
        format!("`{value}` is not a whole number")
    } else if value.starts_with('[') {
        "each text in a list needs quotes".to_owned()
    } else {
        "this text needs quotes".to_owned()
    }
}

fn null(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    let is_null =
        matches!(value.to_lowercase().as_str(), "null" | "none" | "nil" | "undefined" | "never" | "~");
    is_null.then(|| {
        let off = keys::kind(section, key).and_then(|_| tried(section, key, "false"));
        let help = match off {
            Some(write) => format!("{write}, or remove the line"),
            None => format!("remove the line, so that `{key}` is not set"),
        };
        InvalidValue::new(format!("`{value}` is not a value: TOML has none for \"nothing\""), help)
    })
}

fn date_time(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let fault = time::explain_of(key, value);
    let is_of_the_parser =
        line.message.starts_with("invalid date") || line.message.starts_with("invalid time");
    if fault.help == TimeError::HELP && is_of_the_parser {
        return InvalidValue { message: format!("{}: {}", fault.message, line.message), ..fault };
    }
    fault
}

/// A backslash that begins no escape: a path of Windows, most likely.
fn escape(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let help = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map(|inner| format!("{key} = '{inner}'"))
        .filter(|written| parses(written))
        .map_or("write `\\\\` for a backslash".to_owned(), |written| {
            format!("write `{written}`: a text in '…' has no escapes")
        });
    let begins = line.ahead().ends_with('\\');
    let next = line.rest().chars().next().filter(|_| begins);
    let message = next
        .map_or("incomplete escape in \"…\"".to_owned(), |c| format!("unknown escape `\\{c}` in \"…\""));
    InvalidValue::new(message, help)
}

fn open_text(line: &BrokenLine<'_>, section: &str, key: &str, value: &str) -> InvalidValue {
    let quote = if value.starts_with('\'') { '\'' } else { '"' };
    let help = if line.text_goes_on() {
        "write it on one line, with `\\n` for a new line, or begin and end it with `\"\"\"`".to_owned()
    } else {
        tried(section, key, &format!("{value}{quote}"))
            .unwrap_or_else(|| format!("write `{quote}` at its end"))
    };
    InvalidValue::new("this text is not closed", help)
}

/// The fault in the words of the parser.
fn plain(line: &BrokenLine<'_>) -> InvalidValue {
    let found = line.message.split(", expected ").next().unwrap_or(line.message);
    let message = match found {
        "unexpected key or value" => "nothing but a comment may follow a value",
        "string values must be quoted" | "invalid float" | "invalid boolean" | "missing opening quote" => {
            "this is not a value: a text needs quotes"
        }
        "invalid multi-line basic string" | "invalid multi-line literal string" => "this text is not closed",
        "extra `=`" => "one `=` is too many",
        "key with no value" => "this key has no value",
        _ => line.message,
    };
    let help = match found {
        "invalid multi-line basic string" => "write `\"\"\"` at its end",
        "invalid multi-line literal string" => "write `'''` at its end",
        _ => "write `key = value`, with a text in quotes",
    };
    InvalidValue::new(message, help)
}
