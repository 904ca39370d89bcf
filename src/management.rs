//! The service for operators and their monitors, on a listener of its own: health, readiness, status and metrics.
//!
//! The responses contain everything in the file, including the names of periods, and anybody who reaches the listener
//! may read them. Nothing can be changed over it.

pub mod activity;
pub mod client;
mod metrics;
pub mod status;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{Empty, Full};
use jiff::Timestamp;
use warp::filters::BoxedFilter;
use warp::{Filter, Reply};

use self::activity::Activity;
use crate::clock;
use crate::config::Limits;
use crate::counters::Counters;
use crate::descriptors::limit_management;
use crate::filters::Routes;
use crate::hooks::HookCounts;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::logging::LogQueue;
use crate::matching::own_host::is_for_own_host;
use crate::net::client::ClientConnection;
use crate::server::refusal::refusal_response;
use crate::server::response::respond;
use crate::server::{Capacity, Readiness, Service};
use crate::snapshot::{Snapshot, Snapshots};
use crate::upstream::SharedUpstreams;
use crate::watch::Handle;

const FOREIGN_HOST: Refusal = Refusal {
    status: StatusCode::MISDIRECTED_REQUEST,
    reason: "host not accepted: use `localhost` or an IP address, or add the name to `hosts` in [management]",
};

/// A running gateway, as operators see it.
#[derive(Debug)]
pub struct RunningGateway {
    /// The absolute path of the file.
    pub file: PathBuf,
    /// The snapshots that it serves.
    pub snapshots: Arc<Snapshots>,
    /// The one that it was started with, whose addresses it listens on.
    pub bound: Arc<Snapshot>,
    /// The watch of the file.
    pub watch: Handle,
    /// Whether it is stopping.
    pub readiness: Readiness,
    /// Its log.
    pub log: LogQueue,
    /// The counts of visitors' requests.
    pub counters: Counters,
    /// Visitors' requests of the last minute.
    pub activity: Activity,
    /// The connections of visitors.
    pub connections: Arc<Capacity>,
    /// The connections to upstreams.
    pub upstreams: SharedUpstreams,
    /// What has become of commands and webhooks.
    pub hooks: Arc<HookCounts>,
    /// The time at which the process started.
    pub started_at: Timestamp,
}

/// Responds to operators' requests on one thread.
#[derive(Clone)]
pub struct Management<R> {
    routes: R,
    gateway: Arc<RunningGateway>,
}

/// Creates the service that responds for `gateway`.
pub fn management(gateway: &Arc<RunningGateway>) -> Management<impl Routes + use<>> {
    Management { routes: warp::service(routes(gateway)), gateway: Arc::clone(gateway) }
}

impl<R: Routes> Service for Management<R> {
    fn limits(&self) -> Limits {
        // Operators must get in, however many visitors are connected.
        Limits {
            connections: limit_management(),
            connections_per_client: 0,
            ..self.gateway.snapshots.current().config.limits
        }
    }

    async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
        let snapshot = self.gateway.snapshots.current();
        let hosts = snapshot.config.management.as_ref().map_or(&[][..], |management| &management.hosts);
        if !is_for_own_host(head, hosts) {
            let refused = refusal_response(client, FOREIGN_HOST).map(Full::new);
            return respond(&head.method, client, refused, clock::now()).await;
        }
        let Ok(response) = self.routes.clone().call(request(head)).await;
        respond(&head.method, client, response, clock::now()).await
    }
}

/// The request for the routes, which only depend on its method and path.
fn request(head: &RequestHead<'_>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    request.method_mut().clone_from(&head.method);
    // A path that is not a URI is not one of the routes.
    *request.uri_mut() = head.target.path_text().parse().unwrap_or_else(|_| Uri::from_static("/-"));
    request
}

/// Responds to `GET` and `HEAD` for each path. Caches must not store the responses.
fn routes(gateway: &Arc<RunningGateway>) -> BoxedFilter<(warp::reply::Response,)> {
    let health =
        route(&["health", "healthz", "livez"], gateway, |_| text(StatusCode::OK, "the gateway is serving\n"));
    let ready = route(&["ready", "readyz"], gateway, ready);
    let status = route(&["status"], gateway, |gateway| json(status::render(gateway, clock::now())));
    let metrics =
        route(&["metrics"], gateway, |gateway| prometheus_text(metrics::render(gateway, clock::now())));
    let response = health.or(ready).unify().or(status).unify().or(metrics).unify();
    warp::get().or(warp::head()).unify().and(response).map(uncached).boxed()
}

/// Responds to each of these paths of one segment.
fn route(
    names: &'static [&'static str],
    gateway: &Arc<RunningGateway>,
    respond: fn(&Arc<RunningGateway>) -> warp::reply::Response,
) -> BoxedFilter<(warp::reply::Response,)> {
    let gateway = Arc::clone(gateway);
    let is_named = move |name: String| async move {
        if names.contains(&name.as_str()) { Ok(()) } else { Err(warp::reject::not_found()) }
    };
    let path = warp::path::param().and_then(is_named).untuple_one();
    path.and(warp::path::end()).map(move || respond(&gateway)).boxed()
}

/// Responds that the gateway is ready, until it stops: the listener only opens once a snapshot is applied.
fn ready(gateway: &Arc<RunningGateway>) -> warp::reply::Response {
    if gateway.readiness.is_stopping() {
        text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping\n")
    } else {
        text(StatusCode::OK, "a snapshot is applied\n")
    }
}

fn text(status: StatusCode, text: &'static str) -> warp::reply::Response {
    warp::reply::with_status(text, status).into_response()
}

fn json(text: String) -> warp::reply::Response {
    with_media_type("application/json", text)
}

/// Responds in Prometheus' text format 0.0.4.
fn prometheus_text(text: String) -> warp::reply::Response {
    with_media_type("text/plain; version=0.0.4; charset=utf-8", text)
}

fn with_media_type(media_type: &'static str, text: String) -> warp::reply::Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn uncached(mut response: warp::reply::Response) -> warp::reply::Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
