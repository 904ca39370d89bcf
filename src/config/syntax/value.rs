//! Explains values that are not TOML, and suggests what was probably meant.

use super::super::keys::{self, ValueKind};
use super::super::suggestion::{
    in_quotes, is_typographic, parses, plain_quotes, quoted, suggest, suggest_exactly,
};
use super::super::time::{self, TimeError};
use super::line::BrokenLine;
use crate::invalid_value::InvalidValue;

/// Explains the value of a line.
pub(super) fn explain(line: &BrokenLine<'_>) -> InvalidValue {
    match line.assignment() {
        Some((key, value)) if line.ahead().contains('=') || line.rest().contains('=') => {
            explain_assignment(line, key, value)
        }
        _ => explain_item(line),
    }
}

/// Explains an item of a list on a line of its own.
fn explain_item(line: &BrokenLine<'_>) -> InvalidValue {
    let item = line.text.trim().trim_end_matches(',').trim();
    if line.message.starts_with("missing comma") {
        let help = "write a comma after the item before this one";
        return InvalidValue::new("missing comma between two items", help);
    }
    let begins = line.rest().trim_start();
    if let Some(mark) = ["//", "/*", "--", ";"].iter().find(|mark| begins.starts_with(**mark))
        && parses(&format!("key = [{}]", line.ahead().trim().trim_end_matches(',')))
    {
        let comment = begins.trim_start_matches(mark).trim_end_matches("*/").trim();
        return InvalidValue::new(
            "invalid comment: comments begin with `#`",
            format!("write `{} # {comment}`", line.ahead().trim()),
        );
    }
    match quoted(item).filter(|_| line.is_within_list()) {
        Some(quoted) => InvalidValue::new("missing quotes around this string", format!("write `{quoted}`")),
        None => plain(line),
    }
}

fn explain_assignment(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let section = line.section();
    let kind = keys::kind(section, key);
    if value.is_empty() || value.starts_with('#') {
        return InvalidValue::new(
            format!("missing value for `{key}`"),
            "write a value after the `=`, or remove the line",
        );
    }
    if let Some(fault) = null(section, key, value) {
        return fault;
    }
    if let Some(fault) = other_brackets(section, key, value) {
        return fault;
    }
    if let Some(commented) = with_comment(key, value) {
        let help =
            suggest_exactly(section, key, &commented).unwrap_or_else(|| "write `#` instead".to_owned());
        return InvalidValue::new("invalid comment: comments begin with `#`", help);
    }
    if value.len() < 1000 && value.contains(is_typographic) && !value.starts_with(['"', '\'']) {
        let plain = plain_quotes(value);
        let help =
            suggest_exactly(section, key, &plain).unwrap_or_else(|| "write plain quotes: \"…\"".to_owned());
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
        return InvalidValue::new("unexpected text after the value", help);
    }
    if matches!(kind, Some(ValueKind::Section)) {
        let title = keys::section(key).unwrap_or("[site]");
        let help = format!("write `{title}` on a line of its own, and its keys below");
        return InvalidValue::new(format!("`{key}` is a section, not a key"), help);
    }
    if matches!(kind, Some(ValueKind::DateTime)) {
        return date_time(line, key, value);
    }
    if line.message.contains("escape") || line.message.contains("unicode value digits") {
        return escape(line, key, value);
    }
    if line.message.starts_with("invalid basic string") || line.message.starts_with("invalid literal string")
    {
        return open_string(line, section, key, value);
    }
    match suggest(section, key, value) {
        Some(help) => InvalidValue::new(syntax_fault(value, kind, line), help),
        None => in_quotes(section, key, value).unwrap_or_else(|| plain(line)),
    }
}

/// Returns a value and its comment, which is in the syntax of another language, with `#` instead.
fn with_comment(key: &str, value: &str) -> Option<String> {
    ["//", "/*", "--", ";"].iter().find_map(|mark| {
        let (value, comment) = value.split_once(&format!(" {mark}"))?;
        let comment = comment.trim_end_matches("*/").trim();
        (!comment.is_empty() && parses(&format!("{key} = {value}"))).then(|| format!("{value} # {comment}"))
    })
}

