//! The largest schedules that a file can hold: reading, deciding, and changing state.
//!
//! `cargo bench --bench schedule`. Each figure is the median of some runs, shown with its limit.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::expect_used, reason = "an invalid file measures nothing")]

mod measure;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use downtime::config::Config;
use downtime::config::diagnostic::render_all;
use downtime::decision::{Decision, decide};
use downtime::matching::path::RequestPath;
use downtime::matching::request::{Hosts, Request};
use downtime::schedule::state::{Schedule, ScheduleState};
use downtime::snapshot::Snapshot;
use downtime::store::read::MAX_LENGTH;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use measure::{is_asked_for, median};

const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "UTC",
];
const CRONS: [&str; 5] = ["30 23 * * SAT", "0 4 * * *", "15 2 L * *", "45 1 * * SUN#1", "*/30 3 1,15 * *"];
const PERIODS: usize = 10_000;
const RUNS: usize = 9;
const DECISIONS: u32 = 100_000;
const CHANGES: usize = 50;
/// In the middle of the one-offs below.
const NOW: &str = "2026-06-01T12:00:00Z";

fn main() {
    if !is_asked_for() {
        return;
    }
    let now = timestamp(NOW);
    planned(now);
    largest(now);
    any_year();
    always_down(now);
    rules();
    mistakes();
}

/// As many rules as a generated file may have.
fn rules() {
    let rules: Vec<_> = (0..PERIODS).map(|index| format!("\"/part{index}/**\"")).collect();
    let text = format!("[exempt]\npaths = [\n{}]\n", rules.join(",\n"));
    report("reading 10,000 exempt paths", milliseconds(|| config(&text)), 200.0, "ms");
}

/// The longest files of mistakes: reading them and rendering the diagnostics.
fn mistakes() {
    let longest = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX);
    for (what, mistake) in [
        ("unknown sections", "[sever]\n"),
        ("unknown keys of periods", "[[period]]\nstat=1\n"),
        ("unknown zones", "[[period]]\nstart=2026-06-01T12:00:00Z\ntimezone='Mars'\n"),
        ("numbers as durations", "[[period]]\nfor=2\n"),
        ("texts without quotes", "a=x\n"),
        ("no-break spaces", "\u{a0}a=1\n"),
    ] {
        let text = mistake.repeat(longest / mistake.len());
        report_diagnostics(what, &text);
    }
    report_diagnostics(
        "mistakes on one line",
        &format!("[exempt]\nexact=[{}]", "'a',".repeat((longest - 20) / 4)),
    );
}

fn report_diagnostics(what: &str, text: &str) {
    let none = |_: &Path| Err("there are no other files".into());
    let render =
        || render_all(&Config::parse("downtime.toml", text, Path::new("/"), &none).diagnostics, false);
    report(&format!("1 MiB of {what}"), milliseconds(render), 3000.0, "ms");
}

/// 10,000 periods: 1,000 series, 8,990 one-offs an hour apart, and ten that are active.
fn planned(now: Timestamp) {
    let text = plan(now);
    println!("{PERIODS} periods, {} KiB of {}", text.len() / 1024, MAX_LENGTH / 1024);
    assert!(text.len() < usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX), "they fit");
    read(&text, now, 200.0);
    let config = config(&text);
    let schedule = &config.rules.schedule;
    let state = schedule.at(now);
    assert_eq!(state.active.len(), 10);
    for (what, path) in [("decision: down", "/shop"), ("decision: not covered", "/other")] {
        report(what, decision(&config, path, &state, now), 1.0, "µs");
    }
    let (median, slowest) = changes(schedule, now);
    report("a change", median, 1000.0, "µs, median");
    report("", slowest, 5000.0, "µs, slowest");
}

/// As many of the shortest periods as the longest file holds: one-offs, then series, whose expressions take longer.
fn largest(now: Timestamp) {
    let period = "[[period]]\nstart=2026-06-01T12:00:00Z\n";
    let count = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX) / period.len();
    println!("the longest file: {count} periods");
    read(&period.repeat(count), now, 200.0);
    let series = "[[period]]\ncron='0 4 * * *'\nfor='2h'\n";
    let count = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX) / series.len();
    println!("the longest file: {count} series");
    read(&series.repeat(count), now, 2000.0);
    let never = "[[period]]\ncron='0 0 30 2 *'\nfor='2h'\n";
    let count = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX) / never.len();
    println!("the longest file: {count} series that never start");
    read(&never.repeat(count), now, 1000.0);
}

