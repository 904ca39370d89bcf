//! The service for visitors: decides on each request, then responds or forwards it.

mod access;
mod cache;
pub mod certificates;
mod closing;
mod decide;
mod enter;
mod failure;
mod forward;
pub mod preparation;
pub mod reachability_log;
mod record;
mod request_id;
mod retry;
mod static_files;

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Empty};

use self::access::AccessLine;
use self::cache::{PageRequest, PageResponse, ResponseCache};
use self::closing::PhaseChanges;
use self::decide::decide_request;
use self::record::RequestRecord;
use self::request_id::RequestIds;
use crate::clock;
use crate::config::{AccessLog, Limits, Site};
use crate::counters::{Outcome, ThreadCounts};
use crate::filters::Routes;
use crate::filters::context::{Decided, OwnedDecision, RequestContext, RequestParts};
use crate::http1::field_names::{PRIVATE, controls_cache};
use crate::http1::request::RequestHead;
use crate::logging::AccessLines;
use crate::net::client::ClientConnection;
use crate::net::encoded_response::EncodedResponse;
use crate::server::response::{respond, write_head};
use crate::server::{Readiness, Service};
use crate::snapshot::{CurrentSnapshot, SnapshotCache, Snapshots};
use crate::upstream::Proxy;

/// Handles the requests of one thread. Clones share its connections to upstreams.
#[derive(Clone)]
pub struct Gateway<R> {
    snapshots: Rc<SnapshotCache>,
    routes: R,
    proxy: Proxy,
    readiness: Readiness,
    responses: Rc<ResponseCache>,
    phase_changes: Rc<PhaseChanges>,
    counts: Arc<ThreadCounts>,
    access_lines: AccessLines,
    request_ids: Rc<RequestIds>,
}

impl<R: Routes> Gateway<R> {
    /// A gateway that decides by `snapshots`, responds with `routes`, forwards with `proxy`, and tells load balancers when it is
    /// no longer ready. It counts requests in `counts`, which no other thread adds to, and logs them in `access_lines`.
    pub fn new(
        snapshots: &Arc<Snapshots>,
        routes: R,
        proxy: Proxy,
        readiness: Readiness,
        counts: Arc<ThreadCounts>,
        access_lines: AccessLines,
    ) -> Self {
        let snapshots = Rc::new(SnapshotCache::new(snapshots, clock::now()));
        let (responses, phase_changes) = (Rc::default(), Rc::default());
        let request_ids = Rc::new(RequestIds::new());
        Self {
            snapshots,
            routes,
            proxy,
            readiness,
            responses,
            phase_changes,
            counts,
            access_lines,
            request_ids,
        }
    }

    /// Returns the down page: from the cache, or else from the filters.
    async fn page(&self, request: &PageRequest<'_, '_>, client: &mut ClientConnection) -> Rc<PageResponse> {
        if let Some(response) = self.responses.get(request) {
            return response;
        }
        let response = Rc::new(Box::pin(self.prepare_page(request, client)).await);
        self.responses.insert(request, Rc::clone(&response));
        response
    }

    async fn prepare_page(
        &self,
        request: &PageRequest<'_, '_>,
        client: &mut ClientConnection,
    ) -> PageResponse {
        let PageRequest { head, current, decided, .. } = *request;
        let response = self.call_filters(head, current, decided, Bytes::new()).await;
        let status = response.status();
        let mut bytes = Vec::with_capacity(1024);
        write_head(&mut bytes, &response, &head.method, client, decided.now);
        let to_head = head.method == Method::HEAD;
        if !to_head {
            // The page is in memory, so that this neither waits nor fails.
            let content = response.into_body().collect().await.map(Collected::to_bytes);
            bytes.extend_from_slice(&content.unwrap_or_default());
        }
        PageResponse { status, prepared: EncodedResponse::new(bytes.into(), to_head) }
    }

    async fn call_filters(
        &self,
        head: &RequestHead<'_>,
        current: &CurrentSnapshot,
        decided: &Decided,
        body: Bytes,
    ) -> warp::reply::Response {
        let mut request = Request::new(Empty::new());
        request.extensions_mut().insert(Arc::new(context(head, current, decided, body)));
        let Ok(mut response) = self.routes.clone().call(request).await;
        if decided.is_bypassed() {
            make_private(response.headers_mut());
        }
        response
    }
}

impl<R: Routes> Service for Gateway<R> {
    const HAS_CONFIGURED_CONNECTIONS: bool = true;

    fn limits(&self) -> Limits {
        self.snapshots.with_latest(|snapshot| *snapshot.limits())
    }

    async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
        let now = clock::now();
        let current = self.snapshots.at(now);
        let config = &current.snapshot.config;
        let decided = decide_request(head, client.peer(), &current, &self.readiness, now);
        let access = config.log.access;
        let request_id = (access != AccessLog::Off).then(|| self.request_ids.identify(head));
        let line = request_id
            .as_ref()
            .map(|id| Box::new(AccessLine::begin(access, &self.access_lines, head, client, &decided, id)));
        let mut record = RequestRecord::begin(&self.counts, client, decided.outcome, line);
        if let (OwnedDecision::Site, Site::Upstream(site)) = (&decided.decision, &config.site) {
            let id = request_id.unwrap_or_else(|| self.request_ids.identify(head));
            return self.forward(head, client, (&current, site), &decided, &mut record, &id).await;
        }
        if let (OwnedDecision::Site, Some(files)) = (&decided.decision, &current.snapshot.files) {
            return Box::pin(self.send_file(head, client, files, &decided, &mut record)).await;
        }
        if let OwnedDecision::Page(key) = decided.decision {
            let closes = client.decide_close();
            let request = PageRequest { head, current: &current, decided: &decided, key, closes };
            let response = self.page(&request, client).await;
            record.respond(response.status);
            let sent = record.while_waiting(client.send_prepared(&response.prepared)).await;
            return if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        }
        if let OwnedDecision::Status = decided.decision {
            self.retry_upstream(&current.snapshot, now);
        }
        if let OwnedDecision::Enter = decided.decision {
            return Box::pin(self.enter(head, client, &current, &decided, &mut record)).await;
        }
        // On the heap: this future is large, and most requests do not need it.
        let response = Box::pin(self.call_filters(head, &current, &decided, Bytes::new())).await;
        record.respond(response.status());
        Box::pin(respond(&head.method, client, response, now)).await
    }

    fn count_refused(&self, status: StatusCode) {
        self.counts.begun.add(1);
        self.counts.end_request(Outcome::Refused, status.as_u16(), None);
    }

    fn expects_proxy_header(&self, address: Option<IpAddr>) -> bool {
        self.snapshots.with_latest(|snapshot| snapshot.config.server.proxy_protocol.includes(address))
    }
}

/// Forbids caches to keep a response: it is for a client with a bypass only.
fn make_private(fields: &mut HeaderMap) {
    let controlling: Vec<_> = fields.keys().filter(|name| controls_cache(name.as_str())).cloned().collect();
    for name in controlling {
        fields.remove(name);
    }
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(PRIVATE));
}

/// The request for the filters.
fn context(
    head: &RequestHead<'_>,
    current: &CurrentSnapshot,
    decided: &Decided,
    body: Bytes,
) -> RequestContext {
    let request = RequestParts {
        method: head.method.clone(),
        path: head.target.path_text().into_owned(),
        query: head.target.query_text().map(std::borrow::Cow::into_owned),
        host: head.host.map(str::to_owned),
        headers: head.header_map(),
        body,
    };
    RequestContext { request, current: current.clone(), decided: decided.clone() }
}
