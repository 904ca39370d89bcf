//! `downtime end`: ends active periods.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::config_file::ConfigFile;
use super::edit::edit;
use crate::clock;
use crate::config::Config;
use crate::editing::{
    EditPlan, EditRefusal, EditSource, Ended, Wait, end_periods, ends_without_a_name, first_editable,
};
use crate::escape::shell_word;
use crate::schedule::human_time::local;
use crate::schedule::period::Period;
use crate::schedule::period_name::{self, UnknownName};
use crate::schedule::state::{Active, State};
use crate::summary::describe_period;

/// The arguments of `end`.
#[derive(Debug, Args)]
pub(super) struct EndArgs {
    /// End only this period [default: every active one that is unscheduled or open-ended]
    #[arg(value_name = "NAME", conflicts_with_all = ["all", "line"])]
    name: Option<String>,

    /// End every active period
    #[arg(long)]
    all: bool,

    /// End or cancel only the period that begins at this line; needs --sha256
    #[arg(long, value_name = "LINE", value_parser = line_number, requires = "sha256", conflicts_with = "all")]
    line: Option<usize>,

    /// With --line: the SHA-256 of the file, or at least its first 8 digits; if the file has changed, nothing is written
    #[arg(long, value_name = "HASH", requires = "line", value_parser = file_hash)]
    sha256: Option<String>,

    /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
    #[arg(long)]
    wait: bool,
}

/// Returns 0 if the site is up, 3 if another period keeps it down, 1 if the gateway does not apply the edit in time.
pub(super) fn run(file: &ConfigFile, arguments: &EndArgs) -> Result<ExitCode, ExitCode> {
    let edited = edit(&file.path, Wait::from(arguments.wait), |source| plan(source, arguments, file))?;
    let now = clock::now().max(edited.outcome.at);
    edited.print(&edited.outcome.lines, now, &remaining(&edited.config, &edited.sha256, file, now))?;
    edited.wait_until_applied(file)?;
    Ok(super::state_code(edited.config.rules.schedule.at(now).state() == State::Up))
}

/// Parses the number of a line.
pub(super) fn line_number(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "write the number of the line at which the period begins, such as 14")
}

/// Parses a part of a hash that is long enough to tell versions of a file apart.
pub(super) fn file_hash(text: &str) -> Result<String, &'static str> {
    let is_hash = (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase()).ok_or(
        "write 8 to 64 hexadecimal digits, as in the commands that `downtime start` and `downtime end` print",
    )
}

fn plan(
    source: &EditSource<'_>,
    arguments: &EndArgs,
    file: &ConfigFile,
) -> Result<EditPlan<Ended>, EditRefusal> {
    let (config, now) = (source.config, source.now);
    let periods = config.rules.schedule.periods();
    let mut lines = Vec::new();
    let chosen: Vec<(usize, &Period)> = if let Some(name) = &arguments.name {
        vec![named(source, name, "end", file)?]
    } else if let (Some(line), Some(hash)) = (arguments.line, &arguments.sha256) {
        let (index, period) = at_line(source, (line, hash), "end", file)?;
        lines.extend(describe_period(config, index, now));
        vec![(index, period)]
    } else {
        let ends =
            |period: &Period| period.active(now).is_some() && (arguments.all || ends_without_a_name(period));
        let ends = periods.iter().enumerate().filter(|(_, period)| ends(period));
        let (here, elsewhere): (Vec<_>, Vec<_>) = ends.partition(|(index, _)| source.is_editable(*index));
        if let ([], [(_, period), ..]) = (here.as_slice(), elsewhere.as_slice()) {
            return Err(source.refusal(period));
        }
        here
    };
    let mut plan = end_periods(config, chosen, now);
    plan.outcome.lines.splice(0..0, lines);
    if plan.outcome.lines.is_empty() {
        let is_active = periods.iter().any(|period| period.active(now).is_some());
        let reason = if is_active { "all active periods have a planned end" } else { "no period is active" };
        plan.outcome.lines.push(format!("nothing to end: {reason}"));
    }
    Ok(plan)
}

