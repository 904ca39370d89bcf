//! `downtime end`: ends what `start` has started, or what was planned.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::edit::{Edited, Plan, Refusal, edit, millisecond, print_state, written};
use super::print_result;
use super::wait::until_served;
use crate::clock;
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::period::{Occurrence, Period, Timing};
use crate::readable::local;
use crate::schedule::{Active, State};
use crate::series::Series;

/// What to end.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// That period alone; else every open-ended one that has started
    #[arg(value_name = "NAME", conflicts_with = "all")]
    name: Option<String>,

    /// Every period that is active now
    #[arg(long)]
    all: bool,

    /// Return when the running server serves it, within 10 s; it is asked at [management]
    #[arg(long)]
    wait: bool,
}

/// What was done, and from when on the state counts.
struct Ended {
    lines: Vec<String>,
    at: Timestamp,
}

/// 0 when the site is up, 3 when it is not for another period, 1 when the gateway does not serve it in time.
pub(super) fn run(path: &Path, arguments: &Arguments) -> ExitCode {
    let now = clock::now();
    let edited = match edit(path, arguments.wait, |config| plan(config, arguments, now)) {
        Ok(edited) => edited,
        Err(code) => return code,
    };
    let Edited { config, outcome, awaited } = edited;
    print_result(&(outcome.lines.join("\n") + "\n"));
    let now = clock::now().max(outcome.at);
    print_state(&config, now);
    let remains = remaining(&config, now);
    print_result(&remains.concat());
    if awaited.is_some_and(|awaited| !until_served(path, &awaited)) {
        return ExitCode::FAILURE;
    }
    super::state_code(config.rules.schedule.at(now).state() == State::Up)
}

fn plan(config: &Config, arguments: &Arguments, now: Timestamp) -> Result<Plan<Ended>, Refusal> {
    let periods = config.rules.schedule.periods();
    let chosen: Vec<(usize, &Period)> = if let Some(name) = &arguments.name {
        vec![named(periods, name)?]
    } else {
        let ends = |p: &Period| {
            p.active(now).is_some() && (arguments.all || p.once().is_some_and(|once| once.end.is_none()))
        };
        periods.iter().enumerate().filter(|(_, period)| ends(period)).collect()
    };
    let mut plan = Plan { changes: Vec::new(), outcome: Ended { lines: Vec::new(), at: now } };
    for (index, period) in chosen {
        end(&mut plan, index, period, config, now);
    }
    if plan.outcome.lines.is_empty() {
        let what = if arguments.all { "no period is active" } else { "no open-ended period is active" };
        plan.outcome.lines.push(format!("nothing to end: {what}"));
    }
    Ok(plan)
}

fn named<'p>(periods: &'p [Period], name: &str) -> Result<(usize, &'p Period), Refusal> {
    let is_it = |(_, period): &(usize, &Period)| period.name.as_deref() == Some(name);
    periods.iter().enumerate().find(is_it).ok_or_else(|| {
        let names: Vec<_> = periods.iter().filter_map(|period| period.name.as_deref()).collect();
        let near = |candidate: &&&str| strsim::jaro_winkler(candidate, name);
        let nearest =
            names.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|candidate| near(candidate) > 0.8);
        let help = match nearest {
            Some(nearest) => format!("write `downtime end {nearest}`"),
            None if names.is_empty() => {
                "no period has a name: `downtime end` ends the open-ended ones".into()
            }
            None => format!("the names are: {}", names.join(", ")),
        };
        Refusal::Cannot(format!("there is no period named \"{name}\""), help)
    })
}

fn end(plan: &mut Plan<Ended>, index: usize, period: &Period, config: &Config, now: Timestamp) {
    let line = match &period.timing {
        _ if !period.enabled => format!("{} is not enabled: there is nothing to end", period.title()),
        Timing::Once(occurrence) => end_once(plan, index, period, occurrence, config, now),
        Timing::Series(series) => end_running(plan, index, period, series, config, now),
    };
    plan.outcome.lines.push(line);
}

