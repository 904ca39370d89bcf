//! The routes: status, enter, probe, gate, site. Each filter rejects the requests that it does not handle, and the next one tries.

pub mod context;
pub mod enter;
pub mod gate;
pub mod probe;
pub mod site;
pub mod status;

use std::convert::Infallible;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use tower_service::Service;
use warp::reply::Response;
use warp::{Filter, Rejection};

/// Returns all routes, for requests that carry a [`context::RequestContext`].
pub fn routes() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let own = status::status().or(enter::enter()).unify().or(probe::probe()).unify();
    own.or(gate::gate()).unify().or(site::site()).unify()
}

/// The service that `warp::service` makes of the routes.
pub trait Routes:
    Service<Request<Empty<Bytes>>, Response = Response, Error = Infallible> + Clone + 'static
{
}

impl<S> Routes for S where
    S: Service<Request<Empty<Bytes>>, Response = Response, Error = Infallible> + Clone + 'static
{
}
