//! A certificate with its private key.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::sign::CertifiedKey;

use super::chain::CertificateChain;
use super::key::PrivateKey;

/// The names of the files that a certificate was read from, as the config file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFiles {
    /// That of the certificate.
    pub cert: String,
    /// That of the private key.
    pub key: String,
}

/// How long before its end a certificate should have been renewed. certbot renews 30 days before.
const RENEWAL: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A certificate with its private key.
#[derive(Clone, Debug)]
pub struct Certificate {
    files: CertificateFiles,
    certified_key: Arc<CertifiedKey>,
    names: Vec<String>,
    valid_from: Timestamp,
    expires_at: Timestamp,
}

/// The error for a private key that is not that of the first certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMismatch {
    /// True if it is that of a later certificate of the chain.
    pub is_of_another: bool,
}

impl Certificate {
    /// Joins a certificate and its private key.
    ///
    /// # Errors
    /// The key is not that of the first certificate of the chain.
    pub fn new(
        chain: CertificateChain,
        key: PrivateKey,
        files: CertificateFiles,
    ) -> Result<Self, KeyMismatch> {
        let CertificateChain { certificates, names, valid_from, expires_at } = chain;
        let matches = |at: usize| {
            let from_here = certificates.get(at..).unwrap_or_default().to_vec();
            CertifiedKey::new(from_here, Arc::clone(&key.0)).keys_match().is_ok()
        };
        if !matches(0) {
            return Err(KeyMismatch { is_of_another: (1..certificates.len()).any(matches) });
        }
        let certified_key = Arc::new(CertifiedKey::new(certificates, key.0));
        Ok(Self { files, certified_key, names, valid_from, expires_at })
    }

    /// The files that it was read from.
    pub fn files(&self) -> &CertificateFiles {
        &self.files
    }

    /// The certificate and the key, as rustls needs them.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.certified_key
    }

    /// The names that it is for, in lower case: host names, wildcards and IP addresses. May be empty.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first name, for messages.
    pub fn title(&self) -> &str {
        self.names.first().map_or("without a name", String::as_str)
    }

    /// The time from which it is valid.
    pub fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// The time at which it expires.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns true if it has expired at `now`, or will soon.
    pub fn needs_renewal(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) < RENEWAL
    }
}
