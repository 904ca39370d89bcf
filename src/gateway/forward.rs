//! Forwards requests that pass to the upstream.

use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;

use http::{Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;

use super::failure::failure_response;
use super::record::RequestRecord;
use super::request_id::RequestId;
use super::{Gateway, make_private};
use crate::config::UpstreamSite;
use crate::counters::{Outcome, UpstreamFailure};
use crate::filters::Routes;
use crate::filters::context::Decided;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::server::refusal::refusal_response;
use crate::server::response::respond;
use crate::snapshot::CurrentSnapshot;
use crate::upstream::{ForwardError, Forwarded, Route, is_loop, max_forwards};

const LOOP: Refusal = Refusal {
    status: StatusCode::LOOP_DETECTED,
    reason: "the request has passed this gateway before: the upstream leads back to it",
};
const CONNECT: Refusal = Refusal::not_implemented("the method CONNECT is not supported");
const TRACE: Refusal = Refusal::not_implemented("the gateway does not answer TRACE itself");

impl<R: Routes> Gateway<R> {
    /// Forwards a request, and the response; or sends the response to a request without one.
    pub(super) async fn forward(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        (current, site): (&Rc<CurrentSnapshot>, &UpstreamSite),
        decided: &Decided,
        record: &mut RequestRecord<'_>,
        request_id: &RequestId<'_>,
    ) -> ControlFlow<()> {
        let Decided { trusted, now, .. } = decided;
        let snapshot = &current.snapshot;
        if let Some(refusal) = refusal(head) {
            return refuse(refusal, head, client, record, *now).await;
        }
        if head.method == Method::OPTIONS && max_forwards(head) == Ok(Some(0)) {
            record.respond(StatusCode::OK);
            return respond(&head.method, client, Response::new(Full::default()), *now).await;
        }
        let peer = Rc::clone(client.peer());
        let route = Route {
            site,
            limits: snapshot.limits(),
            is_watched: snapshot.config.response.close_tunnels_after.is_some(),
            is_private: decided.is_bypassed(),
            request_id: request_id.as_bytes(),
            peer: &peer,
            trusted: *trusted,
        };
        let closing = pin!(self.closing(head, &peer, current, *now));
        let mut on_status = |status: StatusCode| {
            snapshot.reachability.record_response();
            record.respond(status);
        };
        match self.proxy.forward(head, client, &route, *now, &mut on_status, closing).await {
            Ok(Forwarded::Whole) => ControlFlow::Continue(()),
            Ok(forwarded @ (Forwarded::Cut | Forwarded::BrokenOff)) => {
                if forwarded == Forwarded::BrokenOff {
                    self.counts.fail_upstream(UpstreamFailure::Cut);
                }
                client.cut();
                ControlFlow::Break(())
            }
            Err(ForwardError::Refused(refusal)) => {
                Box::pin(refuse(refusal, head, client, record, *now)).await
            }
            Err(ForwardError::Revoked) => Box::pin(self.respond_down(head, client, record)).await,
            Err(ForwardError::Client(error)) => {
                let Some(refusal) = error.refusal() else { return ControlFlow::Break(()) };
                record.refuse_body(refusal);
                let response = refusal_response(client, refusal);
                respond(&head.method, client, response.map(Full::new), *now).await
            }
            Err(ForwardError::Upstream(error)) => {
                let mut response = failure_response(&error, site, snapshot, head);
                if decided.is_bypassed() {
                    make_private(response.headers_mut());
                }
                self.counts.fail_upstream(error.failure());
                record.respond_with(response.status(), Outcome::Unreachable);
                respond(&head.method, client, response.map(Full::new), *now).await
            }
        }
    }
}

/// Refuses a request that is not forwarded.
async fn refuse(
    refusal: Refusal,
    head: &RequestHead<'_>,
    client: &mut ClientConnection,
    record: &mut RequestRecord<'_>,
    now: Timestamp,
) -> ControlFlow<()> {
    record.respond_with(refusal.status, Outcome::Refused);
    let response = refusal_response(client, refusal);
    respond(&head.method, client, response.map(Full::new), now).await
}

/// Returns why a request cannot be forwarded, whatever version of HTTP the upstream speaks.
fn refusal(head: &RequestHead<'_>) -> Option<Refusal> {
    if head.method == Method::CONNECT {
        return Some(CONNECT);
    }
    if is_loop(head) {
        return Some(LOOP);
    }
    match max_forwards(head) {
        Ok(Some(0)) if head.method == Method::TRACE => Some(TRACE),
        Ok(_) => None,
        Err(refusal) => Some(refusal),
    }
}
