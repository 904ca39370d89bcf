//! Waits until the running gateway has applied an edit.
//!
//! That is the case once it has applied the file as it is now, and the file still contains the periods that the edit
//! wrote: others may edit it in the meantime.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::config::Listen;
use crate::config::diagnostic::Diagnostic;
use crate::config::edit::contains_periods;
use crate::config::load::sha256;
use crate::escape::peer_text;
use crate::management::client::{QueryError, query_status};
use crate::management::status::{GatewayStatus, Rejection};
use crate::store::read::{self, MAX_LENGTH};
use crate::summary::DiagnosticSummary;

/// The time limit for the whole wait.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for one query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause between two queries.
const PAUSE: Duration = Duration::from_millis(10);

/// An edit that the gateway has to apply.
#[derive(Debug)]
pub struct AwaitedEdit {
    /// The management listener of the gateway.
    pub listen: Listen,
    /// The periods file, if the edit is there.
    pub periods_file: Option<PathBuf>,
    /// The periods that the edit wrote.
    pub periods: Vec<toml::Table>,
}

/// The result of one query.
enum EditProgress {
    Applied(Box<GatewayStatus>),
    Rejected(Rejection),
    /// The edit is not applied yet, for this reason.
    Pending(String),
    /// There was too little time left for a response.
    OutOfTime,
}

/// The reason why an edit is not applied.
#[derive(Debug)]
pub enum WaitError {
    /// The gateway has rejected the file.
    Rejected(Rejection),
    /// Not in time; the last known reason.
    TimedOut(String),
}

/// What a gateway reports once it has applied an edit.
#[derive(Clone, Debug)]
pub struct AppliedEdit {
    listen: Listen,
    generation: u64,
    after: Duration,
}

impl fmt::Display for AppliedEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, generation, after } = self;
        let ms = after.as_millis();
        write!(f, "applied by the gateway at {listen} as snapshot {generation}, after {ms} ms")
    }
}

impl WaitError {
    /// Describes why the edit is not applied, after the errors that the gateway reports. `status` is the command that
    /// shows the state. `stays` is false if the edit will be undone.
    pub fn diagnostics(&self, awaited: &AwaitedEdit, status: &str, stays: bool) -> Vec<Diagnostic> {
        match self {
            Self::Rejected(rejection) => {
                let kept = if stays { "; the edit stays in it" } else { "" };
                let message = format!("the gateway at {} rejected the file{kept}", awaited.listen);
                let help = "fix the errors above; until then the gateway keeps its last valid configuration";
                rejection.errors().map(from_gateway).chain([Diagnostic::for_file(message, help)]).collect()
            }
            Self::TimedOut(reason) => {
                let message = format!(
                    "no gateway confirmed within {WAIT_TIMEOUT:?} that it has applied the file: {reason}"
                );
                let kept = if stays { "the edit stays in the file; " } else { "" };
                let help = format!("{kept}check the log of the gateway, or run `{status}`");
                vec![Diagnostic::for_file(message, help)]
            }
        }
    }
}

/// Converts an error that the gateway reports.
pub fn from_gateway(error: &DiagnosticSummary) -> Diagnostic {
    let file = error.file.as_deref().map_or(String::new(), |file| format!(" of {}", peer_text(file)));
    let line = error.line.map_or(String::new(), |line| format!("line {line}{file}: "));
    let message = format!("the gateway reports: {line}{}", peer_text(&error.message));
    let help = error.help.as_deref().map(|help| peer_text(help).into_owned());
    Diagnostic { help, ..Diagnostic::for_file(message, "") }
}

impl AwaitedEdit {
    /// Waits until the gateway has applied the edit of the file at `path`, at most 10 s.
    pub async fn applied(&self, path: &Path) -> Result<AppliedEdit, WaitError> {
        let started = Instant::now();
        let GatewayStatus { generation, .. } = self.wait(path, WAIT_TIMEOUT).await?;
        Ok(AppliedEdit { listen: self.listen.clone(), generation, after: started.elapsed() })
    }

    /// Queries the gateway until the edit is applied or rejected, or the time is over.
    async fn wait(&self, path: &Path, limit: Duration) -> Result<GatewayStatus, WaitError> {
        let started = Instant::now();
        let mut reason = format!("the gateway at {} did not respond", self.listen);
        loop {
            let left = limit.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(WaitError::TimedOut(reason));
            }
            match self.progress(path, left.min(QUERY_TIMEOUT)).await {
                EditProgress::Applied(status) => return Ok(*status),
                EditProgress::Rejected(rejection) => return Err(WaitError::Rejected(rejection)),
                EditProgress::Pending(new_reason) => reason = new_reason,
                EditProgress::OutOfTime => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn progress(&self, path: &Path, timeout: Duration) -> EditProgress {
        let read = |path: &Path| read::read(path, MAX_LENGTH).map(|(bytes, _)| bytes);
        let (Ok(main), Ok(periods)) = (read(path), self.periods_file.as_deref().map(read).transpose()) else {
            return EditProgress::Pending("the file cannot be read".into());
        };
        let edited = periods.as_ref().unwrap_or(&main);
        if !std::str::from_utf8(edited).is_ok_and(|text| contains_periods(text, &self.periods)) {
            let reason = "the file has changed since, and no longer contains the edit";
            return EditProgress::Pending(reason.into());
        }
        match query_status(&self.listen, timeout).await {
            Ok(reply) => self.compare(reply.gateway, path, &sha256(&main, periods.as_deref())),
            Err(QueryError::TimedOut(_)) if timeout < QUERY_TIMEOUT => EditProgress::OutOfTime,
            Err(error) => {
                EditProgress::Pending(format!("could not query the gateway at {}: {error}", self.listen))
            }
        }
    }

    /// Compares what the gateway has read with the file at `path`, which has this hash.
    fn compare(&self, status: GatewayStatus, path: &Path, sha256: &str) -> EditProgress {
        if status.sha256 == sha256 {
            return EditProgress::Applied(Box::new(status));
        }
        match status.rejected {
            Some(rejection) if rejection.is_of(Some(sha256)) => EditProgress::Rejected(rejection),
            _ if !status.is_at(path) => EditProgress::Pending(format!(
                "the gateway at {} serves another file, {}",
                self.listen,
                peer_text(&status.file)
            )),
            _ => EditProgress::Pending(format!(
                "the gateway still serves snapshot {} of another version of {}",
                status.generation,
                peer_text(&status.file)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Waits for a gateway that sends this response to the first request and none to the others. Returns the reason of
    /// the failure.
    fn reason(response: Option<&str>) -> String {
        let directory = tempfile::tempdir().unwrap();
        let [file, socket] = ["downtime.toml", "socket"].map(|name| directory.path().join(name));
        std::fs::write(&file, "# nothing\n").unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let response = response.map(str::to_owned);
        let gateway = std::thread::spawn(move || {
            if let Some(response) = response {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                write!(stream, "HTTP/1.1 {response}\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
            // The system accepts further connections, and nobody responds while this listener exists.
            listener
        });
        let awaited =
            AwaitedEdit { listen: Listen::Unix(socket, None), periods_file: None, periods: Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result = runtime.block_on(awaited.wait(&file, Duration::from_millis(300)));
        drop(gateway.join().unwrap());
        match result {
            Err(WaitError::TimedOut(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_known_reason_is_reported() {
        assert!(reason(Some("500 No")).contains("500 Internal Server Error"), "{}", reason(Some("500 No")));
        assert!(reason(None).ends_with("did not respond"), "{}", reason(None));
    }
}
