//! Edits of `start` and `end`: validated before they are written, and reported with the resulting state.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::applied::AwaitedEdit;
use super::{print_diagnostics, print_error, print_result_after};
use crate::clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::edit::{self, Change, EditError, Literal, apply};
use crate::config::load::{preview, sha256};
use crate::config::{Config, LintContext, ParsedConfig};
use crate::escape::escape;
use crate::store::{FileError, Store, StoreError};
use crate::summary::state_line;

/// The reason why an edit was not made.
#[derive(Debug)]
pub(super) enum EditRefusal {
    /// The file is invalid.
    Invalid(Vec<Diagnostic>),
    /// The file is valid, but the edit would make it invalid; the diagnostics are those of the edited text.
    WouldBeInvalid(Vec<Diagnostic>),
    /// The command cannot be carried out: the message and the help.
    Cannot(String, String),
}

impl From<EditError> for EditRefusal {
    fn from(error: EditError) -> Self {
        Self::Cannot(error.to_string(), "edit the file by hand".into())
    }
}

/// The file as it is before an edit.
pub(super) struct EditSource<'a> {
    pub(super) config: &'a Config,
    pub(super) text: &'a str,
    /// The SHA-256 of the file, in hexadecimal.
    pub(super) sha256: &'a str,
}

/// Whether a command waits until the gateway has applied its edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Never,
    /// If the file has a management listener.
    IfManaged,
    /// The file must have a management listener.
    Always,
}

impl From<bool> for Wait {
    fn from(option: bool) -> Self {
        if option { Self::Always } else { Self::Never }
    }
}

/// The changes of an edit, and the report of them.
pub(super) struct EditPlan<T> {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: T,
}

/// A completed edit.
pub(super) struct Edited<T> {
    /// The absolute path of the file, if it was written.
    path: Option<PathBuf>,
    /// The config of the file as it is now.
    pub(super) config: Config,
    /// The SHA-256 of the file as it is now, in hexadecimal.
    pub(super) sha256: String,
    pub(super) outcome: T,
    /// Those for certificates that were not checked or cannot be used, and the warnings that the file did not have before.
    warnings: Vec<Diagnostic>,
    /// The edit to wait for, with `--wait`.
    pub(super) awaited: Option<AwaitedEdit>,
}

/// An edit of a text that is not written yet.
struct DraftEdit<T> {
    before: ParsedConfig,
    outcome: T,
    awaited: Option<AwaitedEdit>,
    /// The new text, parsed; `None` if the text does not change.
    after: Option<ParsedConfig>,
    /// The SHA-256 of the text, in hexadecimal.
    sha256: String,
}

