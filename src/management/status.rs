//! `/status`: the summary that `--check` prints, for the applied snapshot, and the state of the gateway.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunningGateway;
use crate::config::diagnostic::Severity;
use crate::snapshot::RejectedReading;
use crate::summary::{DiagnosticSummary, Summary, bypass_lines, status_lines, to_json};
use crate::watch::Mode;

/// The JSON document.
#[derive(Debug, Serialize)]
struct StatusDocument {
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    gateway: GatewayStatus,
}

/// The part of `/status` that only a running gateway knows. Commands read it. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// The absolute path of the file.
    pub file: String,
    /// The hash of the applied file, in hexadecimal.
    pub sha256: String,
    /// The number of the applied snapshot, from 1.
    pub generation: u64,
    /// The time at which the snapshot was applied.
    pub applied_at: Timestamp,
    /// The last version of the file, if it was rejected.
    pub rejected: Option<Rejection>,
    /// True if the last attempt to reach the upstream succeeded; `None` if there was no attempt or there is no
    /// upstream.
    pub reachable: Option<bool>,
    /// The way in which changes are noticed: `events` or `polling`.
    pub watch: String,
    /// The IANA name of the file's time zone.
    pub timezone: Option<String>,
    /// The state for people, as `downtime status` prints it.
    pub lines: Vec<String>,
}

/// A version of the file that was rejected.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rejection {
    /// The time at which it was read.
    pub at: Timestamp,
    /// The hash of the file; `None` if it could not be read.
    pub sha256: Option<String>,
    /// The diagnostics of it.
    pub diagnostics: Vec<DiagnosticSummary>,
}

impl Rejection {
    /// Returns the errors, without warnings and notes.
    pub fn errors(&self) -> impl Iterator<Item = &DiagnosticSummary> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }
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

/// Returns the JSON document at `now`, with a newline at the end.
pub(super) fn render(gateway: &RunningGateway, now: Timestamp) -> String {
    let snapshot = gateway.snapshots.current();
    let rejected = gateway.snapshots.rejected();
    let config = &snapshot.config;
    let reachable = snapshot.reachability.get();
    let watch = match gateway.watch.mode() {
        Mode::Events => "events",
        Mode::Polling => "polling",
    };
    to_json(&StatusDocument {
        summary: Summary { source: "server", ..Summary::new(Some(config), snapshot.warnings(), now) },
        gateway: GatewayStatus {
            file: gateway.file.display().to_string(),
            sha256: snapshot.sha256.clone(),
            generation: snapshot.generation,
            applied_at: snapshot.applied_at,
            rejected: rejected.as_deref().map(Rejection::from),
            reachable,
            watch: watch.to_owned(),
            timezone: config.timezone.iana_name().map(str::to_owned),
            lines: status_lines(config, &snapshot.phase(now).state, reachable, now)
                .into_iter()
                .chain(bypass_lines(config, now))
                .collect(),
        },
    })
}
