//! Forwards requests that pass to the upstream.

use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;

use http::{Method, Response, StatusCode};
use http_body_util::Full;

use super::access::{AccessLogLine, log};
use super::failure::failure_response;
use super::{Gateway, make_private};
use crate::config::UpstreamSite;
use crate::filters::Routes;
use crate::filters::context::Decided;
use crate::http1::content_length::decimal;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::server::refusal::refusal_response;
use crate::server::response::respond;
use crate::snapshot::CurrentSnapshot;
use crate::upstream::{ClientError, Forwarded, Route, UpstreamError, is_loop};

const LOOP: Refusal = Refusal {
    status: StatusCode::LOOP_DETECTED,
    reason: "the request has passed this gateway before: the upstream leads back to it",
};
/// The status in the access log if the client left before its response began. nginx uses the same one.
const CLIENT_LEFT: u16 = 499;
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
        access: &mut Option<AccessLogLine>,
    ) -> ControlFlow<()> {
        let Decided { trusted, now, .. } = decided;
        let snapshot = &current.snapshot;
        if let Some(refusal) = refusal(head) {
            log(access, refusal.status.as_u16());
            let response = refusal_response(client, refusal);
            return respond(head, client, response.map(Full::new), *now).await;
        }
        if head.method == Method::OPTIONS && is_last_hop(head) {
            log(access, 200);
            return respond(head, client, Response::new(Full::default()), *now).await;
        }
        let peer = Rc::clone(client.peer());
        let is_watched = snapshot.config.response.close_tunnels_after.is_some();
        let is_private = decided.is_bypassed;
        let route = Route {
            is_watched,
            is_private,
            ..Route::new(site, snapshot.config.limits, client, &peer, *trusted)
        };
        let closing = pin!(self.closing(head, &peer, current));
        let mut on_status = |status: StatusCode| {
            snapshot.reachability.record(true);
            log(access, status.as_u16());
        };
        match self.proxy.forward(head, client, &route, *now, &mut on_status, closing).await {
            Ok(Forwarded::Whole) => ControlFlow::Continue(()),
            Ok(Forwarded::Cut) => {
                client.cut();
                ControlFlow::Break(())
            }
            Err(UpstreamError::Revoked) => Box::pin(self.respond_down(head, client, access)).await,
            Err(error) => {
                let mut response = failure_response(&error, site, snapshot, head);
                if decided.is_bypassed {
                    make_private(response.headers_mut());
                }
                if matches!(error, UpstreamError::Client(ClientError::BrokeOff)) {
                    log(access, CLIENT_LEFT);
                    return ControlFlow::Break(());
                }
                log(access, response.status().as_u16());
                if error.client_fault().is_some() {
                    client.close_after_response();
                }
                respond(head, client, response.map(Full::new), *now).await
            }
        }
    }
}

/// Returns why a request cannot be forwarded.
fn refusal(head: &RequestHead<'_>) -> Option<Refusal> {
    if head.method == Method::CONNECT {
        return Some(CONNECT);
    }
    if is_loop(head) {
        return Some(LOOP);
    }
    (head.method == Method::TRACE && is_last_hop(head)).then_some(TRACE)
}

/// Returns true if the client wants this gateway to be the last to handle the request (RFC 9110, section 7.6.2).
fn is_last_hop(head: &RequestHead<'_>) -> bool {
    head.values("max-forwards").next().and_then(decimal) == Some(0)
}
