//! The site, for requests that pass.

use std::sync::Arc;

use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::context::RequestContext;
use crate::config::Site;
use crate::files::Root;
use crate::page;

/// Marks a placeholder response: the gateway, which has kept the request, forwards it to the upstream. This way the bodies
/// of request and response need not be boxed.
#[derive(Clone, Copy, Debug)]
pub struct ToUpstream;

/// Responds with a file, the welcome page, or a response marked [`ToUpstream`].
pub fn site() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|context: Arc<RequestContext>| async move {
        Ok::<_, Rejection>(site_response(&context).await)
    })
}

async fn site_response(context: &RequestContext) -> Response {
    match &context.snapshot.config.site {
        Site::Welcome => page::welcome(&context.head.method).map(Into::into),
        Site::Root(root) => Root::new(root.clone()).respond(&context.head).await,
        Site::Upstream(_) => {
            let mut response = warp::reply().into_response();
            response.extensions_mut().insert(ToUpstream);
            response
        }
    }
}
