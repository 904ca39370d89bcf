//! The site itself, for what passes.

use std::sync::Arc;

use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::context::RequestContext;
use crate::config::Site;
use crate::files::Root;
use crate::page;

/// Marks a response of [`site`] that is none yet: the service around the filters has kept the request, and passes it
/// on to the upstream. So the bodies of request and response go through without being boxed.
#[derive(Clone, Copy, Debug)]
pub struct ToUpstream;

/// The folder, the welcome page, or the mark [`ToUpstream`].
pub fn site() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter()
        .and_then(|exchange: Arc<RequestContext>| async move { Ok::<_, Rejection>(answer(&exchange).await) })
}

async fn answer(exchange: &RequestContext) -> Response {
    match &exchange.snapshot.config.site {
        Site::Welcome => page::welcome(&exchange.head.method).map(Into::into),
        Site::Root(root) => Root::new(root.clone()).answer(&exchange.head).await,
        Site::Upstream(_) => {
            let mut response = warp::reply().into_response();
            response.extensions_mut().insert(ToUpstream);
            response
        }
    }
}
