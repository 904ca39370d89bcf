//! The requests of testers who enter: reads the form, and counts wrong secrets.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;
use tracing::warn;

use super::Gateway;
use super::record::RequestRecord;
use crate::filters::Routes;
use crate::filters::context::Decided;
use crate::guesses::{Guesses, INTERVAL, client_network};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::server::body::{BodyError, read_body};
use crate::server::refusal::refusal_response;
use crate::server::response::respond;
use crate::snapshot::CurrentSnapshot;

/// The limit for the form, in bytes: a secret is much shorter.
const MAX_FORM: usize = 4 << 10;

/// The wrong secrets that a client may send in a minute. A tester who mistypes a secret needs a few.
const MAX_GUESSES: u32 = 10;
/// The number of clients whose wrong secrets are counted.
const MAX_CLIENTS: usize = 1024;

/// The wrong secrets of all clients of this process. A client without an address is one of them.
static GUESSES: LazyLock<Guesses<Option<IpAddr>>> = LazyLock::new(|| Guesses::new(MAX_GUESSES, MAX_CLIENTS));

impl<R: Routes> Gateway<R> {
    /// Responds to a request for the page at which testers enter.
    pub(super) async fn enter(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        current: &Rc<CurrentSnapshot>,
        decided: &Decided,
        record: &mut RequestRecord<'_>,
    ) -> ControlFlow<()> {
        let limit = current.snapshot.config.limits.body_timeout;
        let form = match read_form(head, client, limit).await {
            Ok(form) => form,
            Err(BodyError::BrokeOff) => return ControlFlow::Break(()),
            Err(BodyError::Refused(refusal)) => {
                record.refuse_body(refusal);
                let response = refusal_response(client, refusal);
                return respond(&head.method, client, response.map(Full::new), decided.now).await;
            }
        };
        let mut response = self.call_filters(head, current, decided, form).await;
        let is_wrong = response.status() == StatusCode::FORBIDDEN;
        self.counts.wrong_secrets.add(is_wrong.into());
        if is_wrong && is_limited(decided) {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(INTERVAL.as_secs()));
            client.close_after_response();
        }
        record.respond(response.status());
        respond(&head.method, client, response, decided.now).await
    }
}

/// Counts a wrong secret, and returns true if the client has sent too many. A right one is never refused for that: others may
/// have the same address.
fn is_limited(decided: &Decided) -> bool {
    let counted = GUESSES.record(decided.client.map(client_network), decided.now);
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
) -> Result<Bytes, BodyError> {
    if head.method != Method::POST {
        return Ok(Bytes::new());
    }
    read_body(head, client, MAX_FORM, limit).await
}
