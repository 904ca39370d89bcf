//! Validates `[management]`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use toml::Spanned;

use crate::config::document::{Document, Field, Texts};
use crate::config::listen::parse_port;
use crate::config::report::Report;
use crate::config::{DEFAULT_MANAGEMENT, Listen, ListenUrl, ManagementConfig, ServerConfig};
use crate::invalid_value::InvalidValue;
use crate::matching::scope::Host;

pub(super) fn validate(
    document: &Document,
    server: &ServerConfig,
    directory: &Path,
    report: &Report,
) -> Option<ManagementConfig> {
    let section = document.management.as_ref()?;
    if section.listen.is_none() {
        check_default(&document.server.listen, server, directory, report);
    }
    let hosts = section.hosts.iter().flat_map(Spanned::get_ref);
    Some(ManagementConfig {
        listen: listen(&section.listen, &document.server.listen, server, directory, report),
        hosts: hosts.filter_map(|text| host(text, report)).collect(),
    })
}

fn listen(
    field: &Field<String>,
    visitors: &Texts,
    server: &ServerConfig,
    directory: &Path,
    report: &Report,
) -> Listen {
    let default = Listen::Tcp(DEFAULT_MANAGEMENT);
    let Some(field) = field else { return default };
    match Listen::parse(field.get_ref(), directory) {
        Ok(address) => match server.addresses().find(|listen| listen.overlaps(&address)) {
            Some(listen) => {
                let taken = overlapping(visitors, &address, directory);
                let line =
                    taken.map_or(String::new(), |text| format!(" (line {})", report.line(&text.span())));
                let message = format!("this address is taken: [server] serves visitors on `{listen}`{line}");
                let help = format!("write another one, such as `{}`", free_address(server));
                report.error(field.span(), message, help);
                default
            }
            None => address,
        },
        Err(help) => {
            let text = field.get_ref();
            let help = private_help(text, help, server);
            report.error(field.span(), format!("invalid address `{text}`"), help);
            default
        }
    }
}

/// Replaces the help for a port or an IP address alone: operators' information must not be opened to everybody.
fn private_help(text: &str, help: String, server: &ServerConfig) -> String {
    if parse_port(text).is_some() {
        return format!("write `127.0.0.1:{text}`");
    }
    match text.trim().parse::<IpAddr>() {
        Ok(ip) if !help.starts_with("did you mean") => {
            let port = free_address(server).port().unwrap_or(DEFAULT_MANAGEMENT.port());
            format!("add a port, such as `{}`", SocketAddr::new(ip, port))
        }
        _ => help,
    }
}

/// Reports an address of `[server]` that `[management]` uses by default.
fn check_default(visitors: &Texts, server: &ServerConfig, directory: &Path, report: &Report) {
    let default = Listen::Tcp(DEFAULT_MANAGEMENT);
    if let Some(text) = overlapping(visitors, &default, directory) {
        let message = format!("this address is taken: [management] uses `{default}` by default");
        let help =
            format!("write another one here, or `listen = \"{}\"` in [management]", free_address(server));
        report.error(text.span(), message, help);
    }
}

/// Returns the first of these addresses that overlaps another one.
fn overlapping<'t>(visitors: &'t Texts, other: &Listen, directory: &Path) -> Option<&'t Spanned<String>> {
    let overlaps = |text: &&Spanned<String>| {
        ListenUrl::parse(text.get_ref(), directory).is_ok_and(|listen| listen.address.overlaps(other))
    };
    visitors.iter().flat_map(Spanned::get_ref).find(overlaps)
}

/// Returns the default address of `[management]`, with the first port that `[server]` does not listen on.
fn free_address(server: &ServerConfig) -> Listen {
    let ports = DEFAULT_MANAGEMENT.port()..;
    let mut addresses = ports.map(|port| Listen::Tcp(SocketAddr::new(DEFAULT_MANAGEMENT.ip(), port)));
    let is_free = |address: &Listen| !server.addresses().any(|listen| listen.overlaps(address));
    addresses.find(is_free).unwrap_or(Listen::Tcp(DEFAULT_MANAGEMENT))
}

/// Parses a host without a wildcard.
pub(super) fn host(text: &Spanned<String>, report: &Report) -> Option<Host> {
    let host = Host::parse(text.get_ref()).and_then(|host| {
        if host.is_wildcard() {
            let message = format!("invalid host `{}`: wildcards are not allowed here", text.get_ref());
            return Err(InvalidValue::new(message, "list each name, such as `ops.example.com`"));
        }
        Ok(host)
    });
    report.valid(text.span(), host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diagnostic::Diagnostic;
    use crate::config::{Config, ParsedConfig};

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    #[test]
    fn the_management_address_has_a_default() {
        for (text, address) in [
            ("[server]", None),
            ("[management]", Some("127.0.0.1:9503")),
            ("[management]\nlisten = '[::1]:80'", Some("[::1]:80")),
            ("[management]\nlisten = 'unix:m.sock'", Some("unix:/m.sock")),
        ] {
            let found = read(text).config.unwrap().management;
            assert_eq!(found.map(|found| found.listen.to_string()).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn visitors_and_operators_cannot_share_an_address() {
        for (site, operators, is_shared) in [
            (":80", ":80", true),
            (":80", "127.0.0.1:80", true),
            (":80", "[::1]:80", true),
            ("[::1]:80", ":80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "[::1]:80", true),
            ("unix:a.sock", "unix:a.sock", true),
            ("unix:a.sock?mode=0660", "unix:a.sock?mode=0600", true),
            ("[::]:80", "127.0.0.1:80", false),
            ("[::]:80", "0.0.0.0:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            (":80", ":81", false),
            (":0", ":0", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            (":80", "unix:a.sock", false),
        ] {
            let reading =
                read(&format!("[server]\nlisten = ['{site}']\n[management]\nlisten = '{operators}'"));
            let is_conflict =
                |error: &Diagnostic| error.message.starts_with("this address is taken: [server]");
            let is_found = reading.diagnostics.iter().any(is_conflict);
            assert_eq!((is_found, reading.config.is_none()), (is_shared, is_shared), "{site} {operators}");
        }
    }

    #[test]
    fn visitors_cannot_use_the_default_address_of_management() {
        for (list, is_shared) in [
            ("':9503'", true),
            ("':80', '127.0.0.1:9503'", true),
            ("'0.0.0.0:9503'", true),
            ("'[::1]:9503'", false),
        ] {
            let reading = read(&format!("[server]\nlisten = [{list}]\n[management]"));
            assert_eq!(reading.config.is_none(), is_shared, "{list}");
            let by_hand =
                read(&format!("[server]\nlisten = [{list}]\n[management]\nlisten = '127.0.0.1:9504'"));
            assert!(by_hand.config.is_some(), "{list}");
        }
    }

    #[test]
    fn operators_can_use_additional_host_names() {
        let hosts = |list: &str| read(&format!("[management]\nhosts = {list}"));
        let found = hosts("['Ops.example.com.', 'status']").config.unwrap().management.unwrap().hosts;
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ops.example.com", "status"]);
        assert_eq!(hosts("[]").config.unwrap().management.unwrap().hosts, []);
        for wrong in ["'*.example.com'", "''", "'http://ops.example.com'", "'ops:9503'"] {
            let reading = hosts(&format!("[{wrong}]"));
            assert!(reading.config.is_none() && reading.diagnostics.len() == 1, "{wrong}");
        }
    }
}
