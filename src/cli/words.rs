//! Values of options, and hints for words that the command line does not know.

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

/// Returns the help for an argument that people may expect but that `command` does not have.
pub(super) fn argument_hint(command: &clap::Command, argument: &str) -> Option<String> {
    let always_now = match command.get_name() {
        "start" => Some("`start` starts now unless --at or --in is given"),
        "end" => Some("`end` ends now"),
        "during" => Some("`during` starts now"),
        _ => None,
    };
    let others: &[&str] = match argument {
        "--now" => return always_now.map(|reason| format!("remove it: {reason}")),
        "--at" | "--in" if command.get_name() == "during" => {
            return always_now.map(|reason| format!("remove it: {reason}"));
        }
        "--force" | "--yes" => return Some("remove it: no command asks for confirmation".to_owned()),
        "--for" | "--by" | "--duration" | "--length" => &["--for DURATION", "--by DURATION"],
        "--end" | "--to" => &["--until TIME"],
        "--start" | "--begin" | "--from" => &["--at TIME"],
        "--msg" | "--text" | "--reason" => &["--message TEXT"],
        "--json" => &["--format json"],
        _ => &[],
    };
    let length = [format!("--for {argument}"), format!("--by {argument}")];
    let lengths = length.iter().filter(|_| humantime::parse_duration(argument).is_ok());
    let has = |replacement: &&str| {
        let option = replacement.split(' ').next().and_then(|option| option.strip_prefix("--"));
        command.get_arguments().any(|known| known.get_long() == option)
    };
    let replacement = others.iter().copied().chain(lengths.map(String::as_str)).find(has)?;
    Some(format!("did you mean `{replacement}`?"))
}

/// Parses the time of an option.
pub(super) fn time(text: &str) -> Result<TimeLiteral, String> {
    date_time(text, TimeError::HELP)
}

/// Parses a date-time. The error ends with `help`.
pub(super) fn date_time(text: &str, help: &str) -> Result<TimeLiteral, String> {
    TimeLiteral::parse(text).map_err(|fault| {
        let is_duration = humantime::parse_duration(text.trim_start_matches(['-', '+'])).is_ok();
        let message = if is_duration { "a duration is not a time".to_owned() } else { fault.to_string() };
        format!("{message}: {help}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
