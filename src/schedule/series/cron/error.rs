//! Errors of cron expressions, with suggestions.

use std::ops::Range;

use super::field::{CronField, DAY, MONTH, MONTHS, WEEKDAY, WEEKDAYS, find_name};
use super::parse::{step_size, value};

/// An error in a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError {
    /// The message: what is wrong.
    pub message: String,
    /// The help: what to write instead.
    pub help: String,
    /// The invalid field, as a byte range of the expression; `None` if the expression as a whole is invalid.
    pub field: Option<Range<usize>>,
}

impl CronError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), field: None }
    }
}

/// Lists what a field may contain.
pub(super) fn general_help(field: &CronField) -> String {
    format!("write {}; `*` for all, `a-b` for a range, `a,b` for a list, `*/n` for steps", field.range)
}

/// Returns the error for a text that is not a value of the field.
pub(super) fn invalid(text: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{text}`", field.name);
    CronError::new(message, special_help(text, field).unwrap_or_else(|| general_help(field)))
}

/// Guesses what was meant by an invalid value.
fn special_help(text: &str, field: &CronField) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let is_weekday = field.name == WEEKDAY.name;
    if text == "?" {
        return Some("did you mean `*`?".into());
    }
    if upper.starts_with("L-") && !is_weekday {
        return Some("days before the last are not supported: write numbers, or `L` for the last day".into());
    }
    if upper == "L" {
        return Some(
            "`L` is the last day of the month, in the third field; the last Friday is `FRI#L`, in the fifth"
                .into(),
        );
    }
    if let Some(weekday) =
        upper.strip_suffix('L').filter(|weekday| is_weekday && value(weekday, &WEEKDAY).is_ok())
    {
        return Some(format!("did you mean `{weekday}#L`, the last one of the month?"));
    }
    if text.contains('#') && !is_weekday {
        return Some(format!("`#` is only allowed in the day of week: write {}", field.range));
    }
    if upper.ends_with('W') && field.name == DAY.name {
        return Some(
            "the nearest working day is not supported: write a number, or `L` for the last day".into(),
        );
    }
    if !field.names.is_empty() {
        return near_name(&upper, field).or_else(|| value_of_other_field(&upper, field));
    }
    value_of_other_field(&upper, field)
}

/// Suggests names that have the text as prefix, are a prefix of it, or differ in one letter.
fn near_name(upper: &str, field: &CronField) -> Option<String> {
    let is_word = !upper.is_empty() && upper.bytes().all(|byte| byte.is_ascii_alphabetic());
    let exact = find_name(upper, &MONTHS, 1).or(find_name(upper, &WEEKDAYS, 0)).is_some();
    if !is_word || exact {
        return None;
    }
    let begins_with = |name: &&&str| upper.starts_with(**name);
    let near =
        |name: &&&str| name.starts_with(upper) || upper.len() > 1 && strsim::levenshtein(name, upper) == 1;
    let mut names: Vec<_> = field.names.iter().filter(begins_with).collect();
    if names.is_empty() {
        names = field.names.iter().filter(near).collect();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (1..=2).contains(&names.len()).then(|| format!("did you mean {}?", names.join(" or ")))
}

fn value_of_other_field(upper: &str, field: &CronField) -> Option<String> {
    let other = [(&MONTH, "a month"), (&WEEKDAY, "a day of the week")]
        .into_iter()
        .find(|(other, _)| other.name != field.name && find_name(upper, other.names, 0).is_some())?
        .1;
    Some(format!("`{upper}` is {other}; the fields are minute, hour, day of month, month, day of week"))
}

/// Returns the error for a step without a range, such as `5/10`.
pub(super) fn lone_step(item: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: a step needs a range or `*`", field.name);
    let (base, step) = item.split_once('/').unwrap_or((item, ""));
    let help = match base {
        "" => format!("did you mean `*/{step}`?"),
        _ => format!("did you mean `{base}-{}/{step}`?", field.max),
    };
    CronError::new(message, if step_size(step).is_some() { help } else { general_help(field) })
}

/// Returns the error for a step that is not a positive number.
pub(super) fn bad_step(item: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: a step is a number of at least 1", field.name);
    CronError::new(message, general_help(field))
}

/// Returns the error for a range such as `22-2`, and suggests the two ranges that were probably meant.
pub(super) fn backwards(item: &str, has_step: bool, (low, high): (u32, u32), field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: the range runs backwards", field.name);
    if has_step {
        return CronError::new(message, general_help(field));
    }
    let max = if field.name == WEEKDAY.name { 6 } else { field.max };
    let by_name = !item.bytes().any(|byte| byte.is_ascii_digit());
    let show = |number: u32| {
        let name =
            number.checked_sub(field.first_name).and_then(|at| field.names.get(usize::try_from(at).ok()?));
        name.filter(|_| by_name).map_or(number.to_string(), |name| (*name).to_owned())
    };
    let span = |low: u32, high: u32| match low.cmp(&high) {
        std::cmp::Ordering::Equal => show(low),
        _ => format!("{}-{}", show(low), show(high)),
    };
    let help = if low > max {
        format!("did you mean `{}`?", span(field.min, high))
    } else {
        format!("did you mean `{},{}`?", span(low, max), span(field.min, high))
    };
    CronError::new(message, help)
}
