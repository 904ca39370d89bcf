//! `--wait`: returns when the gateway that runs serves an edit.
//!
//! It does once it has applied the very file that stands there now, and that file still has the periods as the edit
//! wrote them: others may have edited meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use super::status::restated;
use super::{print_diagnostics, print_error, print_result};
use crate::config::Listen;
use crate::config::edit::holds;
use crate::file::{self, MAX_LENGTH};
use crate::load::sha256;
use crate::management::client::{Facts, Rejection, ask};

/// How long to wait.
const LIMIT: Duration = Duration::from_secs(10);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long until it is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// An edit that is to be served.
#[derive(Debug)]
pub(super) struct Awaited {
    /// Where to ask.
    pub(super) listen: Listen,
    /// The periods that it wrote.
    pub(super) periods: Vec<toml::Table>,
}

/// How it stands.
enum Standing {
    Served(Facts),
    Rejected(Rejection),
    /// Not yet: why.
    Pending(String),
}

/// Whether the gateway serves the edit of `path` within ten seconds. Says since when, or why not.
pub(super) fn until_served(path: &Path, awaited: &Awaited) -> bool {
    let begun = Instant::now();
    let Awaited { listen, .. } = awaited;
    loop {
        let left = LIMIT.saturating_sub(begun.elapsed());
        match awaited.standing(path, left.min(PATIENCE)) {
            Standing::Served(facts) => {
                let generation = facts.generation;
                let taken = begun.elapsed().as_millis();
                print_result(&format!(
                    "served by the gateway at {listen}: snapshot {generation}, after {taken} ms\n"
                ));
                return true;
            }
            Standing::Rejected(rejection) => {
                print_diagnostics(&rejection.errors().map(restated).collect::<Vec<_>>());
                let message =
                    format!("the edit stands in the file, and the gateway at {listen} has rejected the file");
                print_error(
                    &message,
                    "mend what is shown above; until then what was applied before it is served",
                );
                return false;
            }
            Standing::Pending(why) if left.is_zero() => {
                let message = format!(
                    "the edit stands in the file, but is not known to be served after {LIMIT:?}: {why}"
                );
                print_error(&message, "see the gateway's log, or ask `downtime status`");
                return false;
            }
            Standing::Pending(_) => std::thread::sleep(PAUSE),
        }
    }
}

impl Awaited {
    fn standing(&self, path: &Path, patience: Duration) -> Standing {
        let Ok((bytes, _)) = file::read(path, MAX_LENGTH) else {
            return Standing::Pending("the file cannot be read".into());
        };
        if !std::str::from_utf8(&bytes).is_ok_and(|text| holds(text, &self.periods)) {
            let why = "the file was changed since, and does not hold the edit any more";
            return Standing::Pending(why.into());
        }
        match ask(&self.listen, patience) {
            Ok(told) => of(told.facts, &sha256(&bytes)),
            Err(error) => Standing::Pending(format!("the gateway at {}: {error}", self.listen)),
        }
    }
}

/// How a file stands with the gateway that says this.
fn of(facts: Facts, sha256: &str) -> Standing {
    if facts.sha256 == sha256 {
        return Standing::Served(facts);
    }
    let of_this =
        |rejection: &Rejection| rejection.sha256.as_deref().is_none_or(|rejected| rejected == sha256);
    match facts.rejected {
        Some(rejection) if of_this(&rejection) => Standing::Rejected(rejection),
        _ => Standing::Pending(format!(
            "the gateway still serves snapshot {} of {}, which is of another text",
            facts.generation,
            facts.file.display()
        )),
    }
}
