//! The access log.

use std::net::IpAddr;
use std::time::Instant;

use http::Method;
use tracing::info;

use crate::config::Config;

/// A line of the access log that is being written.
pub(super) struct AccessLogLine {
    method: Method,
    path: String,
    client: Option<IpAddr>,
    begun: Instant,
}

impl AccessLogLine {
    /// The query stays out of the log: it may hold what is nobody's business.
    pub(super) fn begin(
        config: &Config,
        method: &Method,
        path: &str,
        client: Option<IpAddr>,
    ) -> Option<Self> {
        config.log.access.then(|| Self {
            method: method.clone(),
            path: path.to_owned(),
            client,
            begun: Instant::now(),
        })
    }

    /// Writes the line, of a response with this status.
    pub(super) fn log(self, status: u16) {
        let client = self.client.map_or_else(|| "-".into(), |client| client.to_string());
        let milliseconds = self.begun.elapsed().as_secs_f64() * 1000.0;
        let (method, path) = (self.method.as_str(), self.path.as_str());
        info!(target: "downtime::access", client, method, path, status, ms = format!("{milliseconds:.1}"));
    }
}