/// Edits the file at `path`: `plan` returns the changes. If nothing can be written, reports why.
pub(super) fn edit<T>(
    path: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, ExitCode> {
    let store = Store::open(path).map_err(|error| store_failure(&error))?;
    let draft = store.edit(|text| draft(path, text, wait, &plan)).map_err(|error| match error {
        StoreError::Edit(refusal) => report(&refusal),
        StoreError::File(error) => store_failure(&error),
    })?;
    let path = draft.after.is_some().then(|| store.path().to_owned());
    draft.finish(path, clock::now())
}

/// Returns the new text, if it differs, and the draft.
fn draft<T>(
    path: &Path,
    text: &str,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<(Option<String>, DraftEdit<T>), EditRefusal> {
    let before = preview(path, text);
    let Some(config) = &before.config else { return Err(EditRefusal::Invalid(before.diagnostics)) };
    let listen = match &config.management {
        None if wait == Wait::Always => return Err(no_management()),
        management => {
            management.as_ref().filter(|_| wait != Wait::Never).map(|management| management.listen.clone())
        }
    };
    let sha256 = sha256(text.as_bytes());
    let EditPlan { changes, outcome } = plan(&EditSource { config, text, sha256: &sha256 })?;
    let awaited = |periods| listen.map(|listen| AwaitedEdit { listen, periods });
    let edited = apply(text, &changes)?;
    if edited == text {
        let awaited = awaited(Vec::new());
        return Ok((None, DraftEdit { before, outcome, awaited, after: None, sha256 }));
    }
    let after = preview(path, &edited);
    if after.config.is_none() {
        return Err(EditRefusal::WouldBeInvalid(after.diagnostics));
    }
    let awaited = awaited(edit::changed_periods(&edited, &changes)?);
    let sha256 = self::sha256(edited.as_bytes());
    Ok((Some(edited), DraftEdit { before, outcome, awaited, after: Some(after), sha256 }))
}

impl<T> DraftEdit<T> {
    /// Completes the edit once it is written, at `now`.
    fn finish(self, path: Option<PathBuf>, now: Timestamp) -> Result<Edited<T>, ExitCode> {
        let Self { before, outcome, awaited, after, sha256 } = self;
        let (reading, warnings) = match after {
            None => (before, Vec::new()),
            Some(after) => added_warnings(before, after, now),
        };
        let unusable = reading.unusable.iter().cloned();
        let warnings = unchecked(&reading).into_iter().chain(unusable).chain(warnings).collect();
        let config = reading.config.ok_or(ExitCode::FAILURE)?;
        Ok(Edited { path, config, sha256, outcome, warnings, awaited })
    }
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
}

/// Returns a warning if this user may not read files that the gateway needs. The gateway may, as another user.
fn unchecked(reading: &ParsedConfig) -> Option<Diagnostic> {
    let message = reading.unchecked.join("; ");
    let help = "make sure that the gateway's user can read it";
    (!message.is_empty()).then(|| Diagnostic {
        severity: Severity::Warning,
        ..Diagnostic::for_file(format!("not checked: {message}"), help)
    })
}

/// Returns the later config, and the warnings at `now` that the earlier one does not have. Warnings that differ in line
/// numbers or times only count as the same.
fn added_warnings(
    mut before: ParsedConfig,
    mut after: ParsedConfig,
    now: Timestamp,
) -> (ParsedConfig, Vec<Diagnostic>) {
    let context = LintContext::new(now);
    after.lint(&context);
    if after.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Warning) {
        return (after, Vec::new());
    }
    before.lint(&context);
    let mut known = HashMap::<_, usize>::new();
    for warning in before.diagnostics.iter().filter_map(warning_key) {
        *known.entry(warning).or_default() += 1;
    }
    let is_new = |diagnostic: &&Diagnostic| {
        warning_key(diagnostic).is_some_and(|key| match known.get_mut(&key) {
            Some(left @ 1..) => {
                *left -= 1;
                false
            }
            _ => true,
        })
    };
    let added = after.diagnostics.iter().filter(is_new).cloned().collect();
    (after, added)
}

/// Returns the message of a warning without times and line numbers: two warnings with the same key are the same.
fn warning_key(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.severity != Severity::Warning {
        return None;
    }
    let is_number =
        |word: &str| word.trim_start_matches(['(', '+', '-']).starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<_> = diagnostic.message.split(' ').filter(|word| !is_number(word)).collect();
    Some(words.join(" "))
}

fn no_management() -> EditRefusal {
    let message =
        "--wait needs to query the running gateway, but the file has no [management]: nothing was written";
    let help = "omit --wait, or add `[management]` to the file and restart the gateway";
    EditRefusal::Cannot(message.into(), help.into())
}

fn report(refusal: &EditRefusal) -> ExitCode {
    match refusal {
        EditRefusal::Invalid(diagnostics) => {
            print_diagnostics(diagnostics);
            fail(
                "the file is invalid: nothing was written",
                "fix the errors above, and run the command again",
            )
        }
        EditRefusal::WouldBeInvalid(diagnostics) => {
            print_diagnostics(diagnostics);
            fail("the edited file would be invalid: nothing was written", "use different values")
        }
        EditRefusal::Cannot(message, help) => fail(message, help),
    }
}

fn store_failure(error: &FileError) -> ExitCode {
    fail(&error.problem(), error.help())
}

fn fail(message: &str, help: &str) -> ExitCode {
    print_error(message, help);
    ExitCode::FAILURE
}

/// Returns a time as the file states it: local time in `zone`, with its offset.
pub(super) fn date_time_literal(at: Timestamp, zone: &TimeZone) -> Literal {
    let zoned = at.to_zoned_datetime(zone.clone());
    let offset = if zoned.offset().is_zero() { "Z".to_owned() } else { zoned.strftime("%:z").to_string() };
    Literal::DateTime(format!("{}{offset}", zoned.datetime()))
}

/// Rounds down to a whole second.
pub(super) fn floor_to_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - i64::from(at.subsec_nanosecond() < 0)).unwrap_or(at)
}

/// Rounds down to a whole millisecond.
pub(super) fn floor_to_millisecond(at: Timestamp) -> Timestamp {
    let before = at.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(before).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_the_zone_of_the_file() {
        for (at, zone, text) in [
            ("2026-12-01T21:00:00Z", "Europe/Berlin", "2026-12-01T22:00:00+01:00"),
            ("2026-12-01T21:00:00.125Z", "America/St_Johns", "2026-12-01T17:30:00.125-03:30"),
            ("2026-12-01T21:00:00Z", "UTC", "2026-12-01T21:00:00Z"),
        ] {
            let literal = date_time_literal(at.parse().unwrap(), &TimeZone::get(zone).unwrap());
            assert!(matches!(&literal, Literal::DateTime(literal) if literal == text), "{literal:?}");
        }
    }

    #[test]
    fn a_time_is_rounded_down_also_before_1970() {
        for (at, ms, s) in [
            ("2026-12-01T21:00:00.9999Z", "2026-12-01T21:00:00.999Z", "2026-12-01T21:00:00Z"),
            ("1969-12-31T23:59:58.9999Z", "1969-12-31T23:59:58.999Z", "1969-12-31T23:59:58Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(
                (floor_to_millisecond(at), floor_to_second(at)),
                (ms.parse().unwrap(), s.parse().unwrap())
            );
        }
    }
}
