//! An edit: planned, validated, written.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::awaited::AwaitedEdit;
use super::failure::{EditFailure, EditRefusal};
use super::source::{EditSource, FileTexts, PeriodsText};
use super::warnings::{added_warnings, unchecked};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::edit::{self, Change, apply};
use crate::config::{Config, ParsedConfig};
use crate::store::read::{self, MAX_LENGTH};
use crate::store::{self, Store};

/// Whether an edit is awaited until the gateway has applied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It is not.
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
#[derive(Debug)]
pub struct EditPlan<T> {
    /// The changes, with the indices that periods have in the config.
    pub changes: Vec<Change>,
    /// What the operation reports.
    pub outcome: T,
}

/// A completed edit.
#[derive(Debug)]
pub struct Edited<T> {
    /// The absolute path of the file, if it was written.
    pub path: Option<PathBuf>,
    /// The config of the file as it is now.
    pub config: Config,
    /// The SHA-256 of the file as it is now, in hexadecimal.
    pub sha256: String,
    /// What the operation reports.
    pub outcome: T,
    /// Those for certificates that were not checked or cannot be used, and the warnings that the file did not have before.
    pub warnings: Vec<Diagnostic>,
    /// The edit to wait for, unless [`Wait`] says that it is not awaited.
    pub awaited: Option<AwaitedEdit>,
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

/// Edits the file at `path`, or the periods file that it names: `plan` returns the changes. It is called again if another
/// program changes the file meanwhile.
pub fn edit<T>(
    path: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, EditFailure> {
    let store = Store::open(path)?;
    let draft_main = |text: &str| {
        let texts = FileTexts { path, main: text, periods: None };
        let before = texts.parse();
        match before.periods_file.as_ref().filter(|_| before.config.is_some()) {
            Some(file) => Ok((None, DraftOrPeriodsFile::PeriodsFile(file.path.clone()))),
            None => draft(texts, before, wait, &plan)
                .map(|(text, draft)| (text, DraftOrPeriodsFile::Draft(Box::new(draft)))),
        }
    };
    match store.edit(draft_main)? {
        DraftOrPeriodsFile::Draft(draft) => draft.finish(Some(&store), clock::now()),
        DraftOrPeriodsFile::PeriodsFile(periods) => edit_periods_file(path, &periods, wait, &plan),
    }
}

/// Edits the periods file, which is created if it does not exist.
fn edit_periods_file<T>(
    path: &Path,
    periods: &Path,
    wait: Wait,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, EditFailure> {
    let draft = |text: Option<&str>| {
        let main = read_main(path)?;
        let texts = FileTexts { path, main: &main, periods: Some(PeriodsText { path: periods, text }) };
        draft(texts, texts.parse(), wait, &plan)
    };
    if periods.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let (text, draft) = draft(None)?;
        let is_created = match &text {
            Some(text) => store::create(periods, text)?,
            None => true,
        };
        if is_created {
            let store = Store::open(if text.is_some() { periods } else { path });
            return draft.finish(Some(&store?), clock::now());
        }
    }
    let store = Store::open(periods)?;
    let draft = store.edit(|text| draft(Some(text)))?;
    draft.finish(Some(&store), clock::now())
}

/// Plans and validates an edit like [`edit()`], and writes nothing.
pub fn check<T>(
    path: &Path,
    plan: impl Fn(&EditSource<'_>) -> Result<EditPlan<T>, EditRefusal>,
) -> Result<Edited<T>, EditFailure> {
    let main = read_main(path)?;
    let texts = FileTexts { path, main: &main, periods: None };
    let before = texts.parse();
    let file = before.periods_file.clone().filter(|_| before.config.is_some());
    let text = file.as_ref().and_then(|file| file.content.as_deref()).map(String::from_utf8_lossy);
    let texts = match &file {
        None => texts,
        Some(file) => {
            FileTexts { periods: Some(PeriodsText { path: &file.path, text: text.as_deref() }), ..texts }
        }
    };
    let (_, draft) = draft(texts, before, Wait::Never, plan)?;
    draft.finish(None, clock::now())
}

/// Reads the main file beside an edit of the periods file.
fn read_main(path: &Path) -> Result<String, EditRefusal> {
    let refuse = |problem: String| {
        EditRefusal::cannot(format!("{} {problem}", path.display()), "run the command again")
    };
    let (bytes, _) = read::read(path, MAX_LENGTH).map_err(|error| refuse(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8".into()))
}

/// Returns the new text, if it differs, and the draft.
fn draft<T>(
    texts: FileTexts<'_>,
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
    let source = EditSource { config, sha256: &sha256, now: clock::now(), texts };
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
    /// Completes the edit at `now`, once it is written to the file of `store`.
    fn finish(self, store: Option<&Store>, now: Timestamp) -> Result<Edited<T>, EditFailure> {
        let Self { before, outcome, awaited, after, sha256 } = self;
        let path = store.filter(|_| after.is_some()).map(|store| store.path().to_owned());
        let (reading, warnings) = match after {
            None => (before, Vec::new()),
            Some(after) => added_warnings(before, after, now),
        };
        let unusable = reading.unusable.iter().cloned();
        let warnings = unchecked(&reading).into_iter().chain(unusable).chain(warnings).collect();
        let Some(config) = reading.config else {
            return Err(EditRefusal::Invalid(reading.diagnostics).into());
        };
        Ok(Edited { path, config, sha256, outcome, warnings, awaited })
    }
}

fn no_management() -> EditRefusal {
    let message =
        "--wait needs to query the running gateway, but the file has no [management]: nothing was written";
    let help = "omit --wait, or add `[management]` to the file and restart the gateway";
    EditRefusal::cannot(message, help)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::thread;

    use super::*;

    #[test]
    fn an_edit_that_waits_for_another_is_not_earlier() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("downtime.toml");
        std::fs::write(&path, "# empty\n").unwrap();
        let second = Cell::new(None);
        let edit_first = |_: &str| {
            let path = path.clone();
            let time = |source: &EditSource<'_>| Ok(EditPlan { changes: Vec::new(), outcome: source.now });
            second.set(Some(thread::spawn(move || edit(&path, Wait::Never, time).unwrap().outcome)));
            // The second one may already have begun, and waits until this one has ended.
            Ok::<_, EditRefusal>((None, clock::now()))
        };
        let first = Store::open(&path).unwrap().edit(edit_first).unwrap();
        assert!(second.take().unwrap().join().unwrap() >= first);
    }
}
