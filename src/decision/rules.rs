//! The rules by which requests are decided.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;

use super::down_response::DownResponse;
use super::https_only::HttpsOnly;
use super::is_acme_challenge;
use crate::http1::scheme::Scheme;
use crate::matching::bypass::Bypasses;
use crate::matching::exempt::Exemptions;
use crate::matching::probe_paths::ProbePaths;
use crate::matching::request::Request;
use crate::page::Cause;
use crate::schedule::outage::MAX_OUTAGE;
use crate::schedule::state::Schedule;

/// The default of `[server] status_path`.
pub const STATUS_PATH: &str = "/.downtime/status";
/// The default of earlier versions. It still works if the current default is in use.
const EARLIER_STATUS_PATH: &str = "/.well-known/downtime";
/// The path of the page at which testers enter.
pub const ENTER_PATH: &str = "/.downtime/enter";

/// Everything in the file that decides what happens to a request.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Redirects requests over http, if it is on.
    pub https_only: Option<HttpsOnly>,
    /// The status path, unless it is turned off.
    pub status_path: Option<String>,
    /// The paths that load balancers probe.
    pub probe_paths: ProbePaths,
    /// The requests that pass during downtime.
    pub exemptions: Exemptions,
    /// True if ACME challenges pass, so that certificates can be renewed.
    pub acme: bool,
    /// The secrets that let testers through during downtime.
    pub bypasses: Bypasses,
    /// The periods of downtime.
    pub schedule: Schedule,
    /// The down response of each period, in the schedule's order.
    pub responses: Vec<DownResponse>,
    /// The value of `Retry-After` if the end is unknown.
    pub retry_after: Duration,
}

impl Rules {
    /// Returns the redirect to https, if a request has to come over https and did not. Certificate authorities and load
    /// balancers use http, and the status path is public. CONNECT asks for no URL (RFC 9112, section 3.2.3).
    pub(super) fn https_only_for(&self, request: &Request<'_>) -> Option<&HttpsOnly> {
        let https_only = self.https_only.as_ref()?;
        let is_excepted = || {
            *request.method == Method::CONNECT
                || self.is_status(request.path.raw())
                || self.probe_paths.find(request).is_some()
                || is_acme_challenge(request)
        };
        (request.scheme == Scheme::Http && !is_excepted()).then_some(https_only)
    }

    /// Returns true if a raw request path is the status path.
    pub(super) fn is_status(&self, raw: &str) -> bool {
        self.status_path
            .as_deref()
            .is_some_and(|path| raw == path || path == STATUS_PATH && raw == EARLIER_STATUS_PATH)
    }

    /// Returns true if a request is for the page at which testers enter. It exists only while they can.
    pub(super) fn is_enter(&self, request: &Request<'_>, now: Timestamp) -> bool {
        !self.bypasses.is_empty() && request.path.raw() == ENTER_PATH && self.bypasses.let_in(request, now)
    }

    /// Returns the value of `Retry-After` at `now` for a request that passes at `until`, in seconds.
    pub fn retry_after(&self, until: Option<Timestamp>, now: Timestamp) -> u64 {
        until
            .filter(|until| until.duration_since(now) <= MAX_OUTAGE)
            .map_or_else(|| whole_seconds(self.retry_after), |until| seconds_between(now, until))
    }

    /// Returns the reason that visitors read while a period, given by its index, decides.
    pub fn cause(&self, period: usize) -> Cause {
        let period = self.schedule.periods().get(period);
        if period.is_some_and(|period| period.unscheduled) { Cause::Unscheduled } else { Cause::Planned }
    }

    /// Returns true if the scope of a period, given by its index, covers a request.
    pub fn covers(&self, period: usize, request: &Request<'_>) -> bool {
        self.schedule.periods().get(period).is_some_and(|period| period.scope.covers(request))
    }
}

fn seconds_between(now: Timestamp, until: Timestamp) -> u64 {
    whole_seconds(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// Rounds up to whole seconds, at least 1: `Retry-After` has no fractions (RFC 9110, section 10.2.3).
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_at_least_one() {
        for (nanos, seconds) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2), (90_000_000_000, 90)]
        {
            assert_eq!(whole_seconds(Duration::from_nanos(nanos)), seconds, "{nanos}");
        }
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
