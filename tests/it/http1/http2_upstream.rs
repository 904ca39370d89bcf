//! An upstream that speaks HTTP/2, and whose responses the test makes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use super::http2::Body;
use super::site;
use crate::proxy::tls::acceptor;
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;
use crate::support::tls::Authority;

/// A request that the upstream received, and the place for its response.
pub(super) struct Received {
    pub(super) request: Request<Incoming>,
    pub(super) respond: oneshot::Sender<Response<Body>>,
}

/// An upstream whose responses the test makes.
pub(super) struct Http2Upstream {
    pub(super) address: SocketAddr,
    pub(super) requests: mpsc::Receiver<Received>,
    connections: Arc<AtomicUsize>,
    pub(super) going_away: watch::Sender<usize>,
}

impl Http2Upstream {
    pub(super) async fn start() -> Self {
        Self::start_with(None, 200).await
    }

    /// One that allows a client so few requests at a time on each connection.
    pub(super) async fn start_with_streams(streams: u32) -> Self {
        Self::start_with(None, streams).await
    }

    /// One that offers HTTP/2 and HTTP/1.1 over TLS.
    pub(super) async fn start_over_tls(authority: &Authority) -> Self {
        authority.issue("127.0.0.1");
        let mut tls = ServerConfig::clone(acceptor(authority, "127.0.0.1", false).config());
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::start_with(Some(Arc::new(tls).into()), 200).await
    }

    async fn start_with(tls: Option<TlsAcceptor>, streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let ((sender, requests), (going_away, goes_away)) = (mpsc::channel(100), watch::channel(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut goes_away = goes_away.clone();
                goes_away.mark_unchanged();
                let (sender, tls) = (sender.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, streams, sender, goes_away).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(stream, streams, sender, goes_away).await;
                        }
                    }
                });
            }
        });
        Self { address, requests, connections, going_away }
    }

    pub(super) fn gateway(&self) -> GatewayProcess {
        GatewayProcess::start(&site(&format!("h2c://{}", self.address), ""))
    }

    pub(super) async fn request(&mut self) -> Received {
        soon(self.requests.recv()).await.expect("a request")
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    streams: u32,
    sender: mpsc::Sender<Received>,
    mut goes_away: watch::Receiver<usize>,
) {
    let service = service_fn(move |request| {
        let sender = sender.clone();
        async move {
            let (respond, response) = oneshot::channel();
            let _ = sender.send(Received { request, respond }).await;
            response.await
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().max_concurrent_streams(streams);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut connection => {}
        _ = goes_away.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// A body whose frames the test sends; it breaks off if the sender is dropped with an error.
pub(super) fn open_body() -> (mpsc::UnboundedSender<Frame<Bytes>>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok::<_, Infallible>);
    (sender, StreamBody::new(frames).boxed_unsync())
}

/// Runs a blocking client on a thread.
pub(super) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    soon(tokio::task::spawn_blocking(run)).await.expect("a result")
}
