//! Logs each minute how many requests an unreachable upstream has failed, and when it is reachable again. That it is
//! unreachable is logged with the first request that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::config::Site;
use crate::plural::counted;
use crate::snapshot::{Reachability, Snapshot};

/// How often failed requests are counted in the log.
const INTERVAL: Duration = Duration::from_secs(60);

/// What the log has said about the upstream.
#[derive(Debug, Default)]
pub struct ReachabilityLog {
    reachability: Arc<Reachability>,
    /// The failures when this was last called.
    seen: u64,
    /// The failures and the time when the log last said something.
    reported: Option<(u64, Instant)>,
}

/// What the log has to say, with the number of requests that failed since it last said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReachabilityNews {
    StillUnreachable(u64),
    ReachableAgain(u64),
}

impl ReachabilityNews {
    fn describe(self, upstream: &str) -> String {
        match self {
            Self::StillUnreachable(failed) => {
                let requests = counted(failed, "request");
                format!("{upstream} is still unreachable: {requests} failed within the last minute")
            }
            Self::ReachableAgain(failed) => {
                format!("{upstream} is reachable again; {} failed meanwhile", counted(failed, "request"))
            }
        }
    }
}

impl ReachabilityLog {
    /// Logs what is new. To be called each second.
    pub fn update(&mut self, snapshot: &Snapshot, now: Instant) {
        if !Arc::ptr_eq(&self.reachability, &snapshot.reachability) {
            *self = Self { reachability: Arc::clone(&snapshot.reachability), ..Self::default() };
        }
        let (Some(news), Site::Upstream(site)) = (self.news(now), &snapshot.config.site) else { return };
        let upstream = site.upstream.to_string();
        let message = news.describe(&upstream);
        match news {
            ReachabilityNews::StillUnreachable(failed) => warn!(upstream, failed, "{message}"),
            ReachabilityNews::ReachableAgain(failed) => info!(upstream, failed, "{message}"),
        }
    }

    /// An upstream that fails now and then is reachable again once a second has passed without a failure.
    fn news(&mut self, now: Instant) -> Option<ReachabilityNews> {
        let failures = self.reachability.failures();
        let before = std::mem::replace(&mut self.seen, failures);
        if !self.reachability.is_reported() {
            self.reported = None;
            return None;
        }
        let (counted, since) = *self.reported.get_or_insert((before, now));
        let failed = failures - counted;
        if failures == before && self.reachability.get() == Some(true) {
            self.reachability.report_success();
            self.reported = None;
            return Some(ReachabilityNews::ReachableAgain(failed));
        }
        if now.duration_since(since) < INTERVAL {
            return None;
        }
        self.reported = Some((failures, now));
        (failed > 0).then_some(ReachabilityNews::StillUnreachable(failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_how_many_requests_failed() {
        for (news, expected) in [
            (
                ReachabilityNews::StillUnreachable(1),
                "u is still unreachable: 1 request failed within the last minute",
            ),
            (
                ReachabilityNews::StillUnreachable(5),
                "u is still unreachable: 5 requests failed within the last minute",
            ),
            (ReachabilityNews::ReachableAgain(0), "u is reachable again; 0 requests failed meanwhile"),
            (ReachabilityNews::ReachableAgain(1), "u is reachable again; 1 request failed meanwhile"),
        ] {
            assert_eq!(news.describe("u"), expected);
        }
    }

    #[test]
    fn failures_are_counted_each_minute_and_the_end_is_logged_once() {
        let mut log = ReachabilityLog::default();
        let reachability = Arc::clone(&log.reachability);
        let start = Instant::now();
        let mut at = |second| log.news(start + Duration::from_secs(second));
        let fail = |times| {
            for _ in 0..times {
                let _is_news = reachability.record_failure(false);
            }
        };
        assert_eq!(at(0), None);
        fail(3);
        assert_eq!(at(1), None);
        fail(2);
        assert_eq!([at(2), at(60)], [None, None]);
        assert_eq!(at(61), Some(ReachabilityNews::StillUnreachable(5)));
        assert_eq!([at(62), at(121)], [None, None], "nobody has asked for the site");
        // One that succeeds among others that fail is not enough.
        fail(1);
        reachability.record_response();
        assert_eq!(at(122), None);
        assert_eq!(at(123), Some(ReachabilityNews::ReachableAgain(1)));
        assert_eq!(at(124), None);
        fail(1);
        assert_eq!(at(125), None);
        assert_eq!(at(185), Some(ReachabilityNews::StillUnreachable(1)));
    }
}
