//! Validates `[server] tls`.

use std::path::Path;

use toml::Spanned;

use crate::config::ListenUrl;
use crate::config::document::ServerSection;
use crate::config::report::Report;
use crate::config::tls_files::{TlsFiles, TlsTableResult};
use crate::http1::scheme::Scheme;
use crate::tls::{Certificate, Certificates};

/// The most certificates that a gateway has.
const MAX_CERTIFICATES: usize = 1000;

pub(super) fn validate(section: &ServerSection, files: &mut TlsFiles<'_>, report: &Report) -> Certificates {
    let tables = section.tls.as_ref().map_or(&[][..], |list| list.get_ref());
    if let Some(list) = section.tls.as_ref().filter(|_| tables.len() > MAX_CERTIFICATES) {
        let message =
            format!("too many certificates: {}, at most {MAX_CERTIFICATES} are allowed", tables.len());
        report.error(
            list.span(),
            message,
            "join them: a certificate can be for up to 100 names, or a wildcard",
        );
        return Certificates::default();
    }
    let (mut certificates, mut unusable) = (Vec::<Certificate>::new(), Vec::new());
    for table in tables {
        match files.get(table, report) {
            TlsTableResult::Read(certificate) => certificates.push(certificate),
            TlsTableResult::InUse(certificate, why) => {
                unusable.push(why);
                certificates.push(certificate);
            }
            TlsTableResult::Unusable(why) => unusable.push(why),
            TlsTableResult::Absent => {}
        }
    }
    files.report_left_out(certificates.is_empty(), report);
    Certificates::from(certificates).with_unusable(unusable)
}

/// Reports the first https address if the file names no certificate.
pub(super) fn require_certificate(section: &ServerSection, directory: &Path, report: &Report) {
    let has_tables = section.tls.as_ref().is_some_and(|list| !list.get_ref().is_empty());
    let is_https = |text: &&Spanned<String>| {
        ListenUrl::parse(text.get_ref(), directory).is_ok_and(|url| url.scheme == Scheme::Https)
    };
    let address = section.listen.iter().flat_map(Spanned::get_ref).find(is_https);
    if let Some(text) = address.filter(|_| !has_tables && !section.broken) {
        let help = "add `tls = [{ cert = \"cert.pem\", key = \"key.pem\" }]` to [server]";
        report.error(text.span(), format!("`{}` needs a certificate", text.get_ref()), help);
    }
}
