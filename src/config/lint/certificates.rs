//! Warns of certificates that clients do not accept, or soon will not, of those that no client gets, and of a redirect to
//! https that no client can follow.

use std::ops::Range;

use super::LintInput;
use crate::http1::scheme::Scheme;
use crate::schedule::human_time::{distance, local};
use crate::tls::{Certificate, CertificateFiles};

pub(super) fn lint(input: &LintInput<'_>) {
    lint_https_only(input);
    let Some(list) = &input.document.server.tls else { return };
    let tables = list.get_ref();
    for table in tables {
        let (Some(cert), Some(key)) = (&table.cert, &table.key) else { continue };
        let files = CertificateFiles { cert: cert.get_ref().clone(), key: key.get_ref().clone() };
        if let Some(certificate) = input.config.certificates.of_files(&files) {
            lint_validity(certificate, cert.span(), input);
        }
    }
    let is_used = input.config.server.listen.iter().any(|listen| listen.scheme == Scheme::Https);
    if !is_used && !tables.is_empty() {
        let message = "no client gets these certificates: no address in `listen` begins with `https://`";
        input.warn(
            list.span(),
            message,
            "write for example `listen = [\"https://0.0.0.0:443\"]`, or remove `tls`",
        );
    }
}

/// Warns of a redirect to https that nothing can follow: if a proxy that is not trusted terminates TLS, it never ends.
fn lint_https_only(input: &LintInput<'_>) {
    let (server, field) = (&input.config.server, &input.document.server.https_only);
    let is_reachable = server.listen.iter().any(|listen| listen.scheme == Scheme::Https)
        || !server.trusted_proxies.networks.is_empty()
        || server.trusted_proxies.unix;
    if let Some(field) = field.as_ref().filter(|field| *field.get_ref() && !is_reachable) {
        let message = "every request is redirected: no address begins with `https://`, and no proxy is trusted to report https";
        let help =
            "add an address such as `https://:443`, or the proxy that terminates TLS to `trusted_proxies`";
        input.warn(field.span(), message, help);
    }
}

fn lint_validity(certificate: &Certificate, span: Range<usize>, input: &LintInput<'_>) {
    let (now, zone) = (input.now(), &input.config.timezone);
    let (from, until) = (certificate.valid_from(), certificate.expires_at());
    let when = |at| format!("({}, {})", local(at, zone), distance(at, now));
    let (what, help) = if until < now {
        (format!("has expired {}", when(until)), "renew it: browsers show a warning instead of the site")
    } else if from > now {
        (format!("is not valid yet {}", when(from)), "set the clock of this machine, or wait until then")
    } else if certificate.needs_renewal(now) {
        (format!("expires soon {}", when(until)), "renew it; the gateway reads the new files by itself")
    } else {
        return;
    };
    input.warn(span, format!("the certificate for {} {what}", certificate.title()), help);
}
