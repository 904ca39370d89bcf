//! Validates `[admin]`.

use std::path::{Path, PathBuf};

use http::HeaderName;
use toml::Spanned;

use super::management::host;
use super::server::trusted_peers;
use crate::config::document::{AdminSection, Document, Field};
use crate::config::listen::suggestions::socket_help;
use crate::config::report::Report;
use crate::config::{AdminConfig, DEFAULT_ADMIN_SOCKET, Listen, ManagementConfig, ServerConfig};

/// The mode of the sockets, if the address has none.
const MODE: u32 = 0o600;
/// The default of `link_socket` if `listen` is a port.
const LINK_SOCKET: &str = "/run/downtime-admin/link.sock";
/// The name of the socket for links beside that of `listen`.
const LINK_SOCKET_NAME: &str = "link.sock";
/// A port for examples, beside that of `[management]`.
const EXAMPLE: &str = "127.0.0.1:9504";

/// The listeners of the gateway, which the admin page cannot share.
pub(super) struct OtherListeners<'a> {
    pub(super) server: &'a ServerConfig,
    pub(super) management: Option<&'a ManagementConfig>,
}

pub(super) fn validate(
    document: &Document,
    others: &OtherListeners<'_>,
    directory: &Path,
    report: &Report,
) -> Option<AdminConfig> {
    let section = document.admin.as_ref()?;
    let listen = listen(&section.listen, others, directory, report);
    let hosts = section.hosts.iter().flat_map(Spanned::get_ref);
    if let (Some(users), Some(tokens)) = (&section.users, &section.tokens)
        && users.get_ref() == tokens.get_ref()
        && !users.get_ref().is_empty()
    {
        let help = "write the secrets of machines to a file of their own, such as `admin.tokens`";
        report.error(tokens.span(), "`users` and `tokens` name the same file", help);
    }
    Some(AdminConfig {
        link_socket: link_socket(section, &listen, directory, report),
        listen,
        hosts: hosts.filter_map(|text| host(text, report)).collect(),
        users: file(&section.users, directory, report),
        user_header: user_header(&section.user_header, report),
        trusted_proxies: trusted_peers(&section.trusted_proxies, report),
        tokens: file(&section.tokens, directory, report),
    })
}

fn listen(field: &Field<String>, others: &OtherListeners<'_>, directory: &Path, report: &Report) -> Listen {
    let default = Listen::Unix(DEFAULT_ADMIN_SOCKET.into(), Some(MODE));
    let Some(field) = field else { return default };
    let parsed = Listen::parse(field.get_ref(), directory);
    let fault = match &parsed {
        Err(help) => Some((format!("invalid address `{}`", field.get_ref()), help.clone())),
        Ok(address) => public_fault(address).or_else(|| others.fault(address)),
    };
    if let Some((message, help)) = fault {
        report.error(field.span(), message, help);
    }
    match parsed {
        Ok(Listen::Unix(path, mode)) => Listen::Unix(path, mode.or(Some(MODE))),
        Ok(address) => address,
        Err(_) => default,
    }
}

/// Explains why an address cannot be listened on if other machines can reach it.
fn public_fault(address: &Listen) -> Option<(String, String)> {
    let is_public = match address {
        Listen::Tcp(address) => !address.ip().is_loopback(),
        Listen::AllAddresses(_) => true,
        Listen::Unix(..) => false,
    };
    let port = address.port().filter(|port| *port != 0);
    let example = port.map_or(EXAMPLE.to_owned(), |port| format!("127.0.0.1:{port}"));
    is_public.then(|| {
        (
            format!(
                "other machines can reach `{address}`, and passwords would cross the network without TLS"
            ),
            format!("write `{example}`, or remove `listen`, and let a proxy with TLS forward requests to it"),
        )
    })
}

impl OtherListeners<'_> {
    /// Explains why an address cannot be listened on, if the gateway does.
    fn fault(&self, address: &Listen) -> Option<(String, String)> {
        let is_taken = |(_, other): &(&str, &Listen)| other.overlaps(address);
        let visitors = self.server.addresses().map(|listen| ("[server]", listen));
        let operators = self.management.map(|management| ("[management]", &management.listen));
        let (section, other) = visitors.chain(operators).find(is_taken)?;
        let message = format!("this address is taken: {section} listens on `{other}`");
        Some((message, "write another one, or remove `listen`".to_owned()))
    }
}

fn link_socket(section: &AdminSection, listen: &Listen, directory: &Path, report: &Report) -> PathBuf {
    let AdminSection { link_socket: field, listen: place, .. } = section;
    let default = match listen {
        Listen::Unix(path, _) => path.with_file_name(LINK_SOCKET_NAME),
        Listen::Tcp(_) | Listen::AllAddresses(_) => LINK_SOCKET.into(),
    };
    let Some(field) = field else {
        if matches!(listen, Listen::Unix(path, _) if *path == default) {
            let message = "`link.sock` is the name of the socket for links";
            report.error(
                place.as_ref().map_or(0..0, Spanned::span),
                message,
                "write another name, such as `admin.sock`",
            );
        }
        return default;
    };
    let text = field.get_ref();
    let help = match Listen::parse(text, directory) {
        Ok(Listen::Unix(path, _)) if matches!(listen, Listen::Unix(other, _) if *other == path) => {
            "write another path than that of `listen`".to_owned()
        }
        Ok(Listen::Unix(path, None)) => return path,
        Ok(Listen::Unix(path, Some(_))) => {
            format!("its mode is always 0600: write `unix:{}`", path.display())
        }
        Err(help) if text.starts_with("unix:") => help,
        Ok(_) | Err(_) => text.split('?').next().and_then(socket_help).unwrap_or_else(|| {
            format!("links are given out over a Unix socket only: write `unix:{LINK_SOCKET}`")
        }),
    };
    report.error(field.span(), format!("invalid socket `{text}`"), help);
    default
}