/// Returns the period of this name, with its index. The error suggests the `command` for the most similar name.
pub(super) fn named<'s>(
    source: &EditSource<'s>,
    name: &str,
    command: &str,
    file: &ConfigFile,
) -> Result<(usize, &'s Period), EditRefusal> {
    let periods = source.config.rules.schedule.periods();
    period_name::find(periods, name).map_err(|UnknownName { names, nearest }| {
        let help = match nearest {
            Some(nearest) => format!("did you mean `{}`?", name_command(file, command, nearest)),
            None if periods.is_empty() => "the file has no period".into(),
            None if names.is_empty() => line_help(source, command, file),
            None => format!("known names: {}", names.join(", ")),
        };
        EditRefusal::cannot(format!("no period is named \"{name}\""), help)
    })
}

/// Returns the period that begins at a line of the file, if the file still has this hash. The errors name the `command` for
/// another line.
pub(super) fn at_line<'s>(
    source: &EditSource<'s>,
    (line, hash): (usize, &str),
    command: &str,
    file: &ConfigFile,
) -> Result<(usize, &'s Period), EditRefusal> {
    let help = || line_help(source, command, file);
    if !source.sha256.starts_with(hash) {
        let message =
            format!("the file has changed, so line {line} may be another period: nothing was written");
        return Err(EditRefusal::cannot(message, help()));
    }
    let mut periods = source.config.rules.schedule.periods().iter().enumerate();
    periods
        .find(|(index, period)| period.line == line && source.is_editable(*index))
        .ok_or_else(|| EditRefusal::cannot(format!("no period begins at line {line}"), help()))
}

/// Says how to choose a period by its line, in the file as it is now.
fn line_help(source: &EditSource<'_>, command: &str, file: &ConfigFile) -> String {
    let options = if command == "extend" { ", with --by or --until" } else { "" };
    format!(
        "`{}` shows the line of each period; then run `{}`{options}",
        file.command("--check"),
        line_command(file, command, "LINE", source.sha256)
    )
}

/// Describes each period that keeps the site down: until when, and the command that ends it.
pub(super) fn remaining(config: &Config, sha256: &str, file: &ConfigFile, now: Timestamp) -> Vec<String> {
    let schedule = &config.rules.schedule;
    let active = schedule.at(now).active;
    let ends_by_default =
        |Active { period, .. }: &&Active| schedule.periods().get(*period).is_some_and(ends_without_a_name);
    let has_others = active.iter().filter(ends_by_default).count() > 1;
    let line = |Active { period: index, occurrence }: &Active| {
        let period = schedule.periods().get(*index)?;
        let down = if period.scope.is_all() { "down" } else { "partly down" };
        let until = match occurrence.end {
            Some(end) => format!("until {}", local(end, &config.timezone)),
            None => "with no end".into(),
        };
        let still = format!("still {down} because of {}, {until}", period.title());
        if *index < first_editable(config) {
            return Some(format!("{still}; to end it, edit line {} of {}", period.line, file.path.display()));
        }
        let is_only_one = period.name.is_none() && ends_without_a_name(period) && !has_others;
        let command = if is_only_one { file.command("end") } else { end_line_command(file, period, sha256) };
        Some(format!("{still}; to end it: {command}"))
    };
    active.iter().filter_map(line).collect()
}

/// Returns the command that ends the period of this name.
pub(super) fn end_command(file: &ConfigFile, name: &str) -> String {
    name_command(file, "end", name)
}

/// Returns a command for the period or bypass of this name.
pub(super) fn name_command(file: &ConfigFile, command: &str, name: &str) -> String {
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    file.command(&format!("{command} {dashes}{}", shell_word(name)))
}

/// The number of digits of a hash in a command.
const HASH_DIGITS: usize = 12;

/// Returns the command that ends or cancels a period, whether it has a name or not. `sha256` is that of the file.
pub(super) fn end_line_command(file: &ConfigFile, period: &Period, sha256: &str) -> String {
    match &period.name {
        Some(name) => end_command(file, name),
        None => line_command(file, "end", &period.line.to_string(), sha256),
    }
}

/// Returns the command for the period that begins at a line. `sha256` is that of the file.
pub(super) fn line_command(file: &ConfigFile, command: &str, line: &str, sha256: &str) -> String {
    file.command(&format!("{command} --line {line} --sha256 {sha256:.HASH_DIGITS$}"))
}
