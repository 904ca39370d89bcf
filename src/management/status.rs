//! `/status`: the summary that `--check` prints, for the applied snapshot, and the state of the gateway.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunningGateway;
use super::activity::RequestRate;
use crate::config::diagnostic::Severity;
use crate::counters::UpstreamFailure;
use crate::plural::counted;
use crate::snapshot::{RejectedReading, Snapshot};
use crate::summary::{
    DiagnosticSummary, Summary, certificate_problems, short_bypass_lines, status_lines, to_json,
};
use crate::watch::Mode;

const STOPPING: &str = "gateway   is stopping: it serves new requests until `[server] stop_delay` is over";

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
    /// True if the file has another `listen` than the gateway was started with, which takes effect at the next start.
    #[serde(default)]
    pub listen_differs: bool,
    /// True once the gateway was asked to stop.
    #[serde(default)]
    pub stopping: bool,
    /// The last version of the file, if it was rejected.
    pub rejected: Option<Rejection>,
    /// True if the last attempt to reach the upstream succeeded; `None` if there was no attempt or there is no
    /// upstream.
    pub reachable: Option<bool>,
    /// The way in which changes are noticed: `events` or `polling`.
    pub watch: String,
    /// The IANA name of the file's time zone.
    pub timezone: Option<String>,
    /// Visitors' requests and connections.
    #[serde(default)]
    pub requests: RequestStatus,
    /// The upstream, if the file names one.
    #[serde(default)]
    pub upstream: Option<UpstreamStatus>,
    /// The state for people, as `downtime status` prints it.
    pub lines: Vec<String>,
}

/// Visitors' requests and connections.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RequestStatus {
    /// Those of the last minute.
    #[serde(flatten)]
    pub rate: RequestRate,
    /// The requests in progress, with open tunnels.
    pub in_progress: u64,
    /// The open connections.
    pub connections: usize,
}

/// The upstream.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Its URL.
    pub url: String,
    /// As [`GatewayStatus::reachable`].
    pub reachable: Option<bool>,
    /// The open connections.
    pub connections: usize,
    /// The requests that it did not respond to completely since the start of the gateway.
    pub errors: u64,
}

impl GatewayStatus {
    /// Returns true if the gateway has read the file at this path.
    pub fn is_at(&self, path: &Path) -> bool {
        let file = Path::new(&self.file);
        let real = |path: &Path| path.canonicalize().ok();
        let has_same_target = real(file).zip(real(path)).is_some_and(|(theirs, ours)| theirs == ours);
        has_same_target || std::path::absolute(path).is_ok_and(|path| path == file)
    }
}

impl RequestStatus {
    fn new(gateway: &RunningGateway) -> Self {
        Self {
            rate: gateway.activity.rate(),
            in_progress: gateway.counters.in_progress(),
            connections: gateway.connections.open(),
        }
    }

    fn line(&self) -> String {
        let Self { rate: RequestRate { per_second, passed }, in_progress, connections } = self;
        let connections = counted(*connections, "connection");
        let passed = passed.map_or(String::new(), |share| format!(", {:.0} % passed", share * 100.0));
        format!(
            "requests  {per_second:.1} per second in the last minute{passed}; {in_progress} in progress, \
             {connections}"
        )
    }
}

impl UpstreamStatus {
    fn new(gateway: &RunningGateway, snapshot: &Snapshot) -> Option<Self> {
        Some(Self {
            url: snapshot.config.site.upstream()?.to_string(),
            reachable: snapshot.reachability.get(),
            connections: gateway.upstreams.open_connections(),
            errors: UpstreamFailure::ALL.into_iter().map(|failure| gateway.counters.failures(failure)).sum(),
        })
    }

    fn line(&self) -> String {
        let Self { url, reachable, connections, errors } = self;
        let health = match reachable {
            Some(true) => "is reachable",
            Some(false) => "is unreachable",
            None => "was not needed yet",
        };
        let (connections, errors) = (counted(*connections, "connection"), counted(*errors, "error"));
        format!("upstream  {url} {health}; {connections}, {errors} since the start")
    }
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
    /// Returns true if it is of the files with this hash. Without a hash of its own, the gateway could not read them.
    pub fn is_of(&self, sha256: Option<&str>) -> bool {
        self.sha256.is_none() || self.sha256.as_deref() == sha256
    }

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
    let (requests, upstream) = (RequestStatus::new(gateway), UpstreamStatus::new(gateway, &snapshot));
    let stopping = gateway.readiness.is_stopping();
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
            listen_differs: !config.has_same_addresses(&gateway.bound.config),
            stopping,
            rejected: rejected.as_deref().map(Rejection::from),
            reachable,
            watch: watch.to_owned(),
            timezone: config.timezone.iana_name().map(str::to_owned),
            lines: status_lines(config, &snapshot.phase(now).state, reachable, now)
                .into_iter()
                .chain(stopping.then(|| STOPPING.to_owned()))
                .chain([requests.line()])
                .chain(upstream.as_ref().map(UpstreamStatus::line))
                .chain(certificate_problems(config, now))
                .chain(short_bypass_lines(config, now))
                .chain(snapshot.lowered_limits().into_iter().map(|lowered| format!("limits    {lowered}")))
                .collect(),
            requests,
            upstream,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_and_one_error_are_singular() {
        let requests = RequestStatus {
            rate: RequestRate { per_second: 0.0, passed: None },
            in_progress: 1,
            connections: 1,
        };
        assert_eq!(
            requests.line(),
            "requests  0.0 per second in the last minute; 1 in progress, 1 connection"
        );
        let upstream = UpstreamStatus { url: "u".into(), reachable: Some(true), connections: 2, errors: 1 };
        assert_eq!(upstream.line(), "upstream  u is reachable; 2 connections, 1 error since the start");
    }
}
