//! `/status`: what `--check` says, of the snapshot that is applied; and how that came about.

use jiff::Timestamp;
use serde::Serialize;

use super::RunningGateway;
use crate::snapshot::RejectedReading;
use crate::summary::{DiagnosticSummary, Summary, status_lines, to_json};
use crate::watch::Mode;

/// The JSON document. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    summary: Summary,
    /// The file, as an absolute path.
    file: String,
    /// Of the file that is applied, in hexadecimal.
    sha256: String,
    /// Counts what was applied since the start, from 1.
    generation: u64,
    applied_at: Timestamp,
    /// The last reading of the file, where it could not be applied.
    rejected: Option<Rejection>,
    /// Whether the last attempt to reach the upstream succeeded; none where there was none, or there is no upstream.
    reachable: Option<bool>,
    /// How changes are noticed: `events` or `polling`.
    watch: &'static str,
    /// Of the file: an IANA name.
    timezone: Option<String>,
    /// The state for people, as `downtime status` prints it.
    lines: [String; 4],
}

#[derive(Debug, Serialize)]
struct Rejection {
    at: Timestamp,
    /// None where the file could not be read.
    sha256: Option<String>,
    diagnostics: Vec<DiagnosticSummary>,
}

impl From<&RejectedReading> for Rejection {
    fn from(rejected: &RejectedReading) -> Self {
        let RejectedReading { at, sha256, diagnostics } = rejected;
        Self {
            at: *at,
            sha256: sha256.clone(),
            diagnostics: diagnostics.iter().map(DiagnosticSummary::from).collect(),
        }
    }
}

/// The status at `now`, with a newline at the end.
pub(super) fn render(subject: &RunningGateway, now: Timestamp) -> String {
    let snapshot = subject.snapshots.current();
    let rejected = subject.snapshots.rejected();
    let config = &snapshot.config;
    let reachable = snapshot.reachability.get();
    let status = Status {
        summary: Summary { source: "server", ..Summary::new(Some(config), snapshot.warnings(), now) },
        file: subject.file.display().to_string(),
        sha256: snapshot.sha256.clone(),
        generation: snapshot.generation,
        applied_at: snapshot.applied_at,
        rejected: rejected.as_deref().map(Rejection::from),
        reachable,
        watch: match subject.watch.mode() {
            Mode::Events => "events",
            Mode::Polling => "polling",
        },
        timezone: config.timezone.iana_name().map(str::to_owned),
        lines: status_lines(config, &snapshot.phase(now).state, reachable, now),
    };
    to_json(&status)
}
