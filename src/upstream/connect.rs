//! Opens connections to upstreams.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::UnixStream;
use tokio::sync::OnceCell;
use tokio_rustls::{TlsConnector, TlsStream};

use super::happy_eyeballs;
use super::names::Names;
use crate::config::upstream_address::{UpstreamAddress, UpstreamScheme};
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

/// Opens a connection: looks up the name, connects, and begins TLS.
pub(super) async fn connect(upstream: &UpstreamAddress, names: &Names, roots: &Roots) -> io::Result<Stream> {
    let (scheme, host, port) = match upstream {
        UpstreamAddress::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix),
        UpstreamAddress::Tcp { scheme, host, port } => (*scheme, host, *port),
    };
    let tcp = happy_eyeballs::connect(&names.resolve(host).await?, port).await?;
    tcp.set_nodelay(true)?;
    if scheme != UpstreamScheme::Https {
        return Ok(Stream::Tcp(tcp));
    }
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let tls = roots.connector().await?.connect(name, tcp).await?;
    Ok(TlsStream::Client(tls).into())
}
