//! Edits of commands: validated before they are written, and reported with the resulting state.
//!
//! Commands edit the main file or, if that names one, the periods file, and never both.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::applied::AwaitedEdit;
use super::{print_diagnostics, print_error, print_result_after};
use crate::clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::edit::{self, Change, EditError, Literal, apply};
use crate::config::load::{preview_with, sha256};
use crate::config::{Config, LintContext, ParsedConfig};
use crate::escape::escape;
use crate::schedule::period::Period;
use crate::store::read::{self, MAX_LENGTH};
use crate::store::{self, FileError, Store, StoreError};
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
    /// The SHA-256 of the main file and the periods file, in hexadecimal.
    pub(super) sha256: &'a str,
    texts: Texts<'a>,
}

impl<'a> EditSource<'a> {
    /// Returns the source of an edit of the main file.
    #[cfg(test)]
    pub(super) fn of_main(config: &'a Config) -> Self {
        Self { config, sha256: "", texts: Texts { path: Path::new(""), main: "", periods: None } }
    }

    /// Returns true if commands may edit the period of this index.
    pub(super) fn is_editable(&self, index: usize) -> bool {
        index >= first_editable(self.config)
    }

    /// Returns the refusal to edit a period of the main file.
    pub(super) fn refusal(&self, period: &Period) -> EditRefusal {
        let (main, line) = (self.texts.path.display(), period.line);
        let message = format!(
            "{} is at line {line} of {main}, which commands do not edit: it names a periods file",
            period.title()
        );
        EditRefusal::Cannot(message, "edit it there, or move it to the periods file".into())
    }

    /// Returns the text of a period.
    pub(super) fn period_text(&self, index: usize) -> Result<&'a str, EditError> {
        let (text, index) = self.text_of(index);
        edit::period_text(text, index)
    }

    /// Returns the keys and values of a period. Paths in them are relative to the file that commands edit.
    pub(super) fn period_table(&self, index: usize) -> Result<toml::Table, EditError> {
        let (text, local) = self.text_of(index);
        let mut table = edit::period_table(text, local)?;
        if let Some(toml::Value::String(template)) =
            table.get_mut("template").filter(|_| !self.is_editable(index))
        {
            let path = self.texts.path.parent().unwrap_or(Path::new("")).join(&*template);
            *template = std::path::absolute(&path).unwrap_or(path).display().to_string();
        }
        Ok(table)
    }

    /// Returns the text that has the period of this index, and its index there.
    fn text_of(&self, index: usize) -> (&'a str, usize) {
        match index.checked_sub(first_editable(self.config)) {
            Some(index) => (self.texts.edited(), index),
            None => (self.texts.main, index),
        }
    }

    /// Converts the indices of changes to those of the text that is edited.
    fn localize(&self, mut changes: Vec<Change>) -> Result<Vec<Change>, EditRefusal> {
        for change in &mut changes {
            let Some(index) = change.period_mut() else { continue };
            if !self.is_editable(*index) {
                let period = self.config.rules.schedule.periods().get(*index);
                return Err(period.map_or_else(|| EditError::Misread.into(), |period| self.refusal(period)));
            }
            *index -= first_editable(self.config);
        }
        Ok(changes)
    }
}

/// Returns the index of the first period that commands may edit: the first one of the periods file, if there is one.
pub(super) fn first_editable(config: &Config) -> usize {
    config.periods_file.as_ref().map_or(0, |file| file.first)
}

/// The texts of the main file and the periods file.
#[derive(Clone, Copy)]
struct Texts<'a> {
    /// The path of the main file.
    path: &'a Path,
    main: &'a str,
    periods: Option<PeriodsText<'a>>,
}

/// The text of a periods file.
#[derive(Clone, Copy)]
struct PeriodsText<'a> {
    path: &'a Path,
    /// `None` if the file does not exist.
    text: Option<&'a str>,
}

impl<'a> Texts<'a> {
    /// Returns the text that commands edit.
    fn edited(&self) -> &'a str {
        self.periods.map_or(self.main, |periods| periods.text.unwrap_or_default())
    }

    /// Returns the texts after an edit.
    fn with_edited<'b>(&self, text: &'b str) -> Texts<'b>
    where
        'a: 'b,
    {
        match self.periods {
            None => Texts { main: text, ..*self },
            Some(PeriodsText { path, .. }) => {
                Texts { periods: Some(PeriodsText { path, text: Some(text) }), ..*self }
            }
        }
    }

    fn parse(&self) -> ParsedConfig {
        let periods = self.periods.and_then(|periods| Some((periods.path, periods.text?)));
        preview_with(self.path, self.main, periods)
    }

    fn sha256(&self) -> String {
        let periods = self.periods.and_then(|periods| periods.text);
        sha256(self.main.as_bytes(), periods.map(str::as_bytes))
    }
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

