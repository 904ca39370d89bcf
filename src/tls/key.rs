//! The private key of a certificate.

use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;

use super::pem::{PemContent, PemError, sections};

/// A private key that can be used for TLS.
#[derive(Clone, Debug)]
pub struct PrivateKey(pub(super) Arc<dyn SigningKey>);

impl PrivateKey {
    /// Reads the first private key of a file: RSA, ECDSA or Ed25519, in PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// The file holds no private key, or one that cannot be used.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemError> {
        let found =
            sections(pem, PemContent::Key)?.find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der));
        let key = found.ok_or(PemError::UnsupportedKey)?;
        any_supported_type(&key).map(Self).map_err(|_| PemError::UnsupportedKey)
    }
}
