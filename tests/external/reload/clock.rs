//! Periods that begin and end by the clock, also by one that is set (row W17).

use std::fs::read_dir;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use libtest_mimic::{Completion, Failed};

use super::watching::{Behaviour, Watching};
use crate::debian;
use crate::support::http::Response;
use crate::support::process::{Folder, Gateway};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_period_begins_and_ends_by_the_clock_in_answers_and_in_the_log,
    a_clock_that_is_set_over_a_period_s_edge_is_heeded_at_once,
];

fn a_period_begins_and_ends_by_the_clock_in_answers_and_in_the_log(watching: Watching) {
    let now = downtime::clock::now();
    let [start, end] = [2000, 4000].map(|ahead| now + SignedDuration::from_millis(ahead));
    let gateway = watching.start(&format!("[[period]]\nname = \"short\"\nstart = {start}\nend = {end}\n"));
    let mut client = gateway.connect();
    let mut status = || {
        let before = downtime::clock::now();
        let response = client.request("GET", "/", &[]);
        // The one clock reading of the request lies between these two.
        (before, response, downtime::clock::now())
    };
    let (answers, _) = until("the end", || {
        let (before, response, after) = status();
        let (down, up) = (before >= start && after < end, after < start || before >= end);
        assert!(!down || response.status == 503, "up at {before}, within {start} to {end}");
        assert!(!up || response.status == 200, "down at {before}, without {start} to {end}");
        assert!(response.status == 200 || matches!(response.retry_after(), 1 | 2), "{response:?}");
        (before >= end).then_some(response.status)
    });
    assert_eq!(answers, 200);
    gateway.log().wait_for("\"short\" has begun");
    gateway.log().wait_for("down until");
    gateway.log().wait_for("\"short\" has ended");
    gateway.log().wait_for("up; no downtime is planned");
}

/// From noon to one.
const PERIOD: &str = "[[period]]\nname = \"lunch\"\nstart = 2030-06-01T12:00:00Z\nfor = \"1h\"\n";
const BEGUN: &str = "\"lunch\" has begun";
const ENDED: &str = "\"lunch\" has ended";

/// Each time that the clock is set to, what `Retry-After` says then, and what the log says of it.
const SETTINGS: [(&str, Option<u64>, Option<&str>); 9] = [
    ("12:00:00", Some(3600), Some(BEGUN)),
    ("11:59:59", None, Some(ENDED)),
    ("12:59:59", Some(1), Some(BEGUN)),
    ("13:00:00", None, Some(ENDED)),
    ("12:30:00", Some(1800), Some(BEGUN)),
    ("12:15:00", Some(2700), None),
    ("11:00:00", None, Some(ENDED)),
    ("14:00:00", None, None),
    ("12:00:00", Some(3600), Some(BEGUN)),
];

fn a_clock_that_is_set_over_a_period_s_edge_is_heeded_at_once(
    watching: Watching,
) -> Result<Completion, Failed> {
    match libfaketime() {
        Some(library) => set_clock(watching, &library),
        None => {
            return debian::ignored(
                "there is no libfaketime here (Debian: apt-get install libfaketime)".into(),
            );
        }
    }
    Ok(Completion::Completed)
}

fn set_clock(watching: Watching, library: &Path) {
    let folder = Folder::with(PERIOD);
    folder.write("clock", "2030-06-01 11:59:59");
    let mut command = watching.command(&folder);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", folder.join("clock")).envs([
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
        ("TZ", "UTC"),
    ]);
    let gateway = watching.run(folder, command);
    let mut client = gateway.connect();
    for (time, retry_after, said) in SETTINGS {
        gateway.folder.replace("clock", &format!("2030-06-01 {time}"));
        let response = client.request("GET", "/", &[]);
        assert_eq!(retry_after_of(&response), retry_after, "at {time}: {response:?}");
        if let Some(said) = said {
            let line = gateway.log().wait_for(said);
            assert!(line.starts_with(&format!("2030-06-01T{time}")), "{line}");
        }
    }
    assert_counts(&gateway);
    // Killed, it would leave its library's shared memory behind.
    gateway.process.signal(rustix::process::Signal::TERM);
    assert_eq!(gateway.process.end().0, Some(0));
}

/// None where the site is up.
fn retry_after_of(response: &Response) -> Option<u64> {
    (response.status == 503).then(|| response.retry_after())
}

fn assert_counts(gateway: &Gateway) {
    for line in [BEGUN, ENDED] {
        let expected = SETTINGS.iter().filter(|(.., said)| *said == Some(line)).count();
        assert_eq!(gateway.log().count(line), expected, "{line}\n{}", gateway.log().text());
    }
}

/// In the folder of the machine's architecture, or beside it.
fn libfaketime() -> Option<PathBuf> {
    let beside = |folder: PathBuf| folder.join("faketime/libfaketime.so.1");
    let libraries = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let architectures = read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    libraries.into_iter().chain(architectures).map(beside).find(|library| library.is_file())
}
