//! `downtime during`: runs a command while the site is down.
//!
//! Everything that it prints itself goes to stderr: stdout belongs to the command.

mod child;
mod signals;

use std::ffi::OsString;
use std::io;
use std::process::{ExitCode, ExitStatus};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use self::child::{ChildExit, run_child};
use self::signals::{ForwardedSignals, exit_code};
use super::config_file::ConfigFile;
use super::edit::edit;
use super::end::{end_command, remaining};
use super::print::print_progress;
use super::start::{DowntimeArgs, cannot, request};
use super::{print_diagnostics, print_error};
use crate::clock;
use crate::config::Config;
use crate::editing::{EditPlan, EditRefusal, EditSource, Edited, Ended, Wait, end_started, write_period};
use crate::schedule::human_time::local;
use crate::schedule::state::State;

/// The arguments of `during`.
#[derive(Debug, Args)]
pub(super) struct DuringArgs {
    #[command(flatten)]
    downtime: DowntimeArgs,

    /// What becomes of the downtime if the command fails: keep it, or end it all the same
    #[arg(long, value_name = "WHAT", default_value = "keep")]
    on_failure: OnFailure,

    /// The command to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What becomes of the downtime if the command fails: the site stays down, or the downtime ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnFailure {
    Keep,
    End,
}

/// The period that `during` wrote.
struct OwnPeriod<'a> {
    file: &'a ConfigFile,
    name: String,
    start: Timestamp,
}

/// A period that was written, and the lines that report it.
struct Begun {
    name: String,
    start: Timestamp,
    lines: Vec<String>,
}

/// Returns the exit code of the command, or 128 and the number of the signal that ended it; 3 if it succeeded and the site is
/// still not up; 1 if the downtime could not be started or ended.
pub(super) fn run(file: &ConfigFile, arguments: &DuringArgs) -> Result<ExitCode, ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    runtime.block_on(during(file, arguments))
}

fn failed(error: &io::Error) -> ExitCode {
    print_error(&format!("cannot prepare to run a command: {error}"), "nothing was written");
    ExitCode::FAILURE
}

async fn during(file: &ConfigFile, arguments: &DuringArgs) -> Result<ExitCode, ExitCode> {
    // Installed before anything is written, so that a signal does not leave the site down by accident.
    let mut signals = ForwardedSignals::new().map_err(|error| failed(&error))?;
    let edited = edit(&file.path, Wait::IfManaged, |source| plan(source, &arguments.downtime))?;
    let Begun { name, start, lines } = &edited.outcome;
    print_progress(&edited.text(lines, clock::now(), &[]));
    edited.print_warnings();
    let period = OwnPeriod { file, name: name.clone(), start: *start };
    if let Err((code, wait)) = applied(&edited, file, &mut signals).await {
        print_progress("the command was not run\n");
        period.end(wait).await?;
        return Ok(code);
    }
    drop(edited);
    match run_child(&arguments.command, &mut signals).await {
        ChildExit::NotRun(code) => {
            period.end(Wait::IfManaged).await?;
            Ok(code)
        }
        ChildExit::Exited(status) => period.finish(status, arguments.on_failure).await,
    }
}

/// Waits until the gateway has applied the edit, if the file has a management listener. Fails if a signal arrives first.
/// The error has the exit code, and whether the gateway may be waited for again: not if it has just failed to confirm an edit.
async fn applied(
    edited: &Edited<Begun>,
    file: &ConfigFile,
    signals: &mut ForwardedSignals,
) -> Result<(), (ExitCode, Wait)> {
    // Lets the runtime take in the signals that have arrived by now.
    tokio::task::yield_now().await;
    let applied = async {
        let Some(awaited) = &edited.awaited else {
            print_progress("not waiting for a gateway: the file has no [management]\n");
            return true;
        };
        match awaited.applied(&file.path).await {
            Ok(applied) => print_progress(&format!("{applied}\n")),
            Err(error) => {
                print_diagnostics(&error.diagnostics(awaited, &file.command("status"), false));
                return false;
            }
        }
        true
    };
    tokio::select! {
        biased;
        signal = signals.next() => Err((exit_code(signal), Wait::IfManaged)),
        applied = applied => applied.then_some(()).ok_or((ExitCode::FAILURE, Wait::Never)),
    }
}

fn plan(source: &EditSource<'_>, arguments: &DowntimeArgs) -> Result<EditPlan<Begun>, EditRefusal> {
    let (config, now) = (source.config, source.now);
    let name = arguments.name.clone().unwrap_or_else(|| unique_name(config, now));
    let named = DowntimeArgs { name: Some(name.clone()), ..arguments.clone() };
    let requested = request(&named, None, &config.timezone, now)?;
    if let Some((_, period, running)) = requested.running(config) {
        let (title, since) = (period.title(), local(running.start, &config.timezone));
        let message = format!("{title} is already active, since {since}: `during` needs a period of its own");
        return Err(cannot(&message, "use another name, or leave out --name"));
    }
    let start = requested.start;
    let EditPlan { changes, outcome } = write_period(&requested, config, now)?;
    Ok(EditPlan { changes, outcome: Begun { name, start, lines: outcome } })
}

/// Returns a name that no period of the file has.
fn unique_name(config: &Config, now: Timestamp) -> String {
    let name = now.to_zoned_datetime(config.timezone.clone()).strftime("during-%Y%m%d-%H%M%S").to_string();
    let is_free = |name: &String| {
        config.rules.schedule.periods().iter().all(|period| period.name.as_ref() != Some(name))
    };
    let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or_default()
}

impl OwnPeriod<'_> {
    /// Ends or keeps the period after the command.
    async fn finish(&self, status: ExitStatus, on_failure: OnFailure) -> Result<ExitCode, ExitCode> {
        if !status.success() && on_failure == OnFailure::Keep {
            let message =
                format!("the command failed, {}: \"{}\" continues", child::describe(status), self.name);
            print_error(&message, &format!("to end it, run `{}`", end_command(self.file, &self.name)));
            return Ok(child::exit_code(status));
        }
        let is_up = self.end(Wait::IfManaged).await?;
        Ok(if status.success() { super::state_code(is_up) } else { child::exit_code(status) })
    }

    /// Ends the period, and returns true if the site is up then. Fails if the period could not be ended, or if the gateway is
    /// awaited and does not apply that.
    async fn end(&self, wait: Wait) -> Result<bool, ExitCode> {
        let edited = edit(&self.file.path, wait, |source| Ok(end_started(source, &self.name, self.start)))
            .inspect_err(|_| {
                let message = format!("\"{}\" continues", self.name);
                print_error(&message, &format!("to end it, run `{}`", end_command(self.file, &self.name)));
            })?;
        let Ended { lines, at } = &edited.outcome;
        let now = clock::now().max(*at);
        let remaining = remaining(&edited.config, &edited.sha256, self.file, now);
        print_progress(&edited.text(lines, now, &remaining));
        if let Some(awaited) = &edited.awaited {
            let applied = awaited.applied(&self.file.path).await.map_err(|error| {
                print_diagnostics(&error.diagnostics(awaited, &self.file.command("status"), true));
                ExitCode::FAILURE
            })?;
            print_progress(&format!("{applied}\n"));
        }
        Ok(edited.config.rules.schedule.at(now).state() == State::Up)
    }
}
