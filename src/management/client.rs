//! Queries a running gateway for its status, over its management listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::status::GatewayStatus;
use crate::config::Listen;
use crate::config::duration;
use crate::escape::peer_text;

/// The maximum length of a response in bytes. 10,000 periods take about 5 MiB.
const MAX_RESPONSE: usize = 64 << 20;

/// The response of a gateway to `/status`.
#[derive(Debug)]
pub struct StatusReply {
    /// The whole JSON document.
    pub document: serde_json::Map<String, serde_json::Value>,
    /// `up`, `partial` or `down`.
    pub state: String,
    /// The parts that only a running gateway knows.
    pub gateway: GatewayStatus,
}

/// The parts of the document that commands use.
#[derive(Deserialize)]
struct StatusParts {
    state: String,
    #[serde(flatten)]
    gateway: GatewayStatus,
}

/// The reason why a query failed.
#[derive(Debug)]
pub enum QueryError {
    /// No connection could be made.
    Connect(io::Error),
    /// No response arrived within this time.
    TimedOut(Duration),
    /// The connection failed, or the other end does not speak HTTP.
    Broken(hyper::Error),
    /// The response is not a status, for this reason.
    Unexpected(String),
    /// The port is 0: the system chose one that is not in the file.
    UnknownPort,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::TimedOut(limit) => write!(f, "no response within {}", duration::format(*limit)),
            Self::Broken(error) => write!(f, "the connection failed: {}", peer_text(&error.to_string())),
            Self::Unexpected(why) => {
                write!(
                    f,
                    "unexpected response, from another program or another version of the gateway: {}",
                    peer_text(why)
                )
            }
            Self::UnknownPort => {
                write!(f, "port 0 lets the system choose a port, so commands cannot know it")
            }
        }
    }
}

impl std::error::Error for QueryError {}

/// Returns the status of the gateway that listens for operators at `listen`.
pub fn query(listen: &Listen, limit: Duration) -> Result<StatusReply, QueryError> {
    block_on(query_status(listen, limit))
}

/// As [`query`], within a runtime.
pub async fn query_status(listen: &Listen, limit: Duration) -> Result<StatusReply, QueryError> {
    parse(&get_within(listen, "/status", limit).await?)
}

/// Succeeds if the gateway that listens for operators at `listen` is healthy.
pub fn query_health(listen: &Listen, limit: Duration) -> Result<(), QueryError> {
    block_on(get_within(listen, "/health", limit)).map(|_| ())
}

fn block_on<T>(query: impl Future<Output = Result<T, QueryError>>) -> Result<T, QueryError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(QueryError::Connect)?;
    runtime.block_on(query)
}

async fn get_within(listen: &Listen, path: &'static str, limit: Duration) -> Result<Bytes, QueryError> {
    let body = tokio::time::timeout(limit, get(listen, path)).await;
    body.map_err(|_| QueryError::TimedOut(limit))?
}

async fn get(listen: &Listen, uri: &'static str) -> Result<Bytes, QueryError> {
    match listen {
        Listen::Tcp(address) => get_over_tcp(connect_address(*address), uri).await,
        Listen::AllAddresses(port) => get_over_tcp((Ipv4Addr::LOCALHOST, *port).into(), uri).await,
        Listen::Unix(path, _) => {
            get_over(UnixStream::connect(path).await.map_err(QueryError::Connect)?, uri).await
        }
    }
}

async fn get_over_tcp(address: SocketAddr, uri: &'static str) -> Result<Bytes, QueryError> {
    if address.port() == 0 {
        return Err(QueryError::UnknownPort);
    }
    get_over(TcpStream::connect(address).await.map_err(QueryError::Connect)?, uri).await
}

/// Returns the address to connect to: loopback for a gateway that listens on every address.
fn connect_address(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}

async fn get_over(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    uri: &'static str,
) -> Result<Bytes, QueryError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(QueryError::Broken)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static(uri);
    request.headers_mut().insert(HOST, http::HeaderValue::from_static("localhost"));
    let response = async {
        let response = sender.send_request(request).await.map_err(QueryError::Broken)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(QueryError::Unexpected(format!("status {status}")));
        }
        let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
        body.map(Collected::to_bytes).map_err(|error| QueryError::Unexpected(error.to_string()))
    };
    tokio::select! {
        biased;
        response = response => response,
        Err(error) = connection => Err(QueryError::Broken(error)),
    }
}

fn parse(body: &[u8]) -> Result<StatusReply, QueryError> {
    let unexpected = |error: serde_json::Error| QueryError::Unexpected(error.to_string());
    let document = serde_json::from_slice(body).map_err(unexpected)?;
    let StatusParts { state, gateway } = serde_json::from_slice(body).map_err(unexpected)?;
    Ok(StatusReply { document, state, gateway })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_only_the_beginning_of_a_long_text() {
        let document = format!("{{\"state\": {{\"{}\": 1}}}}", "\u{1b}".repeat(5000));
        for body in [document, format!("\"{}\"", "a".repeat(5000))] {
            let error = parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.len() < 2200 && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_gateway_on_all_addresses_is_queried_on_loopback() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                drop(listener.accept().unwrap());
            }
        });
        for listen in [Listen::AllAddresses(port), Listen::Tcp(([0, 0, 0, 0], port).into())] {
            let error = query(&listen, Duration::from_secs(20)).unwrap_err();
            assert!(matches!(error, QueryError::Broken(_)), "{listen}: {error}");
        }
        server.join().unwrap();
        for listen in [Listen::AllAddresses(0), Listen::Tcp(([0, 0, 0, 0], 0).into())] {
            assert!(
                matches!(query(&listen, Duration::from_secs(20)), Err(QueryError::UnknownPort)),
                "{listen}"
            );
        }
    }
}
