//! From the document to the config: what each value means, and what is wrong with it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use http::StatusCode;
use jiff::tz::TimeZone;
use toml::Spanned;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::document::{
    Document, ExemptSection, Field, LogSection, ManagementSection, OrFalse, ServerSection, SiteSection, Texts,
};
use super::report::Report;
use super::templates::Templates;
use super::values::{choice, duration, means_off, redirect, time_zone};
use super::{
    Config, Listen, LogConfig, LogFormat, ManagementConfig, ResponseConfig, ServerConfig, Site,
    TrustedProxies, UpstreamSite, WhenUnreachable, periods, responses,
};
use crate::config::upstream_address::{UpstreamAddress, UpstreamAddressError};
use crate::decision::Rules;
use crate::invalid_value::InvalidValue;
use crate::matching::exempt::{self, Exemptions, Rule, RuleKind};
use crate::matching::glob::PathGlobs;
use crate::matching::request::to_ascii;
use crate::matching::scope::Host;
use crate::page::template::Template;

/// Turns a document into a config, as far as it goes: it may be applied only if the report is valid afterwards.
/// Paths are relative to `folder`.
pub fn validate(
    document: &Document,
    folder: &Path,
    report: &Report,
    templates: &mut Templates<'_>,
) -> Config {
    let timezone = time_zone(&document.timezone, report).unwrap_or(TimeZone::UTC);
    let response = response(document, report, templates);
    let (schedule, answers) = periods::validate(document, &timezone, &response, report, templates);
    let server = server(&document.server, folder, report);
    Config {
        management: document.management.as_ref().map(|section| {
            if section.listen.is_none() {
                check_default_of_management(&document.server.listen, &server, folder, report);
            }
            management(section, &server, folder, report)
        }),
        server,
        site: site(&document.site, folder, report),
        rules: Rules {
            status_path: status_path(&document.server.status_path, report),
            exemptions: exemptions(&document.exempt, report),
            acme: document.exempt.acme.as_ref().is_none_or(|acme| *acme.get_ref()),
            schedule,
            responses: answers,
            retry_after: response.retry_after,
        },
        response,
        log: log(&document.log, report),
        timezone,
    }
}

fn response(document: &Document, report: &Report, templates: &mut Templates<'_>) -> ResponseConfig {
    let section = &document.response;
    let written = |text: &Spanned<String>| redirect(text.get_ref(), text.span(), report);
    ResponseConfig {
        status: section
            .status
            .as_ref()
            .map_or(StatusCode::SERVICE_UNAVAILABLE, |status| down_status(status, report)),
        retry_after: duration(&section.retry_after, report).unwrap_or(super::RETRY_AFTER),
        message: section.message.as_ref().map(|message| message.get_ref().as_str().into()),
        redirect: section.redirect.as_ref().and_then(written),
        template: templates.get(&section.template, report).unwrap_or_else(Template::built_in),
        cors: responses::cors(&section.cors, report),
        fields: responses::fields(&section.headers, report),
    }
}

fn down_status(written: &Spanned<i64>, report: &Report) -> StatusCode {
    let number = u16::try_from(*written.get_ref()).ok().filter(|number| (500..600).contains(number));
    number.and_then(|number| StatusCode::from_u16(number).ok()).unwrap_or_else(|| {
        let help = "use 503: caches and search engines treat it as temporary";
        let message = format!("invalid status {}: the down page has one from 500 to 599", written.get_ref());
        report.error(written.span(), message, help);
        StatusCode::SERVICE_UNAVAILABLE
    })
}

fn status_path(written: &Field<OrFalse>, report: &Report) -> Option<String> {
    let Some(written) = written else { return Some(super::STATUS_PATH.into()) };
    match written.get_ref() {
        OrFalse::False => None,
        OrFalse::Text(path) => {
            if let Err(fault) = exempt::check_exact(path) {
                let off = "`status_path = false` turns it off; the default is `/.downtime/status`".into();
                let help = if means_off(path) { off } else { fault.help };
                report.error(written.span(), fault.message, help);
            }
            Some(path.clone())
        }
    }
}

