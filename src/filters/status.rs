//! The public status: `GET status_path`, for the page's own script, for monitors and other sites' pages.

use std::sync::Arc;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::exchange::{Exchange, Verdict};
use crate::decision::covering;
use crate::path::RequestPath;
use crate::period::Occurrence;
use crate::request::Request;

/// The status, where the request asks for it; rejects the others.
pub fn status() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    Exchange::filter().and_then(|exchange: Arc<Exchange>| {
        let asked = matches!(exchange.verdict, Verdict::Status);
        std::future::ready(if asked { Ok(answer(&exchange)) } else { Err(not_found()) })
    })
}

/// What the public may know: never a period's name.
#[derive(Debug, Serialize)]
struct Status<'a> {
    state: &'static str,
    until: Option<Timestamp>,
    retry_after: u64,
    message: Option<&'a str>,
    next: Option<Next>,
}

#[derive(Debug, Serialize)]
struct Next {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl From<Occurrence> for Next {
    fn from(occurrence: Occurrence) -> Self {
        Self { start: occurrence.start, end: occurrence.end }
    }
}

fn answer(exchange: &Exchange) -> Response {
    let mut response = match exchange.head.method {
        Method::GET | Method::HEAD => body(exchange),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn body(exchange: &Exchange) -> Response {
    let json = serde_json::to_string(&status_of(exchange)).unwrap_or_default() + "\n";
    let length = HeaderValue::from(json.len());
    let head = exchange.head.method == Method::HEAD;
    let mut response = if head { StatusCode::OK.into_response() } else { json.into_response() };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

fn status_of(exchange: &Exchange) -> Status<'_> {
    let moment = &exchange.phase.moment;
    let path = asked_path(&exchange.head.uri);
    let path = RequestPath::new(&path);
    let request = Request { method: &Method::GET, authority: exchange.authority(), path, client: None };
    let rules = &exchange.snapshot.config.rules;
    let down = covering(rules, &request, moment, exchange.now);
    let until = down.as_ref().and_then(|down| down.until);
    let ends = down.is_none() || until.is_some();
    let next =
        rules.schedule.next_stretch(moment, until.unwrap_or(exchange.now), |p| rules.covers(p, &request));
    Status {
        state: if down.is_some() { "down" } else { "up" },
        until,
        retry_after: down.as_ref().map_or(0, |down| down.retry_after),
        message: down.and_then(|down| down.answer.message.as_deref()),
        next: next.filter(|_| ends).map(Next::from),
    }
}

/// The path that `?path=` asks about, `/` without it; as a request for it would have it, so with its escapes.
fn asked_path(uri: &Uri) -> String {
    let value = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("path=")));
    let decoded = value.map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned());
    decoded.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".into())
}
