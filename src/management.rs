//! For operators and their monitors: health, readiness, status and metrics, on a listener of its own.
//!
//! It says all that the file says, names of periods included: whoever reaches the listener may read it. Nothing can be
//! changed by it.

pub mod client;
mod host;
mod metrics;
mod status;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use warp::filters::BoxedFilter;
use warp::{Filter, Reply};

use crate::clock;
use crate::filters::{BodyOf, Routes};
use crate::server::{ClientConnection, Service};
use crate::snapshot::Snapshots;
use crate::upstream::Peer;
use crate::watch::Handle;

/// What operators ask about: a gateway that runs.
#[derive(Debug)]
pub struct RunningGateway {
    /// The file that it serves, as an absolute path.
    pub file: PathBuf,
    /// What is applied.
    pub snapshots: Arc<Snapshots>,
    /// How changes of the file are noticed.
    pub watch: Handle,
    /// Set once it takes no more requests of visitors.
    pub stopping: AtomicBool,
}

/// Answers operators' requests on one thread.
#[derive(Clone)]
pub struct Management<R> {
    routes: R,
    subject: Arc<RunningGateway>,
}

/// Makes what answers about `subject`.
pub fn management(subject: &Arc<RunningGateway>) -> Management<impl Routes + use<>> {
    Management { routes: warp::service(routes(subject)), subject: Arc::clone(subject) }
}

impl<R: Routes> Service for Management<R> {
    type Body = <warp::reply::Response as BodyOf>::Body;
    type Forwarded = Infallible;

    async fn forward(&self, relay: Infallible, _: &Peer, _: &mut ClientConnection<'_>) -> ControlFlow<()> {
        match relay {}
    }

    async fn respond(
        mut self,
        request: Request<Incoming>,
        _peer: Rc<Peer>,
    ) -> Result<Response<Self::Body>, Infallible> {
        let (head, _) = request.into_parts();
        let snapshot = self.subject.snapshots.current();
        let hosts = snapshot.config.management.as_ref().map_or(&[][..], |management| &management.hosts);
        if let Err((status, says)) = host::check(&head, hosts) {
            return Ok(fresh(text(status, says)));
        }
        self.routes.call(Request::from_parts(head, Empty::<Bytes>::new())).await
    }
}

/// `GET` and `HEAD` of each path; never to be kept by a cache.
fn routes(subject: &Arc<RunningGateway>) -> BoxedFilter<(warp::reply::Response,)> {
    let health =
        answering(&["health", "healthz", "livez"], subject, |_| text(StatusCode::OK, "the gateway serves\n"));
    let ready = answering(&["ready", "readyz"], subject, ready);
    let status = answering(&["status"], subject, |subject| json(status::render(subject, clock::now())));
    let metrics =
        answering(&["metrics"], subject, |subject| exposition(metrics::render(subject, clock::now())));
    let answer = health.or(ready).unify().or(status).unify().or(metrics).unify();
    warp::get().or(warp::head()).unify().and(answer).map(fresh).boxed()
}

/// Paths of one segment, answered by what `answer` says of the subject.
fn answering(
    names: &'static [&'static str],
    subject: &Arc<RunningGateway>,
    answer: fn(&RunningGateway) -> warp::reply::Response,
) -> BoxedFilter<(warp::reply::Response,)> {
    let subject = Arc::clone(subject);
    let is_named = move |name: String| async move {
        if names.contains(&name.as_str()) { Ok(()) } else { Err(warp::reject::not_found()) }
    };
    let path = warp::path::param().and_then(is_named).untuple_one();
    path.and(warp::path::end()).map(move || answer(&subject)).boxed()
}

/// It listens once a snapshot is applied; what is left to say is when it is about to end.
fn ready(subject: &RunningGateway) -> warp::reply::Response {
    if subject.stopping.load(Ordering::Relaxed) {
        text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping\n")
    } else {
        text(StatusCode::OK, "a snapshot is applied\n")
    }
}

fn text(status: StatusCode, says: &'static str) -> warp::reply::Response {
    warp::reply::with_status(says, status).into_response()
}

fn json(text: String) -> warp::reply::Response {
    of_type("application/json", text)
}

/// In Prometheus' text format 0.0.4.
fn exposition(text: String) -> warp::reply::Response {
    of_type("text/plain; version=0.0.4; charset=utf-8", text)
}

fn of_type(media_type: &'static str, text: String) -> warp::reply::Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn fresh(mut response: warp::reply::Response) -> warp::reply::Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
