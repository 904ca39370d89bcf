//! `--wait`: returns when the gateway that runs serves an edit.
//!
//! It does once it has applied the file as it is now, and that still has the periods as the edit wrote them: others may
//! have edited meanwhile.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::status::restated;
use super::{escaped, print_diagnostics, print_error, print_result};
use crate::config::Listen;
use crate::config::edit::contains_periods;
use crate::config::load::sha256;
use crate::management::client::{AskError, Facts, Rejection, ask};
use crate::store::read::{self, MAX_LENGTH};

/// How long to wait.
const LIMIT: Duration = Duration::from_secs(10);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long until it is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// An edit that is to be served.
#[derive(Debug)]
pub(super) struct AwaitedEdit {
    /// Where to ask.
    pub(super) listen: Listen,
    /// The periods that it wrote.
    pub(super) periods: Vec<toml::Table>,
}

/// How far an edit has come.
enum EditProgress {
    Served(Facts),
    Rejected(Rejection),
    /// It is not served yet: why.
    Pending(String),
    /// There was too little time left for an answer.
    OutOfTime,
}

/// Why an edit is not served.
#[derive(Debug)]
enum WaitError {
    Rejected(Rejection),
    /// Not in time: the last reason that was found.
    TooLate(String),
}

/// Whether the gateway serves the edit of `path` within ten seconds. Says since when, or why not.
pub(super) fn until_served(path: &Path, awaited: &AwaitedEdit) -> Result<bool, ExitCode> {
    let AwaitedEdit { listen, .. } = awaited;
    let begun = Instant::now();
    match awaited.wait(path, LIMIT) {
        Ok(facts) => {
            let (generation, taken) = (facts.generation, begun.elapsed().as_millis());
            print_result(&format!(
                "served by the gateway at {listen}: snapshot {generation}, after {taken} ms\n"
            ))?;
            return Ok(true);
        }
        Err(WaitError::Rejected(rejection)) => {
            print_diagnostics(&rejection.errors().map(restated).collect::<Vec<_>>());
            let message = format!("the file has the edit, but the gateway at {listen} has rejected the file");
            let help = "fix what is shown above; until then the gateway serves what it applied before";
            print_error(&message, help);
        }
        Err(WaitError::TooLate(why)) => {
            let message = format!(
                "the file has the edit, but the gateway is not known to serve it after {LIMIT:?}: {why}"
            );
            print_error(&message, "see the gateway's log, or run `downtime status`");
        }
    }
    Ok(false)
}

impl AwaitedEdit {
    /// Asks until the edit is served, rejected, or `limit` is over.
    fn wait(&self, path: &Path, limit: Duration) -> Result<Facts, WaitError> {
        let begun = Instant::now();
        let mut reason = format!("the gateway at {} did not answer", self.listen);
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(WaitError::TooLate(reason));
            }
            match self.progress(path, left.min(PATIENCE)) {
                EditProgress::Served(facts) => return Ok(facts),
                EditProgress::Rejected(rejection) => return Err(WaitError::Rejected(rejection)),
                EditProgress::Pending(why) => reason = why,
                EditProgress::OutOfTime => {}
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn progress(&self, path: &Path, patience: Duration) -> EditProgress {
        let Ok((bytes, _)) = read::read(path, MAX_LENGTH) else {
            return EditProgress::Pending("the file cannot be read".into());
        };
        if !std::str::from_utf8(&bytes).is_ok_and(|text| contains_periods(text, &self.periods)) {
            let why = "the file was changed meanwhile, and does not have the edit any more";
            return EditProgress::Pending(why.into());
        }
        match ask(&self.listen, patience) {
            Ok(told) => progress(told.facts, &sha256(&bytes)),
            Err(AskError::TimedOut(_)) if patience < PATIENCE => EditProgress::OutOfTime,
            Err(error) => EditProgress::Pending(format!(
                "the gateway at {}: {}",
                self.listen,
                escaped(&error.to_string())
            )),
        }
    }
}

/// How far a file has come with the gateway that says this.
fn progress(facts: Facts, sha256: &str) -> EditProgress {
    if facts.sha256 == sha256 {
        return EditProgress::Served(facts);
    }
    let of_this =
        |rejection: &Rejection| rejection.sha256.as_deref().is_none_or(|rejected| rejected == sha256);
    match facts.rejected {
        Some(rejection) if of_this(&rejection) => EditProgress::Rejected(rejection),
        _ => EditProgress::Pending(format!(
            "the gateway still serves snapshot {} of {}, made of another text",
            facts.generation,
            escaped(&facts.file.display().to_string())
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Waits for the file as it is, of a gateway that answers the first request so, and no further one.
    fn reason(answer: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let [file, socket] = ["downtime.toml", "socket"].map(|name| folder.path().join(name));
        std::fs::write(&file, "# nothing\n").unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let answer = answer.map(str::to_owned);
        let gateway = std::thread::spawn(move || {
            if let Some(answer) = answer {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
            // The next ones are taken by the system, and get no answer as long as this is there.
            listener
        });
        let awaited = AwaitedEdit { listen: Listen::Unix(socket), periods: Vec::new() };
        let waited = awaited.wait(&file, Duration::from_millis(300));
        drop(gateway.join().unwrap());
        match waited {
            Err(WaitError::TooLate(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_reason_that_was_found_is_kept() {
        assert!(reason(Some("500 No")).contains("500 Internal Server Error"), "{}", reason(Some("500 No")));
        assert!(reason(None).ends_with("did not answer"), "{}", reason(None));
    }
}
