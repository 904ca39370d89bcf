//! The configuration: parses a text into a valid [`Config`], or into diagnostics of what is wrong with it.

pub mod diagnostic;
pub mod document;
pub mod duration;
pub mod edit;
pub mod hooks;
mod keys;
mod limits;
pub mod line_file;
mod lint;
mod listen;
pub mod load;
pub mod machines;
mod periods_file;
pub mod read_file;
pub mod reference;
pub mod report;
pub mod schema;
mod size;
mod suggestion;
mod syntax;
pub mod table;
pub mod templates;
pub mod time;
mod tls_files;
mod trial;
pub mod upstream_address;
pub mod users;
mod validate;
mod zones;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use schemars::JsonSchema;

use self::diagnostic::{Diagnostic, Source};
use self::document::Document;
use self::hooks::HooksConfig;
pub use self::keys::unknown_key;
pub use self::limits::Limits;
pub use self::lint::{FileFault, LintContext, StopLimit};
pub use self::listen::{Listen, ListenUrl};
pub use self::periods_file::{MissingPeriodsFile, PeriodsFile};
use self::read_file::ReadFile;
use self::report::Report;
use self::templates::Templates;
use self::tls_files::TlsFiles;
pub use self::tls_files::UnusableCertificate;
use self::upstream_address::UpstreamAddress;
use crate::decision::Rules;
pub use crate::decision::STATUS_PATH;
use crate::decision::down_response::Redirect;
use crate::files::FileSettings;
use crate::matching::scope::Host;
use crate::page::Cors;
use crate::page::brand::Brand;
use crate::page::language::Language;
use crate::page::message::Message;
use crate::page::template::Template;
use crate::tls::{Certificates, UpstreamTls};

/// The default of `[server] listen`.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8503);
/// The default of `[management] listen`.
pub const DEFAULT_MANAGEMENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9503);
/// The default of `[admin] listen`, which is a Unix socket.
pub const DEFAULT_ADMIN_SOCKET: &str = "/run/downtime-admin/admin.sock";
/// The default of `[site] connect_timeout`.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The default of `[site] response_timeout`.
pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// The default of `[server] stop_timeout`.
pub const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The default of `[response] retry_after`.
pub const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The path of the file, which is absolute if it was read from disk.
    pub file: PathBuf,
    /// The time zone of local times.
    pub timezone: TimeZone,
    /// The second file with periods, if there is one.
    pub periods_file: Option<PeriodsFile>,
    /// The listening addresses and the trusted proxies.
    pub server: ServerConfig,
    /// The certificates for addresses with https, in the order of the file.
    pub certificates: Arc<Certificates>,
    /// The site behind the gateway.
    pub site: Site,
    /// The rules by which requests are decided.
    pub rules: Rules,
    /// The down response, unless a period overrides it.
    pub response: ResponseConfig,
    /// The look of the built-in page.
    pub page: PageConfig,
    /// The management listener; `None` without `[management]`.
    pub management: Option<ManagementConfig>,
    /// The admin page; `None` without `[admin]`.
    pub admin: Option<AdminConfig>,
    /// The limits for connections.
    pub limits: Limits,
    /// The commands and webhooks that learn of changes.
    pub hooks: Arc<HooksConfig>,
    /// The log: its level, its format, and the requests.
    pub log: LogConfig,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// At least one address.
    pub listen: Vec<ListenUrl>,
    /// The peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: PeerSet,
    /// The peers whose connections begin with a header of the PROXY protocol.
    pub proxy_protocol: PeerSet,
    /// The time for which the gateway is not ready and still accepts connections before it stops. May be zero.
    pub stop_delay: Duration,
    /// The time that requests in progress then have to finish. May be zero.
    pub stop_timeout: Duration,
}

impl ServerConfig {
    /// Returns the addresses without their schemes.
    pub fn addresses(&self) -> impl Iterator<Item = &Listen> {
        self.listen.iter().map(|listen| &listen.address)
    }
}

