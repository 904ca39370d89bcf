//! The public status: `GET status_path`, for the page's own script, for monitors and other sites' pages.

use std::sync::Arc;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::context::{OwnedDecision, RequestContext};
use crate::decision::Outlook;
use crate::matching::path::RequestPath;
use crate::matching::request::{Query, Request};
use crate::schedule::period::Occurrence;

/// The status, where the request asks for it; rejects the others.
pub fn status() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|exchange: Arc<RequestContext>| {
        let asked = matches!(exchange.verdict, OwnedDecision::Status);
        std::future::ready(if asked { Ok(answer(&exchange)) } else { Err(not_found()) })
    })
}

/// What the public may know: never a period's name.
#[derive(Debug, Serialize)]
struct PublicStatus<'a> {
    state: &'static str,
    until: Option<Timestamp>,
    retry_after: u64,
    message: Option<&'a str>,
    next: Option<NextOutage>,
}

#[derive(Debug, Serialize)]
struct NextOutage {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl From<Occurrence> for NextOutage {
    fn from(occurrence: Occurrence) -> Self {
        Self { start: occurrence.start, end: occurrence.end }
    }
}

fn answer(exchange: &RequestContext) -> Response {
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

fn body(exchange: &RequestContext) -> Response {
    let json = serde_json::to_string(&status_of(exchange)).unwrap_or_default() + "\n";
    let length = HeaderValue::from(json.len());
    let head = exchange.head.method == Method::HEAD;
    let mut response = if head { StatusCode::OK.into_response() } else { json.into_response() };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

fn status_of(exchange: &RequestContext) -> PublicStatus<'_> {
    let rules = &exchange.snapshot.config.rules;
    let asked = StatusQuery::parse(exchange.head.uri.query().unwrap_or_default());
    let request = Request {
        hosts: exchange.hosts(),
        query: Query::new(asked.query()),
        ..Request::new(&asked.method, RequestPath::new(asked.path()))
    };
    let Outlook { period, until, next } = exchange.phase.outlook(rules, &request, exchange.now);
    let answer = period.and_then(|period| rules.responses.get(period));
    PublicStatus {
        state: if period.is_some() { "down" } else { "up" },
        until,
        retry_after: period.map_or(0, |_| rules.retry_after(until, exchange.now)),
        message: answer.and_then(|answer| answer.message.as_deref()),
        next: next.map(NextOutage::from),
    }
}

/// The request that is asked about.
#[derive(Debug, PartialEq, Eq)]
struct StatusQuery {
    /// The path as a request would have it, with its escapes, and with its query.
    target: String,
    method: Method,
}

impl StatusQuery {
    /// Reads `?path=`, else `/`, and `?method=`, else GET.
    fn parse(query: &str) -> Self {
        let value = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.into_iter().find(|(name, _)| *name == key)?.1;
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            Some(value).filter(|value| !value.is_empty())
        };
        Self {
            target: value("path").unwrap_or_else(|| "/".into()),
            method: value("method").and_then(|method| method.parse().ok()).unwrap_or(Method::GET),
        }
    }

    fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_asked_about_by_its_path_and_method() {
        for (query, path, asked_query, method) in [
            ("", "/", None, Method::GET),
            ("path=/a", "/a", None, Method::GET),
            ("path=", "/", None, Method::GET),
            ("path", "/", None, Method::GET),
            ("x=y&path=%2Fa%2520b&path=/c", "/a%20b", None, Method::GET),
            ("path=/a%3F_method=PUT%26b", "/a", Some("_method=PUT&b"), Method::GET),
            ("method=POST&path=/a", "/a", None, Method::POST),
            ("method=PO%20ST", "/", None, Method::GET),
            ("method=", "/", None, Method::GET),
        ] {
            let asked = StatusQuery::parse(query);
            assert_eq!((asked.path(), asked.query(), &asked.method), (path, asked_query, &method), "{query}");
        }
    }
}