fn exemptions(section: &ExemptSection, report: &Report) -> Exemptions {
    let lists = [
        (RuleKind::Exact, &section.exact, exempt::check_exact as fn(&str) -> Result<(), InvalidValue>),
        (RuleKind::Path, &section.paths, PathGlobs::check),
        (RuleKind::Network, &section.networks, exempt::check_network),
    ];
    let mut rules = Vec::new();
    for (kind, list, check) in lists {
        for text in list.iter().flat_map(Spanned::get_ref) {
            match check(text.get_ref()) {
                Ok(()) => {
                    rules.push(Rule { kind, text: text.get_ref().clone(), line: report.line(&text.span()) });
                }
                Err(fault) => report.error(text.span(), fault.message, fault.help),
            }
        }
    }
    Exemptions::new(rules).unwrap_or_else(|fault| {
        report.error(section.paths.as_ref().map_or(0..0, Spanned::span), fault.message, fault.help);
        Exemptions::default()
    })
}

fn server(section: &ServerSection, folder: &Path, report: &Report) -> ServerConfig {
    ServerConfig {
        listen: listen(&section.listen, folder, report),
        trusted: trusted(&section.trusted_proxies, report),
    }
}

fn listen(written: &Texts, folder: &Path, report: &Report) -> Vec<Listen> {
    let Some(list) = written else { return vec![Listen::Tcp(super::LISTEN)] };
    if list.get_ref().is_empty() {
        let help = "for example `listen = [\"127.0.0.1:8503\"]`, the default";
        report.error(list.span(), "there is no address to listen on", help);
    }
    if list.get_ref().len() > MAX_ADDRESSES {
        let message = format!("this list has {} addresses", list.get_ref().len());
        report.error(list.span(), message, format!("at most {MAX_ADDRESSES} are allowed"));
    }
    let mut addresses: Vec<(Listen, usize)> = Vec::new();
    for text in list.get_ref().iter().take(MAX_ADDRESSES) {
        match address(text.get_ref(), folder) {
            Ok(address) => {
                if let Some(message) = clash(&address, &addresses) {
                    report.error(text.span(), message, "remove one of the two");
                }
                addresses.push((address, report.line(&text.span())));
            }
            Err(help) => report.error(text.span(), format!("invalid address `{}`", text.get_ref()), help),
        }
    }
    addresses.into_iter().map(|(address, _)| address).collect()
}

/// No gateway listens on more addresses.
const MAX_ADDRESSES: usize = 100;

/// Why an address cannot be listened on beside others, which have their lines with them.
fn clash(address: &Listen, others: &[(Listen, usize)]) -> Option<String> {
    let same = |(other, line): &(Listen, usize)| {
        (other == address).then(|| format!("the address `{address}` is already at line {line}"))
    };
    let overlap = |(other, _): &(Listen, usize)| {
        other.overlaps(address).then(|| {
            format!("the gateway cannot listen on both `{other}` and `{address}`: one includes the other")
        })
    };
    others.iter().find_map(same).or_else(|| others.iter().find_map(overlap))
}

fn management(
    section: &ManagementSection,
    server: &ServerConfig,
    folder: &Path,
    report: &Report,
) -> ManagementConfig {
    ManagementConfig {
        listen: management_listen(&section.listen, server, folder, report),
        hosts: section
            .hosts
            .iter()
            .flat_map(Spanned::get_ref)
            .filter_map(|host| name(host, report))
            .collect(),
    }
}

fn management_listen(
    written: &Field<String>,
    server: &ServerConfig,
    folder: &Path,
    report: &Report,
) -> Listen {
    let default_port = super::MANAGEMENT.port();
    let default = Listen::Tcp(super::MANAGEMENT);
    let Some(written) = written else { return default };
    match address(written.get_ref(), folder) {
        Ok(address) => match server.listen.iter().find(|listen| listen.overlaps(&address)) {
            Some(listen) => {
                let message =
                    format!("visitors are served on this address: `{listen}` is in [server] `listen`");
                let help = format!("write another one, such as `{}`", free_address(server));
                report.error(written.span(), message, help);
                default
            }
            None => address,
        },
        Err(help) => {
            let text = written.get_ref();
            // A port alone is not to be opened to everybody.
            let help = match text.trim().parse::<IpAddr>() {
                _ if port(text).is_some() => format!("write `127.0.0.1:{text}`"),
                Ok(ip) if !help.starts_with("did you") => {
                    let port =
                        if let Listen::Tcp(free) = free_address(server) { free.port() } else { default_port };
                    format!("add a port, such as `{}`", SocketAddr::new(ip, port))
                }
                _ => help,
            };
            report.error(written.span(), format!("invalid address `{text}`"), help);
            default
        }
    }
}

