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

    /// Keeps nothing more for another attempt once the response has begun.
    pub(super) fn keep_no_more(&mut self, bytes: &mut Vec<u8>) {
        self.max_kept = 0;
        if self.kept.size() > 0 && self.sent == bytes.len() {
            self.drop_kept(bytes);
        }
    }

    /// Drops all that was sent, and gives back what counts for the process.
    pub(super) fn drop_kept(&mut self, bytes: &mut Vec<u8>) {
        self.has_dropped_head = true;
        self.max_kept = 0;
        self.clear_sent(bytes);
        if self.kept.size() > 0 {
            shrink(bytes);
            self.kept = KeptMemory::default();
        }
    }

    pub(super) fn clear_sent(&mut self, bytes: &mut Vec<u8>) {
        clear_sent(bytes);
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::net::UnixStream;

    use super::*;
    use crate::http1::fields::{ConnectionOptions, FieldFilter, Sender};
    use crate::http1::framing::TransferCoding;
    use crate::net::client::ClientConnection;
    use crate::net::peer::Peer;

    #[tokio::test]
    async fn a_body_that_is_too_long_to_be_kept_counts_no_more() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let client = ClientConnection::for_http2(ours.into(), Rc::new(Peer::new(None)), Rc::default());
        let options = ConnectionOptions::default();
        let filter = FieldFilter { sender: Sender::Client, options: &options };
        let mut upload = Upload::new(TransferCoding::Identity, filter, &client, true);
        let mut bytes = vec![7; 1 << 20];
        upload.sent = bytes.len();
        assert!(!upload.may_keep());
        assert_ne!(upload.kept.size(), 0);
        upload.drop_kept(&mut bytes);
        assert_eq!((upload.kept.size(), bytes.capacity(), upload.is_kept()), (0, 0, false));
    }
}
