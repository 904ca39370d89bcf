//! Log lines for limits that clients reach, and for requests that are refused: one for each limit and minute, since an attacker
//! reaches them all the time.

use std::fmt::Arguments;

use tracing::{debug, info};

use super::head::TOO_LATE;
use crate::http1::head::is_too_long;
use crate::http1::refusal::{Refusal, SLOW_BODY};
use crate::http1::request::TOO_MANY_FIELDS;
use crate::log_interval::LogInterval;
use crate::net::peer::Peer;

pub(super) static HEAD: ReachedLimit = ReachedLimit::new("head", "sent a longer head");
pub(super) static HTTP_2_HEAD: ReachedLimit = ReachedLimit {
    consequence: "its request was refused",
    ..ReachedLimit::new("head", "sent a longer head over HTTP/2")
};
pub(super) static STREAMS: ReachedLimit = ReachedLimit {
    consequence: "a request was refused",
    ..ReachedLimit::new("streams", "has opened more streams of HTTP/2")
};
static BODY_TIMEOUT: ReachedLimit = ReachedLimit {
    consequence: "its request was refused",
    ..ReachedLimit::new("body_timeout", "sent less than 1 KiB of a request's body for longer")
};
pub(super) static HEAD_TIMEOUT: ReachedLimit = ReachedLimit::new("head_timeout", "took longer for a head");
pub(super) static HANDSHAKE_TIMEOUT: ReachedLimit =
    ReachedLimit::new("handshake_timeout", "took longer for a TLS handshake");
pub(super) static SEND_TIMEOUT: ReachedLimit =
    ReachedLimit::new("send_timeout", "took less than 1 KiB of a response for longer");
pub(super) static STREAM_SEND_TIMEOUT: ReachedLimit = ReachedLimit {
    consequence: "its stream was reset",
    ..ReachedLimit::new("send_timeout", "took longer for a part of a response over HTTP/2")
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

    /// Logs that a client has reached the limit, and what follows. What was logged within the last minute is only logged at level
    /// `debug`.
    pub(super) fn record(&self, peer: &Peer) {
        let Self { key, deed, consequence, logged } = self;
        log(logged, format_args!("{peer} {deed} than `[limits] {key}`, and {consequence}"));
    }
}

/// Logs that a client has reached a limit of HTTP/2 that is not a key of `[limits]`. What was logged within the last minute is only
/// logged at level `debug`.
pub(super) fn too_much_over_http_2(peer: &Peer) {
    static LOGGED: LogInterval = LogInterval::new();
    let what =
        format_args!("{peer} has reached a limit of HTTP/2, and was disconnected with ENHANCE_YOUR_CALM");
    log(&LOGGED, what);
}

/// Logs that a request is refused: the limit that it has reached, or the reason. What was logged within the last minute is only
/// logged at level `debug`.
pub(super) fn refused(refusal: &Refusal, peer: &Peer) {
    static FIELDS: LogInterval = LogInterval::new();
    static OTHERS: LogInterval = LogInterval::new();
    let Refusal { status, reason } = refusal;
    let what = format_args!("refused a request of {peer}: {status}: {reason}");
    let limit = if *refusal == TOO_LATE {
        Some(&HEAD_TIMEOUT)
    } else if is_too_long(refusal) {
        Some(&HEAD)
    } else if *refusal == SLOW_BODY {
        Some(&BODY_TIMEOUT)
    } else {
        None
    };
    match limit {
        Some(limit) => {
            limit.record(peer);
            debug!("{what}");
        }
        None => log(if *refusal == TOO_MANY_FIELDS { &FIELDS } else { &OTHERS }, what),
    }
}

fn log(interval: &LogInterval, what: Arguments<'_>) {
    if interval.is_due() {
        info!("{what}; more are not logged for a minute");
    } else {
        debug!("{what}");
    }
}
