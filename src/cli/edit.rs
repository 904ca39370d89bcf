//! What `start` and `end` share: an edit of the file, tested before it is written, and the state that results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::wait::AwaitedEdit;
use super::{escaped, print_diagnostics, print_error, print_result_of};
use crate::clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::edit::{self, Change, EditError, Literal, apply};
use crate::config::load::preview;
use crate::config::{Config, LintContext, ParsedConfig};
use crate::store::{Store, StoreError};
use crate::summary::state_line;

/// Why an edit was not made.
#[derive(Debug)]
pub(super) enum EditRefusal {
    /// The file is not valid.
    Invalid(Vec<Diagnostic>),
    /// The file is valid, but would not be with the edit in it, where these places are.
    WouldBeInvalid(Vec<Diagnostic>),
    /// What was asked for cannot be done: a message, and the remedy.
    Cannot(String, String),
}

impl From<EditError> for EditRefusal {
    fn from(error: EditError) -> Self {
        Self::Cannot(error.to_string(), "edit the file by hand".into())
    }
}

/// What an edit does: the changes, and what to tell of them.
pub(super) struct EditPlan<T> {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: T,
}

/// What came of an edit: the config that the file now holds.
pub(super) struct Edited<T> {
    /// The absolute path of the file, if it was written.
    path: Option<PathBuf>,
    pub(super) config: Config,
    pub(super) outcome: T,
    /// What the file is warned of now, and was not before.
    warnings: Vec<Diagnostic>,
    /// What `--wait` waits for, if that is wanted.
    pub(super) awaited: Option<AwaitedEdit>,
}

/// What an edit makes of a text.
struct DraftEdit<T> {
    before: ParsedConfig,
    outcome: T,
    awaited: Option<AwaitedEdit>,
    /// The new text as it reads; `None` if the old one stays.
    after: Option<ParsedConfig>,
}

