//! What is counted and logged of a request when it has ended.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use http::StatusCode;

use super::access::AccessLine;
use crate::counters::{Outcome, ThreadCounts};
use crate::http1::refusal::{INCOMPLETE_BODY, Refusal};
use crate::net::client::ClientConnection;
use crate::net::traffic::Traffic;

/// The status in metrics and in the access log if the client left before its response began. nginx uses the same one.
const CLIENT_LEFT: u16 = 499;

/// A request that is being handled. It is counted and logged when this is dropped, also if the request is cancelled.
pub(super) struct RequestRecord<'g> {
    counts: &'g ThreadCounts,
    traffic: Rc<Traffic>,
    outcome: Outcome,
    status: u16,
    /// `None` if the time is not measured so far.
    started_at: Option<Instant>,
    /// On the heap: the access log is usually off.
    access: Option<Box<AccessLine>>,
}

impl<'g> RequestRecord<'g> {
    /// Counts a request that has begun. The down page is prepared: reading the clock twice would take longer than to find it,
    /// so without an access log its time counts as zero unless it [waits](Self::while_waiting) for its client.
    pub(super) fn begin(
        counts: &'g ThreadCounts,
        client: &ClientConnection,
        outcome: Outcome,
        access: Option<Box<AccessLine>>,
    ) -> Self {
        counts.begun.add(1);
        let traffic = Rc::clone(client.traffic());
        let is_prepared = matches!(outcome, Outcome::Planned | Outcome::Unscheduled);
        let started_at = (!is_prepared || access.is_some()).then(Instant::now);
        Self { counts, traffic, outcome, status: CLIENT_LEFT, started_at, access }
    }

    /// Completes what needs the client. If that has to wait, the time counts from then on.
    pub(super) async fn while_waiting<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() {
                self.started_at.get_or_insert_with(Instant::now);
            }
            polled
        })
        .await
    }

    /// Records the status of the response.
    pub(super) fn respond(&mut self, status: StatusCode) {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.counts.tunnels_begun.add(1);
        }
        self.status = status.as_u16();
    }

    /// Records that a body is refused. A client that did not complete it is recorded as one that left, because most have.
    pub(super) fn refuse_body(&mut self, refusal: Refusal) {
        if refusal != INCOMPLETE_BODY {
            self.respond(refusal.status);
        }
    }

    /// Records a status with another outcome than was decided.
    pub(super) fn respond_with(&mut self, status: StatusCode, outcome: Outcome) {
        self.outcome = outcome;
        self.respond(status);
    }
}

impl Drop for RequestRecord<'_> {
    fn drop(&mut self) {
        let duration = self.started_at.map(|at| at.elapsed()).unwrap_or_default();
        let (received, sent) = self.traffic.take();
        let is_tunnel = self.status == StatusCode::SWITCHING_PROTOCOLS.as_u16();
        if is_tunnel {
            self.counts.tunnels_ended.add(1);
        }
        self.counts.end_request(self.outcome, self.status, (!is_tunnel).then_some(duration));
        self.counts.received.add(received);
        self.counts.sent.add(sent);
        if let Some(access) = self.access.take() {
            access.write(self.outcome, self.status, sent, duration);
        }
    }
}
