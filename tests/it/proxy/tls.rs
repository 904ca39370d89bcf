use std::sync::Arc;

use downtime::upstream::Proxy;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::spawn_local;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::gateway::{InProcessGateway, Options};
use super::peer::{Origin, RawPeer, settled, soon};
use crate::support::tls::client_config;

const GET: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn identity(name: &str) -> (TlsAcceptor, RootCertStore) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("an identity");
    (TlsAcceptor::from(Arc::new(config)), roots)
}

#[tokio::test(flavor = "local")]
async fn an_https_upstream_needs_a_valid_certificate() {
    for (name, status) in [("127.0.0.1", "HTTP/1.1 200 OK"), ("other.example", "HTTP/1.1 502 Bad Gateway")] {
        let (acceptor, roots) = identity(name);
        let origin = Origin::bind().await;
        let url = origin.url().replace("http:", "https:");
        let proxy = Proxy::with_roots(roots).expect("roots");
        let gateway = InProcessGateway::with(&url, Options { proxy, ..Options::default() });
        spawn_local(async move {
            let Ok(mut stream) = acceptor.accept(origin.accept().await.stream).await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.expect("a request");
            }
            stream.write_all(HELLO).await.expect("sent");
            stream.flush().await.expect("flushed");
        });
        let mut client = gateway.connect().await;
        client.send(GET).await;
        assert_eq!(client.head().await.first, status, "{}", gateway.failure());
    }
}

#[tokio::test(flavor = "local")]
async fn requests_are_forwarded_to_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("app.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let gateway = InProcessGateway::to(&format!("unix:{}", path.display()));
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let (mut stream, _) = soon("a connection", listener.accept()).await.expect("a connection");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        soon("the request", stream.read_buf(&mut request)).await.expect("a request");
    }
    assert!(request.starts_with(b"GET / HTTP/1.1\r\nhost: shop.example\r\n"));
    stream.write_all(HELLO).await.expect("sent");
    assert_eq!(client.until("hello").await.lines().next(), Some("HTTP/1.1 200 OK"));
}

/// What rustls could not write at once is sent while more of the response is awaited. Of these lengths, some are just beyond
/// what the sockets take.
#[tokio::test(flavor = "local")]
async fn a_client_gets_what_the_upstream_has_sent_so_far() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::with(&origin.url(), Options { is_tls: true, ..Options::default() });
    let connector = TlsConnector::from(client_config(rustls::ALL_VERSIONS, &[]));
    for length in (64..160).map(|step| step * (32 << 10)) {
        let tcp = RawPeer::connect_narrow(gateway.address).await.stream;
        let name = ServerName::try_from("site.example").expect("a name");
        let mut client = connector.connect(name, tcp).await.expect("a handshake");
        client.write_all(GET.as_bytes()).await.expect("sent");
        let mut upstream = origin.accept().await;
        upstream.head().await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length + 1);
        upstream.send(&head).await;
        let mut sent = 0;
        while sent < length {
            // The client reads nothing, until the gateway takes no more.
            settled().await;
            match upstream.stream.try_write(&vec![b'x'; length - sent]) {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
        settled().await;
        let read = async {
            let mut got = Vec::new();
            while !got.windows(4).take(1024).any(|end| end == b"\r\n\r\n") {
                client.read_buf(&mut got).await.expect("a head");
            }
            let head = got.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
            while got.len() < head + sent {
                assert_ne!(client.read_buf(&mut got).await.expect("more"), 0);
            }
        };
        soon(&format!("{sent} bytes"), read).await;
    }
}
