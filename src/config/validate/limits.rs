//! Validates `[limits]`.

use std::ops::RangeInclusive;

use super::values::{count, count_from_one, duration, duration_or_zero, size};
use crate::config::Limits;
use crate::config::document::LimitsSection;
use crate::config::report::Report;

/// The limits for heads that can be set, in bytes.
const HEAD_SIZES: RangeInclusive<usize> = 1 << 10..=1 << 20;
/// More than this is not for small files.
const MAX_FILE_CACHE: usize = 16 << 30;

pub(super) fn validate(section: &LimitsSection, report: &Report) -> Limits {
    let default = Limits::default();
    Limits {
        head: size(&section.head, HEAD_SIZES, report).unwrap_or(default.head),
        head_timeout: duration(&section.head_timeout, report).unwrap_or(default.head_timeout),
        idle_timeout: duration(&section.idle_timeout, report).unwrap_or(default.idle_timeout),
        send_timeout: duration(&section.send_timeout, report).unwrap_or(default.send_timeout),
        body_timeout: duration(&section.body_timeout, report).unwrap_or(default.body_timeout),
        handshake_timeout: duration(&section.handshake_timeout, report).unwrap_or(default.handshake_timeout),
        connections: count(&section.connections, report).unwrap_or(default.connections),
        connections_per_client: count(&section.connections_per_client, report)
            .unwrap_or(default.connections_per_client),
        streams: count_from_one(&section.streams, "write at least 1", report).unwrap_or(default.streams),
        upstream_idle: duration_or_zero(&section.upstream_idle, report).unwrap_or(default.upstream_idle),
        upstream_idle_connections: count_from_one(
            &section.upstream_idle_connections,
            "write at least 1; to keep none, write `upstream_idle = \"0s\"`",
            report,
        )
        .unwrap_or(default.upstream_idle_connections),
        upstream_connections: count(&section.upstream_connections, report)
            .unwrap_or(default.upstream_connections),
        tunnel_idle: duration_or_zero(&section.tunnel_idle, report).unwrap_or(default.tunnel_idle),
        file_cache: size(&section.file_cache, 0..=MAX_FILE_CACHE, report).unwrap_or(default.file_cache),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use crate::config::{Config, ParsedConfig};

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err(String::new().into()))
    }

    #[test]
    fn upstream_idle_is_a_duration_and_may_be_zero() {
        for (text, expected) in [
            ("", Duration::from_secs(2)),
            ("[limits]", Duration::from_secs(2)),
            ("[limits]\nupstream_idle = '1ns'", Duration::from_nanos(1)),
            ("[limits]\nupstream_idle = '1m 30s'", Duration::from_secs(90)),
            ("[limits]\nupstream_idle = '0s'", Duration::ZERO),
            ("[limits]\nupstream_idle = '0h 0m'", Duration::ZERO),
            ("[limits]\nupstream_idle = '0'", Duration::ZERO),
        ] {
            let config = read(&format!("# a\n{text}\n")).config.unwrap();
            assert_eq!(config.limits.upstream_idle, expected, "{text}");
        }
    }

    #[test]
    fn a_limit_of_connections_is_a_number_from_zero() {
        for (text, expected) in [("", Some(0)), ("= 0", Some(0)), ("= 100", Some(100)), ("= -1", None)] {
            let line = if text.is_empty() { String::new() } else { format!("upstream_connections {text}") };
            let read = read(&format!("[limits]\n{line}\n"));
            assert_eq!(read.config.map(|config| config.limits.upstream_connections), expected, "{text}");
            let found: Vec<_> =
                read.diagnostics.iter().map(|d| (d.message.as_str(), d.help.as_deref())).collect();
            let negative = ("invalid number -1: it is negative", Some("write 0 for no limit"));
            assert_eq!(found, if expected.is_none() { vec![negative] } else { Vec::new() });
        }
    }

    #[test]
    fn some_limits_are_numbers_from_one() {
        for key in ["streams", "upstream_idle_connections"] {
            for (value, is_valid) in
                [("1", true), ("128", true), ("1000000", true), ("0", false), ("-1", false)]
            {
                let read = read(&format!("[limits]\n{key} = {value}\n"));
                let found: Vec<_> = read.diagnostics.iter().map(|d| d.message.as_str()).collect();
                let message = format!("invalid number {value}: it is less than 1");
                assert_eq!(
                    found,
                    if is_valid { Vec::new() } else { vec![message.as_str()] },
                    "{key} = {value}"
                );
            }
        }
    }

    #[test]
    fn an_invalid_upstream_idle_gets_a_suggestion() {
        const EXAMPLE: &str = "write a duration such as `90s`, `5m` or `1h 30m`";
        for (value, message, help) in [
            ("'2'", "invalid duration `2`: the unit is missing", "add a unit: `2s`"),
            ("'-1s'", "invalid duration `-1s`: it is negative", "did you mean `1s`?"),
            ("'2S'", "invalid duration `2S`: unknown unit `S`", "did you mean `2s`?"),
            ("'soon'", "invalid duration `soon`: it is not a number with a unit", EXAMPLE),
            ("'off'", "invalid duration `off`: it is not a number with a unit", "write `0s`"),
            ("''", "the duration is empty", "write `0s`"),
            ("false", "`false` is not a string", "write `upstream_idle = \"0s\"`"),
            ("off", "invalid duration `off`: it is not a number with a unit", "write `0s` (in quotes)"),
            ("0", "`0` is not a string", "write `upstream_idle = \"0\"`"),
            (
                "2",
                "invalid duration: durations are written in quotes, with a unit",
                "add a unit: write `upstream_idle = \"2s\"`",
            ),
            ("['2s']", "`['2s']` is not a string", "write `upstream_idle = '2s'`"),
        ] {
            let diagnostics = read(&format!("[limits]\nupstream_idle = {value}\n")).diagnostics;
            let found: Vec<_> = diagnostics.iter().map(|d| (d.message.as_str(), d.help.as_deref())).collect();
            assert_eq!(found, [(message, Some(help))], "{value}");
        }
    }
}
