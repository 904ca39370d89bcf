//! Validates `[log]`.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::values::{choice, means_off};
use crate::config::document::{ACCESS_HELP, Field, FlagOrWord, LogSection};
use crate::config::report::Report;
use crate::config::{AccessLog, LogConfig, LogFormat};
use crate::invalid_value::InvalidValue;

pub(super) fn validate(section: &LogSection, report: &Report) -> LogConfig {
    LogConfig {
        filter: filter(&section.level, report),
        format: choice(&section.format, [("text", LogFormat::Text), ("json", LogFormat::Json)], report),
        access: access(&section.access, report),
    }
}

fn filter(field: &Field<String>, report: &Report) -> Targets {
    let filter = field.as_ref().and_then(|field| report.valid(field.span(), parse_filter(field.get_ref())));
    without_h2_warnings(filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)))
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

/// Parses a level or a filter. [`Targets`] takes any word that is not a level for the name of a target, so `inof`, or
/// `info` with a space, would turn off most of the log. Filters by span or field are refused: the gateway has no spans.
fn parse_filter(text: &str) -> Result<Targets, InvalidValue> {
    let is_target = |word: &&str| !word.contains(['=', ':']) && word.parse::<LevelFilter>().is_err();
    if let Some(word) = text.split(',').find(is_target) {
        return Err(InvalidValue::new(format!("invalid level `{word}`"), level_help(word)));
    }
    let invalid = || InvalidValue::new(format!("invalid log filter `{text}`"), level_help(""));
    if text.contains('[') {
        return Err(invalid());
    }
    text.parse().map_err(|_| invalid())
}

/// h2, the library behind hyper, warns each time a client does something wrong, without the client's address. At the levels `info` and
/// `warn` its warnings are left out, unless the filter names h2: the gateway logs what it does then, once a minute.
fn without_h2_warnings(filter: Targets) -> Targets {
    let would_warn = matches!(filter.default_level(), Some(LevelFilter::INFO | LevelFilter::WARN));
    let names_h2 = filter.iter().any(|(target, _)| target.starts_with("h2"));
    if would_warn && !names_h2 { filter.with_target("h2", LevelFilter::ERROR) } else { filter }
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
        for text in ["info", "WARN", "off", "info,downtime::watch=debug", "error,hyper=info"] {
            assert!(parse_filter(text).is_ok(), "{text}");
        }
        for (text, message, help) in [
            ("inof", "invalid level `inof`", "did you mean `info`?"),
            ("Warning", "invalid level `Warning`", "did you mean `warn`?"),
            ("info,hyper", "invalid level `hyper`", "write `error`"),
            (" info", "invalid level ` info`", "did you mean `info`?"),
            ("info, debug", "invalid level ` debug`", "did you mean `debug`?"),
            ("debug ", "invalid level `debug `", "did you mean `debug`?"),
            ("info,downtime=loud", "invalid log filter `info,downtime=loud`", "write `error`"),
            ("info,[request]=trace", "invalid log filter `info,[request]=trace`", "write `error`"),
            ("downtime[{path}]=trace", "invalid log filter `downtime[{path}]=trace`", "write `error`"),
        ] {
            let error = parse_filter(text).unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.help.starts_with(help), "{text}: {}", error.help);
        }
    }

    #[test]
    fn the_library_for_http_2_is_logged_only_where_the_filter_asks_for_it() {
        for (text, expected) in [
            ("info", "info,h2=error"),
            ("warn", "warn,h2=error"),
            ("info,downtime::watch=debug", "info,downtime::watch=debug,h2=error"),
            ("debug", "debug"),
            ("TRACE", "trace"),
            ("info,h2=debug", "info,h2=debug"),
            ("info,h2::proto=warn", "info,h2::proto=warn"),
            ("off", "off"),
            ("error", "error"),
            ("downtime=info", "downtime=info"),
        ] {
            let parsed = parse_filter(text).unwrap();
            assert_eq!(without_h2_warnings(parsed), expected.parse().unwrap(), "{text}");
        }
    }
}
