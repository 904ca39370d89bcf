//! A certificate, with those that lead to its issuer.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use super::pem::{PemContent, PemError, sections};

/// The server's own certificate and those after it in its file.
#[derive(Clone, Debug)]
pub struct CertificateChain {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) names: Vec<String>,
    pub(super) valid_from: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl CertificateChain {
    /// Reads the certificates of a file. The server's own comes first.
    ///
    /// # Errors
    /// The file holds no certificate, or the first one is malformed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemError> {
        let sections = sections(pem, PemContent::Certificate)?;
        let certificates: Vec<_> = sections.map(|(_, der)| CertificateDer::from(der)).collect();
        let malformed = || PemError::Malformed("the first certificate cannot be read".into());
        let first = certificates.first().ok_or_else(malformed)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(first).map_err(|_| malformed())?;
        let (names, validity) = (names(&parsed), parsed.validity());
        let (valid_from, expires_at) = (time(validity.not_before), time(validity.not_after));
        Ok(Self { certificates, names, valid_from, expires_at })
    }
}

/// Returns the names that a certificate is for (RFC 5280, section 4.2.1.6), in lower case. Without any, clients accept it
/// for none; then its common name identifies it for people.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    let names: Vec<_> = names.filter_map(name).collect();
    if !names.is_empty() {
        return names;
    }
    let common = certificate.subject().iter_common_name();
    common.filter_map(|name| name.as_str().ok().map(str::to_owned)).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()?;
            Some(address.to_string())
        }
        _ => None,
    }
}

/// Returns the time; the last one that can be represented for one beyond it, such as that of a certificate without an end
/// (RFC 5280, section 4.1.2.5).
fn time(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}
