//! Edits of commands, and the reports of them.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;

use super::config_file::ConfigFile;
use super::{print_diagnostics, print_error, print_result, print_result_after};
use crate::config::diagnostic::{Diagnostic, Location, Source};
use crate::editing::{self, AppliedEdit, EditFailure, EditPlan, EditRefusal, EditSource, Edited, Wait};
use crate::escape::escape;
use crate::summary::state_line;

/// Edits the file at `path`, or the periods file that it names: `plan` returns the changes. If nothing can be written,
/// reports why.
pub(super) fn edit<T>(
    path: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, ExitCode> {
    editing::edit(path, wait, plan).map_err(|failure| report(&failure))
}

impl<T> Edited<T> {
    /// Prints what was edited, `lines`, the state at `now` and `further` lines; then the warnings.
    pub(super) fn print(&self, lines: &[String], now: Timestamp, further: &[String]) -> Result<(), ExitCode> {
        let done = self
            .path
            .as_ref()
            .map_or(String::new(), |path| format!("{}: it was edited, but ", path.display()));
        print_result_after(&done, &self.text(lines, now, further))?;
        self.print_warnings();
        Ok(())
    }

    /// Returns what [`Edited::print`] prints, without the warnings.
    pub(super) fn text(&self, lines: &[String], now: Timestamp, further: &[String]) -> String {
        let path = self.path.as_ref().map(|path| path.display().to_string());
        let edited = path.iter().map(|path| format!("edited {path}"));
        let state = state_line(&self.config, &self.config.rules.schedule.at(now), now);
        let all = edited.chain(lines.iter().cloned()).chain([state]).chain(further.iter().cloned());
        all.map(|line| escape(&line).into_owned() + "\n").collect()
    }

    /// Prints the warnings that the edit caused.
    pub(super) fn print_warnings(&self) {
        print_diagnostics(&self.warnings);
    }

    /// Waits until the gateway has applied the edit, if it is awaited, and reports the result.
    pub(super) fn wait_until_applied(&self, file: &ConfigFile) -> Result<(), ExitCode> {
        self.applied(file)?.map_or(Ok(()), |applied| print_result(&format!("{applied}\n")))
    }

    /// As [`Edited::wait_until_applied`], but returns the success instead of printing it. `None` if the edit is not awaited.
    pub(super) fn applied(&self, file: &ConfigFile) -> Result<Option<AppliedEdit>, ExitCode> {
        let Some(awaited) = &self.awaited else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            fail(&format!("cannot wait for the gateway: {error}"), "the edit stays in the file")
        })?;
        match runtime.block_on(awaited.applied(&file.path)) {
            Ok(applied) => Ok(Some(applied)),
            Err(error) => {
                print_diagnostics(&error.diagnostics(awaited, &file.command("status"), true));
                Err(ExitCode::FAILURE)
            }
        }
    }
}

fn report(failure: &EditFailure) -> ExitCode {
    match failure {
        EditFailure::Refused(refusal) => report_refusal(refusal),
        EditFailure::File(error) => fail(&error.problem(), error.help()),
    }
}

fn report_refusal(refusal: &EditRefusal) -> ExitCode {
    match refusal {
        EditRefusal::Invalid(diagnostics) => {
            print_diagnostics(diagnostics);
            fail(
                "the file is invalid: nothing was written",
                "fix the errors above, and run the command again",
            )
        }
        EditRefusal::WouldBeInvalid(diagnostics) => {
            print_diagnostics(&diagnostics.iter().map(with_the_edit).collect::<Vec<_>>());
            fail("the edited file would be invalid: nothing was written", "use different values")
        }
        EditRefusal::Changed => {
            fail("the file was changed meanwhile: nothing was written", "run the command again")
        }
        EditRefusal::Cannot(message, help) => fail(message, help),
    }
}

/// Names the text of a diagnostic as one that is not in the file: its line may not exist there.
fn with_the_edit(diagnostic: &Diagnostic) -> Diagnostic {
    let place = diagnostic.place.clone().map(|place| {
        let name = format!("{} with the edit", place.source.name);
        let source = Arc::new(Source { name, text: place.source.text.clone() });
        Location { source, ..place }
    });
    Diagnostic { place, ..diagnostic.clone() }
}

fn fail(message: &str, help: &str) -> ExitCode {
    print_error(message, help);
    ExitCode::FAILURE
}
