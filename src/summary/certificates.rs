//! The certificates for addresses with https.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::config::Config;
use crate::plural::counted;
use crate::schedule::human_time::{distance, local};
use crate::tls::Certificate;

/// The most names of a certificate that people are shown; programs get all.
const MAX_NAMES: usize = 4;

/// A certificate.
#[derive(Debug, Serialize)]
pub struct CertificateSummary {
    /// The names that it is for.
    names: Vec<String>,
    /// The time from which it is valid.
    valid_from: Timestamp,
    /// The time at which it expires.
    expires_at: Timestamp,
}

impl From<&Certificate> for CertificateSummary {
    fn from(certificate: &Certificate) -> Self {
        Self {
            names: certificate.names().to_vec(),
            valid_from: certificate.valid_from(),
            expires_at: certificate.expires_at(),
        }
    }
}

/// Describes each certificate in a line: its names and its end.
pub fn certificate_lines(config: &Config, now: Timestamp) -> impl Iterator<Item = String> {
    let line = move |certificate| format!("tls       {}", describe(certificate, &config.timezone, now));
    config.certificates.all().iter().map(line)
}

/// Describes in a line what is wrong with the certificates: the one that expires first, if it needs to be renewed, and how many cannot
/// be used. `None` if nothing is.
pub fn certificate_problems(config: &Config, now: Timestamp) -> Option<String> {
    let due = config.certificates.all().iter().filter(|certificate| certificate.needs_renewal(now));
    let first = due.min_by_key(|certificate| certificate.expires_at());
    let expiry = first.map(|certificate| describe(certificate, &config.timezone, now));
    let unusable = config.certificates.unusable().split_first().map(|(first, others)| {
        let more = if others.is_empty() { String::new() } else { format!("; and {} more", others.len()) };
        let count = counted(others.len() + 1, "certificate");
        format!("the files of {count} cannot be used: {first}{more}")
    });
    let problems: Vec<_> = expiry.into_iter().chain(unusable).collect();
    (!problems.is_empty()).then(|| format!("tls       {}", problems.join("; ")))
}

fn describe(certificate: &Certificate, zone: &TimeZone, now: Timestamp) -> String {
    let names = certificate.names();
    let shown = match names.get(..MAX_NAMES) {
        Some(first) if names.len() > MAX_NAMES => {
            format!("{} and {} more", first.join(", "), names.len() - MAX_NAMES)
        }
        _ if names.is_empty() => certificate.title().to_owned(),
        _ => names.join(", "),
    };
    let (until, verb) =
        (certificate.expires_at(), if certificate.expires_at() < now { "expired" } else { "expires" });
    format!("{shown}: {verb} {}, {}", local(until, zone), distance(until, now))
}
