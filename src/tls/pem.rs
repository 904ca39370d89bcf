//! Files in PEM (RFC 7468).

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use rustls::pki_types::pem::{Error, PemObject as _, SectionKind};

/// How a file of an encrypted key begins: in PKCS #8 (RFC 7468, section 11), and in the older form of OpenSSL (RFC 1421).
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// The byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

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
    let pem = &*without_bom(pem);
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

/// Removes the byte order marks, which some editors for Windows write at the start of a file. If such files were joined, they
/// are within it.
fn without_bom(pem: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(pem, BOM).is_none() {
        return pem.into();
    }
    let mut left = pem;
    let mut out = Vec::with_capacity(pem.len());
    while let Some(at) = memmem::find(left, BOM) {
        let (before, rest) = left.split_at(at);
        out.extend_from_slice(before);
        left = rest.get(BOM.len()..).unwrap_or_default();
    }
    out.extend_from_slice(left);
    out.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_hide_no_section() {
        let section = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [
            section.repeat(2),
            format!("\u{feff}{section}{section}"),
            format!("\u{feff}{section}\u{feff}{section}\u{feff}"),
            format!("\u{feff}{section}\n{section}").replace('\n', "\r\n"),
        ] {
            let found = sections(pem.as_bytes(), PemContent::Certificate).map(Iterator::count);
            assert_eq!(found, Ok(2), "{pem:?}");
        }
    }
}
