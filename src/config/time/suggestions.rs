//! Suggestions for texts that are not date-times.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::{TimeError, TimeLiteral};

/// Returns the help for a text that is not a date-time.
pub(super) fn help(text: &str) -> String {
    if text.eq_ignore_ascii_case("now") {
        return format!("{}; `downtime start` writes the current time", TimeError::HELP);
    }
    if let Some(instant) = unix_time(text) {
        return question(&[instant.to_string()]);
    }
    parse_loosely(text).unwrap_or_else(|| TimeError::HELP.to_owned())
}

fn question(candidates: &[String]) -> String {
    format!("did you mean `{}`?", candidates.join("` or `"))
}

/// Parses seconds or milliseconds since 1970, in this century.
fn unix_time(text: &str) -> Option<Timestamp> {
    let number: i64 = text.parse().ok()?;
    let seconds = match text.len() {
        10 => number,
        13 => number / 1000,
        _ => return None,
    };
    Timestamp::from_second(seconds).ok()
}

/// The order of the parts of a date.
enum DateOrder {
    YearFirst,
    DayFirst,
    Unclear,
}

fn parse_loosely(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '/' | '-')));
    let (date, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let (dates, order) = dates(date)?;
    let rest = rest.trim_start_matches(['T', 't', ' ', ',', '_']);
    if rest.is_empty() {
        let examples: Vec<_> = dates.iter().map(|date| format!("{date}T22:00:00")).collect();
        let examples = examples.join(" or ");
        return Some(format!("write the year first, and add the time, such as {examples}"));
    }
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let (clock, zone, next_day) = time(clock, zone.trim())?;
    let Some(offset) = offset(zone) else {
        return Some(format!("{} in `timezone`", TimeError::HELP));
    };
    let day = |date: &Date| if next_day { date.tomorrow().ok() } else { Some(*date) };
    let candidates = dates.iter().filter_map(|date| Some(format!("{}T{clock}{offset}", day(date)?)));
    let found: Vec<_> = candidates.filter(|text| TimeLiteral::parse(text).is_ok()).collect();
    match (&found[..], order) {
        ([], _) => None,
        ([one], DateOrder::YearFirst | DateOrder::DayFirst) if !next_day => Some(format!("write `{one}`")),
        (several, _) => Some(question(several)),
    }
}

/// Returns the dates that three numbers may denote.
fn dates(text: &str) -> Option<(Vec<Date>, DateOrder)> {
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    let parts: Vec<&str> = text.trim_end_matches('.').split(separator).collect();
    let [first, second, third] = parts[..] else { return None };
    let date = |year: &str, month: &str, day: &str| {
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    };
    let (found, order) = if first.len() == 4 {
        (vec![date(first, second, third)], DateOrder::YearFirst)
    } else if third.len() != 4 {
        return None;
    } else if separator == '.' {
        (vec![date(third, second, first)], DateOrder::DayFirst)
    } else {
        (vec![date(third, first, second), date(third, second, first)], DateOrder::Unclear)
    };
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.dedup();
    (!found.is_empty()).then_some((found, order))
}

/// Parses a time of day. Returns it with the text after it, and true if it is 24:00, the end of the day.
fn time<'t>(clock: &str, after: &'t str) -> Option<(Time, &'t str, bool)> {
    let mut parts = clock.split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next()?.ok()?;
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    let half = after.get(..2).map(str::to_ascii_lowercase);
    let (hour, after) = match (half.as_deref(), hour) {
        (Some("am"), 12) => (0, after.get(2..)?),
        (Some("pm"), 1..=11) => (hour + 12, after.get(2..)?),
        (Some("am" | "pm"), 1..=12) => (hour, after.get(2..)?),
        _ => (hour, after),
    };
    let next_day = (hour, minute, second) == (24, 0, 0);
    let time = Time::new(if next_day { 0 } else { hour }, minute, second, 0).ok()?;
    Some((time, after.trim(), next_day))
}

/// Converts an offset to TOML's form, empty for local time. Returns `None` for the name of a zone.
fn offset(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let rest = ["UTC", "GMT"].iter().find_map(|name| upper.strip_prefix(name));
    match (rest, upper.as_str()) {
        (_, "" | "UHR" | "H" | "O'CLOCK") => return Some(String::new()),
        (Some(""), _) | (_, "Z") => return Some("Z".to_owned()),
        _ => {}
    }
    let rest = rest.unwrap_or(&upper);
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let digits = rest.get(1..)?.replace(':', "");
    let padded = match digits.len() {
        1 => format!("0{digits}00"),
        2 => format!("{digits}00"),
        4 => digits,
        _ => return None,
    };
    let (hours, minutes) = padded.split_at_checked(2)?;
    Some(format!("{sign}{hours}:{minutes}"))
}