/// `[management]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementConfig {
    /// An address that does not overlap those of `[server]`.
    pub listen: Listen,
    /// The hosts that requests may name, besides `localhost` and IP addresses.
    pub hosts: Vec<Host>,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// A Unix socket with a mode, or an address of the loopback interface. It does not overlap those of `[server]` and
    /// `[management]`.
    pub listen: Listen,
    /// The path of the Unix socket at which links are asked for.
    pub link_socket: PathBuf,
    /// The hosts that requests may name, besides `localhost` and IP addresses.
    pub hosts: Vec<Host>,
    /// The path of the file with the operators who log in with a password.
    pub users: Option<PathBuf>,
    /// The field in which trusted proxies name the operator.
    pub user_header: Option<HeaderName>,
    /// The peers whose `X-Forwarded-*` fields and `user_header` are believed.
    pub trusted_proxies: PeerSet,
    /// The path of the file with the secrets of machines.
    pub tokens: Option<PathBuf>,
}

/// A set of peers, such as those whose `X-Forwarded-*` fields are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerSet {
    /// Those with an address in one of these networks.
    pub networks: Vec<IpNet>,
    /// All peers on Unix sockets, if true.
    pub unix: bool,
}

impl PeerSet {
    /// Returns true if this address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns true if the peer is in the set. `None` is a peer on a Unix socket.
    pub fn includes(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |address| self.contains(address))
    }
}

/// The site behind the gateway.
#[derive(Clone, Debug)]
pub enum Site {
    /// Nothing yet: the built-in welcome page.
    Welcome,
    /// A directory of static files.
    Root(FileSettings),
    /// An upstream.
    Upstream(UpstreamSite),
}

impl Site {
    /// Returns the address of the upstream, if there is one.
    pub fn upstream(&self) -> Option<&UpstreamAddress> {
        match self {
            Self::Welcome | Self::Root(_) => None,
            Self::Upstream(site) => Some(&site.upstream),
        }
    }

    /// Returns the settings for files, if the site is a directory.
    pub fn files(&self) -> Option<&FileSettings> {
        match self {
            Self::Root(files) => Some(files),
            Self::Welcome | Self::Upstream(_) => None,
        }
    }
}

/// `[site] upstream` and the keys that go with it.
#[derive(Clone, Debug)]
pub struct UpstreamSite {
    /// The address of the upstream.
    pub upstream: UpstreamAddress,
    /// The settings for TLS, with https.
    pub tls: Option<Arc<UpstreamTls>>,
    /// The response while it cannot be reached.
    pub when_unreachable: WhenUnreachable,
    /// The time limit for establishing a connection.
    pub connect_timeout: Duration,
    /// The time limit for the head of a response.
    pub response_timeout: Duration,
}

/// The response to visitors while the upstream cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum WhenUnreachable {
    /// The down page.
    Downtime,
    /// An error: 502 or 504.
    Error,
}

/// `[response]`
#[derive(Clone, Debug)]
pub struct ResponseConfig {
    /// The status of the down page, from 500 to 599.
    pub status: StatusCode,
    /// The value of `Retry-After` while no end is known.
    pub retry_after: Duration,
    /// The message for visitors.
    pub message: Option<Message>,
    /// A redirect instead of the down page.
    pub redirect: Option<Redirect>,
    /// The template of the down page.
    pub template: Template,
    /// The origins whose pages may read the response.
    pub cors: Cors,
    /// The time after which tunnels and responses in progress are closed when a period begins; `None` for never.
    pub close_tunnels_after: Option<Duration>,
    /// Additional header fields: `headers`.
    pub fields: HeaderMap,
}

/// `[page]`
#[derive(Clone, Debug, Default)]
pub struct PageConfig {
    /// The language of messages that are not in a table by language, and of visitors whose languages the page does not have.
    pub lang: Language,
    /// The site's name and look.
    pub brand: Arc<Brand>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// The format of log lines.
    pub format: LogFormat,
    /// The form in which each request is logged.
    pub access: AccessLog,
}

/// The form of the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Requests are not logged.
    Off,
    /// The Combined Log Format, with more fields behind it.
    Combined,
    /// One JSON object per line.
    Json,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The result of parsing a text.
#[derive(Debug)]
pub struct ParsedConfig {
    /// The config, unless there are errors.
    pub config: Option<Config>,
    /// All problems found: those of the text in its order, then those of other files.
    pub diagnostics: Vec<Diagnostic>,
    /// The management address, as far as it can be read from a text with errors.
    pub management: Option<Listen>,
    /// The commands and webhooks, as far as they can be read from a text with errors; none if its syntax is wrong.
    pub hooks: Arc<HooksConfig>,
    /// Why files that may belong to the gateway alone were not checked.
    pub unchecked: Vec<String>,
    /// Warnings of certificates and keys that cannot be used, if the configuration is only edited or shown.
    pub unusable: Vec<Diagnostic>,
    /// The periods file, if it could be read, also of a config with errors.
    pub periods_file: Option<PeriodsFile>,
    /// What the linter needs of a valid config.
    parsed: Option<ParsedTexts>,
}

