//! Sends one message to a webhook, once: HTTP/1.1, without redirects, to an address that was checked.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::event::{EventFacts, new_id, payload};
use super::retry_after::retry_after;
use super::signature::sign;
use crate::clock;
use crate::config::duration;
use crate::config::hooks::{Webhook, WebhookUrl};
use crate::descriptors::REQUESTS;
use crate::escape::peer_text;
use crate::http1::scheme::Scheme;
use crate::net::happy_eyeballs;
use crate::net::names::Names;
use crate::snapshot::Snapshot;
use crate::tls::{client_config, explain_failure, system_roots};

/// The limit for one attempt, from the lookup of the name to the head of the response.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_secs(15);
/// The most bytes that are read of the responses to one message, interim ones included. The connection counts as closed after that.
const MAX_RESPONSE: u64 = 64 << 10;
const PRODUCT: &str = concat!("downtime/", env!("CARGO_PKG_VERSION"));
/// The type of the message of [`send_test`].
const TEST: &str = "test";

/// What a message gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    /// The status.
    pub(super) status: StatusCode,
    /// How long the receiver asks to wait.
    pub(super) retry_after: Option<Duration>,
}

/// The reason why a message has no response.
#[derive(Debug)]
pub enum SendError {
    /// The receiver cannot be reached.
    Connect(io::Error),
    /// The host of the URL has this address now, which messages must not be sent to.
    Address(IpAddr),
    /// The connection failed, or the other end does not speak HTTP.
    Broken(hyper::Error),
    /// No response came in time.
    TimedOut,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // These may have text of the receiver, such as the names in its certificate.
            Self::Connect(error) => write!(f, "cannot connect: {}", peer_text(&error.to_string())),
            Self::Address(address) => {
                write!(f, "its name leads to {address}, to which messages are never sent")
            }
            Self::Broken(error) => {
                write!(f, "the connection failed: {}", peer_text(&error.to_string()))?;
                error.source().map_or(Ok(()), |cause| write!(f, " ({})", peer_text(&cause.to_string())))
            }
            Self::TimedOut => {
                write!(f, "no response within {}", duration::format(ATTEMPT_LIMIT))
            }
        }
    }
}

impl std::error::Error for SendError {}

/// Sends a message with the type `test`, about the state of this snapshot, in one attempt. Returns the status of the response.
///
/// # Errors
/// No response came.
pub fn send_test(webhook: &Webhook, snapshot: &Snapshot, now: Timestamp) -> Result<StatusCode, SendError> {
    let body = payload(TEST, now, &EventFacts::of_state(snapshot, now));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SendError::Connect)?;
    let response = runtime.block_on(send(webhook, &new_id(), body.into(), &Names::default()))?;
    Ok(response.status)
}

/// Sends a message, signed for this moment. Returns the response, whatever its status is.
pub(super) async fn send(
    webhook: &Webhook,
    id: &str,
    body: Bytes,
    names: &Names,
) -> Result<Response, SendError> {
    timeout(ATTEMPT_LIMIT, send_unlimited(webhook, id, body, names)).await.unwrap_or(Err(SendError::TimedOut))
}

async fn send_unlimited(
    webhook: &Webhook,
    id: &str,
    body: Bytes,
    names: &Names,
) -> Result<Response, SendError> {
    let url = &webhook.url;
    let addresses = names.resolve(url.host()).await.map_err(SendError::Connect)?;
    if let Some(address) = addresses.iter().find(|address| !url.may_lead_to(**address)) {
        return Err(SendError::Address(*address));
    }
    // Not looked up again: this connection leads to one of the addresses that were checked.
    let stream = happy_eyeballs::connect(&addresses, url.port(), || REQUESTS.try_take())
        .await
        .map_err(SendError::Connect)?;
    let request = request(webhook, id, body).map_err(|error| SendError::Connect(io::Error::other(error)))?;
    match url.scheme() {
        Scheme::Http => exchange(stream, request).await,
        Scheme::Https => {
            let tls = begin_tls(url, stream).await.map_err(SendError::Connect)?;
            exchange(tls, request).await
        }
    }
}

async fn begin_tls(
    url: &WebhookUrl,
    stream: tokio::net::TcpStream,
) -> io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let config = client_config(system_roots().await?, None).map_err(io::Error::other)?;
    let name = ServerName::try_from(url.host().to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| explain_failure(error, None))
}

fn request(webhook: &Webhook, id: &str, body: Bytes) -> http::Result<Request<Full<Bytes>>> {
    let second = clock::now().as_second();
    let signature = sign(&webhook.secrets, id, second, &body);
    Request::builder()
        .method(Method::POST)
        .uri(webhook.url.target())
        .header(HOST, webhook.url.authority())
        .header(USER_AGENT, PRODUCT)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header("webhook-id", id)
        .header("webhook-timestamp", second)
        .header("webhook-signature", signature)
        .body(Full::new(body))
}

/// Sends a request and returns the response, of which only the head is read.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<Response, SendError> {
    // A receiver that sends interim responses without a pause would keep hyper from ever giving the thread back.
    let (reader, writer) = tokio::io::split(stream);
    let stream = tokio::io::join(reader.take(MAX_RESPONSE), writer);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(SendError::Broken)?;
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        biased;
        response = &mut response => response,
        // The response may have come right before the end.
        ended = connection => response.await.map_err(|error| ended.err().unwrap_or(error)),
    };
    let response = response.map_err(SendError::Broken)?;
    Ok(Response { status: response.status(), retry_after: retry_after(response.headers(), clock::now()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::names::Addresses;

    /// Looks up the address that is the first label of a name, with `-` for `.`.
    fn lookup(name: &str) -> io::Result<Addresses> {
        let address = name.split('.').next().unwrap_or_default().replace('-', ".");
        let address = if name == "localhost" { "192.0.2.1" } else { &address };
        let address: IpAddr = address.parse().map_err(io::Error::other)?;
        // The first one would be accepted.
        Ok(Arc::new([[127, 0, 0, 1].into(), address]))
    }

    #[test]
    fn an_error_has_only_the_beginning_of_a_long_cause() {
        let error = SendError::Connect(io::Error::other("a\n".repeat(5000))).to_string();
        assert!(error.starts_with("cannot connect: a\\na\\n") && error.ends_with('…'), "{error}");
    }

    #[tokio::test]
    async fn the_address_of_a_name_is_checked_before_anything_is_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        for (url, expected) in [
            ("https://169-254-169-254.example", "169.254.169.254"),
            ("https://0-0-0-0.example", "0.0.0.0"),
            ("https://224-0-0-1.example", "224.0.0.1"),
            ("http://localhost", "192.0.2.1"),
        ] {
            let url = WebhookUrl::parse(&format!("{url}:{port}/")).unwrap();
            let webhook = Webhook { url, events: Vec::new(), secret_file: "key".into(), secrets: Vec::new() };
            let names = Names::with_lookup(lookup);
            let error = send(&webhook, "msg_1", Bytes::new(), &names).await.unwrap_err();
            let message = format!("its name leads to {expected}, to which messages are never sent");
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
