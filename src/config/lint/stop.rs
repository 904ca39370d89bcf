//! Warns of a stop that takes longer than the service manager waits.

use std::time::Duration;

use jiff::SignedDuration;
use toml::Spanned;

use super::LintInput;
use crate::config::StopLimit;
use crate::schedule::human_time::length;

pub(super) fn lint(input: &LintInput<'_>) {
    let Some(StopLimit { limit, source }) = &input.context.stop_limit else { return };
    let server = &input.config.server;
    let longest = server.stop_delay.saturating_add(server.stop_timeout);
    if *limit > longest {
        return;
    }
    let message = format!(
        "stopping may take {}, but systemd kills the gateway after {}, by `TimeoutStopSec=` of {}",
        text(longest),
        text(*limit),
        source.display()
    );
    let help = "raise `TimeoutStopSec=` above `stop_delay` and `stop_timeout` together, with `systemctl edit`, or shorten these";
    let document = &input.document.server;
    let (longer, other) = if server.stop_delay > server.stop_timeout {
        (&document.stop_delay, &document.stop_timeout)
    } else {
        (&document.stop_timeout, &document.stop_delay)
    };
    let place = longer.as_ref().or(other.as_ref()).map_or(0..0, Spanned::span);
    input.warn(place, message, help);
}

fn text(duration: Duration) -> String {
    SignedDuration::try_from(duration).map_or_else(|_| "for ever".into(), length)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, LintContext, StopLimit};

    #[test]
    fn a_limit_that_is_not_longer_than_both_times_together_gets_a_warning() {
        for (keys, limit, place) in [
            ("", 11, None),
            ("", 10, Some(Some((1, 1)))),
            ("stop_delay = '10s'", 21, None),
            ("stop_delay = '10s'", 20, Some(Some((2, 14)))),
            ("stop_delay = '1s'\nstop_timeout = '30s'", 20, Some(Some((3, 16)))),
            ("stop_delay = '30s'\nstop_timeout = '1s'", 20, Some(Some((2, 14)))),
            ("stop_timeout = '20s'", 21, None),
        ] {
            let text = format!("[server]\n{keys}\nprobe_paths = ['/up']\n");
            let mut reading =
                Config::parse("downtime.toml", &text, Path::new("/"), &|_| Err(String::new().into()));
            let limit = std::time::Duration::from_secs(limit);
            let stop_limit = Some(StopLimit { limit, source: "/etc/systemd/system/downtime.service".into() });
            let context = LintContext::new("2026-06-01T00:00:00Z".parse().unwrap());
            reading.lint(&LintContext { stop_limit, ..context });
            let found = reading.diagnostics.first().map(crate::config::diagnostic::Diagnostic::line_column);
            assert_eq!(found, place, "{keys} {limit:?}: {:?}", reading.diagnostics);
            assert!(reading.diagnostics.iter().all(|found| found.message.contains("downtime.service")));
        }
    }
}
