//! A client that speaks TLS, and accepts every certificate.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};

use crate::support::DEADLINE;
use crate::support::http::Client;

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
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { name, config: Arc::new(config) }
    }

    /// Connects, and completes the handshake.
    pub(crate) fn connect(&self, address: SocketAddr) -> TlsClient {
        self.try_connect(address).expect("a handshake")
    }

    pub(crate) fn try_connect(&self, address: SocketAddr) -> std::io::Result<TlsClient> {
        let mut tcp = TcpStream::connect(address).expect("the gateway");
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

#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
