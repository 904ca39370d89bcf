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
mod parse;
mod peers;
mod periods_file;
pub mod read_file;
pub mod reference;
pub mod report;
pub mod schema;
mod site;
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
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use tracing_subscriber::filter::Targets;

use self::hooks::HooksConfig;
pub use self::keys::unknown_key;
pub use self::limits::Limits;
pub use self::lint::{FileFault, LintContext, StopLimit};
pub use self::listen::{Listen, ListenUrl};
pub use self::parse::{ParseOptions, ParsedConfig};
pub use self::peers::PeerSet;
pub use self::periods_file::{MissingPeriodsFile, PeriodsFile};
pub use self::site::{Site, UpstreamSite, WhenUnreachable};
pub use self::tls_files::UnusableCertificate;
use crate::decision::Rules;
pub use crate::decision::STATUS_PATH;
use crate::decision::down_response::Redirect;
use crate::matching::scope::Host;
use crate::page::Cors;
use crate::page::brand::Brand;
use crate::page::language::Language;
use crate::page::message::Message;
use crate::page::template::Template;
use crate::tls::Certificates;

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

impl Config {
    /// Returns true if a gateway listens on the same addresses with this config and with the other one.
    pub fn has_same_addresses(&self, other: &Self) -> bool {
        let of_operators =
            |config: &Self| config.management.as_ref().map(|management| management.listen.clone());
        self.server.listen == other.server.listen && of_operators(self) == of_operators(other)
    }
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

/// `[response]`
#[derive(Clone, Debug)]
pub struct ResponseConfig {
    /// The status of the down page, from 500 to 599.
    pub status: StatusCode,
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
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// Which lines are written, by level and module.
    pub filter: Targets,
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
