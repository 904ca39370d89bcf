//! The values of a period's form: from the file, and from a request.
//!
//! Fields have the names of the file's keys; `message.TAG` is the message in a language, while `message` is the one in the default
//! language. The form of the page has some more, which [`typed`] translates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use toml::{Table, Value};

use super::problem::ProblemItem;
use crate::config::Config;
use crate::config::time::TimeLiteral;
use crate::schedule::zone::Fold;

/// The values of fields, by their names. Items of a list are on lines of their own.
pub(super) type FormValues = BTreeMap<String, String>;

/// The number of further languages that a form has room for.
pub(super) const NEW_LANGUAGES: usize = 2;

/// What the values depend on besides the table.
#[derive(Clone, Debug)]
pub(super) struct FormContext {
    /// The time zone of the file.
    pub(super) zone: TimeZone,
    /// The default language.
    pub(super) lang: &'static str,
}

impl FormContext {
    pub(super) fn new(config: &Config) -> Self {
        Self { zone: config.timezone.clone(), lang: config.page.lang.tag() }
    }

    /// Returns the time zone of a period with these values.
    pub(super) fn zone_of(&self, values: &FormValues) -> TimeZone {
        let own = values.get("timezone").filter(|name| !name.is_empty());
        own.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| self.zone.clone())
    }
}

