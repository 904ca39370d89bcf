//! Reads the certificates and keys that a config file names.

mod fault;

use std::path::Path;

use rustls::pki_types::ServerName;
use toml::Spanned;

use self::fault::{TlsFault, authority_help, pem_help};
use super::diagnostic::{Diagnostic, Location, Severity};
use super::document::{TlsTable, UpstreamTlsTable};
use super::read_file::ReadFile;
use super::report::Report;
use crate::tls::{
    Certificate, CertificateChain, CertificateFiles, Certificates, PemError, PrivateKey, Roots, UpstreamTls,
};

/// What becomes of a certificate whose files cannot be used.
#[derive(Clone, Copy, Debug)]
pub enum UnusableCertificate<'a> {
    /// It is an error of the file.
    Refuse,
    /// It is replaced by the one that is in use for the same files, or else left out. Both are warnings. It is an error only
    /// if none is left.
    Replace(&'a Certificates),
    /// It is left out, because the configuration is only edited or shown. The gateway decides what it uses.
    Note,
}

const STAYS_IN_USE: &str = "the certificate that was read before stays in use";

/// The certificates and keys of one config file.
pub struct TlsFiles<'a> {
    directory: &'a Path,
    read: ReadFile<'a>,
    unusable: UnusableCertificate<'a>,
    /// Why certificates are left out.
    left_out: Vec<TlsFault>,
    /// Why files that may belong to the gateway alone were not checked.
    pub(super) unchecked: Vec<String>,
    /// Warnings of files that cannot be used, if the configuration is only edited or shown.
    pub(super) noted: Vec<Diagnostic>,
}

/// The certificate of a table.
pub(super) enum TlsTableResult {
    /// From its files.
    Read(Certificate),
    /// The one that is in use, because its files cannot be used now, for this reason.
    InUse(Certificate, String),
    /// None, because its files cannot be used, for this reason.
    Unusable(String),
    /// None, because a key is missing, which is an error, or its files were not checked.
    Absent,
}

impl<'a> TlsFiles<'a> {
    /// The names of the files are relative to `directory`.
    pub fn new(directory: &'a Path, read: ReadFile<'a>, unusable: UnusableCertificate<'a>) -> Self {
        Self { directory, read, unusable, left_out: Vec::new(), unchecked: Vec::new(), noted: Vec::new() }
    }

    /// Returns the certificate that a table names. Reports what is wrong.
    pub(super) fn get(&mut self, table: &TlsTable, report: &Report) -> TlsTableResult {
        for (key, value) in [("cert", &table.cert), ("key", &table.key)] {
            if value.is_none() && !table.broken {
                let help = "write `{ cert = \"cert.pem\", key = \"key.pem\" }`";
                report.error(table.span.clone(), format!("`{key}` is missing"), help);
            }
        }
        let (Some(cert), Some(key)) = (&table.cert, &table.key) else { return TlsTableResult::Absent };
        match self.read_pair(cert, key) {
            Ok(certificate) => TlsTableResult::Read(certificate),
            Err(faults) => self.replace(&files(cert, key), faults, report),
        }
    }

    /// Returns what the table of `[site] tls` names. What cannot be used is an error.
    pub(super) fn upstream(&mut self, table: &UpstreamTlsTable, report: &Report) -> UpstreamTls {
        for (key, value, other) in [("cert", &table.cert, &table.key), ("key", &table.key, &table.cert)] {
            if value.is_none() && other.is_some() && !table.broken {
                let help = "write both `cert` and `key`, or neither";
                report.error(table.span.clone(), format!("`{key}` is missing"), help);
            }
        }
        let mut faults = Vec::new();
        let roots = table.ca.as_ref().map(|name| self.parse(name, Roots::from_pem, authority_help));
        let pair = table.cert.as_ref().zip(table.key.as_ref()).map(|(cert, key)| self.read_pair(cert, key));
        let upstream = UpstreamTls {
            roots: roots.and_then(|roots| roots.map_err(|fault| faults.push(fault)).ok()),
            server_name: table.server_name.as_ref().and_then(|name| server_name(name, report)),
            certificate: pair.and_then(|pair| pair.map_err(|found| faults.extend(found)).ok()),
        };
        for fault in faults {
            self.report_error(fault, report);
        }
        upstream
    }

