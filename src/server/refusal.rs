//! The response to a request that is refused.

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::Full;

use super::limit_log;
use super::response::respond;
use crate::clock;
use crate::http1::refusal::{Refusal, text_response};
use crate::net::client::ClientConnection;
use crate::net::linger::linger;

/// Sends the response to a request that cannot be handled, and closes the connection.
pub(super) async fn refuse(mut client: ClientConnection, refusal: Refusal) {
    let response = refusal_response(&mut client, refusal).map(Full::new);
    if respond(&Method::GET, &mut client, response, clock::now()).await.is_continue() {
        linger(client).await;
    }
}

/// Returns the response to a refused request, after which the connection closes, and logs it.
pub fn refusal_response(client: &mut ClientConnection, refusal: Refusal) -> Response<Bytes> {
    limit_log::refused(&refusal, client.peer());
    client.close_after_response();
    text_response(refusal.status, refusal.reason)
}
