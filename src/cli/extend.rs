//! `downtime extend`: moves the end of an active period later.

use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};
use jiff::tz::TimeZone;

use super::config_file::ConfigFile;
use super::edit::edit;
use super::end::{at_line, end_line_command, file_hash, line_command, line_number, named};
use super::start::resolve_end;
use super::time_arg::TimeArg;
use crate::clock;
use crate::editing::{EditPlan, EditRefusal, EditSource, ExtendFault, NewEnd, Wait, extend};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// The arguments of `extend`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("new_end").required(true).args(["by", "until"]))]
pub(super) struct ExtendArgs {
    /// The period to extend; if several are active, it or --line is required
    #[arg(value_name = "NAME", conflicts_with = "line")]
    name: Option<String>,

    /// How much later it ends, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = super::duration, allow_hyphen_values = true)]
    by: Option<Duration>,

    /// When it ends: RFC 3339, a local time in the file's time zone, or the next 23:30
    #[arg(long, value_name = "TIME", value_parser = end_time, allow_hyphen_values = true)]
    until: Option<TimeArg>,

    /// Extend the period that begins at this line; needs --sha256
    #[arg(long, value_name = "LINE", value_parser = line_number, requires = "sha256")]
    line: Option<usize>,

    /// With --line: the SHA-256 of the file, or at least its first 8 digits; if the file has changed, nothing is written
    #[arg(long, value_name = "HASH", requires = "line", value_parser = file_hash)]
    sha256: Option<String>,

    /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
    #[arg(long)]
    wait: bool,
}

fn end_time(text: &str) -> Result<TimeArg, String> {
    TimeArg::parse_or_suggest(text, "--by")
}

/// Returns 0 if the file has the new end and, with `--wait`, the gateway has applied it.
pub(super) fn run(file: &ConfigFile, arguments: &ExtendArgs) -> Result<ExitCode, ExitCode> {
    let edited = edit(&file.path, Wait::from(arguments.wait), |source| plan(source, arguments, file))?;
    edited.print(&edited.outcome, clock::now(), &[])?;
    edited.wait_until_applied(file)?;
    Ok(ExitCode::SUCCESS)
}

fn plan(
    source: &EditSource<'_>,
    arguments: &ExtendArgs,
    file: &ConfigFile,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let zone = &source.config.timezone;
    let (index, period, _) = active(source, arguments, file)?;
    let until = arguments.until.map(|until| resolve_end(until, zone, source.now)).transpose()?;
    let end = until.map_or(NewEnd::Later(arguments.by.unwrap_or_default()), NewEnd::At);
    extend(source, index, end)
        .map_err(|fault| refusal(fault, period, zone, || end_line_command(file, period, source.sha256)))
}

/// Explains why a period is not extended. `end_command` returns the command that ends it.
fn refusal(
    fault: ExtendFault,
    period: &Period,
    zone: &TimeZone,
    end_command: impl FnOnce() -> String,
) -> EditRefusal {
    let title = period.title();
    match fault {
        ExtendFault::NotActive => not_active(period),
        ExtendFault::TooLate => {
            EditRefusal::cannot("--by: the period would end after the year 9999", "write a shorter duration")
        }
        ExtendFault::OpenEnded => {
            let message = format!("{title} is open-ended: --by has no end to add to");
            EditRefusal::cannot(message, "use --until TIME to give it an end")
        }
        ExtendFault::Earlier { end, new_end } => {
            let [new_end, end] = [new_end, end].map(|at| local(at, zone));
            let message = format!("{new_end} is earlier than {end}, when {title} ends");
            EditRefusal::cannot(
                message,
                format!("`extend` only moves an end later; to end it now, run `{}`", end_command()),
            )
        }
        ExtendFault::Past(end) => {
            EditRefusal::cannot(format!("--until is in the past: {}", local(end, zone)), "write a later time")
        }
        ExtendFault::Edit(error) => error.into(),
    }
}

fn not_active(period: &Period) -> EditRefusal {
    let help = "`extend` moves the end of an active period; edit the file to change another one";
    EditRefusal::cannot(format!("{} is not active now", period.title()), help)
}

/// Returns the period to extend, with its index and its active occurrence.
fn active<'s>(
    source: &EditSource<'s>,
    arguments: &ExtendArgs,
    file: &ConfigFile,
) -> Result<(usize, &'s Period, Occurrence), EditRefusal> {
    let now = source.now;
    let periods = source.config.rules.schedule.periods();
    let chosen = match (&arguments.name, arguments.line.zip(arguments.sha256.as_deref())) {
        (Some(name), _) => Some(named(source, name, "extend", file)?),
        (None, Some(place)) => Some(at_line(source, place, "extend", file)?),
        (None, None) => None,
    };
    if let Some((index, period)) = chosen {
        let running = period.active(now).ok_or_else(|| not_active(period))?;
        return Ok((index, period, running));
    }
    let with_running = |(index, period): (usize, &'s Period)| Some((index, period, period.active(now)?));
    let mut active = periods.iter().enumerate().filter_map(with_running);
    match (active.next(), active.next()) {
        (None, _) => {
            let help = format!("to take the site down, run `{}`", file.command("start"));
            Err(EditRefusal::cannot("nothing to extend: no period is active", help))
        }
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => {
            let all: Vec<_> = [first, second].into_iter().chain(active).collect();
            let titles: Vec<_> = all.iter().map(|(_, period, _)| period.title()).collect();
            let message = format!("several periods are active: {}", titles.join(", "));
            let unnamed =
                all.iter().find(|(index, period, _)| period.name.is_none() && source.is_editable(*index));
            let command = unnamed.map_or_else(
                || file.command("extend NAME"),
                |(_, period, _)| line_command(file, "extend", &period.line.to_string(), source.sha256),
            );
            Err(EditRefusal::cannot(
                message,
                format!("choose one of them, as in `{command}`, with --by or --until"),
            ))
        }
    }
}
