//! What is wrong with the files of certificates and keys, and what to do about it.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use crate::config::read_file::{UnreadableCause, UnreadableFile};
use crate::tls::{KeyMismatch, PemContent, PemError};

/// What is wrong with the file that a key names.
pub(super) struct TlsFault {
    /// The place of its name.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
    /// True if this user may not read it, and need not.
    pub(super) is_private: bool,
}

impl TlsFault {
    /// The file at `path`, which `name` names, cannot be read.
    pub(super) fn from_unreadable(error: UnreadableFile, path: &Path, name: &Spanned<String>) -> Self {
        let help = error.help(path, "write the path of a PEM file, relative to the configuration file");
        let is_private = error.cause == UnreadableCause::Private;
        Self { span: name.span(), message: error.message, help, is_private }
    }

    /// The file of `key` does not have the key of the certificate in that of `cert`.
    pub(super) fn from_mismatch(
        mismatch: KeyMismatch,
        cert: &Spanned<String>,
        key: &Spanned<String>,
    ) -> Self {
        let (cert, name) = (cert.get_ref(), key.get_ref());
        let (message, help) = if mismatch.is_of_another {
            (
                format!("the key `{name}` is that of a later certificate in `{cert}`"),
                format!("move that certificate to the beginning of {cert}"),
            )
        } else {
            (
                format!("the key `{name}` does not belong to the certificate `{cert}`"),
                "name the key that the certificate was issued for; if both are just being replaced, wait for the second"
                    .to_owned(),
            )
        };
        Self { span: key.span(), message, help, is_private: false }
    }
}

/// Returns the help for a file that should hold the certificates of authorities.
pub(super) fn authority_help(error: &PemError, name: &str) -> String {
    match error {
        PemError::Missing { found: Some(_), .. } => {
            "it holds a private key: name the certificate of the authority that issued the upstream's".into()
        }
        _ => pem_help(error, name),
    }
}

/// Returns the help for a file of a certificate or a key.
pub(super) fn pem_help(error: &PemError, name: &str) -> String {
    match error {
        PemError::Missing { wanted: PemContent::Certificate, found: Some(_) } => {
            "it holds a private key: did you exchange `cert` and `key`?".into()
        }
        PemError::Missing { wanted: PemContent::Key, found: Some(_) } => {
            "it holds certificates: did you exchange `cert` and `key`?".into()
        }
        PemError::Missing { wanted: PemContent::Certificate, found: None } => format!(
            "name a file with the line `-----BEGIN CERTIFICATE-----`; to convert one from DER, run \
             `openssl x509 -in {name} -inform DER -out cert.pem`"
        ),
        PemError::Missing { wanted: PemContent::Key, found: None } => format!(
            "name a file with the line `-----BEGIN PRIVATE KEY-----`; to convert one from DER, run \
             `openssl pkey -in {name} -inform DER -out key.pem`"
        ),
        PemError::Malformed(_) => "copy the file again from where it was issued".into(),
        PemError::Encrypted => {
            format!(
                "decrypt it with `openssl pkey -in {name} -out key.pem`, and protect key.pem by its mode, 0640"
            )
        }
        PemError::UnsupportedKey => {
            "use a key of ECDSA with P-256 or P-384, of RSA with 2048 to 8192 bits, or of Ed25519".into()
        }
    }
}
