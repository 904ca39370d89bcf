//! Connections of HTTP/2 as the requests of all threads see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::client::conn::http2::SendRequest;
use tokio::sync::watch;

use super::connect::TlsSettings;
use super::connections::Connections;
use super::frame_limit::{Announced, FrameAllowance};
use super::target::Target;
use crate::config::upstream_address::UpstreamAddress;
use crate::net::pipe_body::PipeBody;

/// The limit for requests on one connection, where the upstream allows no fewer. Most servers allow at least as many (RFC 9113,
/// section 6.5.2).
const MAX_STREAMS: usize = 100;

pub(super) type Sender = SendRequest<PipeBody>;

/// A connection of HTTP/2. One thread runs it, and the requests of all threads can use it.
pub(super) struct SharedConnection {
    pub(super) upstream: UpstreamAddress,
    pub(super) tls: TlsSettings,
    pub(super) sender: Sender,
    pub(super) requests: RequestCount,
    pub(super) allowance: FrameAllowance,
    /// hyper notices a GOAWAY with the next request.
    pub(super) announced: watch::Receiver<Announced>,
    pub(super) connections: Connections,
}

/// How many requests a connection carries. Clones count the same ones.
#[derive(Clone)]
pub(super) struct RequestCount(Arc<Counts>);

struct Counts {
    current: AtomicUsize,
    max: AtomicUsize,
}

impl Default for RequestCount {
    fn default() -> Self {
        Self(Arc::new(Counts { current: AtomicUsize::new(0), max: AtomicUsize::new(1) }))
    }
}

impl RequestCount {
    pub(super) fn get(&self) -> usize {
        self.0.current.load(Ordering::SeqCst)
    }

    /// Sets how many requests the upstream allows at a time (`SETTINGS_MAX_CONCURRENT_STREAMS`); before, it is one. Returns true if
    /// these are more than before. If it allows none at the moment, one waits for that.
    pub(super) fn limit(&self, allowed: usize) -> bool {
        let max = allowed.clamp(1, MAX_STREAMS);
        self.0.max.swap(max, Ordering::SeqCst) < max
    }

    fn has_space(&self) -> bool {
        self.get() < self.0.max.load(Ordering::SeqCst)
    }

    /// Returns true if both count the requests of one connection.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Counts one more, up to the limit.
    fn try_add(&self) -> bool {
        let max = self.0.max.load(Ordering::SeqCst);
        let more = |requests: usize| (requests < max).then_some(requests + 1);
        self.0.current.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }
}

impl SharedConnection {
    /// Returns true if it could take a request with this target.
    pub(super) fn may_take(&self, target: &Target) -> bool {
        target.may_share && self.has_space() && target.leads_to(&self.upstream, &self.tls)
    }

    pub(super) fn has_space(&self) -> bool {
        self.requests.has_space() && !self.has_ended()
    }

    /// Returns true if it takes no more requests.
    pub(super) fn has_ended(&self) -> bool {
        self.announced.borrow().goes_away || self.sender.is_closed()
    }

    /// Returns a place on it, unless it has none.
    pub(super) fn place(self: &Arc<Self>, is_new: bool) -> Option<RequestPlace> {
        if !self.requests.try_add() {
            return None;
        }
        self.allowance.add_request();
        Some(RequestPlace { sender: self.sender.clone(), is_new, connection: Arc::clone(self) })
    }
}

/// A place for one request on a connection, until it is dropped.
pub(super) struct RequestPlace {
    pub(super) sender: Sender,
    /// True if the connection was opened for this request.
    pub(super) is_new: bool,
    connection: Arc<SharedConnection>,
}

impl Drop for RequestPlace {
    fn drop(&mut self) {
        self.connection.requests.0.current.fetch_sub(1, Ordering::SeqCst);
        self.connection.connections.offer_places(&self.connection);
    }
}
