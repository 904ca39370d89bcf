//! Upstreams with https, Unix sockets, and clients with TLS.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::date_time_ymd;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::spawn_local;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::gateway::{InProcessGateway, Options};
use super::peer::{Origin, RawPeer, settled, soon};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::{Authority, client_config};

const GET: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const OK: &str = "HTTP/1.1 200 OK";
const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway";

/// An acceptor with the certificate for a name, which asks for one of a client if it `wants_client`.
pub(crate) fn acceptor(authority: &Authority, name: &str, wants_client: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).expect("a root");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = if wants_client {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let certificate =
        CertificateDer::from_pem_file(authority.path(&format!("{name}.pem"))).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(authority.path(&format!("{name}.key"))).expect("a key");
    TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).expect("an identity")))
}

/// Returns the first line of the response through a gateway with these lines in `[site]`.
async fn status(acceptor: TlsAcceptor, site: String) -> (String, String) {
    let origin = Origin::bind().await;
    let url = origin.url().replace("http:", "https:");
    let gateway = InProcessGateway::with(&url, Options { site, ..Options::default() });
    spawn_local(async move {
        let Ok(mut stream) = acceptor.accept(origin.accept().await.stream).await else { return };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        stream.write_all(HELLO).await.expect("sent");
        stream.flush().await.expect("flushed");
    });
    let mut client = gateway.connect().await;
    client.send(GET).await;
    (client.head().await.first, gateway.failure())
}

#[tokio::test(flavor = "local")]
async fn the_certificate_of_an_https_upstream_must_be_for_its_name_and_of_a_trusted_authority() {
    let (authority, other) = (Authority::new(), Authority::new());
    for name in ["127.0.0.1", "app.internal"] {
        authority.issue(name);
    }
    let ca = authority.path("ca.pem");
    for (name, tls, expected) in [
        ("127.0.0.1", format!("ca = '{ca}'"), OK),
        ("127.0.0.1", String::new(), BAD_GATEWAY),
        ("127.0.0.1", format!("ca = '{}'", other.path("ca.pem")), BAD_GATEWAY),
        ("127.0.0.1", format!("ca = '{ca}', server_name = 'app.internal'"), BAD_GATEWAY),
        ("app.internal", format!("ca = '{ca}'"), BAD_GATEWAY),
        ("app.internal", format!("ca = '{ca}', server_name = 'app.internal'"), OK),
    ] {
        let tls = if tls.is_empty() { String::new() } else { format!("tls = {{ {tls} }}") };
        let (first, failure) = status(acceptor(&authority, name, false), tls.clone()).await;
        assert_eq!(first, expected, "{name} with {tls}: {failure}");
        assert!(expected == OK || failure.contains("invalid peer certificate"), "{tls}: {failure}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_certificate_that_is_not_valid_now_is_reported_with_its_time() {
    let authority = Authority::new();
    for (from, to, expected) in [
        ((2020, 1, 1), (2021, 9, 11), "its certificate expired on 2021-09-11 00:00 UTC: renew it there"),
        (
            (2094, 1, 1),
            (2095, 1, 1),
            "its certificate is not valid before 2094-01-01 00:00 UTC: is the clock of this machine right?",
        ),
    ] {
        authority.issue_with("127.0.0.1", |params| {
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
        });
        let tls = format!("tls = {{ ca = '{}' }}", authority.path("ca.pem"));
        let (first, failure) = status(acceptor(&authority, "127.0.0.1", false), tls).await;
        assert_eq!(first, BAD_GATEWAY);
        assert_eq!(failure, format!("no connection to the upstream: {expected}"));
    }
}

#[tokio::test(flavor = "local")]
async fn an_https_upstream_that_does_not_speak_tls_is_named_as_the_cause() {
    let authority = Authority::new();
    let origin = Origin::bind().await;
    let site = format!("tls = {{ ca = '{}' }}", authority.path("ca.pem"));
    let url = origin.url().replace("http:", "https:");
    let gateway = InProcessGateway::with(&url, Options { site, ..Options::default() });
    let mut client = gateway.connect().await;
    client.send(GET).await;
    origin.accept().await.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(client.head().await.first, BAD_GATEWAY);
    let expected = format!("it does not speak TLS: did you mean `{}`?", origin.url());
    assert_eq!(gateway.failure(), format!("no connection to the upstream: {expected}"));
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_asks_for_a_certificate_gets_the_configured_one() {
    let authority = Authority::new();
    for name in ["127.0.0.1", "gateway"] {
        authority.issue(name);
    }
    let ca = format!("ca = '{}'", authority.path("ca.pem"));
    let (cert, key) = (authority.path("gateway.pem"), authority.path("gateway.key"));
    for (tls, expected) in [(ca.clone(), BAD_GATEWAY), (format!("{ca}, cert = '{cert}', key = '{key}'"), OK)]
    {
        let acceptor = acceptor(&authority, "127.0.0.1", true);
        let (first, failure) = status(acceptor, format!("tls = {{ {tls} }}")).await;
        assert_eq!(first, expected, "{tls}: {failure}");
    }
}

/// Responds to each request, over any version of HTTP, with the version and the scheme. Counts the connections.
async fn serve_versions(listener: TcpListener, acceptor: TlsAcceptor, connections: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let respond = service_fn(async |request: Request<Incoming>| {
                let text = format!("{:?} {:?}", request.version(), request.uri().scheme_str());
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), respond)
                .await;
        });
    }
}

