//! Reads the certificates and keys that a config file names.

use std::path::Path;

use rustls::pki_types::ServerName;
use toml::Spanned;

use super::document::{Field, TlsTable, UpstreamTlsTable};
use super::read_file::{ReadFile, UnreadableCause, UnreadableFile};
use super::report::Report;
use crate::tls::{
    Certificate, CertificateChain, KeyMismatch, PemContent, PemError, PrivateKey, Roots, UpstreamTls,
};

/// The certificates and keys of one config file.
pub struct TlsFiles<'a> {
    directory: &'a Path,
    read: ReadFile<'a>,
    /// Why files that may belong to the gateway alone were not checked.
    pub(super) unchecked: Vec<String>,
}

impl<'a> TlsFiles<'a> {
    /// The names of the files are relative to `directory`.
    pub fn new(directory: &'a Path, read: ReadFile<'a>) -> Self {
        Self { directory, read, unchecked: Vec::new() }
    }

    /// Returns the certificate that a table names; `None` if it cannot be used, which is reported, or was not checked.
    pub(super) fn get(&mut self, table: &TlsTable, report: &Report) -> Option<Certificate> {
        for (key, value) in [("cert", &table.cert), ("key", &table.key)] {
            if value.is_none() && !table.broken {
                let help = "write `{ cert = \"cert.pem\", key = \"key.pem\" }`";
                report.error(table.span.clone(), format!("`{key}` is missing"), help);
            }
        }
        self.certificate(&table.cert, &table.key, report)
    }

    /// Returns what the table of `[site] tls` names. What cannot be used is reported.
    pub(super) fn upstream(&mut self, table: &UpstreamTlsTable, report: &Report) -> UpstreamTls {
        for (key, value, other) in [("cert", &table.cert, &table.key), ("key", &table.key, &table.cert)] {
            if value.is_none() && other.is_some() && !table.broken {
                let help = "write both `cert` and `key`, or neither";
                report.error(table.span.clone(), format!("`{key}` is missing"), help);
            }
        }
        UpstreamTls {
            roots: self.parse(&table.ca, Roots::from_pem, report),
            server_name: table.server_name.as_ref().and_then(|name| server_name(name, report)),
            certificate: self.certificate(&table.cert, &table.key, report),
        }
    }

    fn certificate(
        &mut self,
        cert: &Field<String>,
        key: &Field<String>,
        report: &Report,
    ) -> Option<Certificate> {
        let chain = self.parse(cert, CertificateChain::from_pem, report);
        let private_key = self.parse(key, PrivateKey::from_pem, report);
        let (cert_name, key_name) = (cert.as_ref()?, key.as_ref()?);
        Certificate::new(chain?, private_key?)
            .map_err(|mismatch| report_mismatch(mismatch, cert_name, key_name, report))
            .ok()
    }

    /// Reads and parses the file that a key names.
    fn parse<T>(
        &mut self,
        name: &Field<String>,
        parse: impl FnOnce(&[u8]) -> Result<T, PemError>,
        report: &Report,
    ) -> Option<T> {
        let name = name.as_ref()?;
        let path = self.directory.join(name.get_ref());
        match (self.read)(&path) {
            Ok(bytes) => {
                let explain = |error: PemError| {
                    let message = format!("{} {error}", path.display());
                    report.error(name.span(), message, help(&error, name.get_ref()));
                };
                parse(&bytes).map_err(explain).ok()
            }
            Err(UnreadableFile { message, cause: UnreadableCause::Private }) => {
                self.unchecked.push(message);
                None
            }
            Err(UnreadableFile { message, cause }) => {
                report.error(name.span(), message, unreadable_help(cause, name.get_ref()));
                None
            }
        }
    }
}

fn server_name(field: &Spanned<String>, report: &Report) -> Option<ServerName<'static>> {
    let text = field.get_ref();
    let name = ServerName::try_from(text.clone());
    if name.is_err() {
        let message = format!("invalid server name `{text}`");
        report.error(field.span(), message, "write a host name or an IP address, such as `app.internal`");
    }
    name.ok()
}

fn unreadable_help(cause: UnreadableCause, name: &str) -> String {
    match cause {
        UnreadableCause::Forbidden => {
            format!("let the gateway's group read it: `chgrp downtime {name}; chmod 640 {name}`")
        }
        UnreadableCause::Private | UnreadableCause::Other => {
            "write the path of a PEM file, relative to the configuration file".into()
        }
    }
}

fn help(error: &PemError, name: &str) -> String {
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

fn report_mismatch(mismatch: KeyMismatch, cert: &Spanned<String>, key: &Spanned<String>, report: &Report) {
    let (cert, name) = (cert.get_ref(), key.get_ref());
    if mismatch.is_of_another {
        let message = format!("the key `{name}` is that of a later certificate in `{cert}`");
        report.error(key.span(), message, format!("move that certificate to the beginning of {cert}"));
    } else {
        let message = format!("the key `{name}` does not belong to the certificate `{cert}`");
        let help = "name the key that the certificate was issued for; if both are just being replaced, wait for \
                    the second";
        report.error(key.span(), message, help);
    }
}
