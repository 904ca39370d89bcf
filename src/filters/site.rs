//! The welcome page, until a site is configured.

use warp::reply::Response;
use warp::{Filter, Rejection};

use super::context::RequestContext;
use crate::config::Site;
use crate::page;

/// Responds with the welcome page. Rejects requests for files or an upstream, which do not come here.
pub fn site() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter(|context| {
        let config = &context.current.snapshot.config;
        match &config.site {
            Site::Welcome => {
                Some(page::welcome(&context.request.method, &config.file.to_string_lossy()).map(Into::into))
            }
            Site::Root(_) | Site::Upstream(_) => None,
        }
    })
}
