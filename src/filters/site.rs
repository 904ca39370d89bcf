//! The welcome page, until a site is configured.

use std::sync::Arc;

use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::context::RequestContext;
use crate::config::Site;
use crate::page;

/// Responds with the welcome page. Rejects requests for files or an upstream, which do not come here.
pub fn site() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|context: Arc<RequestContext>| async move { respond(&context) })
}

fn respond(context: &RequestContext) -> Result<Response, Rejection> {
    let config = &context.current.snapshot.config;
    match &config.site {
        Site::Welcome => {
            Ok(page::welcome(&context.request.method, &config.file.to_string_lossy()).map(Into::into))
        }
        Site::Root(_) | Site::Upstream(_) => Err(not_found()),
    }
}
