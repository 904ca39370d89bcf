//! TLS to the upstream.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::certificate::Certificate;
use super::pem::{PemContent, PemError, sections};
use super::protocol::{HTTP_1_1, HTTP_2};

/// The settings of `[site] tls`.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTls {
    /// The authorities to trust; `None` for those of the system.
    pub roots: Option<Roots>,
    /// The name that the upstream's certificate must be for; `None` for the host of its address.
    pub server_name: Option<ServerName<'static>>,
    /// The gateway's own certificate, for an upstream that asks for one.
    pub certificate: Option<Certificate>,
}

/// The certificates of authorities. At least one.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Reads the certificates of a file.
    ///
    /// # Errors
    /// The file holds no certificate, or one that cannot be used.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemError> {
        let mut roots = RootCertStore::empty();
        for (number, (_, der)) in sections(pem, PemContent::Certificate)?.enumerate() {
            let malformed = |_| PemError::Malformed(format!("certificate {} cannot be read", number + 1));
            roots.add(CertificateDer::from(der)).map_err(malformed)?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// These certificates, without those that cannot be used; `None` if none are left.
    pub fn from_usable(certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        (!roots.is_empty()).then(|| Self(Arc::new(roots)))
    }
}

/// Returns the settings for an upstream: TLS 1.2 and 1.3, and HTTP/1.1.
///
/// # Errors
/// rustls supports no version of TLS.
pub fn client_config(roots: Roots, certificate: Option<&Certificate>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.0);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let resolver = SingleCertAndKey::from(Arc::clone(certificate.certified_key()));
            builder.with_client_cert_resolver(Arc::new(resolver))
        }
    };
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}

/// Returns the same settings, with HTTP/2 as the protocol that is preferred. The two resume no sessions of each other.
pub fn with_http2(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    config.resumption = Resumption::default();
    config
}
