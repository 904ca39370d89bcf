//! The certificates that clients get: those of the current snapshot.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::snapshot::{Snapshot, Snapshots};

/// Chooses the certificate for each handshake from the snapshot that is current then.
#[derive(Debug)]
pub struct CurrentCertificates {
    snapshots: Arc<Snapshots>,
    /// The snapshot at the start. The addresses with https stay until the next start, also if the file names no more
    /// certificates.
    first: Arc<Snapshot>,
}

impl CurrentCertificates {
    /// The certificates of `snapshots`.
    pub fn new(snapshots: Arc<Snapshots>) -> Self {
        Self { first: snapshots.current(), snapshots }
    }
}

impl ResolvesServerCert for CurrentCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.snapshots.current();
        let choose = |snapshot: &Snapshot| {
            let certificates = &snapshot.config.certificates;
            let chosen = certificates.choose(hello.server_name(), hello.signature_schemes());
            chosen.map(|certificate| Arc::clone(certificate.certified_key()))
        };
        choose(&current).or_else(|| choose(&self.first))
    }
}
