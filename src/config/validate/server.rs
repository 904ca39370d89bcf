//! Validates `[server]`.

use std::path::Path;

use toml::Spanned;

use super::tls::require_certificate;
use super::values::{duration_or_zero, means_off};
use crate::config::document::{Field, OrFalse, ServerSection, Texts};
use crate::config::report::Report;
use crate::config::{DEFAULT_LISTEN, DEFAULT_STOP_TIMEOUT, Listen, ListenUrl, PeerSet, ServerConfig};
use crate::decision::{HttpsOnly, STATUS_PATH};
use crate::http1::scheme::Scheme;
use crate::invalid_value::InvalidValue;
use crate::matching::probe_paths::{ProbePath, ProbePaths};
use crate::matching::{exempt, network};

/// The most addresses that a gateway listens on.
const MAX_ADDRESSES: usize = 100;

pub(super) fn validate(section: &ServerSection, directory: &Path, report: &Report) -> ServerConfig {
    require_certificate(section, directory, report);
    ServerConfig {
        listen: listen(&section.listen, directory, report),
        trusted_proxies: trusted_peers(&section.trusted_proxies, report),
        proxy_protocol: peers(&section.proxy_protocol, explain_sender, report),
        stop_delay: duration_or_zero(&section.stop_delay, report).unwrap_or_default(),
        stop_timeout: duration_or_zero(&section.stop_timeout, report).unwrap_or(DEFAULT_STOP_TIMEOUT),
    }
}

fn listen(field: &Texts, directory: &Path, report: &Report) -> Vec<ListenUrl> {
    let Some(list) = field else { return vec![Listen::Tcp(DEFAULT_LISTEN).into()] };
    if list.get_ref().is_empty() {
        let help = format!("for example `listen = [\"{DEFAULT_LISTEN}\"]`, the default");
        report.error(list.span(), "the gateway has no address to listen on", help);
    }
    if list.get_ref().len() > MAX_ADDRESSES {
        let count = list.get_ref().len();
        let message = format!("too many addresses: {count}, at most {MAX_ADDRESSES} are allowed");
        report.error(list.span(), message, "a port alone, such as `:80`, is for all addresses of this host");
    }
    let mut addresses: Vec<(ListenUrl, usize)> = Vec::new();
    for text in list.get_ref().iter().take(MAX_ADDRESSES) {
        match ListenUrl::parse(text.get_ref(), directory) {
            Ok(address) => {
                if let Some(message) = conflict(&address, &addresses) {
                    report.error(text.span(), message, "remove one of the two");
                }
                addresses.push((address, report.line(&text.span())));
            }
            Err(help) => report.error(text.span(), format!("invalid address `{}`", text.get_ref()), help),
        }
    }
    addresses.into_iter().map(|(address, _)| address).collect()
}

/// Explains why the gateway cannot listen on an address in addition to others, which are given with their lines;
/// `None` if it can.
fn conflict(address: &ListenUrl, others: &[(ListenUrl, usize)]) -> Option<String> {
    let same = |(other, line): &(ListenUrl, usize)| {
        (other == address).then(|| format!("the address `{address}` is already listed at line {line}"))
    };
    let overlap = |(other, line): &(ListenUrl, usize)| {
        let is_same = other.address == address.address || address.address.port().is_none();
        let why = if is_same { "they are the same" } else { "one includes the other" };
        other.address.overlaps(&address.address).then(|| {
            format!("the gateway cannot listen on both `{other}` (line {line}) and `{address}`: {why}")
        })
    };
    others.iter().find_map(same).or_else(|| others.iter().find_map(overlap))
}

/// Returns the proxies whose fields are believed.
pub(super) fn trusted_peers(field: &Texts, report: &Report) -> PeerSet {
    peers(field, explain_proxy, report)
}

fn peers(field: &Texts, explain: fn(&str) -> InvalidValue, report: &Report) -> PeerSet {
    let mut peers = PeerSet::default();
    for text in field.iter().flat_map(Spanned::get_ref) {
        match network::parse(text.get_ref()) {
            Some(network) => peers.networks.push(network),
            None if text.get_ref() == "unix:" => peers.unix = true,
            None => report.error_with(text.span(), || explain(text.get_ref())),
        }
    }
    peers
}

/// Explains what is wrong in `trusted_proxies`.
fn explain_proxy(text: &str) -> InvalidValue {
    explain_peer(
        text,
        "a trusted peer can claim any client address",
        "to trust the peers of every Unix socket",
    )
}

/// Explains what is wrong in `proxy_protocol`.
fn explain_sender(text: &str) -> InvalidValue {
    explain_peer(text, "they can claim any client address", "for the peers of every Unix socket")
}