/// Refuses an address for visitors that `[management]` takes by default.
fn check_default_of_management(visitors: &Texts, server: &ServerConfig, folder: &Path, report: &Report) {
    let default = Listen::Tcp(super::MANAGEMENT);
    let is_taken = |text: &&Spanned<String>| {
        address(text.get_ref(), folder).is_ok_and(|address| address.overlaps(&default))
    };
    if let Some(text) = visitors.iter().flat_map(Spanned::get_ref).find(is_taken) {
        let message =
            format!("operators are answered on this address: [management] takes `{default}` by default");
        let help =
            format!("write another one here, or `listen = \"{}\"` in [management]", free_address(server));
        report.error(text.span(), message, help);
    }
}

/// The default address of `[management]`, or the next above it that visitors are not served on.
fn free_address(server: &ServerConfig) -> Listen {
    let above = (super::MANAGEMENT.port()..).map(|port| SocketAddr::new(super::MANAGEMENT.ip(), port));
    let mut addresses = above.map(Listen::Tcp);
    let is_free = |address: &Listen| !server.listen.iter().any(|listen| listen.overlaps(address));
    addresses.find(is_free).unwrap_or(Listen::Tcp(super::MANAGEMENT))
}

/// A name in `Host`: a host without a wildcard.
fn name(written: &Spanned<String>, report: &Report) -> Option<Host> {
    let host = Host::parse(written.get_ref()).and_then(|host| {
        let message = "a wildcard is not allowed here: each name must be listed";
        if host.is_wildcard() {
            Err(InvalidValue::new(message, "write a name such as `ops.example.com`"))
        } else {
            Ok(host)
        }
    });
    host.map_err(|fault| report.error(written.span(), fault.message, fault.help)).ok()
}

fn address(text: &str, folder: &Path) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let named = !path.is_empty() && !path.contains('\0');
        return named
            .then(|| Listen::Unix(folder.join(path)))
            .ok_or("write `unix:/run/downtime/http.sock`".into());
    }
    if let Some(port) = text.strip_prefix(':').and_then(port) {
        return Ok(Listen::AllAddresses(port));
    }
    text.parse::<SocketAddr>().map(Listen::Tcp).map_err(|_| address_help(text))
}

/// What to write instead of a text that is not an address to listen on.
fn address_help(text: &str) -> String {
    const EXAMPLE: &str = "write an IP address and a port, such as `127.0.0.1:8503` or `[::1]:80`, a port on all addresses, such as `:80`, or `unix:/run/downtime.sock`";
    let plain = text.trim();
    let plain = plain.split_once("://").map_or(plain, |(_, rest)| rest).trim_end_matches('/');
    let alone = plain.strip_prefix('*').unwrap_or(plain);
    if let Some(number) = port(alone.strip_prefix(':').unwrap_or(alone)) {
        return format!(
            "`\":{number}\"` is for everybody, `\"127.0.0.1:{number}\"` for a proxy on this host"
        );
    }
    if text.trim().starts_with("https://") {
        return "TLS is not yet supported: leave it to a proxy in front, and write the address alone"
            .to_owned();
    }
    if let Ok(ip) = plain.parse::<IpAddr>() {
        if let Some((host, number)) = plain.rsplit_once(':')
            && host.parse::<Ipv6Addr>().is_ok()
            && port(number).is_some()
        {
            return format!("did you mean `[{host}]:{number}` or `[{plain}]:{}`?", super::LISTEN.port());
        }
        return format!("add a port, such as `{}`", SocketAddr::new(ip, super::LISTEN.port()));
    }
    if plain.len() < text.len() && plain.parse::<SocketAddr>().is_ok() {
        return format!("write `{plain}`");
    }
    if text.starts_with('/') {
        return format!("did you mean `unix:{text}`?");
    }
    match plain.rsplit_once(':') {
        Some(("localhost", number)) if port(number).is_some() => format!("write `127.0.0.1:{number}`"),
        Some((host, number)) if host.parse::<Ipv6Addr>().is_ok() && port(number).is_some() => {
            format!("did you mean `[{host}]:{number}`?")
        }
        Some((_, number)) if number.parse::<u64>().is_ok() && port(number).is_none() => {
            "a port is a number from 0 to 65535".to_owned()
        }
        Some((name, number))
            if port(number).is_some() && name.contains(|c: char| c.is_ascii_alphabetic()) =>
        {
            format!("names are not looked up: write `127.0.0.1:{number}`, or another address of this host")
        }
        _ => EXAMPLE.to_owned(),
    }
}

