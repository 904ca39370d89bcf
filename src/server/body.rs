//! Reads the whole body of a request, for services that need all of it.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::time::timeout;

use crate::http1::framing::{Framing, TransferCoding};
use crate::http1::refusal::{INCOMPLETE_BODY, MALFORMED_BODY, Refusal};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;

const TOO_LONG: Refusal =
    Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, reason: "the body of the request is too long" };
const TOO_SLOW: Refusal =
    Refusal { status: StatusCode::REQUEST_TIMEOUT, reason: "the body of the request did not arrive in time" };

/// Why a body was not read.
#[derive(Debug)]
pub enum BodyError {
    /// The request is refused.
    Refused(Refusal),
    /// The client has left.
    BrokeOff,
}

/// Reads a body of at most `max` bytes, in at most `limit`.
pub async fn read_body(
    head: &RequestHead<'_>,
    client: &mut ClientConnection,
    max: usize,
    limit: Duration,
) -> Result<Bytes, BodyError> {
    if matches!(head.framing, Framing::Length(length) if length > max as u64) {
        return Err(BodyError::Refused(TOO_LONG));
    }
    timeout(limit, receive(client, max)).await.unwrap_or(Err(BodyError::Refused(TOO_SLOW)))
}

async fn receive(client: &mut ClientConnection, max: usize) -> Result<Bytes, BodyError> {
    client.ask_for_body().await.map_err(|_| BodyError::BrokeOff)?;
    let mut body = Vec::new();
    loop {
        let received = client.forward_body(TransferCoding::Identity, &mut body, |_| false);
        received.map_err(|_| BodyError::Refused(MALFORMED_BODY))?;
        if body.len() > max {
            return Err(BodyError::Refused(TOO_LONG));
        }
        if client.has_whole_body() {
            return Ok(body.into());
        }
        match poll_fn(|cx| client.poll_fill(cx)).await {
            Ok(1..) => {}
            Ok(_) => return Err(BodyError::Refused(INCOMPLETE_BODY)),
            Err(_) => return Err(BodyError::BrokeOff),
        }
    }
}
