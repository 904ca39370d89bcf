//! Opens connections to upstreams.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};
use tokio_rustls::{TlsConnector, TlsStream};

use crate::config::upstream_address::UpstreamAddress;
use crate::net::stream::Stream;

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
pub(super) async fn connect(
    upstream: &UpstreamAddress,
    limit: Duration,
    roots: &Roots,
) -> io::Result<Stream> {
    timeout(limit, open(upstream, limit, roots)).await?
}

async fn open(upstream: &UpstreamAddress, limit: Duration, roots: &Roots) -> io::Result<Stream> {
    let (tls, host, port) = match upstream {
        UpstreamAddress::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix),
        UpstreamAddress::Tcp { tls, host, port } => (*tls, host, *port),
    };
    let tcp = open_tcp(host, port, limit).await?;
    tcp.set_nodelay(true)?;
    if !tls {
        return Ok(Stream::Tcp(tcp));
    }
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let tls = roots.connector().await?.connect(name, tcp).await?;
    Ok(TlsStream::Client(tls).into())
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
