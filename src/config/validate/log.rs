//! Validates `[log]`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::values::{choice, means_off};
use crate::config::document::{ACCESS_HELP, Field, FlagOrWord, LogSection};
use crate::config::report::Report;
use crate::config::{AccessLog, LogConfig, LogFormat};
use crate::invalid_value::InvalidValue;

pub(super) fn validate(section: &LogSection, report: &Report) -> LogConfig {
    let level = section.level.as_ref().map_or("info", |level| level.get_ref().as_str());
    if let (Some(field), Err(error)) = (&section.level, check_level(level)) {
        report.invalid(field.span(), error);
    }
    LogConfig {
        level: level.to_owned(),
        format: choice(&section.format, [("text", LogFormat::Text), ("json", LogFormat::Json)], report),
        access: access(&section.access, report),
    }
}

fn access(field: &Field<FlagOrWord>, report: &Report) -> AccessLog {
    let Some(field) = field else { return AccessLog::Off };
    match field.get_ref() {
        FlagOrWord::Flag(false) => AccessLog::Off,
        FlagOrWord::Flag(true) => AccessLog::Combined,
        FlagOrWord::Word(word) => match word.as_str() {
            "combined" => AccessLog::Combined,
            "json" => AccessLog::Json,
            _ => {
                report.error(field.span(), format!("unknown value `{word}`"), access_help(word));
                AccessLog::Off
            }
        },
    }
}

fn access_help(word: &str) -> &'static str {
    if means_off(word) { "write `access = false`" } else { ACCESS_HELP }
}

/// Checks a level or a filter. `EnvFilter` takes any word that is not a level for the name of a target, so `inof`, or
/// `info` with a space, would turn off most of the log.
fn check_level(filter: &str) -> Result<(), InvalidValue> {
    let is_target =
        |word: &&str| !word.contains(['=', '[', ']', ':']) && word.parse::<LevelFilter>().is_err();
    match filter.split(',').find(is_target) {
        Some(word) => Err(InvalidValue::new(format!("invalid level `{word}`"), level_help(word))),
        None => match EnvFilter::try_new(filter) {
            Ok(_) => Ok(()),
            Err(_) => Err(InvalidValue::new(format!("invalid log filter `{filter}`"), level_help(""))),
        },
    }
}

fn level_help(word: &str) -> String {
    const EXAMPLES: &str =
        "write `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,downtime::watch=debug`";
    let word = word.trim().to_lowercase();
    let is_near = |level: &&str| strsim::osa_distance(level, &word) <= 1 || word == **level;
    let level = match word.as_str() {
        "warning" => Some("warn"),
        "err" | "fatal" | "critical" => Some("error"),
        "notice" | "default" => Some("info"),
        "verbose" | "fine" => Some("debug"),
        "all" => Some("trace"),
        "none" | "quiet" | "silent" => Some("off"),
        _ => ["error", "warn", "info", "debug", "trace", "off"].into_iter().find(is_near),
    };
    level.map_or_else(|| EXAMPLES.to_owned(), |level| format!("did you mean `{level}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_known_one_or_a_filter() {
        for text in
            ["info", "WARN", "off", "info,downtime::watch=debug", "error,hyper=info", "[request]=trace"]
        {
            assert_eq!(check_level(text), Ok(()), "{text}");
        }
        for (text, message, help) in [
            ("inof", "invalid level `inof`", "did you mean `info`?"),
            ("Warning", "invalid level `Warning`", "did you mean `warn`?"),
            ("info,hyper", "invalid level `hyper`", "write `error`"),
            (" info", "invalid level ` info`", "did you mean `info`?"),
            ("info, debug", "invalid level ` debug`", "did you mean `debug`?"),
            ("debug ", "invalid level `debug `", "did you mean `debug`?"),
            ("info,downtime=loud", "invalid log filter `info,downtime=loud`", "write `error`"),
        ] {
            let error = check_level(text).unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.help.starts_with(help), "{text}: {}", error.help);
        }
    }
}
