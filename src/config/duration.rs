//! Durations in the file and on the command line.

use std::time::Duration;

use super::time::TimeLiteral;
use crate::invalid_value::InvalidValue;
use crate::plural::counted;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

const EXAMPLE: &str = "write a duration such as `90s`, `5m` or `1h 30m`";

/// Parses a duration in the syntax of `humantime`, longer than zero. `units` are suggested for a number without a unit.
pub fn parse(text: &str, units: &[&str]) -> Result<Duration, InvalidValue> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err(fault(text, "it is zero", EXAMPLE)),
        Err(error) => Err(explain(text.trim(), &error, units)),
    }
}

/// Parses a duration as [`parse`] does, but accepts zero.
pub(super) fn parse_or_zero(text: &str, units: &[&str]) -> Result<Duration, InvalidValue> {
    humantime::parse_duration(text).map_err(|error| explain(text.trim(), &error, units))
}

/// Formats a duration, also for the file: `90 days`, `1 day 2h 30m`. Days are the longest unit, because months and years of
/// `humantime` are fractions of days: it would turn 90 days into two months, 29 days and some hours.
#[allow(clippy::disallowed_methods, reason = "without days, it has only units that people use")]
pub fn format(duration: Duration) -> String {
    let (days, rest) =
        (duration.as_secs() / DAY, Duration::new(duration.as_secs() % DAY, duration.subsec_nanos()));
    let days = match days {
        0 => return humantime::format_duration(rest).to_string(),
        days => counted(days, "day"),
    };
    if rest.is_zero() { days } else { format!("{days} {}", humantime::format_duration(rest)) }
}

/// Returns the units to suggest for a number without a unit.
pub(super) fn units(key: &str) -> &'static [&'static str] {
    if key == "for" { &["h", "m"] } else { &["s"] }
}

/// Explains a value of `key` that is not a string, and so not a duration.
pub(super) fn explain_other_type(key: &str, value: &str) -> InvalidValue {
    if key == "for" && TimeLiteral::parse(value).is_ok() {
        let message = format!("`{value}` is a time, not a duration");
        return InvalidValue::new(message, format!("did you mean `end = {value}`?"));
    }
    let text = value.trim_matches(['"', '\'', '[', ']', ' ']);
    let found: Vec<_> =
        suggestions(text, units(key)).iter().map(|text| format!("`{key} = \"{text}\"`")).collect();
    let help = match &found[..] {
        [] if key == "for" => format!("for example `{key} = \"4h\"`"),
        [] => format!("for example `{key} = \"5m\"`"),
        [one] if is_number(text) => format!("add a unit: write {one}"),
        several => format!("did you mean {}?", several.join(" or ")),
    };
    InvalidValue::new("invalid duration: durations are written in quotes, with a unit", help)
}

fn fault(text: &str, reason: &str, help: impl Into<String>) -> InvalidValue {
    InvalidValue::new(format!("invalid duration `{text}`: {reason}"), help)
}