/// Returns the values of a period in the file.
pub(super) fn of_table(table: &Table, context: &FormContext) -> FormValues {
    let mut values = FormValues::new();
    for key in ["name", "cron", "for", "timezone", "redirect", "template"] {
        values.insert(key.to_owned(), table.get(key).map_or_else(String::new, text));
    }
    for key in ["hosts", "paths", "methods", "except"] {
        values.insert(key.to_owned(), table.get(key).map_or_else(String::new, lines));
    }
    let is_enabled = table.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    values.insert("enabled".to_owned(), is_enabled.to_string());
    let zone = context.zone_of(&values);
    for (key, fold) in [("start", Fold::First), ("end", Fold::Second)] {
        let at = table.get(key).and_then(|value| instant(value, &zone, fold));
        values.insert(key.to_owned(), at.map_or_else(String::new, |at| civil_text(zone.to_datetime(at))));
    }
    values.insert("message".to_owned(), String::new());
    match table.get("message") {
        Some(Value::Table(messages)) => {
            for (tag, message) in messages {
                let name = if tag.eq_ignore_ascii_case(context.lang) {
                    "message"
                } else {
                    &format!("message.{tag}")
                };
                values.insert(name.to_owned(), text(message));
            }
        }
        Some(message) => {
            values.insert("message".to_owned(), text(message));
        }
        None => {}
    }
    values
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn lines(value: &Value) -> String {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn instant(value: &Value, zone: &TimeZone, fold: Fold) -> Option<Timestamp> {
    TimeLiteral::new(value.as_datetime()?).ok()?.resolve(zone, fold).ok()
}

/// Formats a time as a `datetime-local` field does: without seconds if they are 0, and without fractions.
pub(super) fn civil_text(local: DateTime) -> String {
    let format = if local.second() == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    local.strftime(format).to_string()
}

/// Returns the values that a request has for fields of a period, and what is wrong with the others.
pub(super) fn typed(fields: &[(String, String)], context: &FormContext) -> (FormValues, Vec<ProblemItem>) {
    let mut values = FormValues::new();
    for (name, value) in fields {
        let value = value.replace("\r\n", "\n").trim().to_owned();
        match values.get_mut(name) {
            // The value of an unticked box comes before that of the ticked one.
            Some(enabled) if name == "enabled" => *enabled = value,
            Some(list) => *list = format!("{list}\n{value}"),
            None => {
                values.insert(name.clone(), value);
            }
        }
    }
    let problems = take_new_languages(&mut values);
    translate_recurrence(&mut values);
    translate_answer(&mut values);
    if let Some(message) = values.remove(&format!("message.{}", context.lang)) {
        values.insert("message".to_owned(), message);
    }
    (values, problems)
}

/// Translates the fields for a message in a further language.
fn take_new_languages(values: &mut FormValues) -> Vec<ProblemItem> {
    let mut problems = Vec::new();
    for row in 1..=NEW_LANGUAGES {
        let (language, text) = (format!("language.{row}"), format!("text.{row}"));
        let (tag, message) = (values.get(&language).cloned(), values.get(&text).cloned());
        let (tag, message) = (tag.unwrap_or_default(), message.unwrap_or_default());
        match (tag.is_empty(), message.is_empty()) {
            (true, false) => {
                problems.push(ProblemItem::of_field(&language, "This message has no language", "Choose one"));
            }
            (false, false) => {
                values.remove(&language);
                values.remove(&text);
                values.insert(format!("message.{tag}"), message);
            }
            _ => {}
        }
    }
    problems
}

/// Leaves out the fields that do not belong to the kind of period, and gives those of a recurring one the names of keys.
fn translate_recurrence(values: &mut FormValues) {
    let Some(repeats) = values.remove("repeats") else { return };
    let [from, until] = ["from", "until"].map(|name| values.remove(name).unwrap_or_default());
    if repeats == "series" {
        values.insert("start".to_owned(), from);
        values.insert("end".to_owned(), until);
    } else {
        values.insert("cron".to_owned(), String::new());
        values.insert("except".to_owned(), String::new());
    }
}

/// Leaves out the fields that do not belong to the chosen answer.
fn translate_answer(values: &mut FormValues) {
    let Some(answer) = values.remove("answer") else { return };
    let (redirect, template) = match answer.as_str() {
        "redirect" => (None, Some("")),
        "template" => (Some(""), None),
        "page" => (Some("false"), Some("")),
        _ => (Some(""), Some("")),
    };
    for (key, value) in [("redirect", redirect), ("template", template)] {
        if let Some(value) = value {
            values.insert(key.to_owned(), value.to_owned());
        }
    }
}

/// Returns values with the fields that only the form of the page has.
pub(super) fn for_page(mut values: FormValues, context: &FormContext) -> FormValues {
    let has = |name: &str, values: &FormValues| values.get(name).is_some_and(|value| !value.is_empty());
    let is_series = has("cron", &values);
    values.insert("repeats".to_owned(), if is_series { "series" } else { "once" }.to_owned());
    if is_series {
        for (from, to) in [("start", "from"), ("end", "until")] {
            let value = values.remove(from).unwrap_or_default();
            values.insert(to.to_owned(), value);
        }
    }
    let answer = match values.get("redirect").map(String::as_str) {
        Some("false") => "page",
        Some("") | None if has("template", &values) => "template",
        Some("") | None => "default",
        Some(_) => "redirect",
    };
    if answer == "page" {
        values.insert("redirect".to_owned(), String::new());
    }
    values.insert("answer".to_owned(), answer.to_owned());
    values.remove(&format!("message.{}", context.lang));
    values
}

/// Returns the field of the page for a key of the file.
pub(super) fn field_of_key(key: &str, values: &FormValues) -> String {
    let is_series = values.get("cron").is_some_and(|cron| !cron.is_empty());
    match key {
        "start" if is_series => "from".to_owned(),
        "end" if is_series => "until".to_owned(),
        key => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> FormContext {
        FormContext { zone: TimeZone::get("Europe/Berlin").unwrap(), lang: "en" }
    }

    fn read(fields: &[(&str, &str)]) -> FormValues {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        typed(&fields, &context()).0
    }

    #[test]
    fn times_are_shown_in_the_zone_of_the_period() {
        let shown = |text: &str| {
            let values = of_table(&toml::from_str(text).unwrap(), &context());
            (values["start"].clone(), values["end"].clone())
        };
        for (text, start, end) in [
            ("start = 2026-12-01T22:00:00Z", "2026-12-01T23:00", ""),
            (
                "start = 2026-12-01T22:00:00\nend = 2026-12-01T22:00:30.5",
                "2026-12-01T22:00",
                "2026-12-01T22:00:30",
            ),
            ("timezone = 'Asia/Tokyo'\nstart = 2026-12-01T22:00:00Z", "2026-12-02T07:00", ""),
        ] {
            assert_eq!(shown(text), (start.to_owned(), end.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_fields_of_the_page_become_keys() {
        for (fields, expected) in [
            (
                &[("repeats", "once"), ("start", "a"), ("cron", "b"), ("from", "c")][..],
                &[("start", "a"), ("cron", "")][..],
            ),
            (
                &[("repeats", "series"), ("start", "a"), ("cron", "b"), ("from", "c")],
                &[("start", "c"), ("cron", "b")],
            ),
            (
                &[("answer", "page"), ("redirect", "x"), ("template", "y")],
                &[("redirect", "false"), ("template", "")],
            ),
            (
                &[("answer", "template"), ("redirect", "x"), ("template", "y")],
                &[("redirect", ""), ("template", "y")],
            ),
            (
                &[("answer", "redirect"), ("redirect", "x"), ("template", "y")],
                &[("redirect", "x"), ("template", "")],
            ),
            (&[("enabled", "false"), ("enabled", "true")], &[("enabled", "true")]),
            (&[("hosts", "a"), ("hosts", "b")], &[("hosts", "a\nb")]),
            (&[("language.1", "de"), ("text.1", "x")], &[("message.de", "x")]),
            (&[("message.en", "x")], &[("message", "x")]),
        ] {
            let values = read(fields);
            for (name, value) in expected {
                assert_eq!(values.get(*name).map(String::as_str), Some(*value), "{fields:?}: {name}");
            }
            assert!(!values.contains_key("answer") && !values.contains_key("from"));
        }
    }

    #[test]
    fn a_form_that_is_sent_back_unchanged_has_the_values_of_the_file() {
        for text in [
            "name = 'a'\nstart = 2026-12-01T22:00:00Z\nend = 2026-12-01T23:00:30Z\nmessage = 'x'",
            "cron = '0 1 * * *'\nfor = '1h'\nstart = 2026-12-01T22:00:00\nexcept = [2026-12-26, 2026-12-27T01:00:00]",
            "start = 2026-12-01T22:00:00Z\nredirect = false\nenabled = false\nmessage = { en = 'a', de = 'b' }",
            "start = 2026-12-01T22:00:00Z\ntemplate = 'a.html'\nhosts = ['a', 'b']\nmethods = ['POST']",
        ] {
            let values = of_table(&toml::from_str(text).unwrap(), &context());
            let fields: Vec<_> = for_page(values.clone(), &context()).into_iter().collect();
            assert_eq!(typed(&fields, &context()).0, values, "{text}");
        }
    }
}
