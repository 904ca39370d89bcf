//! The configuration: valid by construction, made of a text or refused with diagnostics.

pub mod diagnostic;
pub mod document;
pub mod duration;
pub mod edit;
mod keys;
mod lint;
pub mod load;
mod periods;
pub mod report;
mod responses;
pub mod schema;
mod suggestion;
mod syntax;
pub mod table;
pub mod templates;
pub mod time;
mod trial;
pub mod upstream_address;
mod validate;
mod values;
mod zones;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use schemars::JsonSchema;

use self::diagnostic::{Diagnostic, Source};
use self::document::Document;
pub use self::lint::LintContext;
use self::report::Report;
use self::templates::{ReadFile, Templates};
use crate::config::upstream_address::UpstreamAddress;
use crate::decision::Rules;
pub use crate::decision::STATUS_PATH;
use crate::decision::down_response::Redirect;
use crate::matching::scope::Host;
use crate::page::Cors;
use crate::page::template::Template;

/// The default of `[server] listen`.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8503);
/// The default of `[management] listen`.
pub const MANAGEMENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9503);
/// The default of `[site] connect_timeout`.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The default of `[site] response_timeout`.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// The default of `[response] retry_after`.
pub const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// All that one reading of the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The zone of local times.
    pub timezone: TimeZone,
    /// Where to listen, whom to trust.
    pub server: ServerConfig,
    /// What stands behind.
    pub site: Site,
    /// What decides over requests.
    pub rules: Rules,
    /// What a request that is down gets, unless its period says otherwise.
    pub response: ResponseConfig,
    /// Where operators ask, if anywhere.
    pub management: Option<ManagementConfig>,
    /// What to log.
    pub log: LogConfig,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// At least one address.
    pub listen: Vec<Listen>,
    /// Whose `X-Forwarded-*` are believed.
    pub trusted: TrustedProxies,
}

/// `[management]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementConfig {
    /// One address, which no visitor reaches.
    pub listen: Listen,
    /// Names that a request may be for, beside `localhost`.
    pub hosts: Vec<Host>,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and port. An IPv6 address means IPv6 alone.
    Tcp(SocketAddr),
    /// A port on all addresses of the machine, of both families.
    AllAddresses(u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Its TCP port; 0 lets the system choose.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::AllAddresses(port) => Some(*port),
            Self::Unix(_) => None,
        }
    }

    /// Returns true if one process cannot listen on both: they are the same, or one includes the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(path), Self::Unix(other)) => path == other,
            _ if self.port() != other.port() || self.port() == Some(0) => false,
            (Self::Tcp(address), Self::Tcp(other)) => {
                let (address, other) = (address.ip(), other.ip());
                let includes_all = address.is_unspecified() || other.is_unspecified();
                address == other || includes_all && address.is_ipv4() == other.is_ipv4()
            }
            _ => true,
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::AllAddresses(port) => write!(f, ":{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The peers whose `X-Forwarded-*` are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// By address.
    pub networks: Vec<IpNet>,
    /// Every peer on a Unix socket.
    pub unix: bool,
}

impl TrustedProxies {
    /// Whether a proxy at this address is trusted.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a peer is trusted; `None` is one on a Unix socket.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |address| self.contains(address))
    }
}

/// What stands behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// Nothing yet: a page that says how to go on.
    Welcome,
    /// A folder.
    Root(PathBuf),
    /// A server.
    Upstream(UpstreamSite),
}

impl Site {
    /// The server, where it is one.
    pub fn upstream(&self) -> Option<&UpstreamAddress> {
        match self {
            Self::Welcome | Self::Root(_) => None,
            Self::Upstream(site) => Some(&site.upstream),
        }
    }
}

/// `[site] upstream` and the keys that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSite {
    /// Where it is.
    pub upstream: UpstreamAddress,
    /// What to answer while it cannot be reached.
    pub when_unreachable: WhenUnreachable,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Until the response's head has come.
    pub response_timeout: Duration,
}

/// What to answer while the upstream cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum WhenUnreachable {
    /// The down page.
    Downtime,
    /// 502 or 504.
    Error,
}

