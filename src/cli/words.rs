//! Values of options, and hints for words that the command line does not know.

use std::time::Duration;

use crate::config::duration;
use crate::config::time::{TimeError, TimeLiteral};

/// Returns the command to run instead of one that people may expect but that does not exist.
pub(super) fn command_hint(command: &str) -> Option<&'static str> {
    Some(match command {
        "stop" => {
            "to take the site down, run `downtime start`; to stop the gateway, run `systemctl stop downtime`"
        }
        "restart" => {
            "an edit of the file takes effect by itself; to restart the gateway, run `systemctl restart downtime`"
        }
        "reload" => {
            "an edit of the file takes effect by itself; `downtime --check` checks it, and `systemctl reload downtime` \
             makes the gateway read it at once"
        }
        "up" => "to bring the site back up, run `downtime end`; to see whether it is up, `downtime status`",
        "down" => "to take the site down, run `downtime start`; to see whether it is down, `downtime status`",
        "on" | "off" => "to take the site down, run `downtime start`; to bring it back up, `downtime end`",
        "enable" | "disable" => {
            "to take the site down, run `downtime start`; to bring it back up, `downtime end`; to enable or disable \
             a single period, set its `enabled` in the file"
        }
        "maintenance" => "to begin maintenance, run `downtime start`; to end it, `downtime end`",
        "begin" | "close" | "pause" => "to take the site down, run `downtime start`",
        "finish" | "open" | "resume" => "to bring the site back up, run `downtime end`",
        "plan" | "schedule" => "to plan a downtime, run `downtime start --at TIME --for DURATION`",
        "abort" | "cancel" => {
            "to end a downtime, or to cancel a planned one, run `downtime end NAME`; without a name it ends every \
             active one that is unscheduled or open-ended"
        }
        "check" | "lint" | "test" | "validate" => "to check the file, run `downtime --check`",
        "info" | "list" | "ls" | "show" => {
            "to see the current state, run `downtime status`; to see all periods, `downtime --check`"
        }
        "run" => "to run the gateway, run `downtime` or `downtime serve`",
        "version" => "to see the version, run `downtime --version`",
        _ => return None,
    })
}

/// Returns the help for an argument that people may expect but that does not exist.
pub(super) fn argument_hint(argument: &str) -> Option<String> {
    let replacement = match argument {
        "--duration" | "--length" => "--for DURATION",
        "--end" | "--to" => "--until TIME",
        "--start" | "--begin" | "--from" => "--at TIME",
        "--msg" | "--text" | "--reason" => "--message TEXT",
        "--json" => "--format json",
        _ => {
            let is_duration = humantime::parse_duration(argument).is_ok();
            return is_duration.then(|| format!("did you mean `--for {argument}`?"));
        }
    };
    Some(format!("did you mean `{replacement}`?"))
}

/// Parses the time of an option.
pub(super) fn time(text: &str) -> Result<TimeLiteral, String> {
    TimeLiteral::parse(text).map_err(|fault| {
        let is_duration = humantime::parse_duration(text.trim_start_matches(['-', '+'])).is_ok();
        let message = if is_duration { "a duration is not a time".to_owned() } else { fault.to_string() };
        format!("{message}: {}", TimeError::HELP)
    })
}

const DURATION_HELP: &str = "write one such as 90s, 5m or \"1h 30m\"";

/// Parses the duration of an option, which must be longer than zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
        Err(_) if is_number => Err(format!("missing unit: did you mean `{text}h` or `{text}m`?")),
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
            let read = super::duration(text).map(|duration| duration.as_secs());
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
        for (text, help) in [
            ("2H", "unknown unit `H`: did you mean `2h`?"),
            ("", "the duration is empty: write one such as 90s, 5m or \"1h 30m\""),
            ("four hours", "it is not a number with a unit: did you mean `4h`?"),
            ("1:30", "unexpected `:`: did you mean `1h 30m` or `1m 30s`?"),
            ("abc", "it is not a number with a unit: write one such as 90s, 5m or \"1h 30m\""),
        ] {
            assert_eq!(super::duration(text).unwrap_err(), help, "{text}");
        }
    }

    #[test]
    fn a_duration_is_not_accepted_as_a_time() {
        for (text, help) in [
            ("1h", "a duration is not a time: write a date-time such as 2026-"),
            ("-1h", "a duration is not a time: write a date-time such as 2026-"),
            ("tomorrow", ": write a date-time such as 2026-"),
        ] {
            let error = time(text).unwrap_err();
            assert!(error.contains(help), "{text}: {error}");
        }
        assert!(time("2026-12-01T22:00").is_ok());
    }
}
