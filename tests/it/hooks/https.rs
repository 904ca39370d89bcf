//! Webhooks over https: the certificate must be for the host, of an authority that the system trusts.

use std::net::TcpListener;
use std::sync::Arc;

use rcgen::date_time_ymd;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::directory;
use crate::receiver::{SECRET, read};
use crate::support::http::Client;
use crate::support::process::downtime;
use crate::support::tls::Authority;
use crate::working_directory::{CommandOutput, output};

fn server_config(authority: &Authority, name: &str) -> ServerConfig {
    let certificate =
        CertificateDer::from_pem_file(authority.path(&format!("{name}.pem"))).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(authority.path(&format!("{name}.key"))).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("an identity")
}

/// Sends a test message to a receiver with the certificate that was issued for `name`, and trusts only this authority.
fn test(authority: &Authority, name: &str, trusted: &Authority) -> CommandOutput {
    let config = Arc::new(server_config(authority, name));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://localhost:{}/x", listener.local_addr().expect("an address").port());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let connection = ServerConnection::new(config).expect("TLS");
        let mut client = Client { stream: StreamOwned::new(connection, stream), unread: Vec::new() };
        let received = read(&mut client)?;
        client.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        Some(received)
    });
    let directory = directory(&format!("[[webhook]]\nurl = \"{url}\"\nsecret_file = \"hook.key\"\n"));
    let mut command = downtime(&directory);
    command.args(["webhook", "test"]).env("SSL_CERT_FILE", trusted.path("ca.pem")).env_remove("SSL_CERT_DIR");
    let printed = output(&mut command).into();
    if let Some(received) = server.join().expect("a receiver") {
        assert!(received.is_signed_with(SECRET) && received.json()["type"] == "test", "{received:?}");
    }
    printed
}

#[test]
fn the_certificate_is_checked() {
    let (authority, other) = (Authority::new(), Authority::new());
    for name in ["localhost", "other.example"] {
        authority.issue(name);
    }
    let sent = test(&authority, "localhost", &authority);
    assert_eq!((sent.code, sent.stdout.as_str(), sent.stderr.as_str()), (0, "202\n", ""));
    for (name, trusted) in [("localhost", &other), ("other.example", &authority)] {
        let refused = test(&authority, name, trusted);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{name}: {refused:?}");
        assert!(refused.stderr.contains("invalid peer certificate"), "{refused:?}");
    }
}

#[test]
fn a_certificate_that_has_expired_is_reported_with_its_time() {
    let authority = Authority::new();
    authority.issue_with("localhost", |params| params.not_after = date_time_ymd(2021, 9, 11));
    let refused = test(&authority, "localhost", &authority);
    let reason = "cannot connect: its certificate expired on 2021-09-11 00:00 UTC: renew it there";
    assert!(refused.code == 1 && refused.stderr.contains(reason), "{refused:?}");
}