fn file(field: &Field<String>, directory: &Path, report: &Report) -> Option<PathBuf> {
    let field = field.as_ref()?;
    if field.get_ref().is_empty() {
        report.error(field.span(), "the path is empty", "write the path of the file, or remove the key");
    }
    Some(directory.join(field.get_ref()))
}

/// The fields that say something else than who the operator is.
const OTHER_FIELDS: [&str; 12] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "te",
    "transfer-encoding",
    "user-agent",
];

fn user_header(field: &Field<String>, report: &Report) -> Option<HeaderName> {
    const HELP: &str = "write the field in which the proxy names the operator, such as `Remote-User`";
    let field = field.as_ref()?;
    let text = field.get_ref();
    let Ok(name) = HeaderName::try_from(text) else {
        report.error(field.span(), format!("invalid field name `{text}`"), HELP);
        return None;
    };
    let is_other = OTHER_FIELDS.contains(&name.as_str())
        || ["sec-", "x-forwarded-"].iter().any(|prefix| name.as_str().starts_with(prefix));
    if is_other {
        report.error(field.span(), format!("the field `{text}` does not name the operator"), HELP);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ParsedConfig};

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/etc"), &|_| Err("does not exist".into()))
    }

    #[test]
    fn only_this_machine_can_reach_the_admin_page() {
        for (listen, expected) in [
            (None, Some(("unix:/run/downtime-admin/admin.sock", 0o600))),
            (Some("unix:a.sock"), Some(("unix:/etc/a.sock", 0o600))),
            (Some("unix:/a.sock?mode=0660"), Some(("unix:/a.sock", 0o660))),
            (Some("127.0.0.1:9504"), Some(("127.0.0.1:9504", 0))),
            (Some("127.9.9.9:0"), Some(("127.9.9.9:0", 0))),
            (Some("[::1]:80"), Some(("[::1]:80", 0))),
            (Some("0.0.0.0:80"), None),
            (Some("[::]:80"), None),
            (Some("192.0.2.1:80"), None),
            (Some(":80"), None),
            (Some("https://127.0.0.1:80"), None),
            (Some("127.0.0.1:8503"), None),
            (Some("127.0.0.1:9503"), None),
        ] {
            let line = listen.map_or(String::new(), |listen| format!("listen = '{listen}'"));
            let config = read(&format!("[management]\n[admin]\n{line}\n")).config;
            let found = config.map(|config| config.admin.unwrap().listen).map(|listen| {
                let mode = if let Listen::Unix(_, mode) = &listen { mode.unwrap() } else { 0 };
                (listen.to_string(), mode)
            });
            let found = found.as_ref().map(|(listen, mode)| (listen.as_str(), *mode));
            assert_eq!(found, expected, "{listen:?}");
        }
        assert!(read("[server]").config.unwrap().admin.is_none());
    }

    #[test]
    fn the_socket_for_links_is_beside_the_other_one() {
        for (keys, expected) in [
            ("", Some("/run/downtime-admin/link.sock")),
            ("listen = 'unix:/tmp/a.sock'", Some("/tmp/link.sock")),
            ("listen = '127.0.0.1:9504'", Some("/run/downtime-admin/link.sock")),
            ("link_socket = 'unix:a'", Some("/etc/a")),
            ("link_socket = 'unix:/a?mode=0660'", None),
            ("link_socket = '127.0.0.1:9505'", None),
            ("listen = 'unix:/a'\nlink_socket = 'unix:/a'", None),
            ("listen = 'unix:/tmp/link.sock'", None),
        ] {
            let config = read(&format!("[admin]\n{keys}\n")).config;
            let found = config.map(|config| config.admin.unwrap().link_socket);
            assert_eq!(found.as_deref(), expected.map(Path::new), "{keys}");
        }
    }

    #[test]
    fn the_help_for_an_invalid_socket_speaks_of_sockets() {
        for (socket, expected) in [
            ("x.sock", "did you mean `unix:x.sock`?"),
            ("run/x.sock", "did you mean `unix:run/x.sock`?"),
            ("x.sock?mode=0660", "did you mean `unix:x.sock`?"),
            ("/run/x", "did you mean `unix:/run/x`?"),
            ("x", "over a Unix socket only"),
            ("localhost:80", "over a Unix socket only"),
            ("unix:", "write `unix:"),
        ] {
            let found = read(&format!("[admin]\nlink_socket = '{socket}'\n")).diagnostics;
            let help = found[0].help.clone().unwrap_or_default();
            assert!(found.len() == 1 && help.contains(expected), "{socket}: {found:?}");
        }
    }

    #[test]
    fn a_field_that_says_something_else_does_not_name_the_operator() {
        for (name, is_valid) in [
            ("Remote-User", true),
            ("X-WEBAUTH-USER", true),
            ("Cookie", false),
            ("Authorization", false),
            ("X-Forwarded-For", false),
            ("Sec-Fetch-Site", false),
            ("Remote User", false),
            ("", false),
        ] {
            let found = read(&format!("[admin]\nuser_header = '{name}'\n")).config;
            assert_eq!(found.is_some(), is_valid, "{name}");
        }
    }
}
