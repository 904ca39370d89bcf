//! Periods begin and end by the clock, even if the clock is set.

use std::path::Path;

use jiff::SignedDuration;
use libtest_mimic::{Completion, Failed};

use super::watching::{Behaviour, Watching};
use crate::debian;
use crate::support::http::Response;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_period_begins_and_ends_by_the_clock_in_responses_and_in_the_log,
    setting_the_clock_across_the_start_or_end_of_a_period_takes_effect_at_once,
];

fn a_period_begins_and_ends_by_the_clock_in_responses_and_in_the_log(watching: Watching) {
    let now = downtime::clock::now();
    let [start, end] = [2000, 4000].map(|ahead| now + SignedDuration::from_millis(ahead));
    let gateway = watching.start(&format!("[[period]]\nname = \"short\"\nstart = {start}\nend = {end}\n"));
    let mut client = gateway.connect();
    let mut request = || {
        let before = downtime::clock::now();
        let response = client.request("GET", "/", &[]);
        // The gateway reads the clock once per request, between these two readings.
        (before, response, downtime::clock::now())
    };
    let (status, _) = until("the end", || {
        let (before, response, after) = request();
        let (down, up) = (before >= start && after < end, after < start || before >= end);
        assert!(!down || response.status == 503, "up at {before}, inside the period from {start} to {end}");
        assert!(!up || response.status == 200, "down at {before}, outside the period from {start} to {end}");
        assert!(response.status == 200 || matches!(response.retry_after(), 1 | 2), "{response:?}");
        (before >= end).then_some(response.status)
    });
    assert_eq!(status, 200);
    gateway.log().wait_for("\"short\" has started: down until");
    gateway.log().wait_for("\"short\" has ended: up; no downtime is planned");
}

/// A period from 12:00 to 13:00.
const PERIOD: &str = "[[period]]\nname = \"lunch\"\nstart = 2030-06-01T12:00:00Z\nfor = \"1h\"\n";
const BEGUN: &str = "\"lunch\" has started";
const ENDED: &str = "\"lunch\" has ended: up; no downtime is planned";
/// The clock was set back before the start.
const PLANNED: &str =
    "\"lunch\" is planned again, as the clock was set back: up; the next downtime starts at ";
/// The clock was set back before the end.
const ACTIVE: &str = "\"lunch\" is active again, as the clock was set back: down until ";

/// Times that the clock is set to, each with the expected `Retry-After` and log line.
const SETTINGS: [(&str, Option<u64>, Option<&str>); 9] = [
    ("12:00:00", Some(3600), Some(BEGUN)),
    ("11:59:59", None, Some(PLANNED)),
    ("12:59:59", Some(1), Some(BEGUN)),
    ("13:00:00", None, Some(ENDED)),
    ("12:30:00", Some(1800), Some(ACTIVE)),
    ("12:15:00", Some(2700), None),
    ("11:00:00", None, Some(PLANNED)),
    ("12:00:00", Some(3600), Some(BEGUN)),
    ("14:00:00", None, Some(ENDED)),
];

fn setting_the_clock_across_the_start_or_end_of_a_period_takes_effect_at_once(
    watching: Watching,
) -> Result<Completion, Failed> {
    match debian::libfaketime() {
        Some(library) => assert_clock_is_followed(watching, &library),
        None => {
            return debian::ignore(
                "libfaketime is not installed (Debian: apt-get install libfaketime)".into(),
            );
        }
    }
    Ok(Completion::Completed)
}

fn assert_clock_is_followed(watching: Watching, library: &Path) {
    let directory = ConfigDirectory::with(PERIOD);
    directory.write("clock", "2030-06-01 11:59:59");
    let mut command = watching.command(&directory);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", directory.join("clock")).envs([
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
        ("TZ", "UTC"),
    ]);
    let gateway = watching.run(directory, command);
    let mut client = gateway.connect();
    for (time, retry_after, expected) in SETTINGS {
        gateway.directory.replace("clock", &format!("2030-06-01 {time}"));
        let response = client.request("GET", "/", &[]);
        assert_eq!(retry_after_of(&response), retry_after, "at {time}: {response:?}");
        if let Some(expected) = expected {
            let line = gateway.log().wait_for(expected);
            assert!(line.starts_with(&format!("2030-06-01T{time}")), "{line}");
        }
    }
    assert_counts(&gateway);
    // A kill would leave the shared memory of libfaketime behind.
    gateway.process.signal(rustix::process::Signal::TERM);
    assert_eq!(gateway.process.end().0, Some(0));
}

/// Returns `None` if the site is up.
fn retry_after_of(response: &Response) -> Option<u64> {
    (response.status == 503).then(|| response.retry_after())
}

fn assert_counts(gateway: &GatewayProcess) {
    for line in [BEGUN, ENDED, PLANNED, ACTIVE] {
        let expected = SETTINGS.iter().filter(|(.., expected)| *expected == Some(line)).count();
        assert_eq!(gateway.log().count(line), expected, "{line}\n{}", gateway.log().text());
    }
}