/// Explains a value that only needs different syntax.
fn syntax_fault(value: &str, kind: Option<ValueKind>, line: &BrokenLine<'_>) -> String {
    let ends = |quote| value.starts_with(quote) && value.ends_with(quote) && value.len() > 1;
    let whole = value.trim_end_matches([',', ';']).trim();
    if whole.len() < value.len() && parses(&format!("key = {whole}")) {
        "unexpected text after the value".to_owned()
    } else if matches!(kind, Some(ValueKind::List | ValueKind::Dates)) && !value.starts_with('[') {
        "missing brackets around this list".to_owned()
    } else if value.contains(';')
        && !value.contains(',')
        && matches!(kind, Some(ValueKind::List | ValueKind::Dates))
    {
        "list items must be separated by commas".to_owned()
    } else if line.message.starts_with("missing comma") || matches!(kind, Some(ValueKind::Dates)) {
        "missing comma between two items".to_owned()
    } else if ends('\'') {
        "this string ends at its second `'`".to_owned()
    } else if ends('"') {
        "this string ends at its second `\"`".to_owned()
    } else if matches!(kind, Some(ValueKind::Flag)) {
        format!("`{whole}` is neither `true` nor `false`")
    } else if matches!(value.to_lowercase().as_str(), "true" | "false") {
        format!("`{value}` must be in lower case")
    } else if matches!(kind, Some(ValueKind::Number)) {
        format!("`{value}` is not a whole number")
    } else if value.starts_with('[') {
        "missing quotes around the strings of this list".to_owned()
    } else {
        "missing quotes around this string".to_owned()
    }
}

fn null(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    let is_null =
        matches!(value.to_lowercase().as_str(), "null" | "none" | "nil" | "undefined" | "never" | "~");
    is_null.then(|| {
        let off = keys::kind(section, key).and_then(|_| suggest_exactly(section, key, "false"));
        let help = match off.or_else(|| keys::how_to_turn_off(section, key)) {
            Some(help) if help.starts_with("remove") => help,
            Some(write) => format!("{write}, or remove the line"),
            None => format!("remove the line to leave `{key}` unset"),
        };
        InvalidValue::new(format!("invalid value `{value}`: TOML has no null"), help)
    })
}

/// Explains a list in the brackets of another language.
fn other_brackets(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    let is_list = matches!(keys::kind(section, key), Some(ValueKind::List | ValueKind::Dates));
    let inner = [('(', ')'), ('{', '}')]
        .iter()
        .find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close))
        .filter(|inner| is_list && !inner.contains('='))?;
    let help = suggest(section, key, &format!("[{inner}]"));
    let help = help.unwrap_or_else(|| "write `[` before and `]` after the list".to_owned());
    Some(InvalidValue::new("lists are written in brackets: `[ ]`", help))
}

fn date_time(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let fault = time::explain_value(key, value);
    let is_from_parser = line.message.starts_with("invalid date") || line.message.starts_with("invalid time");
    if fault.help == TimeError::HELP && is_from_parser {
        return InvalidValue { message: format!("{}: {}", fault.message, line.message), ..fault };
    }
    fault
}

/// Explains a backslash that does not begin an escape, most likely in a Windows path.
fn escape(line: &BrokenLine<'_>, key: &str, value: &str) -> InvalidValue {
    let help = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map(|inner| format!("{key} = '{inner}'"))
        .filter(|assignment| parses(assignment))
        .map_or("write `\\\\` for a backslash".to_owned(), |assignment| {
            format!("write `{assignment}`: strings in '…' have no escapes")
        });
    let begins = line.ahead().ends_with('\\');
    let next = line.rest().chars().next().filter(|_| begins);
    let message = next
        .map_or("incomplete escape in \"…\"".to_owned(), |c| format!("unknown escape `\\{c}` in \"…\""));
    InvalidValue::new(message, help)
}

fn open_string(line: &BrokenLine<'_>, section: &str, key: &str, value: &str) -> InvalidValue {
    let quote = if value.starts_with('\'') { '\'' } else { '"' };
    let help = if line.string_continues() {
        "write it on one line with `\\n` for each line break, or put `\"\"\"` before and after it".to_owned()
    } else {
        suggest_exactly(section, key, &format!("{value}{quote}"))
            .unwrap_or_else(|| format!("write `{quote}` at its end"))
    };
    InvalidValue::new("this string is not closed", help)
}

/// Repeats the parser's message, in plainer words if there are any.
fn plain(line: &BrokenLine<'_>) -> InvalidValue {
    let found = line.message.split(", expected ").next().unwrap_or(line.message);
    let message = match found {
        "unexpected key or value" => "unexpected text after the value",
        "string values must be quoted" | "invalid float" | "invalid boolean" | "missing opening quote" => {
            "invalid value: strings need quotes"
        }
        "invalid multi-line basic string" | "invalid multi-line literal string" => {
            "this string is not closed"
        }
        "extra `=`" => "unexpected second `=`",
        "key with no value" => "missing value for this key",
        _ => line.message,
    };
    let help = match found {
        "invalid multi-line basic string" => "write `\"\"\"` at its end",
        "invalid multi-line literal string" => "write `'''` at its end",
        _ => "write `key = value`, with strings in quotes",
    };
    InvalidValue::new(message, help)
}