/// `[response]`
#[derive(Clone, Debug)]
pub struct ResponseConfig {
    /// 500 to 599.
    pub status: StatusCode,
    /// Said while the end is not known.
    pub retry_after: Duration,
    /// For visitors.
    pub message: Option<Arc<str>>,
    /// Where to send visitors.
    pub redirect: Option<Redirect>,
    /// The page.
    pub template: Template,
    /// Whose pages may read the answer.
    pub cors: Cors,
    /// Further fields of the answer: `headers`.
    pub fields: HeaderMap,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
    /// A line for each request.
    pub access: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What came of reading a text.
#[derive(Debug)]
pub struct ParsedConfig {
    /// The config, unless there are errors.
    pub config: Option<Config>,
    /// All problems found: those of the text in its order, then those of other files.
    pub diagnostics: Vec<Diagnostic>,
    /// Where a server that runs on this file may be asked, as far as a text with errors can say.
    pub management: Option<Listen>,
    /// What the config was made of.
    written: Option<(Document, Report)>,
}

impl ParsedConfig {
    /// One that failed before there was a text.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self { config: None, diagnostics: vec![diagnostic], management: None, written: None }
    }

    /// Adds the warnings of what is valid and probably not meant.
    pub fn lint(&mut self, context: &LintContext) {
        if let (Some(config), Some((document, report))) = (&self.config, self.written.take()) {
            lint::lint(&document, config, &report, context);
            self.diagnostics = report.diagnostics();
        }
    }
}

impl Config {
    /// Reads a text that users know as `name`. Paths in it are relative to `folder`; `read` reads other files.
    pub fn read(name: &str, text: &str, folder: &Path, read: ReadFile<'_>) -> ParsedConfig {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let report = Report::new(Arc::new(Source { name: name.to_owned(), text }));
        let mut templates = Templates::new(folder, read);
        let document = Document::parse(&report);
        let config = validate::validate(&document, folder, &report, &mut templates);
        let management = config.management.as_ref().map(|management| management.listen.clone());
        let config = report.is_valid().then_some(config);
        let diagnostics = report.diagnostics();
        let written = config.is_some().then_some((document, report));
        ParsedConfig { config, diagnostics, management, written }
    }
}

#[cfg(test)]
mod tests {
    use super::diagnostic::{Severity, render_all};
    use super::report::MAX_SHOWN;
    use super::*;

    fn read(text: &str) -> ParsedConfig {
        Config::read("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    fn numbered(line: &str, count: usize) -> String {
        (0..count).map(|number| line.replace('#', &number.to_string())).collect()
    }

    #[test]
    fn of_a_file_of_mistakes_the_first_hundred_are_told_and_the_rest_is_counted() {
        let period = "[[period]]\nstart = 2026-12-01T22:00:00Z\n";
        for (text, more) in [
            (numbered("key# = 1\n", 60_000), 59_900),
            (numbered("[section#]\n", 5000), 4900),
            (format!("{period}timezone = 'Mars'\n").repeat(1000), 900),
            (format!("{period}for = '2'\n").repeat(1000), 900),
            (format!("{period}for = 2\n").repeat(1000), 900),
            (format!("{period}name = 'same'\n").repeat(1000), 899),
            ("[[period]]\nstart = now\n".repeat(1000), 900),
            ("a = x\n".repeat(1000), 900),
            (format!("[exempt]\nexact = [{}]", "'a', ".repeat(1000)), 900),
        ] {
            let found = read(&text).diagnostics;
            assert_eq!(found.len(), MAX_SHOWN + 1, "{}", &text[..40]);
            let (last, shown) = found.split_last().unwrap();
            assert!(shown.iter().all(|told| told.severity == Severity::Error && told.place.is_some()));
            assert_eq!(last.message, format!("{more} more errors are not shown"), "{}", &text[..40]);
            let lines: Vec<_> = shown.iter().filter_map(Diagnostic::line_column).collect();
            assert!(lines.is_sorted(), "{}", &text[..40]);
            assert!(render_all(&found, false).len() < 100_000, "{}", &text[..40]);
        }
    }

    #[test]
    fn warnings_are_counted_like_errors() {
        let period = "[[period]]\nstart = 2027-03-28T02:30:00\n";
        let reading = read(&format!("timezone = 'Europe/Berlin'\n{}", period.repeat(150)));
        assert!(reading.config.is_some());
        assert_eq!(reading.diagnostics.len(), MAX_SHOWN + 1);
        assert_eq!(reading.diagnostics.last().unwrap().message, "50 more warnings are not shown");
    }
}