fn explain_peer(text: &str, danger: &str, unix: &str) -> InvalidValue {
    let error = network::explain(text);
    let help = if matches!(text.trim().to_lowercase().as_str(), "*" | "all" | "any" | "everyone" | "true") {
        format!("write the addresses of your proxies, such as `127.0.0.1`: {danger}")
    } else if text.starts_with("unix") || text.starts_with('/') {
        format!("write `unix:` {unix}")
    } else {
        error.help.replace("of the clients", "of your proxies")
    };
    InvalidValue { help, ..error }
}

/// Returns the redirect to https; `None` if it is off.
pub(super) fn https_only(
    section: &ServerSection,
    server: &ServerConfig,
    report: &Report,
) -> Option<HttpsOnly> {
    let field = section.https_only.as_ref().filter(|field| *field.get_ref())?;
    let https = server.listen.iter().find(|listen| listen.scheme == Scheme::Https);
    Some(HttpsOnly::new(https.and_then(|listen| listen.address.port()), report.line(&field.span())))
}

/// Returns the public path of the status; `None` if it is turned off.
pub(super) fn status_path(field: &Field<OrFalse>, report: &Report) -> Option<String> {
    let Some(field) = field else { return Some(STATUS_PATH.into()) };
    match field.get_ref() {
        OrFalse::False => None,
        OrFalse::Text(path) => {
            if let Err(error) = exempt::check_exact(path) {
                let help = if means_off(path) {
                    format!("`status_path = false` turns it off; the default is `{STATUS_PATH}`")
                } else {
                    error.help
                };
                report.error(field.span(), error.message, help);
            }
            Some(path.clone())
        }
    }
}

/// Returns the paths that load balancers probe.
pub(super) fn probe_paths(section: &ServerSection, report: &Report) -> ProbePaths {
    let mut paths: Vec<ProbePath> = Vec::new();
    for text in section.probe_paths.iter().flat_map(Spanned::get_ref) {
        let path = ProbePath { text: text.get_ref().clone(), line: report.line(&text.span()) };
        if let Err(error) = exempt::check_exact(&path.text) {
            report.invalid(text.span(), error);
        } else if let Some(other) = paths.iter().find(|other| other.text == path.text) {
            let message = format!("`{}` is already listed at line {}", path.text, other.line);
            report.error(text.span(), message, "remove one of the two");
        } else if is_status_path(&path.text, &section.status_path) {
            let message = format!("`{}` is also the status path, which always answers itself", path.text);
            report.error(text.span(), message, "remove it here, or change `status_path`");
        } else {
            paths.push(path);
        }
    }
    ProbePaths::new(paths)
}

fn is_status_path(path: &str, field: &Field<OrFalse>) -> bool {
    match field.as_ref().map(Spanned::get_ref) {
        None => path == STATUS_PATH,
        Some(OrFalse::False) => false,
        Some(OrFalse::Text(status_path)) => path == status_path,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, ParsedConfig};

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    #[test]
    fn the_times_of_a_stop_are_durations_and_may_be_zero() {
        for (keys, delay, timeout) in [
            ("", 0, 10),
            ("stop_delay = '15s'", 15, 10),
            ("stop_delay = '0s'\nstop_timeout = '1m 5s'", 0, 65),
            ("stop_timeout = '0s'", 0, 0),
        ] {
            let server = read(&format!("[server]\n{keys}\n")).config.unwrap().server;
            assert_eq!(
                (server.stop_delay.as_secs(), server.stop_timeout.as_secs()),
                (delay, timeout),
                "{keys}"
            );
        }
    }

    #[test]
    fn a_probe_path_may_not_be_the_status_path() {
        for (keys, is_valid) in [
            ("probe_paths = []", true),
            ("probe_paths = ['/up', '/.downtime/status']", false),
            ("probe_paths = ['/up', '/.downtime/status']\nstatus_path = false", true),
            ("probe_paths = ['/up', '/.downtime/status']\nstatus_path = '/state'", true),
            ("probe_paths = ['/up']\nstatus_path = '/up'", false),
        ] {
            assert_eq!(read(&format!("[server]\n{keys}\n")).config.is_some(), is_valid, "{keys}");
        }
    }

    #[test]
    fn the_status_path_can_be_changed_and_turned_off() {
        for (text, path) in [
            ("[server]", Some("/.downtime/status")),
            ("[server]\nstatus_path = '/up'", Some("/up")),
            ("[server]\nstatus_path = false", None),
        ] {
            let rules = read(text).config.unwrap().rules;
            assert_eq!(rules.status_path.as_deref(), path, "{text}");
        }
    }
}