fn explain(text: &str, error: &humantime::DurationError, units: &[&str]) -> InvalidValue {
    use humantime::DurationError::{Empty, InvalidCharacter, NumberExpected, NumberOverflow, UnknownUnit};
    let reason = if text.starts_with('-') {
        "it is negative".to_owned()
    } else if is_number(text) {
        "the unit is missing".to_owned()
    } else {
        match error {
            Empty => return InvalidValue::new("the duration is empty", EXAMPLE),
            NumberOverflow => return fault(text, "it is too long", "write a shorter duration"),
            UnknownUnit { unit, .. } if !unit.is_empty() => format!("unknown unit `{unit}`"),
            UnknownUnit { .. } => "a unit is missing".to_owned(),
            InvalidCharacter(at) => match text.get(*at..).and_then(|rest| rest.chars().next()) {
                Some(found) => format!("unexpected `{found}`"),
                None => "it is not a number with a unit".to_owned(),
            },
            NumberExpected(_) => "it is not a number with a unit".to_owned(),
        }
    };
    let found: Vec<_> = suggestions(text, units).iter().map(|text| format!("`{text}`")).collect();
    let help = match &found[..] {
        [] => EXAMPLE.to_owned(),
        [one] if is_number(text) => format!("add a unit: {one}"),
        several => format!("did you mean {}?", several.join(" or ")),
    };
    fault(text, &reason, help)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Returns the valid durations that an invalid one was probably meant to be.
fn suggestions(text: &str, units: &[&str]) -> Vec<String> {
    let reads = |text: &String| humantime::parse_duration(text).is_ok_and(|duration| !duration.is_zero());
    if is_number(text) {
        return units.iter().map(|unit| format!("{text}{unit}")).filter(reads).collect();
    }
    let clock = clock_readings(text);
    if !clock.is_empty() {
        return clock.into_iter().filter(reads).collect();
    }
    let positive = text.trim_start_matches('-').trim();
    if is_number(positive) {
        return suggestions(positive, units);
    }
    let lower = positive.to_lowercase();
    let spaced = lower.replace([',', ';', '+'], " ").replace(" and ", " ");
    let spaced = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let completed = next_unit(&spaced).map(|unit| format!("{spaced}{unit}"));
    let candidates = [
        positive.to_owned(),
        lower.clone(),
        lower.replace(',', "."),
        spaced.clone(),
        completed.unwrap_or_default(),
    ];
    let iso = iso_8601(positive);
    let first = iso.into_iter().chain(candidates).chain(in_words(&spaced)).find(reads);
    first.into_iter().collect()
}

/// Returns the unit for a number at the end that has none: the one below the last unit.
fn next_unit(text: &str) -> Option<&'static str> {
    let rest = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let unit =
        rest.trim_end().rsplit(|c: char| !c.is_alphabetic()).next().filter(|_| rest.len() < text.len())?;
    match unit.chars().next()? {
        'd' => Some("h"),
        'h' => Some("m"),
        'm' if !unit.starts_with("ms") && !unit.starts_with("mo") => Some("s"),
        _ => None,
    }
}

/// Returns the durations that `2:30` may mean: hours and minutes, or minutes and seconds. `2:30:00` has one meaning.
fn clock_readings(text: &str) -> Vec<String> {
    let parts: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    let joined = |parts: &[(u32, &str)]| {
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        parts.map(|(number, unit)| format!("{number}{unit}")).collect::<Vec<_>>().join(" ")
    };
    match parts.as_deref() {
        Some(&[hours, minutes]) => {
            vec![joined(&[(hours, "h"), (minutes, "m")]), joined(&[(hours, "m"), (minutes, "s")])]
        }
        Some(&[hours, minutes, seconds]) => vec![joined(&[(hours, "h"), (minutes, "m"), (seconds, "s")])],
        _ => Vec::new(),
    }
}

/// Converts an ISO 8601 duration such as `PT2H30M` or `P1D`, unless it may have months.
fn iso_8601(text: &str) -> Option<String> {
    let rest = text.strip_prefix(['P', 'p'])?;
    let (days, time) = rest.split_once(['T', 't']).unwrap_or((rest, ""));
    let days = days.to_lowercase();
    (!days.contains('m')).then(|| format!("{days} {}", time.to_lowercase()).trim().to_owned())
}

