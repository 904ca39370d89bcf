//! A client that speaks TLS.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned, SupportedProtocolVersion};

use crate::support::DEADLINE;
use crate::support::http::Client;
use crate::support::tls::client_config;

/// A connection after the handshake.
pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

/// What differs from client to client. A client that is used again resumes its sessions.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) name: &'static str,
    config: Arc<ClientConfig>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new("site.example", rustls::ALL_VERSIONS, &[])
    }
}

impl Settings {
    /// A client that asks for this name, or for none if it is an IP address.
    pub(crate) fn new(
        name: &'static str,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> Self {
        Self { name, config: client_config(versions, alpn) }
    }

    /// Connects, and completes the handshake.
    pub(crate) fn connect(&self, address: SocketAddr) -> TlsClient {
        self.try_connect(address).expect("a handshake")
    }

    pub(crate) fn try_connect(&self, address: SocketAddr) -> std::io::Result<TlsClient> {
        self.connect_after(b"", address)
    }

    /// Sends these bytes before the handshake.
    pub(crate) fn connect_after(&self, first: &[u8], address: SocketAddr) -> std::io::Result<TlsClient> {
        let mut tcp = TcpStream::connect(address).expect("the gateway");
        tcp.write_all(first)?;
        tcp.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        tcp.set_nodelay(true).expect("no delay");
        let name = ServerName::try_from(self.name).expect("a name");
        let mut tls = ClientConnection::new(Arc::clone(&self.config), name).expect("a client");
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Client { stream: StreamOwned::new(tls, tcp), unread: Vec::new() })
    }
}

impl TlsClient {
    pub(crate) fn certificate(&self) -> &[u8] {
        self.stream.conn.peer_certificates().expect("a certificate").first().expect("one").as_ref()
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.stream.conn.protocol_version().expect("a version")
    }
}
