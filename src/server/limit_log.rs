//! Log lines for limits of `[limits]` that clients reach: one for each limit and minute, since an attacker reaches them all the
//! time.

use tracing::info;

use super::head::TOO_LATE;
use crate::http1::head::is_too_long;
use crate::http1::refusal::Refusal;
use crate::log_interval::LogInterval;
use crate::net::peer::Peer;

pub(super) static HEAD: ReachedLimit = ReachedLimit::new("head", "sent a longer head");
pub(super) static HEAD_TIMEOUT: ReachedLimit = ReachedLimit::new("head_timeout", "took longer for a head");
pub(super) static HANDSHAKE_TIMEOUT: ReachedLimit =
    ReachedLimit::new("handshake_timeout", "took longer for a TLS handshake");
pub(super) static SEND_TIMEOUT: ReachedLimit =
    ReachedLimit::new("send_timeout", "took nothing of a response for longer");
pub(super) static STREAM_SEND_TIMEOUT: ReachedLimit = ReachedLimit {
    consequence: "its stream was reset",
    ..ReachedLimit::new("send_timeout", "took nothing of a response over HTTP/2 for longer")
};

pub(super) static CONNECTIONS_PER_CLIENT: ReachedLimit =
    ReachedLimit::new("connections_per_client", "has opened more connections");

/// A limit that a client has reached.
pub(super) struct ReachedLimit {
    key: &'static str,
    /// What a client does that reaches it.
    deed: &'static str,
    /// What the gateway does then.
    consequence: &'static str,
    logged: LogInterval,
}

impl ReachedLimit {
    const fn new(key: &'static str, deed: &'static str) -> Self {
        Self { key, deed, consequence: "was disconnected", logged: LogInterval::new() }
    }

    /// Logs that a client has reached the limit, and what follows, unless that was logged within the last minute.
    pub(super) fn record(&self, peer: &Peer) {
        let Self { key, deed, consequence, logged } = self;
        if logged.is_due() {
            info!("{peer} {deed} than `[limits] {key}`, and {consequence}; more are not logged for a minute");
        }
    }
}

/// Records the limit that made a request be refused, if it was one.
pub(super) fn refused(refusal: &Refusal, peer: &Peer) {
    if *refusal == TOO_LATE {
        HEAD_TIMEOUT.record(peer);
    } else if is_too_long(refusal) {
        HEAD.record(peer);
    }
}
