//! The requests of testers who enter: reads the form, and counts wrong secrets.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;
use tokio::time::timeout;
use tracing::warn;

use super::Gateway;
use super::access::{AccessLogLine, log};
use super::guesses::{GUESSES, INTERVAL};
use crate::filters::Routes;
use crate::filters::context::Decided;
use crate::http1::framing::{Encoding, Framing};
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::server::refusal::refusal_response;
use crate::server::response::respond;
use crate::snapshot::CurrentSnapshot;

/// The limit for the form, in bytes: a secret is much shorter.
const MAX_FORM: usize = 4 << 10;

const TOO_LONG: Refusal = Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, reason: "the form is too long" };
const MALFORMED: Refusal = Refusal::bad_request("the body of the request is malformed");
const TOO_SLOW: Refusal =
    Refusal { status: StatusCode::REQUEST_TIMEOUT, reason: "the form did not arrive in time" };

/// Why a form was not read.
enum FormError {
    Refused(Refusal),
    /// The client has left.
    BrokeOff,
}

impl<R: Routes> Gateway<R> {
    /// Responds to a request for the page at which testers enter.
    pub(super) async fn enter(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        current: &Rc<CurrentSnapshot>,
        decided: &Decided,
        access: &mut Option<AccessLogLine>,
    ) -> ControlFlow<()> {
        let limit = current.snapshot.config.limits.body_timeout;
        let form = match read_form(head, client, limit).await {
            Ok(form) => form,
            Err(FormError::BrokeOff) => return ControlFlow::Break(()),
            Err(FormError::Refused(refusal)) => {
                log(access, refusal.status.as_u16());
                let response = refusal_response(client, refusal);
                return respond(head, client, response.map(Full::new), decided.now).await;
            }
        };
        let mut response = self.call_filters(head, current, decided, form).await;
        if response.status() == StatusCode::FORBIDDEN && is_limited(decided) {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(INTERVAL.as_secs()));
            client.close_after_response();
        }
        log(access, response.status().as_u16());
        respond(head, client, response, decided.now).await
    }
}

/// Counts a wrong secret, and returns true if the client has sent too many. A right one is never refused for that: others may
/// have the same address.
fn is_limited(decided: &Decided) -> bool {
    let counted = GUESSES.record(decided.client, decided.now);
    if counted.is_news {
        let client = decided.client.map_or_else(|| "a client".to_owned(), |client| client.to_string());
        warn!(
            "{client} sent many wrong secrets of bypasses, and gets 429 for more; others are not logged for a minute"
        );
    }
    counted.is_limited
}

/// Reads the body of a POST, in at most `limit`. Other requests have none that matters.
async fn read_form(
    head: &RequestHead<'_>,
    client: &mut ClientConnection,
    limit: Duration,
) -> Result<Bytes, FormError> {
    if head.method != Method::POST {
        return Ok(Bytes::new());
    }
    if matches!(head.framing, Framing::Length(length) if length > MAX_FORM as u64) {
        return Err(FormError::Refused(TOO_LONG));
    }
    timeout(limit, receive_form(client)).await.unwrap_or(Err(FormError::Refused(TOO_SLOW)))
}

async fn receive_form(client: &mut ClientConnection) -> Result<Bytes, FormError> {
    client.ask_for_body().await.map_err(|_| FormError::BrokeOff)?;
    let mut form = Vec::new();
    loop {
        let received = client.forward_body(Encoding::Identity, &mut form, |_| false);
        received.map_err(|_| FormError::Refused(MALFORMED))?;
        if form.len() > MAX_FORM {
            return Err(FormError::Refused(TOO_LONG));
        }
        if client.has_whole_body() {
            return Ok(form.into());
        }
        if !matches!(poll_fn(|cx| client.poll_fill(cx)).await, Ok(1..)) {
            return Err(FormError::BrokeOff);
        }
    }
}
