//! The short way of a request that gets the down page: from its head to the bytes of the answer.
//!
//! It decides as every request is decided, and what it sends is what the long way would send; it only leaves out what
//! cannot matter to a plain `GET`. Nothing goes this way to a site.

use bytes::Bytes;

use super::Gateway;
use super::head::{Beginning, PlainHead, beginning};
use crate::clock;
use crate::decision::{Decision, decide};
use crate::filters::exchange::key;
use crate::filters::proxy::Peer;
use crate::path::RequestPath;
use crate::request::Request;
use crate::server::AtOnce;

impl<R> Gateway<R> {
    /// The answer to the request that `unread` begins with, if the down page is all there is to it.
    pub(super) fn answer_at_once(&self, unread: &[u8], peer: &Peer) -> AtOnce {
        match beginning(unread) {
            Beginning::Incomplete => AtOnce::Incomplete,
            Beginning::Other => AtOnce::Other,
            Beginning::Plain(head) => match self.page_for(&head, peer) {
                Some(answer) => AtOnce::Answer { head: head.length, answer },
                None => AtOnce::Other,
            },
        }
    }

    fn page_for(&self, head: &PlainHead<'_>, peer: &Peer) -> Option<Bytes> {
        let snapshot = self.snapshots.current();
        let config = &snapshot.config;
        let is_forwarded = config.server.trusted.trusts(peer.address());
        // Whom a proxy speaks for is a matter of more fields.
        if config.log.access || is_forwarded && config.rules.exemptions.has_networks() {
            return None;
        }
        let now = clock::now();
        let phase = snapshot.phase(now);
        let request = Request {
            method: head.method,
            authority: Some(head.host),
            path: RequestPath::new(head.path),
            client: peer.address(),
        };
        let Decision::Unavailable(down) = decide(&config.rules, &request, &phase.moment, now) else {
            return None;
        };
        let page = snapshot.page(&phase, key(&down));
        self.prepared.answer(&page, head, down.retry_after, now)
    }
}
