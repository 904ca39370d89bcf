//! The keys of a period that a form changes, with their values.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Value;
use toml::value::Datetime;

use super::form::{FormContext, FormValues, civil_text};
use super::problem::ProblemItem;
use crate::config::edit::Literal;
use crate::config::time::{TimeError, TimeLiteral, date};
use crate::editing::{DowntimeFault, date_time_literal, parse_duration};
use crate::schedule::human_time::local;
use crate::schedule::zone::Fold;

/// The keys, in the order of a new table.
pub(super) const KEYS: [&str; 14] = [
    "name", "start", "end", "for", "cron", "timezone", "except", "hosts", "paths", "methods", "enabled",
    "message", "redirect", "template",
];

/// The first year in which a period may begin or end.
const FIRST_YEAR: i16 = 1970;

/// The keys to set and to remove.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KeyChanges {
    pub(super) set: Vec<(&'static str, Literal)>,
    pub(super) remove: Vec<&'static str>,
}

/// Returns how a table with the values `current` has to change to have those that were typed. What was not typed stays, and so
/// does what is the same.
pub(super) fn changes(
    current: &FormValues,
    typed: &FormValues,
    context: &FormContext,
) -> Result<KeyChanges, Vec<ProblemItem>> {
    let mut changes = KeyChanges::default();
    let mut problems = Vec::new();
    let merged: FormValues = current.clone().into_iter().chain(typed.clone()).collect();
    let zones = [context.zone_of(current), context.zone_of(&merged)];
    for key in KEYS {
        if !is_typed(key, typed) || is_same(key, current, typed, &zones) {
            continue;
        }
        match literal(key, typed, context, &zones[1]) {
            Ok(Some(literal)) => changes.set.push((key, literal)),
            Ok(None) => changes.remove.push(key),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(changes) } else { Err(problems) }
}

/// Says which of the new times are skipped by clocks.
pub(super) fn skipped_times(
    changes: &KeyChanges,
    current: &FormValues,
    typed: &FormValues,
    context: &FormContext,
) -> Vec<String> {
    let zone = context.zone_of(&current.clone().into_iter().chain(typed.clone()).collect());
    let skipped = |key: &str| {
        let note = TimeLiteral::parse(typed.get(key)?).ok()?.skipped(&zone)?;
        Some(format!("`{key}`: {note}"))
    };
    changes.set.iter().filter_map(|(key, _)| skipped(key)).collect()
}

/// Returns what is wrong with a new period that would begin in the past, by the rule of `downtime start --at`.
pub(super) fn past_start(
    set: &[(&'static str, Literal)],
    zone: &TimeZone,
    now: Timestamp,
) -> Option<ProblemItem> {
    let text = |key: &str| {
        set.iter().find_map(|(other, value)| match value {
            Literal::DateTime(text) | Literal::String(text) if *other == key => Some(text.as_str()),
            _ => None,
        })
    };
    if text("cron").is_some() {
        return None;
    }
    let start: Timestamp = text("start")?.parse().ok()?;
    let length = text("for").map(parse_duration).transpose().ok()?;
    let end = text("end").and_then(|end| end.parse().ok());
    let end = end.or_else(|| start.checked_add(length?).ok());
    if end.is_some_and(|end| end <= start) {
        // Another error says so.
        return None;
    }
    DowntimeFault::of_start(start, end, now)?;
    let message = format!("It would start in the past: {}", local(start, zone));
    Some(ProblemItem::of_field(
        "start",
        message,
        "Take the site down now instead, or give an end in the future",
    ))
}

fn is_typed(key: &str, typed: &FormValues) -> bool {
    typed.contains_key(key) || key == "message" && typed.keys().any(|name| name.starts_with("message."))
}

fn is_same(key: &str, current: &FormValues, typed: &FormValues, zones: &[TimeZone; 2]) -> bool {
    let of = |values: &FormValues| values.get(key).cloned().unwrap_or_default();
    match key {
        "message" => messages(current) == messages(typed),
        "hosts" | "paths" | "methods" | "except" => items(&of(current)).eq(items(&of(typed))),
        "start" | "end" => {
            let is_moved = zones[0] != zones[1] && !of(typed).is_empty();
            !is_moved && of(current) == shown_as_local(&of(typed), &zones[1])
        }
        _ => of(current).trim() == of(typed).trim(),
    }
}

/// Returns a time as the form shows it.
fn shown_as_local(text: &str, zone: &TimeZone) -> String {
    match TimeLiteral::parse(text) {
        Ok(TimeLiteral::Local(local)) => civil_text(local),
        Ok(TimeLiteral::Instant(at)) => civil_text(zone.to_datetime(at)),
        Err(_) => text.to_owned(),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Returns the messages by language: that in the default language has an empty tag.
fn messages(values: &FormValues) -> Vec<(&str, &str)> {
    let is_message = |name: &str| name == "message" || name.starts_with("message.");
    let given = values.iter().filter(|(name, text)| is_message(name) && !text.trim().is_empty());
    given.map(|(name, text)| (name.strip_prefix("message.").unwrap_or_default(), text.trim())).collect()
}

/// Returns the value of a key; `None` if the key is to be removed.
fn literal(
    key: &str,
    typed: &FormValues,
    context: &FormContext,
    zone: &TimeZone,
) -> Result<Option<Literal>, ProblemItem> {
    let text = typed.get(key).map_or("", String::as_str);
    if key == "message" {
        return Ok(message_of(typed, context));
    }
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match key {
        "start" => time(key, text, zone, Fold::First)?,
        "end" => time(key, text, zone, Fold::Second)?,
        "except" => Literal::Value(Value::Array(items(text).map(except).collect::<Result<_, _>>()?)),
        "hosts" | "paths" | "methods" => Literal::Strings(items(text).map(str::to_owned).collect()),
        "enabled" => Literal::Bool(text.parse().map_err(|_| {
            ProblemItem::of_field(key, format!("`{text}` is neither true nor false"), "Write true or false")
        })?),
        "redirect" if text == "false" => Literal::Bool(false),
        _ => Literal::String(text.to_owned()),
    }))
}

/// Returns the value of the key `message`, unless nothing was typed.
pub(super) fn message_of(typed: &FormValues, context: &FormContext) -> Option<Literal> {
    message(&messages(typed), context)
}

/// Returns a message in one language as a string, and one in several as a table.
fn message(messages: &[(&str, &str)], context: &FormContext) -> Option<Literal> {
    match messages {
        [] => None,
        [("", text)] => Some(Literal::String((*text).to_owned())),
        several => {
            let entry = |(tag, text): &(&str, &str)| {
                let tag = if tag.is_empty() { context.lang } else { tag };
                (tag.to_owned(), Value::String((*text).to_owned()))
            };
            Some(Literal::Value(Value::Table(several.iter().map(entry).collect())))
        }
    }
}

fn time(key: &str, text: &str, zone: &TimeZone, fold: Fold) -> Result<Literal, ProblemItem> {
    let at = TimeLiteral::parse(text).and_then(|time| time.resolve(zone, fold));
    let at = at.map_err(|error| wrong_time(key, error))?;
    let year = zone.to_datetime(at).year();
    // In a field for a date, two digits make a year of the first century.
    if year < FIRST_YEAR {
        let help = "Write all four digits of the year, such as 2026-12-01T22:00";
        return Err(ProblemItem::of_field(key, format!("The year {year} is long over"), help));
    }
    Ok(date_time_literal(at, zone))
}

/// Returns an excluded start: a date, or a date-time.
fn except(text: &str) -> Result<Value, ProblemItem> {
    let parsed = text.parse::<Datetime>().map_err(|_| wrong_time("except", TimeError::Malformed))?;
    if date(&parsed).is_some() {
        return Ok(Value::Datetime(parsed));
    }
    match TimeLiteral::new(&parsed).map_err(|error| wrong_time("except", error))? {
        TimeLiteral::Instant(_) => Ok(Value::Datetime(parsed)),
        TimeLiteral::Local(local) => {
            // With seconds, which TOML 1.0 needs.
            let parsed = local.to_string().parse();
            parsed.map(Value::Datetime).map_err(|_| wrong_time("except", TimeError::OutOfRange))
        }
    }
}

fn wrong_time(key: &str, error: TimeError) -> ProblemItem {
    let help = match key {
        "except" => {
            "Write a date such as 2026-12-26, or the date and time at which one starts, such as 2026-12-26T23:30"
        }
        _ => "Write a date and a time, such as 2026-12-01T22:00",
    };
    ProblemItem::of_field(key, super::problem::sentence(&error.to_string()), help)
}

#[cfg(test)]
mod tests {
    use super::super::form::of_table;
    use super::*;

    fn changed(table: &str, typed: &[(&str, &str)]) -> Result<KeyChanges, Vec<ProblemItem>> {
        let context = FormContext { zone: TimeZone::get("Europe/Berlin").unwrap(), lang: "en" };
        let current = of_table(&toml::from_str(table).unwrap(), &context);
        let typed = typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        changes(&current, &typed, &context)
    }

    fn string(text: &str) -> Literal {
        Literal::String(text.to_owned())
    }

    fn date_time(text: &str) -> Literal {
        Literal::DateTime(text.to_owned())
    }

    #[test]
    fn only_what_differs_is_set_or_removed() {
        const TABLE: &str = "name = 'a'\nstart = 2026-12-01T22:00:00.5Z\nend = 2026-12-01T23:00:00Z\nhosts = ['a', 'b']\nmessage = 'x'";
        for (typed, set, remove) in [
            (&[][..], vec![], vec![]),
            (
                &[("name", "a"), ("start", "2026-12-01T23:00:00"), ("hosts", "a\n b "), ("message", "x")],
                vec![],
                vec![],
            ),
            (&[("name", "b")], vec![("name", string("b"))], vec![]),
            (&[("name", "")], vec![], vec!["name"]),
            (&[("end", ""), ("for", "1h")], vec![("for", string("1h"))], vec!["end"]),
            (
                &[("start", "2026-12-01T22:30")],
                vec![("start", date_time("2026-12-01T22:30:00+01:00"))],
                vec![],
            ),
            (
                &[("start", "2026-12-01T22:30:00Z")],
                vec![("start", date_time("2026-12-01T23:30:00+01:00"))],
                vec![],
            ),
            (
                &[("timezone", "UTC"), ("start", "2026-12-01T23:00"), ("end", "")],
                vec![("start", date_time("2026-12-01T23:00:00Z")), ("timezone", string("UTC"))],
                vec!["end"],
            ),
            (&[("hosts", "a")], vec![("hosts", Literal::Strings(vec!["a".to_owned()]))], vec![]),
            (&[("enabled", "false")], vec![("enabled", Literal::Bool(false))], vec![]),
            (&[("redirect", "false")], vec![("redirect", Literal::Bool(false))], vec![]),
            (&[("message", "")], vec![], vec!["message"]),
            (
                &[("message", "x"), ("message.de", "y")],
                vec![(
                    "message",
                    Literal::Value(
                        toml::toml! { de = "y"
                        en = "x" }
                        .into(),
                    ),
                )],
                vec![],
            ),
        ] {
            assert_eq!(changed(TABLE, typed), Ok(KeyChanges { set, remove }), "{typed:?}");
        }
    }

    #[test]
    fn a_time_in_the_repeated_hour_is_the_first_for_a_start_and_the_second_for_an_end() {
        let typed = [("start", "2026-10-25T02:30"), ("end", "2026-10-25T02:30")];
        let expected = vec![
            ("start", date_time("2026-10-25T02:30:00+02:00")),
            ("end", date_time("2026-10-25T02:30:00+01:00")),
        ];
        assert_eq!(changed("", &typed), Ok(KeyChanges { set: expected, remove: vec![] }));
    }

    #[test]
    fn an_invalid_value_is_reported_at_its_field() {
        for (key, text) in [
            ("start", "tomorrow"),
            ("end", "2026-12-01"),
            ("start", "0026-12-01T22:00"),
            ("enabled", "no"),
            ("except", "2026-12-26\n25:00"),
            ("except", "x"),
        ] {
            let problems = changed("", &[(key, text)]).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].field.as_deref(), Some(key));
        }
    }
}
