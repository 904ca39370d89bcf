//! All certificates of the gateway.

use std::collections::HashMap;

use rustls::SignatureScheme;

use super::certificate::{Certificate, CertificateFiles};

/// The certificates of the gateway, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    all: Vec<Certificate>,
    /// The indexes of the certificates for each name. A wildcard is a name with `*` as its first label.
    by_name: HashMap<String, Vec<usize>>,
    /// Why the files of entries could not be used, one text for each entry.
    unusable: Vec<String>,
}

impl From<Vec<Certificate>> for Certificates {
    fn from(all: Vec<Certificate>) -> Self {
        let mut by_name = HashMap::<_, Vec<_>>::new();
        for (index, certificate) in all.iter().enumerate() {
            for name in certificate.names() {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Self { all, by_name, unusable: Vec::new() }
    }
}

impl Certificates {
    /// The certificates.
    pub fn all(&self) -> &[Certificate] {
        &self.all
    }

    /// Returns the certificate that was read from these files.
    pub fn of_files(&self, files: &CertificateFiles) -> Option<&Certificate> {
        self.all.iter().find(|certificate| certificate.files() == files)
    }

    /// Sets why the files of entries could not be used, one text for each entry: earlier certificates take their places, or none.
    #[must_use]
    pub fn with_unusable(self, unusable: Vec<String>) -> Self {
        Self { unusable, ..self }
    }

    /// Why the files of entries could not be used, one text for each entry.
    pub fn unusable(&self) -> &[String] {
        &self.unusable
    }

    /// Chooses the certificate for a client that asks for this server name and can check these signatures: one for the name
    /// itself, else one for a wildcard (RFC 9525, section 6.3), else the first. `None` only if there are none.
    pub fn choose(&self, server_name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Certificate> {
        let name = server_name.unwrap_or_default().to_ascii_lowercase();
        let wildcard =
            || name.split_once('.').and_then(|(_, parent)| self.by_name.get(&format!("*.{parent}")));
        let indexes = self.by_name.get(&name).or_else(wildcard).map_or(&[0][..], Vec::as_slice);
        let mut candidates = indexes.iter().filter_map(|index| self.all.get(*index));
        let first = candidates.clone().next();
        candidates.find(|candidate| candidate.can_sign(schemes)).or(first)
    }
}

impl Certificate {
    fn can_sign(&self, schemes: &[SignatureScheme]) -> bool {
        self.certified_key().key.choose_scheme(schemes).is_some()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm};
    use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, ED25519};

    use super::super::{CertificateChain, PrivateKey};
    use super::*;

    fn certificate(names: &[&str], algorithm: &'static SignatureAlgorithm) -> Certificate {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let chain = CertificateChain::from_pem(certificate.pem().as_bytes()).unwrap();
        let key = PrivateKey::from_pem(key.serialize_pem().as_bytes()).unwrap();
        Certificate::new(chain, key, CertificateFiles::default()).unwrap()
    }

    #[test]
    fn a_certificate_is_chosen_by_its_names() {
        let all = [
            &["first.example", "192.0.2.1"][..],
            &["*.wild.example"],
            &["special.wild.example", "www.first.example"],
        ];
        let certificates: Vec<_> =
            all.iter().map(|names| certificate(names, &PKCS_ECDSA_P256_SHA256)).collect();
        let certificates = Certificates::from(certificates);
        for (name, expected) in [
            (None, 0),
            (Some("first.example"), 0),
            (Some("FIRST.example"), 0),
            (Some("www.first.example"), 2),
            (Some("any.wild.example"), 1),
            (Some("special.wild.example"), 2),
            (Some("a.b.wild.example"), 0),
            (Some("wild.example"), 0),
            (Some("unknown.example"), 0),
            (Some(""), 0),
        ] {
            let found = certificates.choose(name, &[ECDSA_NISTP256_SHA256]).unwrap();
            assert_eq!(found.names(), all[expected], "{name:?}");
        }
        assert!(Certificates::default().choose(None, &[]).is_none());
    }

    #[test]
    fn of_several_certificates_for_a_name_the_first_that_the_client_can_check_is_chosen() {
        let [ed25519, ecdsa] =
            [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256].map(|kind| certificate(&["a.example"], kind));
        let certificates = Certificates::from(vec![ed25519, ecdsa]);
        for (schemes, expected) in [
            (&[ED25519, ECDSA_NISTP256_SHA256][..], 0),
            (&[ECDSA_NISTP256_SHA256], 1),
            (&[SignatureScheme::RSA_PSS_SHA256], 0),
        ] {
            let found = certificates.choose(Some("a.example"), schemes).unwrap();
            let expected = &certificates.all()[expected];
            assert!(std::ptr::eq(found, expected), "{schemes:?}");
        }
    }
}