/// A search starts at the given time, however long the series has run.
fn any_year() {
    let config = config("[[period]]\ncron = \"30 2 * * *\"\nfor = \"2h\"\ntimezone = \"America/New_York\"\n");
    for year in [1970, 2026, 9998] {
        let now = timestamp(&format!("{year}-06-01T12:00:00Z"));
        let taken = milliseconds(|| config.rules.schedule.at(now)) * 1000.0;
        report(&format!("a daily series in {year}"), taken, 100.0, "µs");
    }
}

/// A change each minute, and each time an outage without an end.
fn always_down(now: Timestamp) {
    for (what, crons) in
        [("one series", &["* * * * *"][..]), ("two in turn", &["*/2 * * * *", "1-59/2 * * * *"])]
    {
        let period = |cron: &&str| format!("[[period]]\ncron = \"{cron}\"\nfor = \"1m\"\n");
        let config = config(&crons.iter().map(period).collect::<String>());
        let (median, slowest) = changes(&config.rules.schedule, now);
        report(&format!("always down by {what}: a change"), median / 1000.0, 50.0, "ms, median");
        report("", slowest / 1000.0, 50.0, "ms, slowest");
    }
}

fn plan(now: Timestamp) -> String {
    let mut text = String::new();
    let mut add = |period: String| {
        let _ = write!(text, "[[period]]\n{period}");
    };
    for index in 0..1000_usize {
        let cron = CRONS.get(index % CRONS.len()).unwrap_or(&"");
        let zone = ZONES.get(index % ZONES.len()).unwrap_or(&"");
        add(format!(
            "cron = \"{cron}\"\nfor = \"2h\"\ntimezone = \"{zone}\"\npaths = [\"/part/{index}/**\"]\n"
        ));
    }
    for index in 0..10 {
        add(format!(
            "name = \"active {index}\"\nstart = 2026-06-01T11:00:00Z\nend = 2026-06-01T13:00:{index:02}Z\npaths = [\"/shop\"]\n"
        ));
    }
    for hour in 0..PERIODS - 1010 {
        let begins = SignedDuration::from_hours(i64::try_from(hour).unwrap_or(0) - 4000);
        let start = now.saturating_add(begins + SignedDuration::from_mins(30)).expect("a time");
        add(format!("name = \"one-off {hour}\"\nstart = {start}\nfor = \"15m\"\n"));
    }
    text
}

fn read(text: &str, now: Timestamp, limit: f64) {
    let snapshot = || Snapshot::new(config(text), 1, String::new(), now);
    report("reading, and the snapshot", milliseconds(snapshot), limit, "ms");
}

fn decision(config: &Config, path: &str, state: &ScheduleState, now: Timestamp) -> f64 {
    let hosts = Hosts::new(Some("shop.example.com"));
    let request = Request { hosts, ..Request::new(&Method::GET, RequestPath::new(path)) };
    let down = path == "/shop";
    let decided = decide(&config.rules, &request, state, now);
    assert_eq!(matches!(decided, Decision::Unavailable(_)), down, "{path}");
    let all = || {
        for _ in 0..DECISIONS {
            black_box(decide(&config.rules, black_box(&request), state, now));
        }
    };
    milliseconds(all) * 1000.0 / f64::from(DECISIONS)
}

/// The time to change from one state to the next, in µs: the median and the slowest.
fn changes(schedule: &Schedule, now: Timestamp) -> (f64, f64) {
    let mut state = schedule.at(now);
    let mut times = Vec::new();
    for _ in 0..CHANGES {
        let Some(next) = state.next_change() else { break };
        let started_at = Instant::now();
        state = schedule.after(&state, next);
        times.push(started_at.elapsed().as_secs_f64() * 1e6);
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    (median(times), slowest)
}

fn config(text: &str) -> Config {
    let none = |_: &Path| Err("there are no other files".into());
    Config::parse("downtime.toml", text, Path::new("/"), &none).config.expect("a valid file")
}

fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The time that `run` takes: the median of some runs.
fn milliseconds<T>(mut run: impl FnMut() -> T) -> f64 {
    let once = || {
        let started_at = Instant::now();
        let result = run();
        let taken = started_at.elapsed();
        drop(black_box(result));
        taken.as_secs_f64() * 1000.0
    };
    median(std::iter::repeat_with(once).take(RUNS).collect())
}

fn report(what: &str, figure: f64, limit: f64, unit: &str) {
    let result = if figure < limit { "ok" } else { "OVER" };
    println!("{what:36} {figure:9.2}  limit {limit:5.0}  {result:4}  {unit}");
}