/// Either an edit, or the path of the periods file, which is to be edited instead.
enum DraftOrPeriodsFile<T> {
    Draft(Box<DraftEdit<T>>),
    PeriodsFile(PathBuf),
}

/// Edits the file at `path`, or the periods file that it names: `plan` returns the changes. If nothing can be written,
/// reports why.
pub(super) fn edit<T>(
    path: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, ExitCode> {
    let store = Store::open(path).map_err(|error| store_failure(&error))?;
    let draft_main = |text: &str| {
        let texts = Texts { path, main: text, periods: None };
        let before = texts.parse();
        match before.periods_file.as_ref().filter(|_| before.config.is_some()) {
            Some(file) => Ok((None, DraftOrPeriodsFile::PeriodsFile(file.path.clone()))),
            None => draft(texts, before, wait, &plan)
                .map(|(text, draft)| (text, DraftOrPeriodsFile::Draft(Box::new(draft)))),
        }
    };
    match store.edit(draft_main).map_err(edit_failure)? {
        DraftOrPeriodsFile::Draft(draft) => draft.finish(&store, clock::now()),
        DraftOrPeriodsFile::PeriodsFile(periods) => edit_periods_file(path, &periods, wait, &plan),
    }
}

/// Edits the periods file, which is created if it does not exist.
fn edit_periods_file<T>(
    path: &Path,
    periods: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, ExitCode> {
    let draft = |text: Option<&str>| {
        let main = read_main(path)?;
        let texts = Texts { path, main: &main, periods: Some(PeriodsText { path: periods, text }) };
        draft(texts, texts.parse(), wait, &plan)
    };
    if periods.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let (text, draft) = draft(None).map_err(|refusal| report(&refusal))?;
        let is_created = match &text {
            Some(text) => store::create(periods, text).map_err(|error| store_failure(&error))?,
            None => true,
        };
        if is_created {
            let store = Store::open(if text.is_some() { periods } else { path });
            return draft.finish(&store.map_err(|error| store_failure(&error))?, clock::now());
        }
    }
    let store = Store::open(periods).map_err(|error| store_failure(&error))?;
    let draft = store.edit(|text| draft(Some(text))).map_err(edit_failure)?;
    draft.finish(&store, clock::now())
}

/// Reads the main file beside an edit of the periods file.
fn read_main(path: &Path) -> Result<String, EditRefusal> {
    let refuse = |problem: String| {
        EditRefusal::Cannot(format!("{} {problem}", path.display()), "run the command again".into())
    };
    let (bytes, _) = read::read(path, MAX_LENGTH).map_err(|error| refuse(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8".into()))
}

/// Returns the new text, if it differs, and the draft.
fn draft<T>(
    texts: Texts<'_>,
    before: ParsedConfig,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<(Option<String>, DraftEdit<T>), EditRefusal> {
    let Some(config) = &before.config else { return Err(EditRefusal::Invalid(before.diagnostics)) };
    let listen = match &config.management {
        None if wait == Wait::Always => return Err(no_management()),
        management => {
            management.as_ref().filter(|_| wait != Wait::Never).map(|management| management.listen.clone())
        }
    };
    let sha256 = texts.sha256();
    let source = EditSource { config, sha256: &sha256, texts };
    let EditPlan { changes, outcome } = plan(&source)?;
    let changes = source.localize(changes)?;
    let periods_file = texts.periods.map(|periods| periods.path.to_owned());
    let awaited = |periods| listen.map(|listen| AwaitedEdit { listen, periods_file, periods });
    let edited = apply(texts.edited(), &changes)?;
    if edited == texts.edited() {
        let awaited = awaited(Vec::new());
        return Ok((None, DraftEdit { before, outcome, awaited, after: None, sha256 }));
    }
    let texts = texts.with_edited(&edited);
    let after = texts.parse();
    if after.config.is_none() {
        return Err(EditRefusal::WouldBeInvalid(after.diagnostics));
    }
    let awaited = awaited(edit::changed_periods(&edited, &changes)?);
    let sha256 = texts.sha256();
    Ok((Some(edited), DraftEdit { before, outcome, awaited, after: Some(after), sha256 }))
}

impl<T> DraftEdit<T> {
    /// Completes the edit once it is written to the file of `store`, at `now`.
    fn finish(self, store: &Store, now: Timestamp) -> Result<Edited<T>, ExitCode> {
        let Self { before, outcome, awaited, after, sha256 } = self;
        let path = after.is_some().then(|| store.path().to_owned());
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

fn edit_failure(error: StoreError<EditRefusal>) -> ExitCode {
    match error {
        StoreError::Edit(refusal) => report(&refusal),
        StoreError::File(error) => store_failure(&error),
    }
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
