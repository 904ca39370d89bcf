//! Log lines for responses that were cut off. A broken upstream may cut off all of them, so the first has a line, and the others are
//! counted each minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use super::UpstreamError;
use crate::net::peer::Peer;
use crate::plural::counted;

/// How often others are counted in the log.
const INTERVAL: Duration = Duration::from_secs(60);

static CUT: CutLog = CutLog(Mutex::new(None));

/// What the log has said last, unless that was more than a minute ago.
struct CutLog(Mutex<Option<LoggedCut>>);

struct LoggedCut {
    at: Instant,
    /// How many were cut off since then.
    others: u64,
}

/// Records that a response was cut off.
pub(super) fn record_cut(peer: &Peer, error: &UpstreamError) {
    if CUT.is_first() {
        warn!("a response to {peer} was cut off: {error}; more are counted each minute");
    } else {
        debug!("a response to {peer} was cut off: {error}");
    }
}

/// Logs each minute how many more responses were cut off. To be called each second.
pub fn report_cut_responses() {
    if let Some(count) = CUT.take_others() {
        warn!("cut off within the last minute: {}", counted(count, "more response"));
    }
}

impl CutLog {
    /// Counts a response. Returns true if it is the first one.
    fn is_first(&self) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = logged.is_none();
        let cut = logged.get_or_insert_with(|| LoggedCut { at: Instant::now(), others: 0 });
        cut.others += u64::from(!is_first);
        is_first
    }

    /// Returns how many there were since the log has said something, a minute after that.
    fn take_others(&self) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let LoggedCut { others, .. } = logged.take_if(|cut| cut.at.elapsed() >= INTERVAL)?;
        if others == 0 {
            return None;
        }
        *logged = Some(LoggedCut { at: Instant::now(), others: 0 });
        Some(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_has_a_line_and_the_others_are_counted_each_minute() {
        let log = CutLog(Mutex::new(None));
        assert_eq!(log.take_others(), None);
        assert_eq!([log.is_first(), log.is_first(), log.is_first()], [true, false, false]);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(log.take_others(), None, "too early");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!log.is_first(), "the others have not been reported yet");
        assert_eq!([log.take_others(), log.take_others()], [Some(3), None]);
        assert!(!log.is_first());
        tokio::time::advance(INTERVAL).await;
        assert_eq!(log.take_others(), Some(1));
        tokio::time::advance(INTERVAL).await;
        assert_eq!(log.take_others(), None, "there was none for a minute");
        assert!(log.is_first());
    }
}