    fn read_pair(&self, cert: &Spanned<String>, key: &Spanned<String>) -> Result<Certificate, Vec<TlsFault>> {
        let chain = self.parse(cert, CertificateChain::from_pem, pem_help);
        let private_key = self.parse(key, PrivateKey::from_pem, pem_help);
        match (chain, private_key) {
            (Ok(chain), Ok(private_key)) => Certificate::new(chain, private_key, files(cert, key))
                .map_err(|mismatch| vec![TlsFault::from_mismatch(mismatch, cert, key)]),
            (chain, private_key) => Err(chain.err().into_iter().chain(private_key.err()).collect()),
        }
    }

    /// Reads and parses the file that a key names.
    fn parse<T>(
        &self,
        name: &Spanned<String>,
        parse: impl FnOnce(&[u8]) -> Result<T, PemError>,
        help: fn(&PemError, &str) -> String,
    ) -> Result<T, TlsFault> {
        let path = self.directory.join(name.get_ref());
        let bytes = (self.read)(&path).map_err(|error| TlsFault::from_unreadable(error, &path, name))?;
        parse(&bytes).map_err(|error| {
            let message = format!("{} {error}", path.display());
            TlsFault { span: name.span(), message, help: help(&error, name.get_ref()), is_private: false }
        })
    }

    /// Returns what becomes of a certificate whose files cannot be used, and reports why.
    fn replace(
        &mut self,
        files: &CertificateFiles,
        faults: Vec<TlsFault>,
        report: &Report,
    ) -> TlsTableResult {
        let why = faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ");
        let UnusableCertificate::Replace(certificates) = self.unusable else {
            let is_unchecked = faults.iter().all(|fault| fault.is_private);
            for fault in faults {
                self.refuse(fault, report);
            }
            return if is_unchecked { TlsTableResult::Absent } else { TlsTableResult::Unusable(why) };
        };
        let Some(in_use) = certificates.of_files(files).cloned() else {
            self.left_out.extend(faults);
            return TlsTableResult::Unusable(format!("{why}; the certificate is left out"));
        };
        let why = format!("{why}; {STAYS_IN_USE}");
        for TlsFault { span, message, help, .. } in faults {
            report.warning(span, format!("{message}; {STAYS_IN_USE}"), help);
        }
        TlsTableResult::InUse(in_use, why)
    }

    /// Reports why certificates are left out: as errors if none is left, else as warnings.
    pub(super) fn report_left_out(&mut self, is_none_left: bool, report: &Report) {
        for TlsFault { span, message, help, .. } in self.left_out.drain(..) {
            if is_none_left {
                report.error(span, format!("{message}; no certificate can be used"), help);
            } else {
                report.warning(span, format!("{message}; the certificate is left out"), help);
            }
        }
    }

    /// Reports why files cannot be used, if nothing takes the place of the certificate.
    fn refuse(&mut self, fault: TlsFault, report: &Report) {
        let is_noted = matches!(self.unusable, UnusableCertificate::Note);
        if fault.is_private || !is_noted {
            return self.report_error(fault, report);
        }
        let TlsFault { span, message, help, .. } = fault;
        let place = Some(Location { source: report.source(), span });
        self.noted.push(Diagnostic { severity: Severity::Warning, message, place, help: Some(help) });
    }

    fn report_error(&mut self, fault: TlsFault, report: &Report) {
        let TlsFault { span, message, help, is_private } = fault;
        if is_private {
            self.unchecked.push(message);
        } else {
            report.error(span, message, help);
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

fn files(cert: &Spanned<String>, key: &Spanned<String>) -> CertificateFiles {
    CertificateFiles { cert: cert.get_ref().clone(), key: key.get_ref().clone() }
}