/// Converts a duration in words, such as `four hours` or `4 Stunden`.
fn in_words(text: &str) -> Option<String> {
    const NUMBERS: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let start = text.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0);
    let (number, unit) = match start {
        Some(at) => text.split_at(at),
        None => text.split_once(' ')?,
    };
    let unit = unit.trim();
    let named = || NUMBERS.iter().position(|name| *name == number).map(|number| number.to_string());
    let number = number.parse::<u32>().ok().map(|number| number.to_string()).or_else(named)?;
    let begins = |starts: &[&str]| starts.iter().any(|start| unit.starts_with(start));
    let letter = if begins(&["sec", "sek"]) {
        "s"
    } else if begins(&["min"]) {
        "m"
    } else if begins(&["h", "st", "ora", "uur"]) {
        "h"
    } else if begins(&["d", "tag"]) {
        "d"
    } else if begins(&["w"]) {
        "w"
    } else {
        return None;
    };
    Some(format!("{number}{letter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_duration_gets_a_suggestion() {
        for (text, message, help) in [
            ("", "the duration is empty", EXAMPLE),
            ("0s", "it is zero", EXAMPLE),
            ("2", "the unit is missing", "did you mean `2h` or `2m`?"),
            ("1.5", "the unit is missing", "did you mean `1.5h` or `1.5m`?"),
            ("-1h", "it is negative", "did you mean `1h`?"),
            ("-1", "it is negative", "did you mean `1h` or `1m`?"),
            ("4:30", "unexpected `:`", "did you mean `4h 30m` or `4m 30s`?"),
            ("02:00:00", "unexpected `:`", "did you mean `2h`?"),
            ("00:00:00", "unexpected `:`", EXAMPLE),
            ("PT2H30M", "it is not a number with a unit", "did you mean `2h30m`?"),
            ("P1D", "it is not a number with a unit", "did you mean `1d`?"),
            ("P1M", "it is not a number with a unit", EXAMPLE),
            ("1,5h", "unexpected `,`", "did you mean `1.5h`?"),
            ("1h, 30m", "unexpected `,`", "did you mean `1h 30m`?"),
            ("2H", "unknown unit `H`", "did you mean `2h`?"),
            ("30 MIN", "unknown unit `MIN`", "did you mean `30 min`?"),
            ("2h30", "a unit is missing", "did you mean `2h30m`?"),
            ("four hours", "it is not a number with a unit", "did you mean `4h`?"),
            ("2 Stunden", "unknown unit `Stunden`", "did you mean `2h`?"),
            ("4 hrz", "unknown unit `hrz`", "did you mean `4h`?"),
            ("soon", "it is not a number with a unit", EXAMPLE),
            ("99999999999999999999h", "it is too long", "write a shorter duration"),
        ] {
            let fault = parse(text, units("for")).unwrap_err();
            assert_eq!(fault.help, help, "{text}: {}", fault.message);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn a_duration_is_formatted_in_days_and_smaller_units_and_reads_as_the_same() {
        for (duration, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(250), "250ms"),
            (Duration::from_secs(5_400), "1h 30m"),
            (Duration::from_secs(DAY - 1), "23h 59m 59s"),
            (Duration::from_secs(DAY), "1 day"),
            (Duration::from_secs(DAY + 7_200), "1 day 2h"),
            (Duration::from_secs(30 * DAY), "30 days"),
            (Duration::from_secs(31 * DAY), "31 days"),
            (Duration::from_secs(90 * DAY), "90 days"),
            (Duration::from_secs(365 * DAY) + Duration::from_millis(1), "365 days 1ms"),
            (Duration::from_secs(5_260_032), "60 days 21h 7m 12s"),
            (Duration::MAX, "213503982334601 days 7h 15s 999ms 999us 999ns"),
        ] {
            assert_eq!(format(duration), text);
            assert_eq!(parse_or_zero(text, &[]).unwrap(), duration, "{text}");
        }
    }

    #[test]
    fn a_number_alone_gets_the_unit_of_its_key() {
        for (key, help) in [("for", "did you mean `600h` or `600m`?"), ("retry_after", "add a unit: `600s`")]
        {
            assert_eq!(parse("600", units(key)).unwrap_err().help, help, "{key}");
        }
    }

    #[test]
    fn every_suggestion_is_a_duration() {
        for text in
            ["2", "-1h", "4:30", "0:5", "PT2H", "1,5h", "2 Stunden", "one week", "1d and 2h", "3 Tage"]
        {
            for suggestion in suggestions(text, units("for")) {
                assert!(humantime::parse_duration(&suggestion).is_ok(), "{text}: {suggestion}");
            }
        }
    }
}
