//! Files in PEM (RFC 7468).

use std::fmt;

use memchr::memmem;
use rustls::pki_types::pem::{Error, PemObject as _, SectionKind};

/// How a file of an encrypted key begins: in PKCS #8 (RFC 7468, section 11), and in the older form of OpenSSL (RFC 1421).
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// What a file in PEM holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemContent {
    /// Certificates.
    Certificate,
    /// A private key.
    Key,
}

/// The reason why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemError {
    /// It lacks what it should hold. `found` is what it holds instead, if that is known.
    Missing {
        /// What it should hold.
        wanted: PemContent,
        /// What it holds.
        found: Option<PemContent>,
    },
    /// It is damaged. The text says where.
    Malformed(String),
    /// The key is encrypted.
    Encrypted,
    /// The key is of a type that is not supported.
    UnsupportedKey,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { wanted: PemContent::Certificate, .. } => f.write_str("holds no certificate"),
            Self::Missing { wanted: PemContent::Key, .. } => f.write_str("holds no private key"),
            Self::Malformed(what) => write!(f, "is malformed: {what}"),
            Self::Encrypted => f.write_str("is encrypted, and the gateway cannot ask for its passphrase"),
            Self::UnsupportedKey => f.write_str("is of a type that is not supported"),
        }
    }
}

/// Returns the sections of one kind.
///
/// # Errors
/// The file is damaged, or has no such section.
pub(super) fn sections(
    pem: &[u8],
    wanted: PemContent,
) -> Result<impl Iterator<Item = (SectionKind, Vec<u8>)>, PemError> {
    if wanted == PemContent::Key && ENCRYPTED.iter().any(|mark| memmem::find(pem, mark).is_some()) {
        return Err(PemError::Encrypted);
    }
    let all: Result<Vec<_>, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| PemError::Malformed(describe(&error)))?;
    let mut contents = all.iter().filter_map(|(kind, _)| content(*kind));
    if !contents.clone().any(|content| content == wanted) {
        return Err(PemError::Missing { wanted, found: contents.next() });
    }
    Ok(all.into_iter().filter(move |(kind, _)| content(*kind) == Some(wanted)))
}

fn content(kind: SectionKind) -> Option<PemContent> {
    match kind {
        SectionKind::Certificate => Some(PemContent::Certificate),
        SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
            Some(PemContent::Key)
        }
        _ => None,
    }
}

/// Describes an error without the content of the file, which may be secret.
fn describe(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { .. } => "a section has no end; the file may be incomplete".into(),
        Error::IllegalSectionStart { .. } => "a line that begins a section is damaged".into(),
        Error::Base64Decode(_) => "a section is not in base64".into(),
        _ => "it is not in PEM".into(),
    }
}
