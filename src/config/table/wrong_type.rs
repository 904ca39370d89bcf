//! Explains a value of the wrong type.

use crate::config::keys::{self, ValueKind};
use crate::config::{duration, size, suggestion, time};
use crate::invalid_value::InvalidValue;

/// The longest quotation of a value, in characters.
const MAX_QUOTED: usize = 60;

/// A value whose type its key does not allow.
pub(super) struct WrongType<'a> {
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    /// The value as it is in the file.
    pub(super) text: &'a str,
    /// TOML's name of its type.
    pub(super) found: &'a str,
    /// The type that the key takes.
    pub(super) expected: &'a str,
    /// A valid value.
    pub(super) example: &'a str,
}

impl WrongType<'_> {
    /// Explains the error; without help if this only tries a suggestion.
    pub(super) fn explain(&self, is_trial: bool) -> InvalidValue {
        let message = message(self.text, self.expected);
        if is_trial {
            return InvalidValue::new(message, "");
        }
        let kind = keys::kind(self.section, self.key);
        if let Some(help) = self.help(kind) {
            return InvalidValue::new(message, help);
        }
        let example = || InvalidValue::new(message, format!("for example `{} = {}`", self.key, self.example));
        match kind {
            Some(ValueKind::DateTime) => time::explain_value(self.key, self.text),
            Some(ValueKind::Duration | ValueKind::DurationOrZero) => {
                duration::explain_other_type(self.key, self.text)
            }
            Some(ValueKind::Size) => size::explain_other_type(self.key, self.text),
            _ => suggestion::in_quotes(self.section, self.key, self.text).unwrap_or_else(example),
        }
    }

    /// Returns the help that follows from the type alone, if there is one.
    fn help(&self, kind: Option<ValueKind>) -> Option<String> {
        let Self { section, key, text, found, example, .. } = self;
        if kind == Some(ValueKind::DurationOrZero) && *text == "false" {
            return suggestion::suggest_exactly(section, key, "\"0s\"");
        }
        let is_text = kind.is_some_and(ValueKind::is_string);
        if *text == "false"
            && let Some(help) = keys::how_to_turn_off(section, key)
        {
            return Some(help);
        }
        if is_text && *found == "boolean" {
            let help =
                format!("remove the line to leave `{key}` unset, or write for example `{key} = {example}`");
            return Some(help);
        }
        if *found == "table" && !text.starts_with('{') {
            return Some(format!("for example `{key} = {example}`"));
        }
        if *key == "cron" && *found == "array" {
            return Some("write one [[period]] for each expression".to_owned());
        }
        let is_flag = kind == Some(ValueKind::Flag);
        let either = || is_flag.then(|| format!("write `{key} = true` or `{key} = false`"));
        suggestion::suggest(section, key, text).or_else(either)
    }
}

/// Returns the type that the deserializer expected, in the terms of TOML rather than of Rust.
pub(super) fn expected(message: &str) -> &str {
    match message.rsplit_once(", expected ").map(|(_, expected)| expected) {
        Some("a sequence") => "a list",
        Some("a map") => "a table",
        Some("a TOML datetime") => "a date-time",
        Some("i64") => "a whole number",
        Some(other) => other,
        None => "another value",
    }
}

/// Returns the message for a value that is not what is expected.
pub(super) fn message(text: &str, expected: &str) -> String {
    let quoted: String = text.chars().take_while(|c| !c.is_control()).take(MAX_QUOTED).collect();
    let rest = if quoted.len() < text.len() { "…" } else { "" };
    format!("`{quoted}{rest}` is not {expected}")
}
