//! The public status at the status path, for the down page's script, monitors and the pages of other sites.

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::context::{OwnedDecision, RequestContext};
use crate::decision::Outlook;
use crate::matching::path::RequestPath;
use crate::matching::request::{Query, Request};
use crate::page::Cause;
use crate::page::language::Language;
use crate::schedule::period::Occurrence;
use crate::snapshot::CurrentSnapshot;

/// Responds with the status to requests for the status path. Rejects the others.
pub fn status() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter(|context| {
        matches!(context.decided.decision, OwnedDecision::Status).then(|| respond(context))
    })
}

/// The public status. It never contains a period's name.
#[derive(Debug, Serialize)]
struct PublicStatus<'a> {
    state: &'static str,
    until: Option<Timestamp>,
    retry_after: u64,
    message: Option<&'a str>,
    /// The language of the message.
    #[serde(skip)]
    language: Option<Language>,
    next: Option<Occurrence>,
    /// True if the last attempt to reach the upstream succeeded.
    reachable: Option<bool>,
    /// `planned`, `unscheduled` or, while the site is up, `unreachable`.
    cause: Option<&'static str>,
}

fn respond(context: &RequestContext) -> Response {
    let mut response = match context.request.method {
        Method::GET | Method::HEAD => body(context),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn body(context: &RequestContext) -> Response {
    let status = public_status(context);
    let json = serde_json::to_string(&status).unwrap_or_default() + "\n";
    let length = HeaderValue::from(json.len());
    let head = context.request.method == Method::HEAD;
    let mut response = if head { StatusCode::OK.into_response() } else { json.into_response() };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    if let Some(language) = status.language {
        response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    }
    response
}

fn public_status(context: &RequestContext) -> PublicStatus<'_> {
    let CurrentSnapshot { snapshot, phase } = &context.current;
    let (rules, now) = (&snapshot.config.rules, context.decided.now);
    let target = StatusQuery::parse(context.request.query.as_deref().unwrap_or_default());
    let request = Request {
        hosts: context.hosts(),
        query: Query::new(target.query()),
        ..Request::new(&target.method, RequestPath::new(target.path()))
    };
    let Outlook { period, until, next } = phase.outlook(rules, &request, now);
    let message = period.and_then(|period| rules.responses.get(period)?.message.as_ref());
    let (language, message) =
        message.map(|message| message.negotiate(&context.request.headers, snapshot.config.page.lang)).unzip();
    // Only pages name their path. One that finds no reason to wait loads it again.
    let is_trial = period.is_none() && target.names_path && snapshot.reachability.claim_trial(now);
    let reachable = snapshot.reachability.get().filter(|_| !is_trial);
    let cause = match period {
        Some(period) => Some(rules.cause(period)),
        None => (reachable == Some(false)).then_some(Cause::Unreachable),
    };
    PublicStatus {
        state: if period.is_some() { "down" } else { "up" },
        until,
        retry_after: period.map_or(0, |_| rules.retry_after(until, now)),
        message,
        language,
        next,
        reachable,
        cause: cause.map(Cause::as_str),
    }
}

/// The request whose status is asked for.
#[derive(Debug, PartialEq, Eq)]
struct StatusQuery {
    /// The path and query, percent-encoded as in a request.
    target: String,
    /// True if the query has it.
    names_path: bool,
    method: Method,
}

impl StatusQuery {
    /// Parses `?path=`, which defaults to `/`, and `?method=`, which defaults to GET.
    fn parse(query: &str) -> Self {
        let value = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.into_iter().find(|(name, _)| *name == key)?.1;
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            Some(value).filter(|value| !value.is_empty())
        };
        let path = value("path");
        Self {
            names_path: path.is_some(),
            target: path.unwrap_or_else(|| "/".into()),
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
    fn a_query_names_a_path_and_a_method() {
        for (query, path, query_of_target, method) in [
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
            let target = StatusQuery::parse(query);
            assert_eq!(
                (target.path(), target.query(), &target.method),
                (path, query_of_target, &method),
                "{query}"
            );
        }
    }
}
