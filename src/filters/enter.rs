//! The page at which testers enter: it takes the secret of a bypass, and sets the cookie that holds it.
//!
//! The secret comes in the fragment of a link, which browsers send to nobody. A script takes it from there and posts it; without
//! scripts, testers paste it.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, LOCATION, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply as _};

use super::context::{OwnedDecision, RequestContext};
use crate::decision::down_response::Redirect;
use crate::http1::field_names::PRIVATE;
use crate::http1::scheme::Scheme;
use crate::matching::bypass::{Bypass, COOKIE, cookie_value};
use crate::matching::cross_origin::is_cross_origin;
use crate::matching::path::RequestPath;
use crate::matching::request::Request;
use crate::page::{self, EnterPage};

/// Responds with the page, or to the form on it. Rejects other requests.
pub fn enter() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter(|context| {
        matches!(context.decided.decision, OwnedDecision::Enter).then(|| respond(context))
    })
}

fn respond(context: &RequestContext) -> Response {
    let page = |page| page::enter(page, &context.request.method).map(Into::into);
    match context.request.method {
        Method::GET | Method::HEAD => page(EnterPage::Asking),
        Method::POST => let_in(context).unwrap_or_else(|| page(EnterPage::Refusing)),
        _ => {
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

/// Returns the response to the right secret; `None` if it is wrong or its bypass is over, or if the page of another site sends it.
fn let_in(context: &RequestContext) -> Option<Response> {
    let hosts = context.hosts();
    if is_cross_origin(&context.request.headers, &hosts) {
        return None;
    }
    let secret = secret(&context.request.body)?;
    let now = context.decided.now;
    let request = Request { hosts, ..Request::new(&Method::GET, RequestPath::new("/")) };
    let bypasses = &context.current.snapshot.config.rules.bypasses;
    let bypass = bypasses.find_by_secret(&secret, &request, now)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    let fields = response.headers_mut();
    fields.insert(LOCATION, next(context.request.query.as_deref()));
    fields.insert(SET_COOKIE, cookie(bypass, &secret, context.scheme(), now)?);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(PRIVATE));
    fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

/// Returns the secret of the form. A tester may have pasted the whole link.
fn secret(form: &[u8]) -> Option<Vec<u8>> {
    let form = std::str::from_utf8(form).ok()?;
    let value = form.split('&').find_map(|pair| pair.strip_prefix("secret="))?.replace('+', " ");
    let value: Vec<u8> = percent_decode_str(&value).collect();
    let text = std::str::from_utf8(&value).unwrap_or_default();
    let pasted = text.split_once("/.downtime/enter").and_then(|(_, rest)| rest.split_once('#'));
    let secret = pasted.map_or(value.as_slice(), |(_, secret)| secret.as_bytes());
    Some(secret.trim_ascii().to_owned())
}

/// Returns the path of this site that `?next=` names, or `/`.
fn next(query: Option<&str>) -> HeaderValue {
    let value = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("next=")));
    let path = value.and_then(|value| percent_decode_str(value).decode_utf8().ok());
    path.and_then(|path| Redirect::to_own_path(&path)).unwrap_or(HeaderValue::from_static("/"))
}

/// Returns the cookie that holds a secret until its bypass is over.
fn cookie(bypass: &Bypass, secret: &[u8], scheme: Scheme, now: Timestamp) -> Option<HeaderValue> {
    let seconds = bypass.until.duration_since(now).as_secs().max(1);
    COOKIE.field(&cookie_value(secret), Some(seconds), scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_site_comes_next() {
        for (query, expected) in [
            (None, "/"),
            (Some("next=/shop/a?b=c"), "/shop/a?b=c"),
            (Some("x=y&next=%2Fshop%3Fb%3Dc"), "/shop?b=c"),
            (Some("next=shop"), "/"),
            (Some("next=https://b.example/"), "/"),
            (Some("next=//b.example/"), "/"),
            (Some("next=/%5Cb.example/"), "/"),
            (Some("next=/%09/b.example/"), "/"),
            (Some("next=/a/../b"), "/"),
            (Some("next=/a%0d%0aX:%20y"), "/"),
            (Some("next="), "/"),
        ] {
            assert_eq!(next(query), expected, "{query:?}");
        }
    }

    #[test]
    fn the_secret_is_the_value_of_the_field_or_the_fragment_of_a_link() {
        for (form, expected) in [
            ("secret=a-_b", Some("a-_b")),
            ("x=y&secret=+a%2Bb+%0A", Some("a+b")),
            ("secret=https%3A%2F%2Fa.example%2F.downtime%2Fenter%3Fnext%3D%2Fx%23ab", Some("ab")),
            ("secret=", Some("")),
            ("secrets=a", None),
            ("", None),
        ] {
            assert_eq!(secret(form.as_bytes()).as_deref(), expected.map(str::as_bytes), "{form}");
        }
    }
}
