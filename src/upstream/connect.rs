//! Opens connections to upstreams.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::upstream_address::UpstreamAddress;

/// The root certificates that an https upstream's certificate is checked against.
#[derive(Clone, Default)]
pub(super) enum Roots {
    /// The system's, read when they are first needed.
    #[default]
    System,
    /// These only.
    Given(Arc<ClientConfig>),
}

impl Roots {
    pub(super) fn given(roots: RootCertStore) -> Result<Self, rustls::Error> {
        Ok(Self::Given(Arc::new(client_config(roots)?)))
    }

    async fn connector(&self) -> io::Result<TlsConnector> {
        static SYSTEM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();
        let config = match self {
            Self::Given(config) => config,
            Self::System => SYSTEM.get_or_try_init(system_config).await?,
        };
        Ok(TlsConnector::from(Arc::clone(config)))
    }
}

async fn system_config() -> io::Result<Arc<ClientConfig>> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await?;
    for error in &found.errors {
        tracing::warn!(%error, "cannot read a root certificate of the system");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(io::Error::other(
            "the system has no root certificates to check an https upstream against",
        ));
    }
    Ok(Arc::new(client_config(roots).map_err(io::Error::other)?))
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Opens a connection, including TLS, within `limit`, which all addresses of the name share.
pub(super) async fn connect(upstream: &UpstreamAddress, limit: Duration, roots: &Roots) -> io::Result<Io> {
    let stream = timeout(limit, open(upstream, limit, roots)).await??;
    Ok(Io { stream, received: Arc::default() })
}

async fn open(upstream: &UpstreamAddress, limit: Duration, roots: &Roots) -> io::Result<UpstreamStream> {
    let (tls, host, port) = match upstream {
        UpstreamAddress::Unix(path) => return UnixStream::connect(path).await.map(UpstreamStream::Unix),
        UpstreamAddress::Tcp { tls, host, port } => (*tls, host, *port),
    };
    let tcp = open_tcp(host, port, limit).await?;
    tcp.set_nodelay(true)?;
    if !tls {
        return Ok(UpstreamStream::Tcp(tcp));
    }
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let tls = roots.connector().await?.connect(name, tcp).await?;
    Ok(UpstreamStream::Tls(Box::new(tls)))
}

/// Tries one address after another. Each gets an equal share of the time that is left.
async fn open_tcp(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = limit.saturating_sub(started.elapsed());
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(left / others, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(elapsed) => failure = elapsed.into(),
        }
    }
    Err(failure)
}

/// A connection to an upstream, which records if anything was received.
pub(super) struct Io {
    stream: UpstreamStream,
    received: Arc<AtomicBool>,
}

enum UpstreamStream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    /// Set whenever something is received. The caller resets it.
    pub(super) fn received(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.received)
    }
}

macro_rules! on_stream {
    ($io:expr, $stream:ident => $body:expr) => {
        match &mut $io.stream {
            UpstreamStream::Tcp($stream) => $body,
            UpstreamStream::Unix($stream) => $body,
            UpstreamStream::Tls($stream) => $body,
        }
    };
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = on_stream!(self, stream => Pin::new(stream).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.received.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            UpstreamStream::Tcp(_) | UpstreamStream::Unix(_) => true,
            UpstreamStream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