/// The document, its report, and the texts of its templates.
#[derive(Debug)]
struct ParsedTexts {
    document: Document,
    report: Report,
    templates: Vec<Arc<Source>>,
}

impl ParsedConfig {
    /// Returns the result for a file that could not be read.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self {
            config: None,
            diagnostics: vec![diagnostic],
            management: None,
            hooks: Arc::default(),
            unchecked: Vec::new(),
            unusable: Vec::new(),
            periods_file: None,
            parsed: None,
        }
    }

    /// Adds the warnings and notes about a valid config.
    pub fn lint(&mut self, context: &LintContext) {
        if let (Some(config), Some(parsed)) = (&self.config, self.parsed.take()) {
            lint::lint(&parsed, config, context);
            self.diagnostics = parsed.report.diagnostics();
        }
    }
}

/// What becomes of files that cannot be used.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// A certificate or a key.
    pub unusable: UnusableCertificate<'a>,
    /// A periods file that does not exist.
    pub missing_periods: MissingPeriodsFile,
}

impl Config {
    /// Parses the text of the file `name`. Paths in it are relative to `directory`; `read` reads other files.
    pub fn parse(name: &str, text: &str, directory: &Path, read: ReadFile<'_>) -> ParsedConfig {
        let options = ParseOptions {
            unusable: UnusableCertificate::Refuse,
            missing_periods: MissingPeriodsFile::CountsAsEmpty,
        };
        Self::parse_with(name, text, directory, read, options)
    }

    /// As [`Config::parse`], with other options.
    pub fn parse_with(
        name: &str,
        text: &str,
        directory: &Path,
        read: ReadFile<'_>,
        options: ParseOptions<'_>,
    ) -> ParsedConfig {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut report = Report::new(Arc::new(Source { name: name.to_owned(), text }));
        let mut templates = Templates::new(directory, read);
        let mut document = Document::parse(&report);
        let periods_file =
            periods_file::read(&mut document, directory, read, options.missing_periods, &mut report);
        templates.set_periods_file(periods_file.as_ref());
        let mut tls_files = TlsFiles::new(directory, read, options.unusable);
        let mut config =
            validate::validate(&document, directory, read, &report, &mut templates, &mut tls_files);
        config.file = name.into();
        config.periods_file.clone_from(&periods_file);
        let management = config.management.as_ref().map(|management| management.listen.clone());
        let hooks = Arc::clone(&config.hooks);
        let config = report.is_valid().then_some(config);
        let diagnostics = report.diagnostics();
        let templates = templates.sources;
        let parsed = config.is_some().then_some(ParsedTexts { document, report, templates });
        let TlsFiles { unchecked, noted: unusable, .. } = tls_files;
        ParsedConfig { config, diagnostics, management, hooks, unchecked, unusable, periods_file, parsed }
    }
}

#[cfg(test)]
mod tests {
    use super::diagnostic::{Severity, render_all};
    use super::report::MAX_SHOWN;
    use super::*;

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    fn numbered(line: &str, count: usize) -> String {
        (0..count).map(|number| line.replace('#', &number.to_string())).collect()
    }

    #[test]
    fn the_first_hundred_errors_are_shown_and_the_rest_are_counted() {
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
            assert!(shown.iter().all(|error| error.severity == Severity::Error && error.place.is_some()));
            assert_eq!(last.message, format!("{more} more errors are not shown"), "{}", &text[..40]);
            let lines: Vec<_> = shown.iter().filter_map(Diagnostic::line_column).collect();
            assert!(lines.is_sorted(), "{}", &text[..40]);
            assert!(render_all(&found, false).len() < 100_000, "{}", &text[..40]);
        }
    }

    #[test]
    fn the_first_hundred_warnings_are_shown_and_the_rest_are_counted() {
        let period = "[[period]]\nstart = 2027-03-28T02:30:00\n";
        let reading = read(&format!("timezone = 'Europe/Berlin'\n{}", period.repeat(150)));
        assert!(reading.config.is_some());
        assert_eq!(reading.diagnostics.len(), MAX_SHOWN + 1);
        assert_eq!(reading.diagnostics.last().unwrap().message, "50 more warnings are not shown");
    }
}
