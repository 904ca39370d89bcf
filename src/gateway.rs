//! The service for visitors: decides on each request, then responds or forwards it.

mod access;
mod failure;
mod fast_path;
mod head;
mod prepared;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Either, Empty, Limited};
use hyper::body::{Body as _, Incoming};
use warp::Reply;

use self::access::AccessLogLine;
use self::failure::{PageRequest, failure_response};
use self::fast_path::ForwardedRequest;
use self::head::IN_HOST;
use self::prepared::ResponseCache;
use crate::clock;
use crate::config::Site;
use crate::filters::context::RequestContext;
use crate::filters::site::ToUpstream;
use crate::filters::{BodyOf, Routes};
use crate::server::{ClientConnection, FastPath, Service};
use crate::snapshot::{SnapshotCache, Snapshots};
use crate::upstream::{NotForwarded, Peer, Proxy, Route, Scheme};

/// How much of an unwanted body is read, in bytes: enough for a form with some photographs.
const MAX_DISCARDED: usize = 32 << 20;
/// How long an unwanted body is read.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The body of a filter's or of the upstream's response.
pub type Body = Either<<warp::reply::Response as BodyOf>::Body, crate::upstream::UpstreamBody>;

/// Handles the requests of one thread. Clones share its connections to upstreams.
#[derive(Clone)]
pub struct Gateway<R> {
    snapshots: Arc<Snapshots>,
    cache: Rc<SnapshotCache>,
    routes: R,
    proxy: Proxy,
    responses: Rc<ResponseCache>,
}

impl<R: Routes> Gateway<R> {
    /// A gateway that decides by `snapshots` and responds with `routes`.
    pub fn new(snapshots: Arc<Snapshots>, routes: R) -> Self {
        Self::with_proxy(snapshots, routes, Proxy::new())
    }

    /// Like [`Gateway::new`], with a given proxy.
    pub fn with_proxy(snapshots: Arc<Snapshots>, routes: R, proxy: Proxy) -> Self {
        let cache = Rc::new(SnapshotCache::new(&snapshots, clock::now()));
        Self { snapshots, cache, routes, proxy, responses: Rc::default() }
    }

    async fn forward_context(&self, context: RequestContext, body: Incoming, peer: &Peer) -> Response<Body> {
        let RequestContext { head, trusted, snapshot, .. } = context;
        let Site::Upstream(site) = &snapshot.config.site else {
            return StatusCode::BAD_GATEWAY.into_response().map(Either::Left);
        };
        let page_request = PageRequest::from_head(&head.method, &head.headers);
        let route = Route::new(site, peer, trusted, Scheme::Http);
        match self.proxy.forward(Request::from_parts(head, body), &route).await {
            Ok(response) => {
                if response.extensions().get::<NotForwarded>().is_none() {
                    snapshot.reachability.record(true);
                }
                response.map(Either::Right)
            }
            Err(error) => {
                let PageRequest { method, .. } = &page_request;
                let response = failure_response(&error, site, &snapshot, method, &page_request.headers());
                response.map(|body| Either::Left(body.into()))
            }
        }
    }
}

impl<R: Routes> Service for Gateway<R> {
    type Body = Body;
    type Forwarded = ForwardedRequest;

    fn fast_path(&self, unread: &[u8], peer: &Peer) -> FastPath<ForwardedRequest> {
        self.decide_plain(unread, peer)
    }

    fn forward(
        &self,
        request: ForwardedRequest,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> impl Future<Output = ControlFlow<()>> {
        self.forward_plain(request, peer, client)
    }

    async fn respond(
        mut self,
        request: Request<Incoming>,
        peer: Rc<Peer>,
    ) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        if !has_one_valid_host(&head) {
            return Ok(StatusCode::BAD_REQUEST.into_response().map(Either::Left));
        }
        let context =
            Arc::new(RequestContext::new(head, peer.address(), self.snapshots.current(), clock::now()));
        let access = AccessLogLine::new(
            &context.snapshot.config,
            &context.head.method,
            context.head.uri.path(),
            context.client,
        );
        let response = self.routes.call(with_context(&context)).await?;
        let response = if response.extensions().get::<ToUpstream>().is_some() {
            // On the heap: this future is much larger than the rest, which would be moved with it.
            Box::pin(self.forward_context(Arc::unwrap_or_clone(context), body, &peer)).await
        } else {
            if must_discard(&context.head, &body) {
                tokio::task::spawn_local(discard(body));
            }
            response.map(Either::Left)
        };
        if let Some(access) = access {
            access.log(response.status().as_u16());
        }
        Ok(response)
    }
}

/// Returns true if the request has exactly one valid Host (RFC 9112, section 3.2). HTTP/1.0 and HTTP/2 requests need none.
fn has_one_valid_host(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => head.version != Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// Returns true for a host with or without a port, and for an empty field, which is valid if the target has no authority.
fn is_host(field: &[u8]) -> bool {
    let name = field.iter().take_while(|byte| IN_HOST.has(**byte)).count();
    match field.get(name..) {
        None | Some([]) => true,
        Some([b':', port @ ..]) if (1..=4).contains(&port.len()) && port.iter().all(u8::is_ascii_digit) => {
            true
        }
        Some(_) => !field.contains(&b'@') && Authority::try_from(field).is_ok(),
    }
}

/// Returns true if the client is sending a body that must be discarded. After `Expect` it waits until it is asked for the
/// body, and an HTTP/2 stream can end alone.
fn must_discard(head: &Parts, body: &Incoming) -> bool {
    !body.is_end_stream() && head.version <= Version::HTTP_11 && !head.headers.contains_key(EXPECT)
}

/// Reads and discards a body for a while. Closing while the client is still sending resets the connection, and the response
/// may be lost: the visitor would see a browser error instead of the down page.
async fn discard(body: Incoming) {
    let frames = async {
        let mut body = Limited::new(body, MAX_DISCARDED);
        while let Some(Ok(_)) = body.frame().await {}
    };
    // If this takes too long, the connection closes.
    let _ = tokio::time::timeout(DISCARD_TIME, frames).await;
}

/// The request for the filters: without the body, which they never read, and with the context as an extension.
fn with_context(context: &Arc<RequestContext>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    request.extensions_mut().insert(Arc::clone(context));
    request
}
