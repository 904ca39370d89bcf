//! What is kept of a request for another attempt.

use super::Upload;
use crate::net::buffer::{clear_sent, shrink};
use crate::upstream::kept::KeptMemory;

/// How much of a request over HTTP/2 is kept in any case once it was sent, in bytes: at least as much as the pipe takes before the
/// upstream has got any of the body.
pub(super) const MIN_KEPT: usize = 16 << 10;
/// How much is kept besides, as long as the process does not keep too much.
const MAX_KEPT: usize = 256 << 10;

impl Upload<'_> {
    /// Returns true if there is still all that was sent.
    pub(in crate::upstream) fn is_kept(&self) -> bool {
        !self.has_dropped_head
    }

    /// Returns true if all that was sent may be kept.
    pub(super) fn may_keep(&mut self) -> bool {
        while self.sent > self.max_kept {
            if self.max_kept == 0 || !self.kept.grow(MAX_KEPT) {
                return false;
            }
            self.max_kept = MIN_KEPT + self.kept.size();
        }
        true
    }

    /// Keeps nothing more for another attempt, and gives back what counts for the process.
    pub(super) fn keep_no_more(&mut self, bytes: &mut Vec<u8>) {
        self.max_kept = 0;
        if self.kept.size() > 0 && self.sent == bytes.len() {
            self.has_dropped_head = true;
            self.clear_sent(bytes);
            shrink(bytes);
            self.kept = KeptMemory::default();
        }
    }

    pub(super) fn clear_sent(&mut self, bytes: &mut Vec<u8>) {
        clear_sent(bytes);
        self.sent = 0;
    }
}
