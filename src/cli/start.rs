//! `downtime start`: adds a period, or changes one that it added before.

mod requested;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use self::requested::PlannedStart;
pub(super) use self::requested::{request, resolve_end};
use super::config_file::ConfigFile;
use super::edit::edit;
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
    edited.print(&edited.outcome, now, &hints(&edited, arguments, file, now))?;
    edited.wait_until_applied(file)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the command that will end a planned downtime, if it has no end, and the one that cancels it, if it has no name.
fn hints(
    edited: &Edited<Vec<String>>,
    arguments: &StartArgs,
    file: &ConfigFile,
    now: Timestamp,
) -> Vec<String> {
    let is_planned = arguments.at.is_some() || arguments.delay.is_some();
    let name = arguments.downtime.name.as_deref();
    // A new period is the last one of the file.
    let mut periods = edited.config.rules.schedule.periods().iter().rev();
    let planned = periods.find(|period| is_planned && period.name.as_deref() == name);
    let Some((period, next)) = planned.and_then(|period| Some((period, period.next(now)?))) else {
        return Vec::new();
    };
    let open_end = next.end.is_none().then(|| {
        let end = name.map_or_else(|| file.command("end"), |name| end_command(file, name));
        let start = local(next.start, &edited.config.timezone);
        format!("it has no end: after {start}, end it with `{end}`")
    });
    let cancel = || format!("to cancel it: {}", end_line_command(file, period, &edited.sha256));
    open_end.into_iter().chain(name.is_none().then(cancel)).collect()
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
    let running = requested.running(config).filter(|(_, period, _)| period.once().is_some());
    match (running, planned) {
        (None, _) => write_period(&requested, config, now),
        (Some((_, period, running)), Some(planned)) => Err(already_active(period, running, &planned, config)),
        (Some(running), None) => Ok(change_running(&requested, running)),
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
