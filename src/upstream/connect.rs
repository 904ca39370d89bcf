//! Opens connections to upstreams.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::UnixStream;
use tokio::time::sleep;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::config::upstream_address::{UpstreamAddress, UpstreamScheme};
use crate::descriptors::REQUESTS;
use crate::net::happy_eyeballs;
use crate::net::names::Names;
use crate::net::stream::Stream;
use crate::tls::{UpstreamTls, client_config, explain_failure, system_roots, with_http2};

/// The settings for TLS; `None` for the default ones. They are those of one version of the file, and another version has
/// others, so that comparing the pointers is enough.
pub(super) type TlsSettings = Option<Arc<UpstreamTls>>;

/// Returns true if both are the settings of the same version of the file, or both the default ones.
pub(super) fn is_same(one: &TlsSettings, other: &TlsSettings) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// One thread's connectors for TLS, with the settings that they were made for.
#[derive(Clone, Default)]
pub(super) struct Connector(Rc<RefCell<Option<(TlsSettings, Connectors)>>>);

#[derive(Clone)]
struct Connectors {
    http1: TlsConnector,
    /// Offers HTTP/2 too.
    http2: TlsConnector,
}

impl Connector {
    /// Returns the connectors with these settings. They are kept for the next connection.
    async fn get(&self, settings: &TlsSettings) -> io::Result<Connectors> {
        if let Some((of, connectors)) = &*self.0.borrow()
            && is_same(of, settings)
        {
            return Ok(connectors.clone());
        }
        let tls = settings.as_deref();
        let roots = match tls.and_then(|tls| tls.roots.clone()) {
            Some(roots) => roots,
            None => system_roots().await?,
        };
        let config = client_config(roots, tls.and_then(|tls| tls.certificate.as_ref()));
        let config = config.map_err(io::Error::other)?;
        let http2 = Arc::new(with_http2(&config)).into();
        let connectors = Connectors { http1: Arc::new(config).into(), http2 };
        *self.0.borrow_mut() = Some((settings.clone(), connectors.clone()));
        Ok(connectors)
    }
}

/// How long to wait before another attempt to connect to a Unix socket whose queue is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// Connects to a Unix socket. While more connections wait there than the upstream lets wait, the system refuses another one
/// (EAGAIN, connect(2)); over TCP it would try again by itself.
async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(QUEUE_PAUSE).await,
            connected => return connected,
        }
    }
}

/// Opens a connection, for which the caller has taken a descriptor: looks up the name, connects, and begins TLS, with an offer of
/// HTTP/2 if `offers_http2`.
pub(super) async fn connect(
    upstream: &UpstreamAddress,
    settings: &TlsSettings,
    offers_http2: bool,
    names: &Names,
    connector: &Connector,
) -> io::Result<Stream> {
    let (scheme, host, port) = match upstream {
        UpstreamAddress::Unix(path) => return connect_unix(path).await.map(Stream::Unix),
        UpstreamAddress::Tcp { scheme, host, port } => (*scheme, host, *port),
    };
    let addresses = names.resolve(host).await?;
    let tcp = happy_eyeballs::connect(&addresses, port, || REQUESTS.try_take()).await?;
    tcp.set_nodelay(true)?;
    if scheme != UpstreamScheme::Https {
        return Ok(Stream::Tcp(tcp));
    }
    let name = match settings.as_ref().and_then(|tls| tls.server_name.clone()) {
        Some(name) => name,
        None => ServerName::try_from(host.clone()).map_err(io::Error::other)?,
    };
    let Connectors { http1, http2 } = connector.get(settings).await?;
    let connector = if offers_http2 { http2 } else { http1 };
    let tls = connector.connect(name, tcp).await.map_err(|error| {
        let plain = UpstreamAddress::Tcp { scheme: UpstreamScheme::Http, host: host.clone(), port };
        explain_failure(error, Some(&plain.to_string()))
    })?;
    Ok(TlsStream::Client(tls).into())
}
