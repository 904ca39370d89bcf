//! How much of the requests is kept in memory for another attempt.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that the process keeps of long bodies, in bytes.
const MAX: usize = 16 << 20;
/// How much of a body is kept in one step.
const STEP: usize = 32 << 10;

/// How much memory is kept.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The memory that a request keeps, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct KeptMemory(usize);

impl KeptMemory {
    /// Returns how much it is, in bytes.
    pub(super) fn size(&self) -> usize {
        self.0
    }

    /// Adds a step, up to `limit`. Returns false if that is too much, for the request or for the process.
    pub(super) fn grow(&mut self, limit: usize) -> bool {
        let more = |kept: usize| (kept + STEP <= MAX).then_some(kept + STEP);
        let grows =
            self.0 + STEP <= limit && KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if grows {
            self.0 += STEP;
        }
        grows
    }
}

impl Drop for KeptMemory {
    fn drop(&mut self) {
        if self.0 > 0 {
            KEPT.fetch_sub(self.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_all_together_keep_no_more_than_they_may() {
        let mut requests: Vec<KeptMemory> = Vec::new();
        let mut kept = 0;
        loop {
            let mut request = KeptMemory::default();
            while request.grow(5 * STEP) {}
            assert!(request.size() <= 5 * STEP);
            if request.size() == 0 {
                break;
            }
            kept += request.size();
            requests.push(request);
        }
        // Other tests may keep some.
        assert!(kept <= MAX && kept > MAX / 2, "{kept}");
        drop(requests.pop());
        assert!(KeptMemory::default().grow(STEP));
    }
}
