//! The access log.

use std::net::IpAddr;
use std::time::Instant;

use http::Method;
use tracing::info;

use crate::config::Config;
use crate::filters::context::Decided;
use crate::http1::request::RequestHead;

/// A line of the access log, for a request that is being handled.
pub(super) struct AccessLogLine {
    method: Method,
    path: String,
    client: Option<IpAddr>,
    started_at: Instant,
}

impl AccessLogLine {
    /// Starts a line, if the access log is on. The query is not logged, since it may contain private data.
    pub(super) fn new(config: &Config, decided: &Decided, head: &RequestHead<'_>) -> Option<Self> {
        config.log.access.then(|| Self {
            method: head.method.clone(),
            path: head.target.path_text().into_owned(),
            client: decided.client,
            started_at: Instant::now(),
        })
    }

    /// Writes the line, for a response with this status.
    fn log(self, status: u16) {
        let client = self.client.map_or_else(|| "-".into(), |client| client.to_string());
        let milliseconds = self.started_at.elapsed().as_secs_f64() * 1000.0;
        let (method, path) = (self.method.as_str(), self.path.as_str());
        info!(target: "downtime::access", client, method, path, status, ms = format!("{milliseconds:.1}"));
    }
}

/// Writes the line, if there is one and it was not written yet.
pub(super) fn log(line: &mut Option<AccessLogLine>, status: u16) {
    if let Some(line) = line.take() {
        line.log(status);
    }
}
