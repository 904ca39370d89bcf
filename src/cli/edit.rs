//! What `start` and `end` share: an edit of the file, tested before it is written, and the state that results.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::wait::Awaited;
use super::{print_diagnostics, print_error, print_result};
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::config::edit::{self, Change, EditError, Literal, apply};
use crate::load::preview;
use crate::store::{Store, StoreError};
use crate::summary::state_line;

/// Why an edit was not made.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The file is not valid.
    Invalid(Vec<Diagnostic>),
    /// The file is valid, but would not be with the edit in it, where these places are.
    WouldBeInvalid(Vec<Diagnostic>),
    /// What was asked for cannot be done: a message, and the remedy.
    Cannot(String, String),
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        Self::Cannot(error.to_string(), "edit the file by hand".into())
    }
}

/// What an edit does: the changes, and what to tell of them.
pub(super) struct Plan<T> {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: T,
}

/// What came of an edit: the config that the file now holds.
pub(super) struct Edited<T> {
    pub(super) config: Config,
    pub(super) outcome: T,
    /// What `--wait` waits for, if that is wanted.
    pub(super) awaited: Option<Awaited>,
}

/// Edits the file at `path` as `plan` says of the config in it; with `wait` only where a gateway can be asked whether it
/// serves that. Prints the absolute path of what was written, or why nothing was.
pub(super) fn edit<T>(
    path: &Path,
    wait: bool,
    plan: impl Fn(&Config) -> Result<Plan<T>, Refusal>,
) -> Result<Edited<T>, ExitCode> {
    let store = Store::open(path).map_err(|error| failed(&error.to_string()))?;
    let edited = store.edit(|text| {
        let (edited, new) = edit_text(path, text, wait, &plan)?;
        Ok((new.clone(), (edited, new.is_some())))
    });
    match edited {
        Ok((edited, written)) => {
            if written {
                print_result(&format!("edited {}\n", store.path().display()));
            }
            Ok(edited)
        }
        Err(StoreError::Edit(refusal)) => Err(refused(&refusal)),
        Err(StoreError::File(error)) => Err(failed(&error.to_string())),
    }
}

/// The edit itself, and the new text, if there is one.
fn edit_text<T>(
    path: &Path,
    text: &str,
    wait: bool,
    plan: impl Fn(&Config) -> Result<Plan<T>, Refusal>,
) -> Result<(Edited<T>, Option<String>), Refusal> {
    let config = valid(path, text).map_err(Refusal::Invalid)?;
    let listen = match &config.management {
        None if wait => return Err(nobody_to_ask()),
        management => management.as_ref().filter(|_| wait).map(|management| management.listen.clone()),
    };
    let Plan { changes, outcome } = plan(&config)?;
    let awaited = |periods| listen.map(|listen| Awaited { listen, periods });
    if changes.is_empty() {
        return Ok((Edited { config, outcome, awaited: awaited(Vec::new()) }, None));
    }
    let text = apply(text, &changes)?;
    let config = valid(path, &text).map_err(Refusal::WouldBeInvalid)?;
    let awaited = awaited(edit::written(&text, &changes)?);
    Ok((Edited { config, outcome, awaited }, Some(text)))
}

fn nobody_to_ask() -> Refusal {
    let message = "--wait asks the gateway that runs, and the file has no [management] to say where";
    let help =
        "nothing was written; leave --wait out, or add `[management]` to the file and restart the gateway";
    Refusal::Cannot(message.into(), help.into())
}

fn valid(path: &Path, text: &str) -> Result<Config, Vec<Diagnostic>> {
    let reading = preview(path, text);
    reading.config.ok_or(reading.diagnostics)
}

fn refused(refusal: &Refusal) -> ExitCode {
    match refusal {
        Refusal::Invalid(diagnostics) => {
            print_diagnostics(diagnostics);
            refused_as(
                "the file is not valid: nothing was written",
                "mend what is shown above, and run this again",
            )
        }
        Refusal::WouldBeInvalid(diagnostics) => {
            print_diagnostics(diagnostics);
            refused_as("the edited file would not be valid: nothing was written", "give other values")
        }
        Refusal::Cannot(message, help) => refused_as(message, help),
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

/// Prints the state that results.
pub(super) fn print_state(config: &Config, now: Timestamp) {
    print_result(&format!("{}\n", state_line(config, &config.rules.schedule.at(now), now)));
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
