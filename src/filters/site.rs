//! The site, for requests that pass and are not forwarded.

use std::sync::Arc;

use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::context::RequestContext;
use crate::config::Site;
use crate::files::{FileQuery, Root};
use crate::page;

/// Responds with a file or the welcome page. Rejects requests for an upstream.
pub fn site() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|context: Arc<RequestContext>| async move { respond(&context).await })
}

async fn respond(context: &RequestContext) -> Result<Response, Rejection> {
    let request = &context.request;
    let config = &context.current.snapshot.config;
    match &config.site {
        Site::Welcome => Ok(page::welcome(&request.method, &config.file.to_string_lossy()).map(Into::into)),
        Site::Root(root) => {
            let query = FileQuery {
                method: &request.method,
                path: &request.path,
                query: request.query.as_deref(),
                headers: &request.headers,
                now: context.decided.now,
            };
            Ok(Root::new(root.clone()).respond(&query).await)
        }
        Site::Upstream(_) => Err(not_found()),
    }
}
