//! The service of a connection: the filters decide, and what passes goes on to the upstream.

mod access;
mod fast_path;
mod head;
mod prepared;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Either, Empty, Limited};
use hyper::body::{Body as _, Incoming};
use tracing::{error, info};
use warp::Reply;

use self::access::AccessLogLine;
use self::fast_path::ForwardedRequest;
use self::head::IN_HOST;
use self::prepared::ResponseCache;
use crate::clock;
use crate::config::{Site, UpstreamSite, WhenUnreachable};
use crate::filters::Routes;
use crate::filters::context::RequestContext;
use crate::filters::site::ToUpstream;
use crate::page::NEGOTIATION_FIELDS;
use crate::server::{ClientConnection, FastPath, Service};
use crate::snapshot::{Snapshot, SnapshotCache, Snapshots};
use crate::upstream::{NotForwarded, Peer, Proxy, Route, Scheme};

/// How much of a body that nobody wants is taken, in bytes: a form with some photographs.
const MAX_DISCARDED: usize = 32 << 20;
/// And for how long.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The body of what a filter answers, or of what the upstream does.
pub type Body = Either<<warp::reply::Response as BodyOf>::Body, crate::upstream::UpstreamBody>;

/// Names the body type of a response, which warp does not.
pub trait BodyOf {
    /// The type.
    type Body;
}

impl<B> BodyOf for Response<B> {
    type Body = B;
}

/// Answers requests on one worker. Clones share its connections to upstreams.
#[derive(Clone)]
pub struct Gateway<R> {
    snapshots: Arc<Snapshots>,
    view: Rc<SnapshotCache>,
    routes: R,
    proxy: Proxy,
    prepared: Rc<ResponseCache>,
}

impl<R: Routes> Gateway<R> {
    /// A gateway that decides on `snapshots` and answers by `routes`.
    pub fn new(snapshots: Arc<Snapshots>, routes: R) -> Self {
        Self::with_proxy(snapshots, routes, Proxy::new())
    }

    /// As [`Gateway::new`], with connections to upstreams that are opened as `proxy` says.
    pub fn with_proxy(snapshots: Arc<Snapshots>, routes: R, proxy: Proxy) -> Self {
        let view = Rc::new(SnapshotCache::new(&snapshots, clock::now()));
        Self { snapshots, view, routes, proxy, prepared: Rc::default() }
    }

    async fn pass_on(&self, exchange: RequestContext, body: Incoming, peer: &Peer) -> Response<Body> {
        let RequestContext { head, trusted, snapshot, .. } = exchange;
        let Site::Upstream(site) = &snapshot.config.site else {
            return StatusCode::BAD_GATEWAY.into_response().map(Either::Left);
        };
        let wanted = PageRequest::from_head(&head.method, &head.headers);
        let route = Route::new(site, peer, trusted, Scheme::Http);
        match self.proxy.forward(Request::from_parts(head, body), &route).await {
            Ok(response) => {
                if response.extensions().get::<NotForwarded>().is_none() {
                    snapshot.reachability.record(true);
                }
                response.map(Either::Right)
            }
            Err(fault) => {
                let response = unreachable(&fault, site, &snapshot, &wanted.method, &wanted.headers());
                response.map(|body| Either::Left(body.into()))
            }
        }
    }
}

impl<R: Routes> Service for Gateway<R> {
    type Body = Body;
    type Relay = ForwardedRequest;

    fn at_once(&self, unread: &[u8], peer: &Peer) -> FastPath<ForwardedRequest> {
        self.at_once(unread, peer)
    }

    fn relay(
        &self,
        relay: ForwardedRequest,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> impl Future<Output = ControlFlow<()>> {
        self.pass_at_once(relay, peer, client)
    }

    async fn answer(
        mut self,
        request: Request<Incoming>,
        peer: Rc<Peer>,
    ) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        if !names_one_host(&head) {
            return Ok(StatusCode::BAD_REQUEST.into_response().map(Either::Left));
        }
        let exchange =
            Arc::new(RequestContext::new(head, peer.address(), self.snapshots.current(), clock::now()));
        let access = AccessLogLine::begin(
            &exchange.snapshot.config,
            &exchange.head.method,
            exchange.head.uri.path(),
            exchange.client,
        );
        let response = self.routes.call(beside(&exchange)).await?;
        let response = if response.extensions().get::<ToUpstream>().is_some() {
            // On the heap: it is several times as large as all the rest, which would be moved with it.
            Box::pin(self.pass_on(Arc::unwrap_or_clone(exchange), body, &peer)).await
        } else {
            if is_coming(&exchange.head, &body) {
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

/// Whether all who read the request take it to be for the same host (RFC 9112 3.2). HTTP/1.0 need not name one, and
/// HTTP/2 does so otherwise.
fn names_one_host(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => head.version != Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// A host with or without a port, or nothing, which is valid where the target has no authority either.
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

/// Whether the client sends a body that nobody wants, all the same. After `Expect` it waits to be asked, and an
/// HTTP/2 stream can be ended alone.
fn is_coming(head: &Parts, body: &Incoming) -> bool {
    !body.is_end_stream() && head.version <= Version::HTTP_11 && !head.headers.contains_key(EXPECT)
}

/// Takes a body for a while and throws it away. To close on a client that is still sending resets the connection, and
/// the answer may be lost with it: the visitor would see an error of the browser instead of the down page.
async fn discard(body: Incoming) {
    let frames = async {
        let mut body = Limited::new(body, MAX_DISCARDED);
        while let Some(Ok(_)) = body.frame().await {}
    };
    // Where it is too slow, the connection closes.
    let _ = tokio::time::timeout(DISCARD_TIME, frames).await;
}

/// The request that the filters see: without the body, which they never read, and with the exchange beside it.
fn beside(exchange: &Arc<RequestContext>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    request.extensions_mut().insert(Arc::clone(exchange));
    request
}

/// What a request gets whose upstream did not answer.
fn unreachable(
    fault: &crate::upstream::UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
    method: &Method,
    wanted: &HeaderMap,
) -> Response<Bytes> {
    if fault.client_fault().is_some() {
        info!("{fault}");
        return only(fault.status(), Bytes::new());
    }
    snapshot.reachability.record(false);
    error!("{} is unreachable: {fault}", site.upstream);
    match site.when_unreachable {
        WhenUnreachable::Downtime => snapshot.unreachable().respond(method, wanted, snapshot.retry_after()),
        WhenUnreachable::Error => {
            let mut response = only(fault.status(), format!("{}\n", fault.status()).into());
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, text);
            if method == Method::HEAD {
                response.body_mut().clear();
            }
            response
        }
    }
}

fn only(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let length = body.len().into();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// What a down page is chosen by, kept while the request itself is away.
struct PageRequest {
    method: Method,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl PageRequest {
    fn from_head(method: &Method, headers: &HeaderMap) -> Self {
        let values = |name: &'static str| {
            let values = headers.get_all(name).iter();
            values.map(move |value| (HeaderName::from_static(name), value.clone()))
        };
        Self { method: method.clone(), fields: NEGOTIATION_FIELDS.into_iter().flat_map(values).collect() }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            headers.append(name, value.clone());
        }
        headers
    }
}
