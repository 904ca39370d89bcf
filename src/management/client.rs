//! Asks a gateway that runs how it is, over its management listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::config::Listen;

/// The longest answer that is taken, in bytes: 10,000 periods are some 5 MiB of it.
const MOST: usize = 64 << 20;

/// What a gateway says of itself, as far as commands act on it.
#[derive(Debug)]
pub struct Told {
    /// The whole JSON document.
    pub document: serde_json::Map<String, serde_json::Value>,
    /// What is read out of it.
    pub facts: Facts,
}

/// The parts of `/status` that commands act on.
#[derive(Debug, Deserialize)]
pub struct Facts {
    /// `up`, `partial` or `down`.
    pub state: String,
    /// The file that it serves, as it names it.
    pub file: PathBuf,
    /// Of the file that is applied, in hexadecimal.
    pub sha256: String,
    /// Counts what was applied since the start, from 1.
    pub generation: u64,
    /// When that was applied.
    pub applied_at: Timestamp,
    /// The last reading, where it could not be applied.
    pub rejected: Option<Rejection>,
    /// `events` or `polling`.
    pub watch: String,
    /// Of the file that is applied: an IANA name.
    pub timezone: Option<String>,
    /// The state for people.
    pub lines: Vec<String>,
}

/// A reading that could not be applied.
#[derive(Debug, Deserialize)]
pub struct Rejection {
    /// When it was read.
    pub at: Timestamp,
    /// Of the file that was read; none where it could not be.
    pub sha256: Option<String>,
    /// What is wrong with it.
    pub diagnostics: Vec<DiagnosticSummary>,
}

impl Rejection {
    /// What makes the file one that cannot be applied.
    pub fn errors(&self) -> impl Iterator<Item = &DiagnosticSummary> {
        self.diagnostics.iter().filter(|problem| problem.severity == "error")
    }
}

/// A diagnostic.
#[derive(Debug, Deserialize)]
pub struct DiagnosticSummary {
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// Where, from 1.
    pub line: Option<usize>,
    /// What to write instead.
    pub help: Option<String>,
}

/// Why a gateway did not say how it is.
#[derive(Debug)]
pub enum AskError {
    /// There is no connection.
    Connect(io::Error),
    /// It took too long.
    TimedOut(Duration),
    /// The connection broke off, or HTTP is not what is spoken there.
    Broken(hyper::Error),
    /// The answer is not what a gateway says of itself: why.
    NotOurs(String),
    /// The system chose the port, and the file does not say which.
    AnyPort,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "nothing answers there: {error}"),
            Self::TimedOut(limit) => write!(f, "no answer within {}", humantime::format_duration(*limit)),
            Self::Broken(error) => write!(f, "the reply broke off: {error}"),
            Self::NotOurs(why) => {
                write!(f, "unexpected reply, from another program or another version of the gateway: {why}")
            }
            Self::AnyPort => {
                write!(f, "its port is 0, so the system chose one that commands cannot know")
            }
        }
    }
}

impl std::error::Error for AskError {}

/// Asks the gateway whose management listener is at `listen` for its status, for at most `limit`.
pub fn ask(listen: &Listen, limit: Duration) -> Result<Told, AskError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AskError::Connect)?;
    let answer = runtime.block_on(async { tokio::time::timeout(limit, get(listen)).await });
    told(&answer.map_err(|_| AskError::TimedOut(limit))??)
}

async fn get(listen: &Listen) -> Result<Bytes, AskError> {
    match listen {
        Listen::Tcp(address) => get_over_tcp(reachable(*address)).await,
        Listen::AllAddresses(port) => get_over_tcp((Ipv4Addr::LOCALHOST, *port).into()).await,
        Listen::Unix(path) => exchange(UnixStream::connect(path).await.map_err(AskError::Connect)?).await,
    }
}

async fn get_over_tcp(address: SocketAddr) -> Result<Bytes, AskError> {
    if address.port() == 0 {
        return Err(AskError::AnyPort);
    }
    exchange(TcpStream::connect(address).await.map_err(AskError::Connect)?).await
}

/// One that listens on every address is reached on the loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Bytes, AskError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Broken)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static("/status");
    request.headers_mut().insert(HOST, http::HeaderValue::from_static("localhost"));
    let answer = async {
        let response = sender.send_request(request).await.map_err(AskError::Broken)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(AskError::NotOurs(format!("it answers {status}")));
        }
        let body = Limited::new(response.into_body(), MOST).collect().await;
        body.map(Collected::to_bytes).map_err(|error| AskError::NotOurs(error.to_string()))
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        Err(error) = connection => Err(AskError::Broken(error)),
    }
}

fn told(answer: &[u8]) -> Result<Told, AskError> {
    let not_ours = |error: serde_json::Error| AskError::NotOurs(error.to_string());
    let facts = serde_json::from_slice(answer).map_err(not_ours)?;
    Ok(Told { document: serde_json::from_slice(answer).map_err(not_ours)?, facts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_on_all_addresses_is_asked_on_the_loopback() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = std::thread::spawn(move || {
            for _ in 0..2 {
                drop(listener.accept().unwrap());
            }
        });
        for listen in [Listen::AllAddresses(port), Listen::Tcp(([0, 0, 0, 0], port).into())] {
            let error = ask(&listen, Duration::from_secs(20)).unwrap_err();
            assert!(matches!(error, AskError::Broken(_)), "{listen}: {error}");
        }
        answers.join().unwrap();
        for listen in [Listen::AllAddresses(0), Listen::Tcp(([0, 0, 0, 0], 0).into())] {
            assert!(matches!(ask(&listen, Duration::from_secs(20)), Err(AskError::AnyPort)), "{listen}");
        }
    }
}