#[tokio::test]
async fn only_grpc_goes_over_http_2_to_an_https_upstream_that_speaks_it() {
    const HTTP_1: &str = "HTTP/1.1 None";
    let authority = Authority::new();
    authority.issue("127.0.0.1");
    for (offered, expected) in
        [(&["h2", "http/1.1"][..], "HTTP/2.0 Some(\"https\")"), (&["http/1.1"], HTTP_1), (&[], HTTP_1)]
    {
        let mut tls = ServerConfig::clone(acceptor(&authority, "127.0.0.1", false).config());
        tls.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::<AtomicUsize>::default();
        tokio::spawn(serve_versions(listener, Arc::new(tls).into(), Arc::clone(&connections)));
        let ca = authority.path("ca.pem");
        let site = format!("[site]\nupstream = \"https://{address}\"\ntls = {{ ca = '{ca}' }}\n");
        tokio::task::spawn_blocking(move || {
            let gateway = GatewayProcess::start(&format!("{site}[limits]\nupstream_idle = \"1h\"\n"));
            let mut client = gateway.connect();
            for (content_type, expected) in [
                ("text/plain", HTTP_1),
                ("application/grpc", expected),
                ("Application/GRPC+proto", expected),
                ("application/grpc;a=b", expected),
                ("application/grpc-web+proto", HTTP_1),
                ("application/grp", HTTP_1),
            ] {
                let field = format!("Content-Type: {content_type}");
                assert_eq!(
                    client.request("GET", "/", &[&field]).text(),
                    expected,
                    "{offered:?} {content_type}"
                );
            }
        })
        .await
        .expect("a result");
        // gRPC over HTTP/2 leaves the idle one of HTTP/1.1 open.
        assert_eq!(connections.load(Ordering::SeqCst), 2, "{offered:?}");
    }
}

/// Responds to all requests on all connections.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = Vec::new();
            while stream.read_buf(&mut request).await.is_ok_and(|length| length > 0) {
                if request.ends_with(b"\r\n\r\n") {
                    request.clear();
                    stream.write_all(HELLO).await.expect("sent");
                    stream.flush().await.expect("flushed");
                }
            }
        });
    }
}

#[tokio::test]
async fn an_authority_that_changes_counts_for_the_next_request() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.issue("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, acceptor(&authority, "127.0.0.1", false)));
    let config = format!("[site]\nupstream = \"https://{address}\"\ntls = {{ ca = \"ca.pem\" }}\n");
    let directory = ConfigDirectory::with(&config);
    directory.write("ca.pem", &authority.issuer.pem());
    tokio::task::spawn_blocking(move || {
        let gateway = GatewayProcess::on(directory);
        let mut client = gateway.connect();
        assert_eq!(client.request("GET", "/", &[]).text(), "hello");
        gateway.directory.replace("ca.pem", &other.issuer.pem());
        gateway.log().wait_for(" applied ");
        // The connection of the first request may still be idle.
        assert_eq!(client.request("GET", "/", &[]).downtime(), Some("unreachable"));
        gateway.log().wait_for("invalid peer certificate");
        gateway.directory.replace("ca.pem", &authority.issuer.pem());
        gateway.log().wait_for(" applied ");
        assert_eq!(client.request("GET", "/", &[]).text(), "hello");
    })
    .await
    .expect("a result");
}

#[tokio::test(flavor = "local")]
async fn requests_are_forwarded_to_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("app.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let gateway = InProcessGateway::to(&format!("unix:{}", Path::new(&path).display()));
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
