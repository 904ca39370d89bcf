//! TLS for clients: handshakes, certificates and their renewal, and what ends a connection.

mod certificates;
pub(crate) mod client;
mod expiry;
mod handshakes;
mod https_only;
mod private_keys;
mod unwanted_body;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls;

use self::client::TlsClient;

/// A certificate and its key, in PEM.
struct Identity {
    cert: String,
    key: String,
    der: Vec<u8>,
}

impl Identity {
    fn new(names: &[&str]) -> Self {
        let (cert, key) = tls::identity(names);
        let der = CertificateDer::from_pem_slice(cert.as_bytes()).expect("PEM").to_vec();
        Self { cert, key, der }
    }
}

/// A config with an address for TLS, and certificates `0.pem` with `0.key` and so on.
fn config(certificates: usize, more: &str) -> String {
    let tables: Vec<_> = (0..certificates)
        .map(|number| format!("{{ cert = \"{number}.pem\", key = \"{number}.key\" }}"))
        .collect();
    format!("{more}\n[server]\nlisten = [\"https://127.0.0.1:0\"]\ntls = [{}]\n", tables.join(", "))
}

/// A directory with this config and these certificates.
fn directory(identities: &[&Identity], more: &str) -> ConfigDirectory {
    let directory = ConfigDirectory::with(&config(identities.len(), more));
    for (number, identity) in identities.iter().enumerate() {
        directory.write(&format!("{number}.pem"), &identity.cert);
        directory.write(&format!("{number}.key"), &identity.key);
    }
    directory
}

/// A gateway with these certificates.
fn gateway(identities: &[&Identity], more: &str) -> GatewayProcess {
    GatewayProcess::on(directory(identities, more))
}

/// A gateway with one certificate.
fn any_gateway() -> GatewayProcess {
    gateway(&[&Identity::new(&["site.example"])], "")
}

/// A connection to a gateway, for `site.example`.
fn connect(gateway: &GatewayProcess) -> TlsClient {
    client::Settings::default().connect(gateway.address)
}
