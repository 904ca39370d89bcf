//! The gate: answers for the site while it is down.

use std::sync::Arc;

use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::exchange::{Exchange, Verdict};
use crate::page;

/// The down page or the redirect, where that is the verdict; rejects what passes.
pub fn gate() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    Exchange::filter().and_then(|exchange: Arc<Exchange>| std::future::ready(answer(&exchange)))
}

fn answer(exchange: &Exchange) -> Result<Response, Rejection> {
    match &exchange.verdict {
        Verdict::Page(key) => {
            let page = exchange.snapshot.page(&exchange.phase, *key);
            Ok(page.answer(&exchange.head.method, &exchange.head.headers, key.retry_after))
        }
        Verdict::Redirect(location) => Ok(page::redirect(location)),
        Verdict::Status | Verdict::Site => Err(not_found()),
    }
}