fn end_once(
    plan: &mut Plan<Ended>,
    index: usize,
    period: &Period,
    occurrence: &Occurrence,
    config: &Config,
    now: Timestamp,
) -> String {
    let zone = &config.timezone;
    let title = period.title();
    if let Some(end) = occurrence.end.filter(|end| *end <= now) {
        return format!("{title} was over already, since {}", local(end, zone));
    }
    if occurrence.start > now {
        let set = vec![("enabled", Literal::Bool(false))];
        plan.changes.push(Change::Alter { period: index, set, remove: Vec::new() });
        return format!("{title} had yet to start: it is not enabled any more");
    }
    let earliest = occurrence.start.checked_add(SignedDuration::from_millis(1)).unwrap_or(now);
    let at = millisecond(now).max(earliest);
    plan.outcome.at = plan.outcome.at.max(at);
    let set = vec![("end", written(at, zone))];
    plan.changes.push(Change::Alter { period: index, set, remove: vec!["for"] });
    format!("ended {title}")
}

/// Ends what runs of a series now, and nothing of what is yet to come.
fn end_running(
    plan: &mut Plan<Ended>,
    index: usize,
    period: &Period,
    series: &Series,
    config: &Config,
    now: Timestamp,
) -> String {
    let title = period.title();
    let next = series
        .next_start(now)
        .map_or(String::new(), |next| format!("; the next starts at {}", local(next, &config.timezone)));
    let running: Vec<_> = series.running(now).collect();
    if running.is_empty() {
        return format!("{title} does not run now{next}; to stop it for good set enabled = false");
    }
    for start in running {
        let value = written(start, &config.timezone);
        plan.changes.push(Change::Push { period: index, key: "except", value });
    }
    format!("ended this occurrence of {title}{next}")
}

/// Why the site is still not up: each period, until when, and the command that ends it.
fn remaining(config: &Config, now: Timestamp) -> Vec<String> {
    let schedule = &config.rules.schedule;
    let line = |active: &Active| {
        let period = schedule.periods().get(active.period)?;
        let end = active.occurrence.end;
        let until = end.map_or("with no end".into(), |end| format!("until {}", local(end, &config.timezone)));
        let command = period.name.as_ref().map_or("--all".into(), |name| shell_word(name));
        Some(format!("still down by {}, {until}; to end it: downtime end {command}\n", period.title()))
    };
    schedule.at(now).active.iter().filter_map(line).collect()
}

/// A name as a shell takes it for one word.
fn shell_word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '+');
    match name.starts_with('-') {
        false if name.chars().all(plain) => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
        true => format!("-- '{}'", name.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_at_least_a_millisecond_after_its_start() {
        for (start, now, end) in [
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00Z", "2026-12-01T22:00:00.001Z"),
            ("2026-12-01T22:00:00.5Z", "2026-12-01T22:00:00.500900Z", "2026-12-01T22:00:00.501Z"),
            ("2026-12-01T22:00:00.5009Z", "2026-12-01T22:00:00.500900Z", "2026-12-01T22:00:00.501900Z"),
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00.0019Z", "2026-12-01T22:00:00.001Z"),
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00.002Z", "2026-12-01T22:00:00.002Z"),
        ] {
            let text = format!("[[period]]\nstart = {start}\n");
            let config = crate::load::preview(Path::new("downtime.toml"), &text).config.unwrap();
            let arguments = Arguments { name: None, all: false, wait: false };
            let plan = plan(&config, &arguments, now.parse().unwrap()).unwrap();
            let [Change::Alter { set, .. }] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
            let [(_, Literal::DateTime(written))] = set.as_slice() else { panic!("{set:?}") };
            let [written, end]: [Timestamp; 2] = [written.as_str(), end].map(|text| text.parse().unwrap());
            assert_eq!(written, end, "{now}");
            assert!(plan.outcome.at >= written);
        }
    }

    #[test]
    fn a_name_is_one_word_for_the_shell() {
        for (name, word) in [
            ("db-upgrade", "db-upgrade"),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("-x", "-- '-x'"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }
}
