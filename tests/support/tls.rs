//! TLS between tests and gateways: a client that accepts every certificate, and a tunnel that brings every client over TLS.
//!
//! With `DOWNTIME_TEST_OVER=tls`, gateways listen for TLS, and tests that know nothing of it reach them through the tunnel.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

/// Returns true if gateways are reached over TLS.
pub(crate) fn is_on() -> bool {
    std::env::var_os("DOWNTIME_TEST_OVER").is_some_and(|over| over == "tls")
}

/// Returns a new certificate and its key, in PEM.
pub(crate) fn identity(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// An authority, with its certificate in `ca.pem`, and those of others with their keys.
pub(crate) struct Authority {
    directory: TempDir,
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("issued");
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).expect("written");
        Self { directory, issuer }
    }

    /// Issues a certificate for a name, in `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, name: &str) {
        self.issue_with(name, |_| {});
    }

    /// Issues a certificate with changed parameters, as [`issue`](Self::issue) does.
    pub(crate) fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("parameters");
        // With the name of its issuer, OpenSSL would take it for self-signed.
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("issued");
        std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("written");
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

/// Returns the settings of a client that accepts every certificate.
pub(crate) fn client_config(
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Starts a tunnel to a gateway on a thread of its own, and returns its address.
pub(crate) fn tunnel_thread(to: SocketAddr) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("set");
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(LocalOptions::default()).expect("a runtime");
        runtime
            .block_on(async move { tunnel(TcpListener::from_std(listener).expect("a listener"), to).await });
    });
    address
}

/// Connects each client over TLS. The end of one side is passed on to the other: as an end, or as a reset.
pub(crate) async fn tunnel(listener: TcpListener, to: SocketAddr) {
    loop {
        let (plain, _) = listener.accept().await.expect("a connection");
        tokio::task::spawn_local(async move {
            // The test sees that its connection ends.
            let _ = pass(plain, to).await;
        });
    }
}

/// The side that was reset.
enum Reset {
    Client,
    Gateway,
}

async fn pass(mut plain: TcpStream, to: SocketAddr) -> io::Result<()> {
    plain.set_nodelay(true)?;
    let mut first = [0; 3];
    plain.peek(&mut first).await?;
    let alpn = if first == *b"PRI" { "h2" } else { "http/1.1" };
    let tcp = TcpStream::connect(to).await?;
    tcp.set_nodelay(true)?;
    let connector = TlsConnector::from(client_config(rustls::ALL_VERSIONS, &[alpn]));
    let mut tls = connector.connect(ServerName::try_from("site.example").expect("a name"), tcp).await?;
    let passed = {
        let (mut from_client, to_client) = plain.split();
        let (mut from_gateway, to_gateway) = tokio::io::split(&mut tls);
        let ended = Notify::new();
        let up = async {
            copy(&mut from_client, to_gateway).await.map_err(|_| Reset::Client)?;
            // A client that has closed its socket answers what it gets with a reset.
            tokio::select! {
                _ = from_client.ready(Interest::ERROR) => Err(Reset::Client),
                () = ended.notified() => Ok(()),
            }
        };
        let down = async {
            copy(&mut from_gateway, to_client).await.map_err(|_| Reset::Gateway)?;
            ended.notify_one();
            Ok(())
        };
        tokio::try_join!(up, down)
    };
    match passed {
        Ok(_) => {}
        Err(Reset::Client) => tls.get_ref().0.set_zero_linger()?,
        Err(Reset::Gateway) => plain.set_zero_linger()?,
    }
    Ok(())
}

/// Copies until the end. An end without close_notify is that of a response that was cut.
async fn copy(from: &mut (impl AsyncRead + Unpin), mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => {
                to.write_all(&buffer[..length]).await?;
                to.flush().await?;
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    // The other side may have ended before.
    let _ = to.shutdown().await;
    Ok(())
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
