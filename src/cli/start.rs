//! `downtime start`: adds a period, or changes one that it added before.

mod requested;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use self::requested::PlannedStart;
pub(super) use self::requested::{request, resolve_end};
use super::config_file::ConfigFile;
use super::edit::{edit, wait_until_applied};
use super::end::{end_command, end_line_command};
use super::time_arg::TimeArg;

use crate::clock;
use crate::config::Config;
use crate::editing::{EditPlan, EditRefusal, EditSource, Edited, Wait, change_running, write_period};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// The arguments of `start`.
#[derive(Debug, Args)]
pub(super) struct StartArgs {
    #[command(flatten)]
    downtime: DowntimeArgs,

    /// When it starts, as with --until; a future time plans the downtime [default: now]
    #[arg(long, value_name = "TIME", value_parser = start_time, allow_hyphen_values = true)]
    at: Option<TimeArg>,

    /// How long from now it starts, such as 2h; plans the downtime
    #[arg(long = "in", value_name = "DURATION", value_parser = super::duration, conflicts_with = "at")]
    #[arg(allow_hyphen_values = true)]
    delay: Option<Duration>,

    /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
    #[arg(long)]
    wait: bool,
}

/// The options that describe a downtime.
#[derive(Clone, Debug, Args)]
pub(super) struct DowntimeArgs {
    /// Name of the period; an existing one is reused if it is over
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) name: Option<String>,

    /// Message to visitors, shown on the down page
    #[arg(long, value_name = "TEXT")]
    pub(super) message: Option<String>,

    /// How long it lasts, such as 90s or "1h 30m" [default: open-ended]
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration, conflicts_with = "until")]
    #[arg(allow_hyphen_values = true)]
    pub(super) duration: Option<Duration>,

    /// When it ends: RFC 3339, a local time in the file's time zone, or the next 23:30
    #[arg(long, value_name = "TIME", value_parser = end_time, allow_hyphen_values = true)]
    pub(super) until: Option<TimeArg>,

    /// Cover only this host, or all hosts below it with "*.example.org"; can be repeated
    #[arg(long = "host", value_name = "HOST")]
    pub(super) hosts: Vec<String>,

    /// Cover only paths that match this glob, such as "/shop/**"; can be repeated
    #[arg(long = "path", value_name = "GLOB")]
    pub(super) paths: Vec<String>,

    /// Cover only requests with this method, such as POST; can be repeated
    #[arg(long = "method", value_name = "METHOD")]
    pub(super) methods: Vec<String>,
}

fn start_time(text: &str) -> Result<TimeArg, String> {
    TimeArg::parse_or_suggest(text, "--in")
}

fn end_time(text: &str) -> Result<TimeArg, String> {
    TimeArg::parse_or_suggest(text, "--for")
}

/// Returns 0 if the file contains the downtime and, with `--wait`, the gateway has applied it.
pub(super) fn run(file: &ConfigFile, arguments: &StartArgs) -> Result<ExitCode, ExitCode> {
    let edited = edit(&file.path, Wait::from(arguments.wait), |source| plan(source, arguments))?;
    let now = clock::now();
    let cancel = cancel_line(&edited, arguments, file, now);
    let hints: Vec<_> = open_end_line(&edited, arguments, file, now).into_iter().chain(cancel).collect();
    edited.print(&edited.outcome, clock::now(), &hints)?;
    let applied = edited.awaited.map_or(Ok(true), |awaited| wait_until_applied(file, &awaited))?;
    Ok(if applied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says of a planned downtime that it has no end, and returns the command that will end it.
fn open_end_line(
    edited: &Edited<Vec<String>>,
    arguments: &StartArgs,
    file: &ConfigFile,
    now: Timestamp,
) -> Option<String> {
    let name = &arguments.downtime.name;
    let periods = edited.config.rules.schedule.periods();
    let period = match name {
        Some(_) => periods.iter().find(|period| period.name == *name),
        None => periods.last(),
    }?;
    let once = period.once().filter(|once| once.end.is_none() && once.start > now)?;
    let end = name.as_ref().map_or_else(|| file.command("end"), |name| end_command(file, name));
    let start = local(once.start, &edited.config.timezone);
    Some(format!("it has no end: after {start}, end it with `{end}`"))
}

/// Returns the command that cancels a planned downtime without a name, which is the last period of the file.
fn cancel_line(
    edited: &Edited<Vec<String>>,
    arguments: &StartArgs,
    file: &ConfigFile,
    now: Timestamp,
) -> Option<String> {
    let is_unnamed =
        arguments.downtime.name.is_none() && (arguments.at.is_some() || arguments.delay.is_some());
    let period = edited.config.rules.schedule.periods().last().filter(|_| is_unnamed)?;
    period.next(now)?;
    Some(format!("to cancel it: {}", end_line_command(file, period, &edited.sha256)))
}

/// Parses a name by the rules of the file, so that the error names the option.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    let is_name = !text.trim().is_empty() && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned()).ok_or("a name must be one non-empty line, such as db-upgrade")
}

fn plan(source: &EditSource<'_>, arguments: &StartArgs) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let (config, now) = (source.config, source.now);
    let planned = PlannedStart::new(arguments, &config.timezone, now)?;
    let requested = request(&arguments.downtime, planned.as_ref(), &config.timezone, now)?;
    let running = requested.period_to_change(config).and_then(|index| {
        let period = config.rules.schedule.periods().get(index).filter(|period| period.once().is_some())?;
        Some((index, period, period.active(now)?))
    });
    match (running, planned) {
        (None, _) => write_period(&requested, config, now),
        (Some((_, period, running)), Some(planned)) => Err(already_active(period, running, &planned, config)),
        (Some((index, _, running)), None) => Ok(change_running(&requested, config, index, running)),
    }
}

/// Explains why a period that is active cannot be planned.
fn already_active(
    period: &Period,
    running: Occurrence,
    planned: &PlannedStart,
    config: &Config,
) -> EditRefusal {
    let (option, since) = (planned.option, local(running.start, &config.timezone));
    let message =
        format!("{} is already active, since {since}: {option} cannot move its start", period.title());
    cannot(&message, &format!("omit {option} to change the rest, or use another name"))
}

pub(super) fn cannot(message: &str, help: &str) -> EditRefusal {
    EditRefusal::Cannot(message.into(), help.into())
}
