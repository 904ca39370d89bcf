//! The fields that a request may have. Others are errors: what a program misspells must not be left out, and a downtime without
//! `start` would begin at once.

use serde_json::Value;

use super::actions::PeriodAction;
use super::down;
use super::keys::KEYS;
use super::problem::{Problem, ProblemItem, sentence};
use super::save::VERSION;
use super::visit::Visit;
use crate::config::unknown_key;

/// Those of a downtime that starts now.
const DOWN: [&str; 8] = ["now", "name", "message", "for", "end", "hosts", "paths", "methods"];
/// Those of the form of a period that are not keys. Programs do without them.
const ON_PAGE: [&str; 7] = ["repeats", "from", "until", "answer", "language", "text", "now"];
const EXTEND: [&str; 2] = ["by", "until"];
const BYPASS: [&str; 5] = ["name", "for", "hosts", "paths", "site"];
/// The most fields that are reported.
const MAX_PROBLEMS: usize = 20;

/// Refuses a POST to these segments of the path if it has an unknown field.
pub(super) fn check(visit: &Visit<'_>, segments: &[&str]) -> Result<(), Problem> {
    let starts_now = *segments == ["periods"] && down::is_meant(visit);
    let Some(known) = known(segments, starts_now, visit.request.field("repeats").is_some()) else {
        return Ok(());
    };
    let names = visit.request.fields.iter().map(|(name, _)| name.as_str());
    let mut unknown: Vec<_> = names.filter(|name| !is_known(name, &known)).collect();
    unknown.dedup();
    let problem = |name: &str| match segments {
        _ if starts_now && KEYS.contains(&name) => not_now(name),
        // The nearest key may be one that is not for now.
        ["periods"] => unknown_field("[[period]]", &KEYS, name),
        ["bypasses", ..] => unknown_field("[[bypass]]", &known, name),
        _ => unknown_field("[[period]]", &known, name),
    };
    let unknown = unknown.into_iter().map(problem);
    let members = visit.request.members.iter().filter(|(name, _)| is_known(name, &known));
    let mistyped = members.filter_map(|(name, value)| mistyped(name, value));
    let problems: Vec<_> = unknown.chain(mistyped).take(MAX_PROBLEMS).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problem::of_values(problems)) }
}

/// Returns the fields that a POST to these segments may have; `None` if there is nothing to post to.
fn known(segments: &[&str], starts_now: bool, is_form: bool) -> Option<Vec<&'static str>> {
    let own = match segments {
        ["periods", "new"] => return None,
        ["periods"] if starts_now => &DOWN[..],
        ["periods"] | ["periods", _] if is_form => &[&KEYS[..], &ON_PAGE].concat(),
        ["periods"] => &[&KEYS[..], &["now"]].concat(),
        ["periods", _] => &KEYS,
        ["periods", _, action] => match PeriodAction::from_segment(action)? {
            PeriodAction::Extend => &EXTEND[..],
            _ => &[],
        },
        ["bypasses"] => &BYPASS,
        ["bypasses", _, "end"] => &[],
        _ => return None,
    };
    Some([own, &[VERSION, "action"]].concat())
}

fn is_known(name: &str, known: &[&str]) -> bool {
    match name.split_once('.') {
        None => known.contains(&name),
        Some((key, _)) => ["message", "language", "text"].contains(&key) && known.contains(&key),
    }
}

/// Returns what is wrong with the type of a member of a JSON object. `null` stands for no value.
fn mistyped(name: &str, value: &Value) -> Option<ProblemItem> {
    let is_scope = ["hosts", "paths", "methods"].contains(&name);
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let (is_valid, expected) = match name {
        "enabled" | "now" => (value.is_boolean(), "true or false"),
        "redirect" => (value.is_string() || *value == Value::Bool(false), "a string, or false"),
        "message" => {
            let texts = value.as_object().is_some_and(|texts| texts.values().all(is_string_or_null));
            (value.is_string() || texts, "a string, or an object with a string for each language")
        }
        "except" => {
            let list = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (value.is_string() || list, "a list of strings")
        }
        _ if is_scope => {
            let list = value.as_array().is_some_and(|items| items.iter().all(is_text));
            (is_text(value) || list, "a list of strings that are not empty")
        }
        _ => (value.is_string(), "a string"),
    };
    let is_empty = is_scope && value.as_array().is_some_and(Vec::is_empty);
    if value.is_null() || is_valid && !is_empty {
        return None;
    }
    let message = format!("`{name}` must be {expected}");
    Some(if is_scope {
        let help = "An empty list would stand for the whole site. If that is meant, leave the member out, or write null";
        ProblemItem::of_field(name, message, help)
    } else {
        ProblemItem::of_field(name, message, format!("Write {expected}"))
    })
}

fn is_string_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn unknown_field(section: &str, known: &[&str], name: &str) -> ProblemItem {
    let unknown = unknown_key(section, known, name);
    ProblemItem::of_field(name, sentence(&unknown.message), sentence(&unknown.help))
}

fn not_now(name: &str) -> ProblemItem {
    let message = format!("`{name}` is not for a downtime that starts now");
    let help = "Leave it out, or plan a period: write `start` or `cron`, and no `now`";
    ProblemItem::of_field(name, message, help)
}