/// A port as a URL has it: digits alone.
fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn trusted(written: &Texts, report: &Report) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for text in written.iter().flat_map(Spanned::get_ref) {
        match crate::matching::network::parse(text.get_ref()) {
            Some(network) => trusted.networks.push(network),
            None if text.get_ref() == "unix:" => trusted.unix = true,
            None => report.error_with(text.span(), || {
                let fault = crate::matching::network::explain(text.get_ref());
                if matches!(text.get_ref().trim().to_lowercase().as_str(), "*" | "all" | "any" | "everyone" | "true") {
                    let help = "write the addresses of your proxies, such as `127.0.0.1`: to trust everyone lets \
                                anyone claim any address";
                    return InvalidValue { help: help.into(), ..fault };
                }
                if text.get_ref().starts_with("unix") || text.get_ref().starts_with('/') {
                    return InvalidValue {
                        help: "write `unix:` for the peers of every Unix socket".into(),
                        ..fault
                    };
                }
                InvalidValue { help: fault.help.replace("of the clients", "of your proxies"), ..fault }
            }),
        }
    }
    trusted
}

fn site(section: &SiteSection, folder: &Path, report: &Report) -> Site {
    let connect_timeout = duration(&section.connect_timeout, report).unwrap_or(super::CONNECT_TIMEOUT);
    let response_timeout = duration(&section.response_timeout, report).unwrap_or(super::RESPONSE_TIMEOUT);
    let choices = [("downtime", WhenUnreachable::Downtime), ("error", WhenUnreachable::Error)];
    let when_unreachable = choice(&section.when_unreachable, choices, report);
    match (&section.upstream, &section.root) {
        (None, None) => Site::Welcome,
        (Some(_), Some(root)) => {
            report.error(
                root.span(),
                "a site has an `upstream` or a `root`, not both",
                "remove one of the two",
            );
            Site::Welcome
        }
        (None, Some(root)) => Site::Root(self::root(root, folder, report)),
        (Some(written), None) => upstream(written, folder, report).map_or(Site::Welcome, |upstream| {
            Site::Upstream(UpstreamSite { upstream, when_unreachable, connect_timeout, response_timeout })
        }),
    }
}

fn upstream(written: &Spanned<String>, folder: &Path, report: &Report) -> Option<UpstreamAddress> {
    match UpstreamAddress::parse(written.get_ref()) {
        Ok(upstream) => Some(upstream.relative_to(folder)),
        Err(error) => {
            let text = written.get_ref();
            let plain = text.trim();
            if plain.len() < text.len() && UpstreamAddress::parse(plain).is_ok() {
                let message =
                    format!("invalid upstream `{text}`: it has a space at its end or its beginning");
                report.error(written.span(), message, format!("write `{plain}`"));
                return None;
            }
            report.error(
                written.span(),
                error.to_string(),
                in_ascii(text, &error).unwrap_or_else(|| error.help()),
            );
            None
        }
    }
}

/// What to write instead of an upstream whose host is not ASCII.
fn in_ascii(text: &str, error: &UpstreamAddressError) -> Option<String> {
    let UpstreamAddressError::Host(host) = error else { return None };
    let url = text.replace(host, &to_ascii(host)?);
    (url != *text && UpstreamAddress::parse(&url).is_ok()).then(|| format!("write `{url}`"))
}

fn root(written: &Spanned<String>, folder: &Path, report: &Report) -> PathBuf {
    let path = folder.join(written.get_ref());
    if path.is_file() {
        let message = format!("`{}` is a file, not a directory: every path would be 404", path.display());
        report.warning(written.span(), message, "write the directory that holds the site");
    } else if is_served_from(&path, folder) {
        let message = "this directory holds the configuration: visitors can read it";
        report.warning(
            written.span(),
            message,
            "move the site's files into a directory of their own, such as `public`",
        );
    } else if !path.is_dir() {
        let message = format!("there is no directory `{}` now: every path would be 404", path.display());
        report.warning(written.span(), message, "create it, or write the directory that holds the site");
    }
    path
}

/// Returns true if what is in `folder` can be asked for where `root` is served: a hidden name between them hides it.
fn is_served_from(root: &Path, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (Ok(root), Ok(folder)) = (root.canonicalize(), folder.canonicalize()) else { return false };
    let is_hidden = |part: std::path::Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    folder.strip_prefix(root).is_ok_and(|between| !between.components().any(is_hidden))
}

