//! Durations as people type them.

use std::time::Duration;

use crate::config::duration;

const DURATION_HELP: &str = "write one such as 90s, 5m or \"1h 30m\"";

/// Parses a duration that somebody has typed, which must be longer than zero.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse_duration_with(text, &["h", "m"])
}

/// As [`parse_duration`]. `units` are suggested for a number without a unit.
pub fn parse_duration_with(text: &str, units: &[&str]) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(positive) = text.strip_prefix('-') {
        return Err(match humantime::parse_duration(positive) {
            Ok(_) => format!("a duration cannot be negative: write `{positive}`"),
            Err(_) => format!("missing duration: {DURATION_HELP}"),
        });
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => {
            Err(format!("a duration must be longer than zero: {DURATION_HELP}"))
        }
        Ok(_) if has_capital_m(text) => {
            let minutes = text.replace('M', "m");
            Err(format!("`M` means months: did you mean `{minutes}`? For months, write \"1month\""))
        }
        Ok(duration) => Ok(duration),
        Err(_) if is_number => {
            let meant: Vec<_> = units.iter().map(|unit| format!("`{text}{unit}`")).collect();
            Err(format!("missing unit: did you mean {}?", meant.join(" or ")))
        }
        Err(_) => duration::parse(text, &[]).map_err(|fault| {
            let message =
                fault.message.split_once("`: ").map_or(fault.message.as_str(), |(_, reason)| reason);
            let help = if fault.help.starts_with("did you") { &fault.help } else { DURATION_HELP };
            format!("{message}: {help}")
        }),
    }
}

/// Returns true if a unit is `M`, which means months but is easily typed for minutes.
fn has_capital_m(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|unit| unit == "M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_a_unit_and_must_be_longer_than_zero() {
        for (text, expected) in [
            ("90s", Ok(90)),
            ("1h 30m", Ok(5_400)),
            ("2months", Ok(5_260_032)),
            ("-1h", Err("a duration cannot be negative: write `1h`")),
            ("--until", Err("missing duration: write one such as 90s, 5m or \"1h 30m\"")),
            ("30M", Err("`M` means months: did you mean `30m`? For months, write \"1month\"")),
            ("1h 30 M", Err("`M` means months: did you mean `1h 30 m`? For months, write \"1month\"")),
            ("2", Err("missing unit: did you mean `2h` or `2m`?")),
            ("0s", Err("a duration must be longer than zero: write one such as 90s, 5m or \"1h 30m\"")),
            ("0", Err("a duration must be longer than zero: write one such as 90s, 5m or \"1h 30m\"")),
        ] {
            let read = parse_duration(text).map(|duration| duration.as_secs());
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
        for (text, help) in [
            ("2H", "unknown unit `H`: did you mean `2h`?"),
            ("", "the duration is empty: write one such as 90s, 5m or \"1h 30m\""),
            ("four hours", "it is not a number with a unit: did you mean `4h`?"),
            ("1:30", "unexpected `:`: did you mean `1h 30m` or `1m 30s`?"),
            ("abc", "it is not a number with a unit: write one such as 90s, 5m or \"1h 30m\""),
        ] {
            assert_eq!(parse_duration(text).unwrap_err(), help, "{text}");
        }
    }
}