/// Edits the file at `path` as `plan` says of the config in it; with `wait` only if there is a gateway to ask whether it
/// serves that. Says why nothing was written, if nothing could be.
pub(super) fn edit<T>(
    path: &Path,
    wait: bool,
    plan: impl Fn(&Config) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, ExitCode> {
    let store = Store::open(path).map_err(|error| failed(&error.to_string()))?;
    let draft = store.edit(|text| draft(path, text, wait, &plan)).map_err(|error| match error {
        StoreError::Edit(refusal) => refused(&refusal),
        StoreError::File(error) => failed(&error.to_string()),
    })?;
    let path = draft.after.is_some().then(|| store.path().to_owned());
    draft.finish(path, clock::now())
}

/// The new text, if there is one, and what comes of it.
fn draft<T>(
    path: &Path,
    text: &str,
    wait: bool,
    plan: impl Fn(&Config) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<(Option<String>, DraftEdit<T>), EditRefusal> {
    let before = preview(path, text);
    let Some(config) = &before.config else { return Err(EditRefusal::Invalid(before.diagnostics)) };
    let listen = match &config.management {
        None if wait => return Err(nobody_to_ask()),
        management => management.as_ref().filter(|_| wait).map(|management| management.listen.clone()),
    };
    let EditPlan { changes, outcome } = plan(config)?;
    let awaited = |periods| listen.map(|listen| AwaitedEdit { listen, periods });
    let edited = apply(text, &changes)?;
    if edited == text {
        return Ok((None, DraftEdit { before, outcome, awaited: awaited(Vec::new()), after: None }));
    }
    let after = preview(path, &edited);
    if after.config.is_none() {
        return Err(EditRefusal::WouldBeInvalid(after.diagnostics));
    }
    let awaited = awaited(edit::changed_periods(&edited, &changes)?);
    Ok((Some(edited), DraftEdit { before, outcome, awaited, after: Some(after) }))
}

impl<T> DraftEdit<T> {
    /// Once it is written: what has come of it at `now`.
    fn finish(self, path: Option<PathBuf>, now: Timestamp) -> Result<Edited<T>, ExitCode> {
        let Self { before, outcome, awaited, after } = self;
        let (reading, warnings) = match after {
            None => (before, Vec::new()),
            Some(after) => added_warnings(before, after, now),
        };
        let config = reading.config.ok_or(ExitCode::FAILURE)?;
        Ok(Edited { path, config, outcome, warnings, awaited })
    }
}

impl<T> Edited<T> {
    /// Prints what was edited, these lines, and the state at `now`; then what is warned of.
    pub(super) fn print(&self, lines: &[String], now: Timestamp, more: &[String]) -> Result<(), ExitCode> {
        let path = self.path.as_ref().map(|path| path.display().to_string());
        let edited = path.iter().map(|path| format!("edited {path}"));
        let state = state_line(&self.config, &self.config.rules.schedule.at(now), now);
        let all = edited.chain(lines.iter().cloned()).chain([state]).chain(more.iter().cloned());
        let text: String = all.map(|line| escaped(&line) + "\n").collect();
        let done = path.map_or(String::new(), |path| format!("{path}: it was edited, but "));
        print_result_of(&done, &text)?;
        print_diagnostics(&self.warnings);
        Ok(())
    }
}

/// The later reading, and the warnings that the earlier one does not have at `now`. That lines or times have moved makes no
/// difference.
fn added_warnings(
    mut before: ParsedConfig,
    mut after: ParsedConfig,
    now: Timestamp,
) -> (ParsedConfig, Vec<Diagnostic>) {
    // What the machine adds to the advice, it adds to both.
    let context = LintContext::new(now);
    after.lint(&context);
    if after.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Warning) {
        return (after, Vec::new());
    }
    before.lint(&context);
    let mut known = HashMap::<_, usize>::new();
    for warning in before.diagnostics.iter().filter_map(key) {
        *known.entry(warning).or_default() += 1;
    }
    let is_new = |diagnostic: &&Diagnostic| {
        key(diagnostic).is_some_and(|key| match known.get_mut(&key) {
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

/// What makes a warning the same as another: its message, without times and line numbers.
fn key(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.severity != Severity::Warning {
        return None;
    }
    let is_number =
        |word: &str| word.trim_start_matches(['(', '+', '-']).starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<_> = diagnostic.message.split(' ').filter(|word| !is_number(word)).collect();
    Some(words.join(" "))
}

fn nobody_to_ask() -> EditRefusal {
    let message = "--wait asks the running gateway, and the file has no [management] to say where";
    let help =
        "nothing was written; leave --wait out, or add `[management]` to the file and restart the gateway";
    EditRefusal::Cannot(message.into(), help.into())
}

fn refused(refusal: &EditRefusal) -> ExitCode {
    match refusal {
        EditRefusal::Invalid(diagnostics) => {
            print_diagnostics(diagnostics);
            refused_as(
                "the file is not valid: nothing was written",
                "fix what is shown above, and run this again",
            )
        }
        EditRefusal::WouldBeInvalid(diagnostics) => {
            print_diagnostics(diagnostics);
            refused_as("the edited file would not be valid: nothing was written", "give other values")
        }
        EditRefusal::Cannot(message, help) => refused_as(message, help),
    }
}

fn failed(message: &str) -> ExitCode {
    refused_as(message, "nothing was changed")
}

fn refused_as(message: &str, help: &str) -> ExitCode {
    print_error(message, help);
    ExitCode::FAILURE
}

/// A moment as it is written into the file: local time in the file's zone, with its offset, as precise as it is given.
pub(super) fn written(at: Timestamp, zone: &TimeZone) -> Literal {
    let zoned = at.to_zoned_datetime(zone.clone());
    let offset = if zoned.offset().is_zero() { "Z".to_owned() } else { zoned.strftime("%:z").to_string() };
    Literal::DateTime(format!("{}{offset}", zoned.datetime()))
}

/// The last whole second up to `at`.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - i64::from(at.subsec_nanosecond() < 0)).unwrap_or(at)
}

/// The last whole millisecond up to `at`.
pub(super) fn millisecond(at: Timestamp) -> Timestamp {
    let before = at.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(before).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_the_zone_of_the_file() {
        for (at, zone, text) in [
            ("2026-12-01T21:00:00Z", "Europe/Berlin", "2026-12-01T22:00:00+01:00"),
            ("2026-12-01T21:00:00.125Z", "America/St_Johns", "2026-12-01T17:30:00.125-03:30"),
            ("2026-12-01T21:00:00Z", "UTC", "2026-12-01T21:00:00Z"),
        ] {
            let written = written(at.parse().unwrap(), &TimeZone::get(zone).unwrap());
            assert!(matches!(&written, Literal::DateTime(written) if written == text), "{written:?}");
        }
    }

    #[test]
    fn a_moment_is_cut_to_the_unit_before_it() {
        for (at, ms, s) in [
            ("2026-12-01T21:00:00.9999Z", "2026-12-01T21:00:00.999Z", "2026-12-01T21:00:00Z"),
            ("1969-12-31T23:59:58.9999Z", "1969-12-31T23:59:58.999Z", "1969-12-31T23:59:58Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!((millisecond(at), second(at)), (ms.parse().unwrap(), s.parse().unwrap()));
        }
    }
}