fn log(section: &LogSection, report: &Report) -> LogConfig {
    let level = section.level.as_ref().map_or("info", |level| level.get_ref().as_str());
    if let (Some(written), Err(fault)) = (&section.level, check_level(level)) {
        report.error(written.span(), fault.message, fault.help);
    }
    LogConfig {
        level: level.to_owned(),
        format: choice(&section.format, [("text", LogFormat::Text), ("json", LogFormat::Json)], report),
        access: section.access.as_ref().is_some_and(|access| *access.get_ref()),
    }
}

/// A filter takes any word that is not a level for the name of a target, so that `inof` would log next to nothing;
/// `info` with a space beside it is such a word too.
fn check_level(filter: &str) -> Result<(), InvalidValue> {
    let is_target =
        |word: &&str| !word.contains(['=', '[', ']', ':']) && word.parse::<LevelFilter>().is_err();
    match filter.split(',').find(is_target) {
        Some(word) => Err(InvalidValue::new(format!("invalid level `{word}`"), level_help(word))),
        None => match EnvFilter::try_new(filter) {
            Ok(_) => Ok(()),
            Err(_) => Err(InvalidValue::new(format!("invalid log filter `{filter}`"), level_help(""))),
        },
    }
}

fn level_help(word: &str) -> String {
    let word = word.trim().to_lowercase();
    let near = |level: &&str| strsim::osa_distance(level, &word) <= 1 || word == **level;
    let level = match word.as_str() {
        "warning" => Some("warn"),
        "err" | "fatal" | "critical" => Some("error"),
        "notice" | "default" => Some("info"),
        "verbose" | "fine" => Some("debug"),
        "all" => Some("trace"),
        "none" | "quiet" | "silent" => Some("off"),
        _ => ["error", "warn", "info", "debug", "trace", "off"].into_iter().find(near),
    };
    level.map_or_else(
        || {
            "write `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,downtime::watch=debug`"
                .to_owned()
        },
        |level| format!("did you mean `{level}`?"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::ParsedConfig;
    use super::super::diagnostic::Diagnostic;
    use super::*;

    const NO_ADDRESS: &str = "write an IP address and a port, such as `127.0.0.1:8503` or `[::1]:80`, a port on all addresses, such as `:80`, or `unix:/run/downtime.sock`";

    #[test]
    fn an_address_is_one_of_ip_and_port_or_a_socket() {
        let unix = |path: &str| Ok(Listen::Unix(path.into()));
        for (text, expected) in [
            ("0.0.0.0:80", Ok(Listen::Tcp(([0, 0, 0, 0], 80).into()))),
            ("[::1]:0", Ok(Listen::Tcp(([0, 0, 0, 0, 0, 0, 0, 1], 0).into()))),
            ("unix:/run/http.sock", unix("/run/http.sock")),
            ("unix:///run/http.sock", unix("/run/http.sock")),
            ("unix:http.sock", unix("/etc/downtime/http.sock")),
            ("unix://", Err("write `unix:/run/downtime/http.sock`")),
            ("unix:a\0b", Err("write `unix:/run/downtime/http.sock`")),
            ("/run/http.sock", Err("did you mean `unix:/run/http.sock`?")),
            ("[::1]", Err(NO_ADDRESS)),
            (":80", Ok(Listen::AllAddresses(80))),
            (":0", Ok(Listen::AllAddresses(0))),
            (":65536", Err("a port is a number from 0 to 65535")),
            (":+80", Err("a port is a number from 0 to 65535")),
            ("fe80::1", Err("add a port, such as `[fe80::1]:8503`")),
            ("::1", Err("add a port, such as `[::1]:8503`")),
            ("::1:80", Err("did you mean `[::1]:80` or `[::1:80]:8503`?")),
            (
                "https://0.0.0.0:443",
                Err("TLS is not yet supported: leave it to a proxy in front, and write the address alone"),
            ),
            ("*:65535", Err("`\":65535\"` is for everybody, `\"127.0.0.1:65535\"` for a proxy on this host")),
            ("*:65536", Err("a port is a number from 0 to 65535")),
            (":http", Err(NO_ADDRESS)),
            (":", Err(NO_ADDRESS)),
            ("localhost:80", Err("write `127.0.0.1:80`")),
            ("localhost:http", Err(NO_ADDRESS)),
            (
                "example.com:80",
                Err("names are not looked up: write `127.0.0.1:80`, or another address of this host"),
            ),
            ("http://127.0.0.1:80/", Err("write `127.0.0.1:80`")),
            ("80", Err("`\":80\"` is for everybody, `\"127.0.0.1:80\"` for a proxy on this host")),
            ("localhost", Err(NO_ADDRESS)),
            ("", Err(NO_ADDRESS)),
        ] {
            let found = address(text, Path::new("/etc/downtime"));
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }

    fn read(text: &str) -> ParsedConfig {
        Config::read("downtime.toml", text, Path::new("/"), &|_| Err("there is none".into()))
    }

    #[test]
    fn the_status_stands_at_its_path_unless_it_is_turned_off() {
        for (text, path) in [
            ("[server]", Some("/.downtime/status")),
            ("[server]\nstatus_path = '/up'", Some("/up")),
            ("[server]\nstatus_path = false", None),
        ] {
            let rules = read(text).config.unwrap().rules;
            assert_eq!(rules.status_path.as_deref(), path, "{text}");
        }
    }

    #[test]
    fn operators_are_answered_on_an_address_of_their_own() {
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
    fn visitors_and_operators_share_no_address() {
        for (site, operators, is_shared) in [
            (":80", ":80", true),
            (":80", "127.0.0.1:80", true),
            (":80", "[::1]:80", true),
            ("[::1]:80", ":80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "[::1]:80", true),
            ("unix:a.sock", "unix:a.sock", true),
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
            let is_said =
                |problem: &Diagnostic| problem.message.starts_with("visitors are served on this address");
            let is_found = reading.diagnostics.iter().any(is_said);
            assert_eq!((is_found, reading.config.is_none()), (is_shared, is_shared), "{site} {operators}");
        }
    }

    #[test]
    fn visitors_are_not_served_where_operators_are_by_default() {
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
    fn operators_may_be_asked_for_by_further_names() {
        let hosts = |list: &str| read(&format!("[management]\nhosts = {list}"));
        let found = hosts("['Ops.example.com.', 'status']").config.unwrap().management.unwrap().hosts;
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ops.example.com", "status"]);
        assert_eq!(hosts("[]").config.unwrap().management.unwrap().hosts, []);
        for wrong in ["'*.example.com'", "''", "'http://ops.example.com'", "'ops:9503'"] {
            let reading = hosts(&format!("[{wrong}]"));
            assert!(reading.config.is_none() && reading.diagnostics.len() == 1, "{wrong}");
        }
    }

    #[test]
    fn globs_that_take_too_much_room_together_are_refused() {
        for section in ["[exempt]", "[[period]]\nstart = 2026-12-01T22:00:00Z"] {
            let glob = format!("'/{}'", "?".repeat(900));
            let reading = read(&format!("{section}\npaths = [{}]", vec![glob; 100].join(", ")));
            assert!(reading.config.is_none());
            let [found] = &reading.diagnostics[..] else { panic!("{:?}", reading.diagnostics) };
            assert!(found.message.ends_with("at most 50000 are allowed"), "{}", found.message);
            assert_eq!(found.place.as_ref().unwrap().span.start, section.len() + "\npaths = ".len());
        }
    }

    #[test]
    fn a_level_is_one_that_is_known_or_a_filter_of_such() {
        for text in
            ["info", "WARN", "off", "info,downtime::watch=debug", "error,hyper=info", "[request]=trace"]
        {
            assert_eq!(check_level(text), Ok(()), "{text}");
        }
        for (text, message, help) in [
            ("inof", "invalid level `inof`", "did you mean `info`?"),
            ("Warning", "invalid level `Warning`", "did you mean `warn`?"),
            ("info,hyper", "invalid level `hyper`", "write `error`"),
            (" info", "invalid level ` info`", "did you mean `info`?"),
            ("info, debug", "invalid level ` debug`", "did you mean `debug`?"),
            ("debug ", "invalid level `debug `", "did you mean `debug`?"),
            ("info,downtime=loud", "invalid log filter `info,downtime=loud`", "write `error`"),
        ] {
            let fault = check_level(text).unwrap_err();
            assert_eq!(fault.message, message);
            assert!(fault.help.starts_with(help), "{text}: {}", fault.help);
        }
    }
}
